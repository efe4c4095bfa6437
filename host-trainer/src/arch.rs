//! MobileNetV3 small and large and EfficientNet-Lite, as published or narrower, as plain data: a
//! list of steps with parameter names as torchvision gives them. No tensors: `net` trains the list with libtorch, `onnx` writes
//! it as a file.

mod table;
mod widths;

use serde::{Deserialize, Serialize};

use crate::weights::Weights;
use table::Row;
pub use widths::{BlockWidths, Dimension, Widths};

/// Which of the published networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// MobileNetV3-small: 1.5 million parameters with ten classes.
    Small,
    /// MobileNetV3-large: 4.2 million parameters with ten classes.
    Large,
    /// EfficientNet-Lite0: 3.4 million parameters with ten classes.
    #[value(name = "efficientnet-lite0")]
    #[serde(rename = "efficientnet-lite0")]
    EfficientNetLite0,
    /// EfficientNet-Lite2: 4.8 million parameters with ten classes.
    #[value(name = "efficientnet-lite2")]
    #[serde(rename = "efficientnet-lite2")]
    EfficientNetLite2,
}

impl Variant {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Small,
        Self::Large,
        Self::EfficientNetLite0,
        Self::EfficientNetLite2,
    ];

    /// The name under which manifests and logs know the network.
    pub fn architecture(self) -> &'static str {
        match self {
            Variant::Small => "mobilenet_v3_small",
            Variant::Large => "mobilenet_v3_large",
            Variant::EfficientNetLite0 => "efficientnet_lite0",
            Variant::EfficientNetLite2 => "efficientnet_lite2",
        }
    }
}

/// What follows a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
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
    /// Channels of each layer.
    pub widths: Widths,
    /// From the picture to the logits.
    pub steps: Vec<Step>,
}

/// Batch normalisation's epsilon in all published networks.
pub const NORM_EPSILON: f64 = 1e-3;
/// Prefix of everything before the classifier; what `--freeze-layers` freezes.
const FEATURES: &str = "features.";

/// The number in `features.<number>.…`; none for the classifier's parameters.
pub fn feature_module(parameter: &str) -> Option<usize> {
    let number = parameter.strip_prefix(FEATURES)?.split('.').next()?;
    number.parse().ok()
}

impl Arch {
    /// The published network with `classes` outputs.
    pub fn new(variant: Variant, classes: usize) -> Self {
        Self::with(variant, classes, &Widths::published(variant))
    }

    /// The network with other numbers of channels, which must be as many as the published table
    /// has rows and fit one another: see [`Widths::dimensions`].
    pub fn with(variant: Variant, classes: usize, widths: &Widths) -> Self {
        let (rows, ends) = (table::rows(variant), table::ends(variant));
        let mut steps = vec![conv(
            "features.0".into(),
            3,
            widths.stem,
            3,
            2,
            1,
            Some(ends.activation),
        )];
        let mut channels = widths.stem;
        for (index, (row, own)) in rows.iter().zip(&widths.blocks).enumerate() {
            let prefix = format!("features.{}.block", index + 1);
            block(&mut steps, &prefix, channels, row, own);
            channels = own.output;
        }
        steps.push(conv(
            format!("features.{}", rows.len() + 1),
            channels,
            widths.last,
            1,
            1,
            1,
            Some(ends.activation),
        ));
        steps.push(Step::MeanPool);
        if let Some(hidden) = widths.hidden {
            steps.push(Step::Linear {
                name: "classifier.0".into(),
                input: widths.last,
                output: hidden,
            });
            steps.push(Step::HardSwish);
        }
        steps.push(Step::Dropout { percent: 20 });
        steps.push(Step::Linear {
            name: "classifier.3".into(),
            input: widths.hidden.unwrap_or(widths.last),
            output: classes,
        });
        Self {
            variant,
            classes,
            widths: widths.clone(),
            steps,
        }
    }

    /// The network that weights are of: as wide as they are; as published where they are of no
    /// such network.
    pub fn fitting(variant: Variant, classes: usize, weights: &Weights) -> Self {
        let shape = |name: &str| Some(weights.get(name)?.shape.as_slice());
        let widths = Widths::of(variant, shape).unwrap_or_else(|| Widths::published(variant));
        Self::with(variant, classes, &widths)
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

fn block(steps: &mut Vec<Step>, prefix: &str, input: usize, row: &Row, own: &BlockWidths) {
    if row.residual {
        steps.push(Step::Keep);
    }
    let mut part = 0;
    let mut name = || {
        part += 1;
        format!("{prefix}.{}", part - 1)
    };
    let activation = Some(row.activation);
    if row.expands {
        steps.push(conv(name(), input, own.expanded, 1, 1, 1, activation));
    }
    steps.push(conv(
        name(),
        own.expanded,
        own.expanded,
        row.kernel,
        row.stride,
        own.expanded,
        activation,
    ));
    if let Some(squeezed) = own.squeezed {
        steps.push(Step::SqueezeExcite {
            name: name(),
            channels: own.expanded,
            squeezed,
        });
    }
    steps.push(conv(name(), own.expanded, own.output, 1, 1, 1, None));
    if row.residual {
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
        // The published totals of EfficientNet-Lite with the 1000 classes of ImageNet, which are
        // rounded: 4.7 and 6.1 million.
        let lite = [Variant::EfficientNetLite0, Variant::EfficientNetLite2];
        let counts = lite.map(|variant| Arch::new(variant, 1000).parameter_count(false));
        assert_eq!(counts, [4_652_008, 6_092_072]);
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
        for variant in Variant::ALL {
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
