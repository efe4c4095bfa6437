//! The published tables: MobileNetV3 (Howard et al. 2019, "Searching for MobileNetV3", tables 1 and
//! 2) and EfficientNet-Lite, which is EfficientNet (Tan and Le 2019) without squeeze-and-excite and
//! with ReLU6; its first and last layers stay as they are at every size.

use super::{Activation, Variant};

/// One inverted residual block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// Side of the depthwise kernel.
    pub(super) kernel: usize,
    /// Channels between.
    pub(super) expanded: usize,
    /// Channels out.
    pub(super) output: usize,
    /// Whether there is squeeze-and-excite.
    pub(super) squeeze: bool,
    /// What follows the first two convolutions.
    pub(super) activation: Activation,
    /// Step of the depthwise convolution.
    pub(super) stride: usize,
    /// Whether a convolution widens the input first.
    pub(super) expands: bool,
    /// Whether the input is added to the output.
    pub(super) residual: bool,
}

/// Kernel, expanded channels, output channels, squeeze-and-excite, activation, stride.
type Published = (usize, usize, usize, bool, Activation, usize);

const RE: Activation = Activation::Relu;
const HS: Activation = Activation::HardSwish;

const SMALL: [Published; 11] = [
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

const LARGE: [Published; 15] = [
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

/// EfficientNet-B0's stages (Tan and Le 2019, table 1): how often, kernel, stride, expansion and
/// output channels of the first network.
const EFFICIENT: [(usize, usize, usize, usize, usize); 7] = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
];

/// What a network is besides its blocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    /// Channels of the first convolution.
    pub(super) stem: usize,
    /// Channels of the last.
    pub(super) last: usize,
    /// Numbers between the classifier's two layers; none where it has one layer.
    pub(super) hidden: Option<usize>,
    /// What follows the first and the last convolution.
    pub(super) activation: Activation,
}

/// The network's ends.
pub(super) fn ends(variant: Variant) -> Ends {
    let mobile = |last, hidden| Ends {
        stem: 16,
        last,
        hidden: Some(hidden),
        activation: HS,
    };
    match variant {
        Variant::Small => mobile(576, 1024),
        Variant::Large => mobile(960, 1280),
        Variant::EfficientNetLite0 | Variant::EfficientNetLite2 => Ends {
            stem: 32,
            last: 1280,
            hidden: None,
            activation: Activation::Relu6,
        },
    }
}

/// The network's blocks.
pub(super) fn rows(variant: Variant) -> Vec<Row> {
    let published = match variant {
        Variant::Small => SMALL.to_vec(),
        Variant::Large => LARGE.to_vec(),
        Variant::EfficientNetLite0 => efficient(10, 10),
        Variant::EfficientNetLite2 => efficient(11, 12),
    };
    let mut input = ends(variant).stem;
    let row = |&(kernel, expanded, output, squeeze, activation, stride): &Published| {
        let row = Row {
            kernel,
            expanded,
            output,
            squeeze,
            activation,
            stride,
            expands: expanded != input,
            residual: stride == 1 && input == output,
        };
        input = output;
        row
    };
    published.iter().map(row).collect()
}

/// EfficientNet-Lite's blocks: no squeeze-and-excite, channels `width` tenths as many, stages
/// `depth` tenths as deep but for the first and the last.
fn efficient(width: usize, depth: usize) -> Vec<Published> {
    let mut input = 32;
    let mut rows = Vec::new();
    for (stage, (times, kernel, stride, expansion, output)) in EFFICIENT.into_iter().enumerate() {
        let scaled = stage > 0 && stage + 1 < EFFICIENT.len();
        let times = if scaled {
            (times * depth).div_ceil(10)
        } else {
            times
        };
        let output = eights(output * width, 10);
        for time in 0..times {
            let stride = if time == 0 { stride } else { 1 };
            let activation = Activation::Relu6;
            rows.push((kernel, input * expansion, output, false, activation, stride));
            input = output;
        }
    }
    rows
}

/// The multiple of 8 nearest to `channels / parts`, at least 8 and not more than a tenth below.
pub(super) fn eights(channels: usize, parts: usize) -> usize {
    let rounded = ((channels + 4 * parts) / (8 * parts) * 8).max(8);
    if rounded * parts * 10 < channels * 9 {
        rounded + 8
    } else {
        rounded
    }
}
