//! From trained weights to exported ones: batch normalisation folded into its convolution, then
//! perhaps 8-bit integers with a scale for each output channel. Arithmetic on plain arrays.

use std::collections::BTreeMap;

use crate::arch::{Arch, NORM_EPSILON, Step};
use crate::weights::{Array, Weights};

/// 8-bit weights: `values[channel][..] * scales[channel]` are the numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Int8Array {
    /// Length along each axis; the first is the output channels.
    pub shape: Vec<usize>,
    /// One for each output channel, above 0.
    pub scales: Vec<f32>,
    /// -127 to 127.
    pub values: Vec<i8>,
}

/// An exported parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Parameter {
    /// 32-bit floats.
    Float(Array),
    /// Scaled 8-bit integers.
    Int8(Int8Array),
}

/// Exported parameters by name: `.weight` and `.bias` for every convolution and linear layer.
pub type Parameters = BTreeMap<String, Parameter>;

/// Folds every normalisation into the convolution before it: with
/// `f = scale / sqrt(variance + ε)` the kernel becomes `kernel · f` and the bias
/// `shift - mean · f` (Jacob et al. 2018, section 3.2).
///
/// # Panics
/// When an array of `arch` is missing: weights come from a network of that table.
pub fn fold(arch: &Arch, weights: &Weights) -> Weights {
    let mut folded = Weights::new();
    for (name, _) in arch.tensors() {
        folded.insert(name.clone(), weights[&name].clone());
    }
    for step in &arch.steps {
        let Step::Conv(conv) = step else { continue };
        let mut take = |part: &str| {
            let name = format!("{}.{part}", conv.norm);
            folded
                .remove(&name)
                .map(|array| array.values)
                .unwrap_or_default()
        };
        let (scale, shift) = (take("weight"), take("bias"));
        let (mean, variance) = (take("running_mean"), take("running_var"));
        let factors: Vec<f64> = scale
            .iter()
            .zip(&variance)
            .map(|(s, v)| f64::from(*s) / (f64::from(*v) + NORM_EPSILON).sqrt())
            .collect();
        let bias = (0..conv.output)
            .map(|c| (f64::from(shift[c]) - f64::from(mean[c]) * factors[c]) as f32)
            .collect();
        let bias = Array {
            shape: vec![conv.output],
            values: bias,
        };
        folded.insert(format!("{}.bias", conv.name), bias);
        if let Some(kernel) = folded.get_mut(&format!("{}.weight", conv.name)) {
            let each = kernel.values.len() / conv.output;
            for (row, factor) in kernel.values.chunks_exact_mut(each).zip(&factors) {
                row.iter_mut()
                    .for_each(|v| *v = (f64::from(*v) * factor) as f32);
            }
        }
    }
    folded
}

/// The weights of a network of `arch` that computes what the folded one does: its normalisations
/// only add the biases. None when an array is missing.
pub fn unfold(arch: &Arch, folded: &Weights) -> Option<Weights> {
    let mut weights = folded.clone();
    for step in &arch.steps {
        let Step::Conv(conv) = step else { continue };
        let bias = weights.remove(&format!("{}.bias", conv.name))?;
        let all = |value: f32| Array {
            shape: vec![conv.output],
            values: vec![value; conv.output],
        };
        // With this variance the normalisation divides by exactly 1.
        let variance = (1.0 - NORM_EPSILON) as f32;
        for (part, array) in [
            ("weight", all(1.0)),
            ("bias", bias),
            ("running_mean", all(0.0)),
            ("running_var", all(variance)),
        ] {
            weights.insert(format!("{}.{part}", conv.norm), array);
        }
    }
    Some(weights)
}

/// Every parameter as it is.
pub fn float(folded: Weights) -> Parameters {
    folded
        .into_iter()
        .map(|(name, array)| (name, Parameter::Float(array)))
        .collect()
}

/// Kernels and matrices as 8-bit integers, symmetric around 0, the largest magnitude of each
/// output channel at 127; biases stay floats.
pub fn weights_int8(folded: Weights) -> Parameters {
    let one = |(name, array): (String, Array)| {
        let parameter = if array.shape.len() > 1 {
            Parameter::Int8(quantised(&array))
        } else {
            Parameter::Float(array)
        };
        (name, parameter)
    };
    folded.into_iter().map(one).collect()
}

fn quantised(array: &Array) -> Int8Array {
    let each = array.values.len() / array.shape[0];
    let mut scales = Vec::with_capacity(array.shape[0]);
    let mut values = Vec::with_capacity(array.values.len());
    for row in array.values.chunks_exact(each) {
        let largest = row.iter().fold(0f32, |most, v| most.max(v.abs()));
        // A channel of zeros still needs a scale above 0.
        let scale = if largest > 0.0 { largest / 127.0 } else { 1.0 };
        scales.push(scale);
        values.extend(
            row.iter()
                .map(|v| (v / scale).round().clamp(-127.0, 127.0) as i8),
        );
    }
    Int8Array {
        shape: array.shape.clone(),
        scales,
        values,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::Variant;
    use crate::net::Net;
    use tch::{Device, Kind, Tensor};

    #[test]
    fn int8_is_within_half_a_step() {
        let values: Vec<f32> = (0..60)
            .map(|n| ((n * 37) % 100) as f32 / 100.0 - 0.3)
            .collect();
        let array = Array {
            shape: vec![4, 15],
            values,
        };
        let int8 = quantised(&array);
        for (at, (value, integer)) in array.values.iter().zip(&int8.values).enumerate() {
            let scale = int8.scales[at / 15];
            assert!((value - f32::from(*integer) * scale).abs() <= scale * 0.5001);
        }
        for row in int8.values.chunks(15) {
            assert_eq!(row.iter().map(|v| v.unsigned_abs()).max(), Some(127));
        }
    }

    #[test]
    fn a_channel_of_zeros_stays_zero() {
        let int8 = quantised(&Array {
            shape: vec![1, 3],
            values: vec![0.0; 3],
        });
        assert_eq!((int8.scales[0], int8.values), (1.0, vec![0; 3]));
    }

    #[test]
    fn folding_removes_every_normalisation() {
        let arch = Arch::new(Variant::Small, 3);
        let folded = fold(&arch, &Net::new(&arch, Device::Cpu).weights());
        assert!(folded.keys().all(|name| !name.contains("running")));
        let convolutions = arch
            .steps
            .iter()
            .filter(|s| matches!(s, Step::Conv(_)))
            .count();
        let biased = folded
            .keys()
            .filter(|name| name.ends_with(".0.bias"))
            .count();
        assert!(biased >= convolutions);
    }

    #[test]
    fn folding_what_was_unfolded_gives_the_same() {
        let arch = Arch::new(Variant::Small, 3);
        let folded = fold(&arch, &Net::new(&arch, Device::Cpu).weights());
        let again = fold(&arch, &unfold(&arch, &folded).unwrap());
        assert_eq!(again.len(), folded.len());
        for (name, array) in &folded {
            for (a, b) in array.values.iter().zip(&again[name].values) {
                assert!((a - b).abs() <= 1e-6 * a.abs().max(1.0), "{name}: {a} {b}");
            }
        }
        let mut missing = folded.clone();
        missing.remove("features.0.0.bias");
        assert_eq!(unfold(&arch, &missing), None);
    }

    #[test]
    fn a_folded_convolution_computes_the_same() {
        let arch = Arch::new(Variant::Small, 3);
        let Step::Conv(stem) = &arch.steps[0] else {
            panic!("the stem is a convolution")
        };
        let mut weights = Net::new(&arch, Device::Cpu).weights();
        for (part, value) in [
            ("weight", 1.7),
            ("bias", -0.2),
            ("running_mean", 0.3),
            ("running_var", 2.5),
        ] {
            let array = weights.get_mut(&format!("{}.{part}", stem.norm)).unwrap();
            array
                .values
                .iter_mut()
                .enumerate()
                .for_each(|(n, v)| *v = value + 0.01 * n as f32);
        }
        let folded = fold(&arch, &weights);
        let tensor = |w: &Weights, name: String| {
            let shape: Vec<i64> = w[&name].shape.iter().map(|n| *n as i64).collect();
            Tensor::from_slice(&w[&name].values).view(shape.as_slice())
        };
        let input = Tensor::randn([1, 3, 16, 16], (Kind::Float, Device::Cpu));
        let plain = input.conv2d(
            &tensor(&weights, "features.0.0.weight".into()),
            None::<Tensor>,
            2,
            1,
            1,
            1,
        );
        let part = |name: &str| Some(tensor(&weights, format!("features.0.1.{name}")));
        let expected = plain.batch_norm(
            part("weight"),
            part("bias"),
            part("running_mean"),
            part("running_var"),
            false,
            0.0,
            NORM_EPSILON,
            false,
        );
        let found = input.conv2d(
            &tensor(&folded, "features.0.0.weight".into()),
            Some(tensor(&folded, "features.0.0.bias".into())),
            2,
            1,
            1,
            1,
        );
        let difference = (expected - found).abs().max().double_value(&[]);
        assert!(difference < 1e-5, "{difference}");
    }
}
