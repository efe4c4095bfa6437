//! Takes channels away so that the layers after them get nearly what they got: least squares over
//! what they are given by training pictures. Where layers are only added up before others mix them,
//! the channels are turned first, so that what goes is what the others make least of.

use tch::{Device, Kind, TchError, Tensor};

use super::moments::{Moments, mixer};
use crate::arch::{Arch, Conv, Dimension, NORM_EPSILON, Step};
use crate::quantise;
use crate::shrink::Slim;
use crate::weights::Array;

/// Added to every variance, as a share of their mean: a few hundred pictures say little about
/// channels that hardly vary.
const DAMPING: f64 = 1e-3;

/// Which layers a number of channels belongs to.
struct Layers {
    /// Those that mix these channels.
    consumers: Vec<String>,
    /// Those 1 x 1 convolutions without activation that make them.
    producers: Vec<Conv>,
    /// Whether there is nothing else.
    linear: bool,
}

impl Slim {
    /// The network with `keep` channels along `dimension`, fewer than now, and the layers that mix
    /// these changed to make up for the others. `moments` are this network's.
    pub fn rebuilt(
        &self,
        dimension: &Dimension,
        keep: usize,
        moments: &Moments,
    ) -> Result<Self, TchError> {
        let layers = self.layers(dimension);
        let slim = match layers.consumers.as_slice() {
            [_, ..] if layers.linear => self.turned(dimension, keep, &layers, moments)?,
            [consumer] => self.refitted(dimension, keep, consumer, moments)?,
            _ => self.cut(dimension, keep),
        };
        Ok(slim.with_squeezes_cut())
    }

    fn layers(&self, dimension: &Dimension) -> Layers {
        let arch = &self.arch;
        let more = arch.widths.set(dimension, arch.widths.get(dimension) + 1);
        let other = Arch::with(arch.variant, arch.classes, &more);
        let mut layers = Layers {
            consumers: Vec::new(),
            producers: Vec::new(),
            linear: true,
        };
        for (step, other) in arch.steps.iter().zip(&other.steps) {
            if step == other {
                continue;
            }
            let (wider_in, wider_out) = match (step, other) {
                (Step::Conv(own), Step::Conv(other)) => {
                    (own.input != other.input, own.output != other.output)
                }
                (
                    Step::Linear { input, output, .. },
                    Step::Linear {
                        input: other_input,
                        output: other_output,
                        ..
                    },
                ) => (input != other_input, output != other_output),
                _ => (true, true),
            };
            match (mixer(step), step) {
                (Some(name), _) if wider_in && !wider_out => layers.consumers.push(name.to_owned()),
                (Some(_), Step::Conv(conv)) if !wider_in && conv.activation.is_none() => {
                    layers.producers.push(conv.clone());
                }
                _ => layers.linear = false,
            }
        }
        layers
    }

    /// For channels `x` that are sums of what `producers` make and that only `consumers` mix. With
    /// their covariance `C` and the consumers' kernels stacked as `W`, the product `A B` of `keep`
    /// inner channels that makes `W (x - A B x)` smallest is `A = √C V`, `B = Vᵀ √C⁻¹`, where `V`
    /// are the first eigenvectors of `√C Wᵀ W √C`. Producers then make `B x`, consumers mix
    /// `A B x`.
    fn turned(
        &self,
        dimension: &Dimension,
        keep: usize,
        layers: &Layers,
        moments: &Moments,
    ) -> Result<Self, TchError> {
        let folded = quantise::fold(&self.arch, &self.weights);
        let channels = self.arch.widths.get(dimension) as i64;
        let square = || Tensor::f_zeros([channels, channels], (Kind::Double, Device::Cpu));
        let (mut covariance, mut use_of) = (square()?, square()?);
        for name in &layers.consumers {
            let own = &moments[name].covariance;
            let kernel = matrix(&folded[&format!("{name}.weight")])?;
            let energy = kernel.f_matmul(own)?.f_mul(&kernel)?.f_sum(Kind::Double)?;
            let energy = energy.f_clamp_min(f64::MIN_POSITIVE)?;
            let squares = kernel.f_transpose(0, 1)?.f_matmul(&kernel)?;
            use_of = use_of.f_add(&squares.f_div(&energy)?)?;
            covariance = covariance.f_add(own)?;
        }
        let (values, vectors) = damped(&covariance)?.f_linalg_eigh("L")?;
        let power = |exponent: f64| {
            let scaled = vectors.f_mul(
                &values
                    .f_clamp_min(f64::MIN_POSITIVE)?
                    .f_pow_tensor_scalar(exponent)?,
            )?;
            scaled.f_matmul(&vectors.f_transpose(0, 1)?)
        };
        let (root, inverse) = (power(0.5)?, power(-0.5)?);
        let (_, turned) = root
            .f_matmul(&use_of)?
            .f_matmul(&root)?
            .f_linalg_eigh("L")?;
        // In ascending order of their eigenvalues.
        let first = turned.f_narrow(1, channels - keep as i64, keep as i64)?;
        let (back, forth) = (
            root.f_matmul(&first)?,
            first.f_transpose(0, 1)?.f_matmul(&inverse)?,
        );

        let widths = self.arch.widths.set(dimension, keep);
        let mut slim = Self {
            arch: Arch::with(self.arch.variant, self.arch.classes, &widths),
            weights: self.weights.clone(),
        };
        for name in &layers.consumers {
            let kernel = matrix(&self.weights[&format!("{name}.weight")])?;
            let mean = &moments[name].mean;
            let rest = mean.f_sub(&back.f_mv(&forth.f_mv(mean)?)?)?;
            slim.mixes(name, &kernel.f_matmul(&back)?, &kernel.f_mv(&rest)?)?;
        }
        for conv in &layers.producers {
            let kernel = forth.f_matmul(&matrix(&folded[&format!("{}.weight", conv.name)])?)?;
            let bias = forth.f_mv(&vector(&folded[&format!("{}.bias", conv.name)])?)?;
            slim.makes(conv, &kernel, &bias, moments)?;
        }
        Ok(slim)
    }

    /// For channels that one layer mixes: those go one after another whose loss, when the others
    /// make up for it as well as they can, changes the result least (the optimal brain surgeon of a
    /// linear layer, Hassibi and Stork 1993): channel `j` of kernel `W` costs
    /// `|Wⱼ|² / (C⁻¹)ⱼⱼ`.
    fn refitted(
        &self,
        dimension: &Dimension,
        keep: usize,
        consumer: &str,
        moments: &Moments,
    ) -> Result<Self, TchError> {
        let moment = &moments[consumer];
        let name = format!("{consumer}.weight");
        let scaled = matrix(&quantise::fold(&self.arch, &self.weights)[&name])?;
        let covariance = damped(&moment.covariance)?;
        let kept = surgeon(&scaled, &covariance, keep)?;
        let kernel = matrix(&self.weights[&name])?;
        let Refit { kernel: fit, .. } = Refit::of(&kernel, &covariance, &kept)?;
        let left = fit.f_mv(&moment.mean.f_index_select(0, &index(&kept))?)?;
        let lost = kernel.f_mv(&moment.mean)?.f_sub(&left)?;
        let mut slim = self.keeping(dimension, &kept);
        slim.mixes(consumer, &fit, &lost)?;
        Ok(slim)
    }

    /// Gives a layer that mixes channels another kernel, and adds `constant` to what it makes.
    fn mixes(&mut self, name: &str, kernel: &Tensor, constant: &Tensor) -> Result<(), TchError> {
        self.replace(&format!("{name}.weight"), kernel);
        let convolution = self.arch.steps.iter().find_map(|step| match step {
            Step::Conv(conv) if conv.name == name => Some(conv),
            _ => None,
        });
        let (moved, constant) = match convolution {
            // Before the normalisation that is so much less to take away.
            Some(conv) => (format!("{}.running_mean", conv.norm), constant.f_neg()?),
            None => (format!("{name}.bias"), constant.shallow_clone()),
        };
        let sum = vector(&self.weights[&moved])?.f_add(&constant)?;
        self.replace(&moved, &sum);
        Ok(())
    }

    /// Gives a convolution without activation a kernel and what is added to its result. The
    /// normalisation has the statistics of that and undoes itself.
    fn makes(
        &mut self,
        conv: &Conv,
        kernel: &Tensor,
        bias: &Tensor,
        moments: &Moments,
    ) -> Result<(), TchError> {
        let input = &moments[&conv.name];
        let mean = kernel.f_mv(&input.mean)?;
        let spread = kernel.f_matmul(&input.covariance)?.f_mul(kernel)?;
        let variance = spread.f_sum_dim_intlist(1i64, false, Kind::Double)?;
        let variance = variance.f_clamp_min(0.0)?;
        let scale = variance.f_add_scalar(NORM_EPSILON)?.f_sqrt()?;
        self.replace(&format!("{}.weight", conv.name), kernel);
        for (part, values) in [
            ("weight", &scale),
            ("bias", &bias.f_add(&mean)?),
            ("running_mean", &mean),
            ("running_var", &variance),
        ] {
            self.replace(&format!("{}.{part}", conv.norm), values);
        }
        Ok(())
    }

    /// Puts numbers in the place of an array with as many axes, of which those after the second
    /// have length 1.
    fn replace(&mut self, name: &str, numbers: &Tensor) {
        let size = numbers.size().into_iter().map(|n| n as usize);
        let axes = self.weights.get(name).map_or(0, |old| old.shape.len());
        let shape = size.chain(std::iter::repeat(1)).take(axes).collect();
        let values = super::values(numbers);
        self.weights.insert(name.into(), Array { shape, values });
    }
}

/// A kernel for some of the channels.
struct Refit {
    /// The one whose results are nearest, `[out, kept]`.
    kernel: Tensor,
    /// Of the kept channels' covariance, `[kept, kept]`.
    inverse: Tensor,
}

impl Refit {
    fn of(kernel: &Tensor, covariance: &Tensor, kept: &[usize]) -> Result<Self, TchError> {
        let index = index(kept);
        let columns = covariance.f_index_select(1, &index)?;
        let inverse = columns.f_index_select(0, &index)?.f_inverse()?;
        Ok(Self {
            kernel: kernel.f_matmul(&columns)?.f_matmul(&inverse)?,
            inverse,
        })
    }
}

/// The channels that stay, in order: the cheapest half of those too many goes (all, when they are
/// few), the others are judged anew.
fn surgeon(kernel: &Tensor, covariance: &Tensor, keep: usize) -> Result<Vec<usize>, TchError> {
    let channels = covariance.size()[0] as usize;
    let mut kept: Vec<usize> = (0..channels).collect();
    while kept.len() > keep {
        let fit = Refit::of(kernel, covariance, &kept)?;
        let squares = fit.kernel.f_square()?;
        let squares = squares.f_sum_dim_intlist(0i64, false, Kind::Double)?;
        let costs = squares.f_div(&fit.inverse.f_diagonal(0, 0, 1)?)?;
        let costs = Vec::<f64>::try_from(&costs)?;
        let mut order: Vec<usize> = (0..kept.len()).collect();
        order.sort_by(|a, b| costs[*a].total_cmp(&costs[*b]));
        let excess = kept.len() - keep;
        let few = excess * 50 < keep;
        order.drain(..if few { excess } else { excess.div_ceil(2) });
        order.sort_unstable();
        kept = order.into_iter().map(|place| kept[place]).collect();
    }
    Ok(kept)
}

fn index(channels: &[usize]) -> Tensor {
    let channels: Vec<i64> = channels.iter().map(|channel| *channel as i64).collect();
    Tensor::from_slice(&channels)
}

/// A covariance with which one can calculate.
fn damped(covariance: &Tensor) -> Result<Tensor, TchError> {
    let channels = covariance.size()[0];
    let mean = covariance.f_trace()?.f_div_scalar(channels as f64)?;
    let eye = Tensor::f_eye(channels, (Kind::Double, Device::Cpu))?;
    let more = mean.f_mul_scalar(DAMPING)?.f_clamp_min(f64::MIN_POSITIVE)?;
    covariance.f_add(&eye.f_mul(&more)?)
}

/// A kernel of 1 x 1 or a matrix as `[out, in]`.
fn matrix(array: &Array) -> Result<Tensor, TchError> {
    let shape = [array.shape[0] as i64, -1];
    vector(array)?.f_view(shape)
}

fn vector(array: &Array) -> Result<Tensor, TchError> {
    Tensor::f_from_slice(&array.values)?.f_to_kind(Kind::Double)
}

#[cfg(test)]
mod tests;
