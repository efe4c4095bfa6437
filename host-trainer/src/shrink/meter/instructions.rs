//! The instructions that the kernels in `models` need on 64-bit ARM (NEON, 32-bit floats), reckoned
//! from the tiles that they divide each layer into. The factors are fitted to counts of an emulated
//! Cortex-A72 (`cargo xtask bench infer --board --cpu cortex-a72`): four widths of
//! MobileNetV3-small, eleven sizes of input; the worst is 2.3 % off, the usual one 1 %.

use crate::arch::{Arch, Step};

/// Whatever the network.
const ALWAYS: f64 = 40_800.0;
/// The first convolution: a pixel of eight channels.
const STEM: f64 = 90.0;
/// A pixel's product of eight channels with eight: 16 multiply-adds of four.
const PRODUCT: f64 = 16.0;
/// Eight channels of a pixel, begun and stored.
const RESULT: f64 = 2.0;
/// A tile of a matrix product, for each of its blocks of eight channels.
const TILE: f64 = 141.0;
/// A vector's product: eight numbers with eight.
const VECTOR: f64 = 23.0;
/// A tap of a depthwise kernel on a pixel of eight channels.
const TAP: f64 = 2.0;
/// A tile of a depthwise convolution of 3 x 3, and of 5 x 5.
const DEPTHWISE_TILE: [f64; 2] = [159.0, 117.0];

/// Instructions of one inference over a `side` x `side` picture.
pub fn instructions(arch: &Arch, side: usize) -> f64 {
    let mut side = side;
    let mut sum = ALWAYS;
    let blocks = |channels: usize| channels.div_ceil(8) as f64;
    for step in &arch.steps {
        sum += match step {
            Step::Conv(conv) => {
                side = side.div_ceil(conv.stride);
                let (pixels, output) = (side * side, blocks(conv.output));
                if conv.groups > 1 {
                    let taps = (conv.kernel * conv.kernel) as f64;
                    let tile = DEPTHWISE_TILE[usize::from(conv.kernel > 3)];
                    let tiles = (side * depthwise_tiles(side)) as f64;
                    output * (pixels as f64 * (taps * TAP + RESULT) + tiles * tile)
                } else if conv.kernel > 1 {
                    pixels as f64 * output * STEM
                } else if pixels == 1 {
                    VECTOR * blocks(conv.input) * output
                } else {
                    let each = PRODUCT * blocks(conv.input) + RESULT;
                    pixels as f64 * output * each + TILE * tiles(pixels, conv.output.div_ceil(8))
                }
            }
            Step::SqueezeExcite {
                channels, squeezed, ..
            } => {
                let mean = RESULT * (side * side) as f64 * blocks(*channels);
                mean + 2.0 * VECTOR * blocks(*channels) * blocks(*squeezed)
            }
            Step::MeanPool => {
                let pixels = std::mem::replace(&mut side, 1).pow(2);
                RESULT * pixels as f64 * arch.widths.last.div_ceil(8) as f64
            }
            Step::Linear { input, output, .. } => VECTOR * blocks(*input) * blocks(*output),
            Step::Keep | Step::AddKept | Step::HardSwish | Step::Dropout { .. } => 0.0,
        };
    }
    sum
}

/// Tiles of a matrix product of `pixels` and `blocks` of eight channels, each counted as often as
/// it has blocks: panels of two blocks and at most one of three, as `models::kernels` divides them.
fn tiles(pixels: usize, blocks: usize) -> f64 {
    let threes = usize::from(blocks % 2 == 1 && blocks > 1);
    let others = blocks - 3 * threes;
    let of_three = pixels / 4 + pixels % 4;
    let (mut left, mut of_two) = (pixels, 0);
    while left > 0 {
        left -= match left {
            _ if left.is_multiple_of(5) => 5,
            4.. => 4,
            _ => 1,
        };
        of_two += 1;
    }
    (3 * threes * of_three + others * of_two) as f64
}

/// Tiles of a row of a depthwise convolution.
fn depthwise_tiles(width: usize) -> usize {
    let (mut left, mut tiles) = (width, 0);
    while left > 0 {
        left -= match left {
            _ if left.is_multiple_of(7) && !left.is_multiple_of(8) => 7,
            8.. => 8,
            4.. => 4,
            2.. => 2,
            _ => 1,
        };
        tiles += 1;
    }
    tiles
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::{Variant, Widths};

    /// Counts of an emulated Cortex-A72, million.
    #[test]
    fn is_near_what_was_counted() {
        let published = Widths::published(Variant::Small);
        let half = Widths::dimensions(Variant::Small)
            .iter()
            .filter(|dimension| !dimension.is_squeeze())
            .fold(published.clone(), |widths, dimension| {
                let steps = (widths.get(dimension) as f64 / 16.0).round().max(1.0);
                widths.narrowed(dimension, 8 * steps as usize)
            });
        for (widths, counts) in [
            (
                published,
                [(64, 2.04), (96, 4.10), (160, 10.22), (224, 19.18)],
            ),
            (half, [(64, 0.77), (96, 1.59), (160, 3.97), (224, 7.41)]),
        ] {
            let arch = Arch::with(Variant::Small, 12, &widths);
            for (side, counted) in counts {
                let reckoned = instructions(&arch, side) / 1e6;
                let off = reckoned / counted - 1.0;
                assert!(off.abs() < 0.03, "{side}: {reckoned} {counted}");
            }
        }
    }
}
