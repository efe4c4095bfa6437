//! What the kernels that multiply matrices share: how output channels are divided into panels,
//! and what happens to the sums of a tile before they are stored.

use super::activation::Activation;
use super::map::Block;
use super::number::Number;
use super::simd::Eight;
use super::unroll::unroll;

/// Most blocks of channels in a panel.
const WIDEST: usize = 3;

/// How many pixels of `T` blocks the next tile takes. Fives and fours make up every number from
/// twelve, so that hardly a pixel is left alone, which costs nearly as much as four do; eights leave
/// none of the squares of an even number and seven.
#[inline(always)]
pub fn rows<E: Eight, const T: usize>(left: usize) -> usize {
    match left {
        _ if !E::LARGE => 1,
        _ if T == WIDEST && left >= E::ROWS_OF_THREE => E::ROWS_OF_THREE,
        4.. if T == WIDEST && E::ROWS_OF_THREE > 4 => 4,
        _ if T == WIDEST => 1,
        9 if E::EIGHTS => 5,
        8.. if E::EIGHTS => 8,
        _ if left.is_multiple_of(5) => 5,
        4.. => 4,
        _ => 1,
    }
}

/// Splits channels' blocks into panels of two, or of three where [`Number::THREES`]; where they do not
/// come out even, one or two panels are of the other size, and a single block is a panel of its own.
pub fn panels<N: Number>(blocks: usize) -> Vec<usize> {
    let (twos, threes) = match blocks {
        1 => return vec![1],
        _ if N::THREES => {
            let twos = blocks.next_multiple_of(WIDEST) - blocks;
            (twos, (blocks - 2 * twos) / WIDEST)
        }
        _ => {
            let threes = blocks % 2;
            ((blocks - WIDEST * threes) / 2, threes)
        }
    };
    [vec![2; twos], vec![WIDEST; threes]].concat()
}

/// A tile's sums before anything is added: the bias, for each of `R` pixels.
#[inline(always)]
pub fn start_sums<E: Eight, const R: usize, const T: usize>(
    bias: &[Block<E::Number>],
) -> [[E; T]; R] {
    let mut sums = [E::splat(0.0); T];
    unroll!(t in T of 0 1 2 => sums[t] = E::load(&bias[t]));
    [sums; R]
}

/// Applies the activation to the sums of `T` blocks of `R` pixels.
#[inline(always)]
pub fn activate<E: Eight, const R: usize, const T: usize>(
    sums: &mut [[E; T]; R],
    activation: Activation,
) {
    // The choice stands outside the loops.
    match activation {
        Activation::None => {}
        Activation::Relu => each(sums, Activation::Relu),
        Activation::Relu6 => each(sums, Activation::Relu6),
        Activation::HardSwish => each(sums, Activation::HardSwish),
        Activation::HardSigmoid => each(sums, Activation::HardSigmoid),
    }
}

#[inline(always)]
fn each<E: Eight, const R: usize, const T: usize>(sums: &mut [[E; T]; R], activation: Activation) {
    unroll!(r in R of 0 1 2 3 4 5 6 7 => unroll!(t in T of 0 1 2 => sums[r][t] = activation.of_folded(sums[r][t])));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::number::Rounded;

    #[test]
    fn panels_cover_every_block_once() {
        for blocks in 1..200 {
            for panels in [panels::<f32>(blocks), panels::<Rounded>(blocks)] {
                assert_eq!(panels.iter().sum::<usize>(), blocks);
                assert!(
                    panels.iter().all(|p| (1..=WIDEST).contains(p)),
                    "{panels:?}"
                );
            }
        }
    }
}
