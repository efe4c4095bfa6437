//! The inner loop of the first convolution with any vectors.

use super::super::unroll::unroll;
use super::{Block, Eight, Windows};

/// See [`Eight::add_windows`].
///
/// # Safety
/// The same.
#[inline(always)]
pub unsafe fn plain<E: Eight, const R: usize, const T: usize>(
    sums: &mut [[E; T]; R],
    numbers: *const E::Number,
    mut weights: *const Block<E::Number>,
    windows: Windows,
) {
    let quads_of_a_row = (2 * R + 1).div_ceil(4);
    for plane in 0..windows.planes {
        for row in 0..3 {
            let numbers = numbers.wrapping_add(plane * windows.plane + row * windows.row);
            // SAFETY: the caller's.
            unsafe {
                let mut quads = [E::quad(numbers); 5];
                unroll!(n in quads_of_a_row of 0 1 2 3 4 => quads[n] = E::quad(numbers.wrapping_add(4 * n)));
                unroll!(kx in 3 of 0 1 2 => {
                    let row = E::load_row::<T>(weights);
                    weights = weights.wrapping_add(T);
                    unroll!(r in R of 0 1 2 3 4 5 6 7 => {
                        const AT: usize = r * 2 + kx;
                        unroll!(t in T of 0 1 2 => {
                            sums[r][t] = sums[r][t].add_scaled(row[t], quads[AT / 4], AT % 4);
                        });
                    });
                });
            }
        }
    }
}
