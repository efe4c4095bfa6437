//! Eight numbers in two NEON registers.

use std::arch::aarch64::{
    float32x4_t, float32x4x2_t, vaddq_f32, vdupq_n_f32, vfmaq_f32, vfmaq_laneq_f32, vld1q_f32,
    vld1q_f32_x2, vld1q_f32_x4, vmaxq_f32, vminq_f32, vmulq_f32, vst1q_f32,
};

mod products;
mod taps;
mod windows;

use super::{Block, Eight, Taps, Windows, Work};

/// Does the work with NEON.
///
/// # Safety
/// The processor must have it.
#[target_feature(enable = "neon")]
pub unsafe fn run(work: impl Work<f32>) {
    work.run::<Neon>();
}

/// Eight numbers in two registers.
#[derive(Clone, Copy)]
pub struct Neon([float32x4_t; 2]);

impl Neon {
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(float32x4_t, float32x4_t) -> float32x4_t) -> Self {
        Self([f(self.0[0], other.0[0]), f(self.0[1], other.0[1])])
    }
}

// SAFETY of every block below: the processor has NEON, because `run` is the only way to these
// functions; a block has eight numbers.
impl Eight for Neon {
    type Number = f32;
    type Quad<'a> = float32x4_t;
    const ROWS_OF_THREE: usize = 4;

    #[inline(always)]
    fn load(block: &Block<f32>) -> Self {
        let (low, high) = block.0.split_at(4);
        // SAFETY: see above.
        Self(unsafe { [vld1q_f32(low.as_ptr()), vld1q_f32(high.as_ptr())] })
    }

    #[inline(always)]
    unsafe fn load_at(block: *const Block<f32>) -> Self {
        // SAFETY: see above; that there is a block is the caller's.
        let float32x4x2_t(low, high) = unsafe { vld1q_f32_x2(block.cast()) };
        Self([low, high])
    }

    #[inline(always)]
    unsafe fn load_row<const N: usize>(block: *const Block<f32>) -> [Self; N] {
        let mut row = [Self::splat(0.0); N];
        let (pairs, rest) = row.as_chunks_mut::<2>();
        for (n, pair) in pairs.iter_mut().enumerate() {
            // SAFETY: see above; that there are so many blocks is the caller's.
            let four = unsafe { vld1q_f32_x4(block.wrapping_add(2 * n).cast()) };
            *pair = [Self([four.0, four.1]), Self([four.2, four.3])];
        }
        if let [last] = rest {
            // SAFETY: as above.
            *last = unsafe { Self::load_at(block.wrapping_add(N - 1)) };
        }
        row
    }

    #[inline(always)]
    fn store(self, block: &mut Block<f32>) {
        let (low, high) = block.0.split_at_mut(4);
        // SAFETY: see above.
        unsafe {
            vst1q_f32(low.as_mut_ptr(), self.0[0]);
            vst1q_f32(high.as_mut_ptr(), self.0[1]);
        }
    }

    #[inline(always)]
    fn splat(value: f32) -> Self {
        // SAFETY: see above.
        Self([unsafe { vdupq_n_f32(value) }; 2])
    }

    #[inline(always)]
    fn add_product(self, a: Self, b: Self) -> Self {
        // SAFETY: see above.
        let [low, high] = [0, 1].map(|n| unsafe { vfmaq_f32(self.0[n], a.0[n], b.0[n]) });
        Self([low, high])
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: see above.
        self.zip(other, |a, b| unsafe { vaddq_f32(a, b) })
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        // SAFETY: see above.
        self.zip(other, |a, b| unsafe { vmulq_f32(a, b) })
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        // SAFETY: see above.
        self.zip(other, |a, b| unsafe { vmaxq_f32(a, b) })
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        // SAFETY: see above.
        self.zip(other, |a, b| unsafe { vminq_f32(a, b) })
    }

    #[inline(always)]
    unsafe fn quad<'a>(four: *const f32) -> Self::Quad<'a> {
        // SAFETY: see above; that there are four numbers is the caller's.
        unsafe { vld1q_f32(four) }
    }

    #[inline(always)]
    fn add_scaled(self, row: Self, quad: Self::Quad<'_>, lane: usize) -> Self {
        // SAFETY: see above.
        let each = |sum, row| unsafe {
            match lane {
                0 => vfmaq_laneq_f32::<0>(sum, row, quad),
                1 => vfmaq_laneq_f32::<1>(sum, row, quad),
                2 => vfmaq_laneq_f32::<2>(sum, row, quad),
                _ => vfmaq_laneq_f32::<3>(sum, row, quad),
            }
        };
        self.zip(row, each)
    }

    #[inline(always)]
    unsafe fn add_products<const R: usize, const T: usize>(
        sums: &mut [[Self; T]; R],
        rows: [*const f32; R],
        weights: *const Block<f32>,
        fours: usize,
    ) {
        // SAFETY: the caller's.
        unsafe { products::add(sums, rows, weights, fours) }
    }

    #[inline(always)]
    unsafe fn add_taps<const K: usize, const S: usize, const X: usize>(
        sums: &mut [[Self; 1]; X],
        weights: *const Block<f32>,
        taps: Taps<f32>,
    ) {
        // SAFETY: the caller's.
        unsafe { taps::add::<K, S, X>(sums, weights, taps) }
    }

    #[inline(always)]
    unsafe fn add_windows<const R: usize, const T: usize>(
        sums: &mut [[Self; T]; R],
        numbers: *const f32,
        weights: *const Block<f32>,
        windows: Windows,
    ) {
        // SAFETY: the caller's.
        unsafe { windows::add(sums, numbers, weights, windows) }
    }
}
