//! What the kernels that multiply matrices share: how output channels are divided into panels,
//! and what happens to the sums of a tile before they are stored.

use super::activation::Activation;
use super::simd::Eight;

/// Most blocks of channels in a panel.
pub const WIDEST: usize = 3;
/// Pixels of a tile of three blocks: twelve sums of eight numbers fill the registers.
pub const LOW: usize = 4;

/// Splits channels' blocks into panels of three and two, which keep the most registers busy; a
/// single block is a panel of its own.
pub fn panels(blocks: usize) -> Vec<usize> {
    let twos = match blocks % WIDEST {
        0 => 0,
        1 if blocks == 1 => return vec![1],
        1 => 2,
        _ => 1,
    };
    let threes = (blocks - 2 * twos) / WIDEST;
    [vec![WIDEST; threes], vec![2; twos]].concat()
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
        Activation::HardSwish => each(sums, Activation::HardSwish),
        Activation::HardSigmoid => each(sums, Activation::HardSigmoid),
    }
}

#[inline(always)]
fn each<E: Eight, const R: usize, const T: usize>(sums: &mut [[E; T]; R], activation: Activation) {
    for sum in sums.iter_mut().flatten() {
        *sum = activation.of(*sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_cover_every_block_once() {
        for blocks in 1..200 {
            let panels = panels(blocks);
            assert_eq!(panels.iter().sum::<usize>(), blocks);
            assert!(
                panels.iter().all(|p| (1..=WIDEST).contains(p)),
                "{panels:?}"
            );
        }
    }
}
