//! A network with fewer channels made of one with more: which channels stay, and the weights cut
//! to them. Plain arrays; trains nothing.

use crate::arch::{Arch, Dimension, Widths};
use crate::quantise;
use crate::weights::{Array, Weights};

/// A network as plain data.
#[derive(Clone, Debug)]
pub struct Slim {
    /// The table.
    pub arch: Arch,
    /// Every parameter and running statistic of it.
    pub weights: Weights,
}

impl Slim {
    /// The network with `keep` channels along `dimension`, fewer than now: those that matter most.
    /// Squeeze-and-excite of channels that went is narrowed as well, to the published share.
    pub fn narrowed(&self, dimension: &Dimension, keep: usize) -> Self {
        self.cut(dimension, keep).with_squeezes_cut()
    }

    /// Squeeze-and-excite narrowed to the published share of the channels it squeezes.
    pub fn with_squeezes_cut(self) -> Self {
        let oversized = self.arch.widths.oversized();
        oversized
            .iter()
            .fold(self, |cut, (dimension, fit)| cut.cut(dimension, *fit))
    }

    /// The network with this share of every number of channels, in steps of `step`, at least one
    /// step.
    pub fn scaled(&self, share: f64, step: usize) -> Self {
        let mut slim = self.clone();
        for dimension in Widths::dimensions(self.arch.variant) {
            let channels = slim.arch.widths.get(&dimension);
            let steps = (channels as f64 * share / step as f64).round().max(1.0);
            let keep = steps as usize * step;
            if !dimension.is_squeeze() && keep < channels {
                slim = slim.narrowed(&dimension, keep);
            }
        }
        slim
    }

    /// The network with `keep` channels along `dimension`, those that matter most.
    pub fn cut(&self, dimension: &Dimension, keep: usize) -> Self {
        self.keeping(dimension, &self.most_important(dimension, keep))
    }

    /// The network with these channels along `dimension`.
    pub fn keeping(&self, dimension: &Dimension, kept: &[usize]) -> Self {
        let arch = &self.arch;
        let widths = arch.widths.set(dimension, kept.len());
        let arch = Arch::with(arch.variant, arch.classes, &widths);
        let cut = arch.tensors().into_iter().filter_map(|(name, shape)| {
            let mut array = self.weights.get(&name)?.clone();
            for axis in changed(&array.shape, &shape) {
                array = selected(&array, axis, kept);
            }
            Some((name, array))
        });
        Self {
            weights: cut.collect(),
            arch,
        }
    }

    /// The `keep` channels along `dimension` that matter most, in order. What a channel matters is
    /// the sum over all kernels that make or use it, normalisation folded in, of its share of the
    /// kernel's squares: NetAdapt's l2 norm (Yang et al. 2018), of both sides.
    fn most_important(&self, dimension: &Dimension, keep: usize) -> Vec<usize> {
        let Arch {
            variant, classes, ..
        } = self.arch;
        let channels = self.arch.widths.get(dimension);
        let more = self.arch.widths.set(dimension, channels + 1);
        let folded = quantise::fold(&self.arch, &self.weights);
        let mut importance = vec![0.0; channels];
        for (name, shape) in Arch::with(variant, classes, &more).tensors() {
            let Some(array) = folded.get(&name).filter(|_| name.ends_with(".weight")) else {
                continue;
            };
            if shape.len() == array.shape.len() {
                for axis in changed(&array.shape, &shape) {
                    add_shares(array, axis, &mut importance);
                }
            }
        }
        let mut order: Vec<usize> = (0..channels).collect();
        order.sort_by(|a, b| importance[*b].total_cmp(&importance[*a]));
        order.truncate(keep);
        order.sort_unstable();
        order
    }
}

/// The axes along which two shapes differ.
fn changed(one: &[usize], other: &[usize]) -> Vec<usize> {
    let axes = one.iter().zip(other).enumerate();
    let differs = axes.filter(|(_, (one, other))| one != other);
    differs.map(|(axis, _)| axis).collect()
}

/// Blocks of numbers along an axis: how many outer places, channels, and numbers of a channel in
/// each outer place.
fn along(shape: &[usize], axis: usize) -> (usize, usize, usize) {
    let product = |part: &[usize]| part.iter().product::<usize>();
    (
        product(&shape[..axis]),
        shape[axis],
        product(&shape[axis + 1..]),
    )
}

/// The channels `kept` along an axis.
fn selected(array: &Array, axis: usize, kept: &[usize]) -> Array {
    let (outer, channels, inner) = along(&array.shape, axis);
    let mut values = Vec::with_capacity(outer * kept.len() * inner);
    for place in 0..outer {
        for channel in kept {
            let first = (place * channels + channel) * inner;
            values.extend_from_slice(&array.values[first..first + inner]);
        }
    }
    let mut shape = array.shape.clone();
    shape[axis] = kept.len();
    Array { shape, values }
}

/// Adds each channel's share of the squares.
fn add_shares(array: &Array, axis: usize, importance: &mut [f64]) {
    let (_, channels, inner) = along(&array.shape, axis);
    let mut squares = vec![0.0; channels];
    for (index, run) in array.values.chunks_exact(inner.max(1)).enumerate() {
        squares[index % channels] += run.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>();
    }
    let sum: f64 = squares.iter().sum();
    if sum > 0.0 {
        importance
            .iter_mut()
            .zip(squares)
            .for_each(|(own, square)| *own += square / sum);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::arch::Variant;
    use crate::net::Net;

    /// A network in which every layer passes something on.
    pub fn slim(variant: Variant) -> Slim {
        let arch = Arch::new(variant, 5);
        let mut rng = fastrand::Rng::with_seed(3);
        let array = |(name, shape): (String, Vec<usize>)| {
            let inputs: usize = shape[1..].iter().product();
            let (middle, reach) = match name.as_str() {
                name if name.ends_with("running_var") => (1.0, 0.5),
                name if name.ends_with(".1.weight") => (1.0, 0.5),
                _ if shape.len() > 1 => (0.0, 1.5 / (inputs as f32).sqrt()),
                _ => (0.0, 0.3),
            };
            let mut one = || middle + reach * (2.0 * rng.f32() - 1.0);
            let values = (0..shape.iter().product()).map(|_| one()).collect();
            (name, Array { shape, values })
        };
        let weights = arch.tensors().into_iter().map(array).collect();
        Slim { arch, weights }
    }

    fn answer(slim: &Slim) -> Vec<f32> {
        let mut net = Net::on_processor(&slim.arch);
        net.load_all(&slim.weights, "test").unwrap();
        let values: Vec<f32> = (0..3 * 32 * 32).map(|n| (n as f32 * 0.37).sin()).collect();
        let input = crate::loader::Batch {
            inputs: values,
            classes: vec![0],
        };
        crate::train::logits(&net, &[(input.inputs, 0)], [32, 32])
            .unwrap()
            .concat()
    }

    /// Channels whose every number is zero can go without a trace, and do before others.
    #[test]
    fn what_does_nothing_goes_first_and_leaves_no_trace() {
        for variant in [Variant::Small, Variant::Large, Variant::EfficientNetLite0] {
            let whole = slim(variant);
            for dimension in Widths::dimensions(variant) {
                let mut slim = whole.clone();
                let channels = slim.arch.widths.get(&dimension);
                let more = slim.arch.widths.set(&dimension, channels + 1);
                let dead = [1, channels / 2, channels - 1];
                for (name, shape) in Arch::with(variant, 5, &more).tensors() {
                    let array = slim.weights.get_mut(&name).unwrap();
                    let kept = name.ends_with("running_var");
                    for axis in changed(&array.shape, &shape) {
                        let (_, channels, inner) = along(&array.shape, axis);
                        let runs = array.values.chunks_exact_mut(inner).enumerate();
                        runs.filter(|(index, _)| !kept && dead.contains(&(index % channels)))
                            .for_each(|(_, run)| run.fill(0.0));
                    }
                }
                let cut = slim.cut(&dimension, channels - dead.len());
                let name = dimension.name();
                assert_eq!(cut.arch.widths.get(&dimension), channels - dead.len());
                let (before, after) = (answer(&slim), answer(&cut));
                for (a, b) in before.iter().zip(&after) {
                    assert!(
                        (a - b).abs() < 1e-3 * a.abs().max(1.0),
                        "{variant:?} {name}: {a} {b}"
                    );
                }
                let fewer = answer(&slim.cut(&dimension, channels / 2));
                assert_ne!(after, fewer, "{name} does nothing at all");
            }
        }
    }

    #[test]
    fn squeeze_and_excite_keeps_its_share() {
        let slim = slim(Variant::Small);
        let dimensions = Widths::dimensions(Variant::Small);
        let expanded = dimensions
            .iter()
            .find(|d| d.name() == "features.10 expanded")
            .unwrap();
        let block = slim.narrowed(expanded, 288).arch.widths.blocks[9];
        assert_eq!((block.expanded, block.squeezed), (288, Some(72)));
    }

    #[test]
    fn a_share_of_every_layer() {
        let half = slim(Variant::Small).scaled(0.5, 8);
        let widths = &half.arch.widths;
        assert_eq!(
            (widths.stem, widths.last, widths.hidden),
            (8, 288, Some(512))
        );
        assert_eq!(widths.blocks[4].expanded, 120);
        assert_eq!(widths.blocks[4].squeezed, Some(32));
        let expected = half.arch.tensors();
        crate::weights::check(&half.weights, &expected, "", "test").unwrap();
        assert_eq!(half.weights.len(), expected.len());
    }
}
