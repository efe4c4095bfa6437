//! MobileNetV3 small and large as plain data (Howard et al. 2019, "Searching for MobileNetV3",
//! tables 1 and 2), with torchvision's parameter names. No tensors: `net` trains this list of
//! steps with libtorch, `onnx` writes it as a file.

use serde::{Deserialize, Serialize};

/// Which of the two published networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// MobileNetV3-small: 1.5 million parameters with ten classes.
    Small,
    /// MobileNetV3-large: 4.2 million parameters with ten classes.
    Large,
}

impl Variant {
    /// The name under which manifests and logs know the network.
    pub fn architecture(self) -> &'static str {
        match self {
            Variant::Small => "mobilenet_v3_small",
            Variant::Large => "mobilenet_v3_large",
        }
    }
}

/// What follows a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// `x · min(max(x + 3, 0), 6) / 6`.
    HardSwish,
}

/// A convolution without bias, then batch normalisation, then perhaps an activation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conv {
    /// Prefix of the convolution's parameter (`.weight`).
    pub name: String,
    /// Prefix of the normalisation's parameters.
    pub norm: String,
    /// Channels in.
    pub input: usize,
    /// Channels out.
    pub output: usize,
    /// Side of the square kernel; padding keeps the size.
    pub kernel: usize,
    /// Step in both directions.
    pub stride: usize,
    /// 1, or as many as channels (depthwise).
    pub groups: usize,
    /// What follows.
    pub activation: Option<Activation>,
}

/// One step of the network, applied to what the step before it gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Convolution, normalisation, activation.
    Conv(Conv),
    /// Mean over the picture, two 1x1 convolutions (`fc1`, `fc2`) with ReLU between and
    /// hard sigmoid after; the result scales the channels.
    SqueezeExcite {
        /// Prefix of `fc1` and `fc2`.
        name: String,
        /// Channels in and out.
        channels: usize,
        /// Channels between.
        squeezed: usize,
    },
    /// Remembers the current value.
    Keep,
    /// Adds the remembered value.
    AddKept,
    /// Mean over the picture; from here on a vector.
    MeanPool,
    /// Fully connected, with bias.
    Linear {
        /// Prefix of `.weight` and `.bias`.
        name: String,
        /// Numbers in.
        input: usize,
        /// Numbers out.
        output: usize,
    },
    /// Hard swish on its own.
    HardSwish,
    /// In training, zeroes each number with this probability in percent.
    Dropout {
        /// 0 to 100.
        percent: u32,
    },
}

/// A network as its steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arch {
    /// Which network.
    pub variant: Variant,
    /// Outputs.
    pub classes: usize,
    /// From the picture to the logits.
    pub steps: Vec<Step>,
}

/// Batch normalisation's epsilon in both published networks.
pub const NORM_EPSILON: f64 = 1e-3;
/// Prefix of everything before the classifier; what `--freeze-layers` freezes.
const FEATURES: &str = "features.";

/// The number in `features.<number>.…`; none for the classifier's parameters.
pub fn feature_module(parameter: &str) -> Option<usize> {
    let number = parameter.strip_prefix(FEATURES)?.split('.').next()?;
    number.parse().ok()
}

const RE: Activation = Activation::Relu;
const HS: Activation = Activation::HardSwish;

/// Kernel, expanded channels, output channels, squeeze-and-excite, activation, stride.
type Row = (usize, usize, usize, bool, Activation, usize);

const SMALL: [Row; 11] = [
    (3, 16, 16, true, RE, 2),
    (3, 72, 24, false, RE, 2),
    (3, 88, 24, false, RE, 1),
    (5, 96, 40, true, HS, 2),
    (5, 240, 40, true, HS, 1),
    (5, 240, 40, true, HS, 1),
    (5, 120, 48, true, HS, 1),
    (5, 144, 48, true, HS, 1),
    (5, 288, 96, true, HS, 2),
    (5, 576, 96, true, HS, 1),
    (5, 576, 96, true, HS, 1),
];

const LARGE: [Row; 15] = [
    (3, 16, 16, false, RE, 1),
    (3, 64, 24, false, RE, 2),
    (3, 72, 24, false, RE, 1),
    (5, 72, 40, true, RE, 2),
    (5, 120, 40, true, RE, 1),
    (5, 120, 40, true, RE, 1),
    (3, 240, 80, false, HS, 2),
    (3, 200, 80, false, HS, 1),
    (3, 184, 80, false, HS, 1),
    (3, 184, 80, false, HS, 1),
    (3, 480, 112, true, HS, 1),
    (3, 672, 112, true, HS, 1),
    (5, 672, 160, true, HS, 2),
    (5, 960, 160, true, HS, 1),
    (5, 960, 160, true, HS, 1),
];

const STEM: usize = 16;

impl Arch {
    /// The published network with `classes` outputs.
    pub fn new(variant: Variant, classes: usize) -> Self {
        let (rows, hidden): (&[Row], _) = match variant {
            Variant::Small => (&SMALL, 1024),
            Variant::Large => (&LARGE, 1280),
        };
        let mut steps = vec![conv("features.0".into(), 3, STEM, 3, 2, 1, Some(HS))];
        let mut channels = STEM;
        for (index, row) in rows.iter().enumerate() {
            block(
                &mut steps,
                &format!("features.{}.block", index + 1),
                channels,
                row,
            );
            channels = row.2;
        }
        let wide = channels * 6;
        steps.push(conv(
            format!("features.{}", rows.len() + 1),
            channels,
            wide,
            1,
            1,
            1,
            Some(HS),
        ));
        steps.push(Step::MeanPool);
        steps.push(Step::Linear {
            name: "classifier.0".into(),
            input: wide,
            output: hidden,
        });
        steps.push(Step::HardSwish);
        steps.push(Step::Dropout { percent: 20 });
        steps.push(Step::Linear {
            name: "classifier.3".into(),
            input: hidden,
            output: classes,
        });
        Self {
            variant,
            classes,
            steps,
        }
    }

    /// Every parameter and running statistic: torchvision's name and the shape.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let mut tensors = Vec::new();
        for step in &self.steps {
            match step {
                Step::Conv(c) => {
                    let shape = vec![c.output, c.input / c.groups, c.kernel, c.kernel];
                    tensors.push((format!("{}.weight", c.name), shape));
                    for part in ["weight", "bias", "running_mean", "running_var"] {
                        tensors.push((format!("{}.{part}", c.norm), vec![c.output]));
                    }
                }
                Step::SqueezeExcite {
                    name,
                    channels,
                    squeezed,
                } => {
                    let layers = [("fc1", *squeezed, *channels), ("fc2", *channels, *squeezed)];
                    for (layer, output, input) in layers {
                        tensors.push((format!("{name}.{layer}.weight"), vec![output, input, 1, 1]));
                        tensors.push((format!("{name}.{layer}.bias"), vec![output]));
                    }
                }
                Step::Linear {
                    name,
                    input,
                    output,
                } => {
                    tensors.push((format!("{name}.weight"), vec![*output, *input]));
                    tensors.push((format!("{name}.bias"), vec![*output]));
                }
                _ => {}
            }
        }
        tensors
    }

    /// Trainable numbers: running statistics are not among them. With `frozen`, the
    /// classifier's alone.
    pub fn parameter_count(&self, frozen: bool) -> usize {
        self.tensors()
            .iter()
            .filter(|(name, _)| !name.contains(".running_"))
            .filter(|(name, _)| !frozen || feature_module(name).is_none())
            .map(|(_, shape)| shape.iter().product::<usize>())
            .sum()
    }
}

fn block(steps: &mut Vec<Step>, prefix: &str, input: usize, row: &Row) {
    let &(kernel, expanded, output, squeeze, activation, stride) = row;
    let residual = stride == 1 && input == output;
    if residual {
        steps.push(Step::Keep);
    }
    let mut part = 0;
    let mut name = || {
        part += 1;
        format!("{prefix}.{}", part - 1)
    };
    if expanded != input {
        steps.push(conv(name(), input, expanded, 1, 1, 1, Some(activation)));
    }
    steps.push(conv(
        name(),
        expanded,
        expanded,
        kernel,
        stride,
        expanded,
        Some(activation),
    ));
    if squeeze {
        let squeezed = divisible_by_8(expanded / 4);
        steps.push(Step::SqueezeExcite {
            name: name(),
            channels: expanded,
            squeezed,
        });
    }
    steps.push(conv(name(), expanded, output, 1, 1, 1, None));
    if residual {
        steps.push(Step::AddKept);
    }
}

fn conv(
    prefix: String,
    input: usize,
    output: usize,
    kernel: usize,
    stride: usize,
    groups: usize,
    activation: Option<Activation>,
) -> Step {
    let (name, norm) = (format!("{prefix}.0"), format!("{prefix}.1"));
    Step::Conv(Conv {
        name,
        norm,
        input,
        output,
        kernel,
        stride,
        groups,
        activation,
    })
}

/// The nearest multiple of 8, at least 8, and not more than a tenth below `value`.
fn divisible_by_8(value: usize) -> usize {
    let rounded = ((value + 4) / 8 * 8).max(8);
    if rounded * 10 < value * 9 {
        rounded + 8
    } else {
        rounded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference project reports these totals for ten classes.
    #[test]
    fn parameter_counts_are_the_published_ones() {
        let small = Arch::new(Variant::Small, 10);
        assert_eq!(small.parameter_count(false), 1_528_106);
        assert_eq!(small.parameter_count(true), 601_098);
        let large = Arch::new(Variant::Large, 10);
        assert_eq!(large.parameter_count(false), 4_214_842);
        assert_eq!(large.parameter_count(true), 1_242_890);
        // torchvision's documented totals for the 1000 classes of ImageNet.
        assert_eq!(
            Arch::new(Variant::Small, 1000).parameter_count(false),
            2_542_856
        );
        assert_eq!(
            Arch::new(Variant::Large, 1000).parameter_count(false),
            5_483_032
        );
    }

    #[test]
    fn names_are_torchvisions() {
        let names: Vec<String> = Arch::new(Variant::Small, 10)
            .tensors()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        for name in [
            "features.0.0.weight",
            "features.1.block.0.0.weight",
            "features.1.block.1.fc1.bias",
            "features.4.block.2.fc2.weight",
            "features.11.block.3.1.running_var",
            "features.12.1.weight",
            "classifier.3.bias",
        ] {
            assert!(names.iter().any(|n| n == name), "{name}");
        }
    }

    #[test]
    fn every_residual_is_closed() {
        for variant in [Variant::Small, Variant::Large] {
            let mut open = false;
            for step in Arch::new(variant, 2).steps {
                match step {
                    Step::Keep => assert!(!std::mem::replace(&mut open, true)),
                    Step::AddKept => assert!(std::mem::replace(&mut open, false)),
                    _ => {}
                }
            }
            assert!(!open);
        }
    }
}
