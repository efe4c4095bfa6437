//! The inner loop of a matrix product with any vectors.

use super::super::unroll::unroll;
use super::{Block, Eight};

/// See [`Eight::add_products`].
///
/// # Safety
/// The same.
#[inline(always)]
pub unsafe fn plain<E: Eight, const R: usize, const T: usize>(
    sums: &mut [[E; T]; R],
    rows: [*const E::Number; R],
    mut weights: *const Block<E::Number>,
    fours: usize,
) {
    for k in 0..fours {
        // SAFETY: the caller's.
        unsafe {
            let mut quads = [E::quad(rows[0].wrapping_add(4 * k)); R];
            unroll!(r in R of 0 1 2 3 4 5 6 7 => quads[r] = E::quad(rows[r].wrapping_add(4 * k)));
            unroll!(lane in 4 of 0 1 2 3 => {
                let row = E::load_row::<T>(weights);
                weights = weights.wrapping_add(T);
                unroll!(r in R of 0 1 2 3 4 5 6 7 => unroll!(t in T of 0 1 2 => {
                    sums[r][t] = sums[r][t].add_scaled(row[t], quads[r], lane);
                }));
            });
        }
    }
}
