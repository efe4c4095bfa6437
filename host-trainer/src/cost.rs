//! What one forward pass costs, by counting. Runs nothing.

use crate::arch::{Arch, Step};

/// Operations of one forward pass over a `side` x `side` picture, as the reference's tool (thop)
/// counts them: a multiply-add of a convolution or matrix is one; batch normalisation is four a
/// number; a mean over the picture is one a number and one a mean. Biases, activations, sums and
/// the scaling of squeeze-and-excite are not counted.
pub fn flops(arch: &Arch, side: usize) -> u64 {
    let mut side = side;
    let mut channels = 3;
    let mut sum = 0;
    let mean = |channels: usize, side: usize| channels * side * side + channels;
    for step in &arch.steps {
        sum += match step {
            Step::Conv(c) => {
                side = (side + 2 * (c.kernel / 2) - c.kernel) / c.stride + 1;
                channels = c.output;
                let outputs = side * side * c.output;
                outputs * (c.input / c.groups) * c.kernel * c.kernel + 4 * outputs
            }
            Step::SqueezeExcite {
                channels, squeezed, ..
            } => mean(*channels, side) + 2 * channels * squeezed,
            Step::MeanPool => mean(channels, side),
            Step::Linear { input, output, .. } => input * output,
            Step::Keep | Step::AddKept | Step::HardSwish | Step::Dropout { .. } => 0,
        };
    }
    sum as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::Variant;

    /// The reference project reports this number for ten classes at 224 pixels.
    #[test]
    fn counts_what_the_reference_counts() {
        assert_eq!(flops(&Arch::new(Variant::Small, 10), 224), 61_464_184);
    }
}
