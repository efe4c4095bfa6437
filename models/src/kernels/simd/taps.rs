//! The inner loop of a depthwise convolution with any vectors.

use super::super::unroll::unroll;
use super::{Block, Eight, Taps};

/// See [`Eight::add_taps`].
///
/// # Safety
/// The same.
#[inline(always)]
pub unsafe fn plain<E: Eight, const K: usize, const S: usize, const X: usize>(
    sums: &mut [[E; 1]; X],
    mut weights: *const Block<E::Number>,
    taps: Taps<E::Number>,
) {
    let span = (X - 1) * S + K;
    let mut line = taps.corner;
    for _ in 0..K {
        // SAFETY: the caller's.
        unsafe {
            let row = E::load_row::<K>(weights);
            weights = weights.wrapping_add(K);
            unroll!(pixel in span of 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 => {
                let input = E::load_at(line.wrapping_add(taps.depth.wrapping_mul(pixel)));
                unroll!(kx in K of 0 1 2 3 4 => if let Some(x) = met(pixel, kx, S) && x < X {
                    sums[x][0] = sums[x][0].add_product(row[kx], input);
                });
            });
        }
        line = line.wrapping_add(taps.row_length);
    }
}

/// The sum, `stride` inputs apart, for which an input stands under this column of the kernel.
#[inline(always)]
fn met(input: usize, column: usize, stride: usize) -> Option<usize> {
    let first = input.checked_sub(column)?;
    first.is_multiple_of(stride).then_some(first / stride)
}
