//! The published tables (Howard et al. 2019, "Searching for MobileNetV3", tables 1 and 2).

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

/// Channels of the first convolution.
pub(super) const STEM: usize = 16;

/// Numbers between the classifier's two layers.
pub(super) fn hidden(variant: Variant) -> usize {
    match variant {
        Variant::Small => 1024,
        Variant::Large => 1280,
    }
}

/// The network's blocks.
pub(super) fn rows(variant: Variant) -> Vec<Row> {
    let published: &[Published] = match variant {
        Variant::Small => &SMALL,
        Variant::Large => &LARGE,
    };
    let mut input = STEM;
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
