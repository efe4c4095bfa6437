//! Eight halves in a NEON register, for processors that compute with them, such as the Cortex-A76.
//! In assembly, as the vectors of halves and their instructions are not in stable Rust.

use std::arch::aarch64::{
    uint16x4_t, uint16x8_t, vdupq_n_u16, vld1_u16, vld1q_u16, vld1q_u16_x2, vld1q_u16_x3,
    vld1q_u16_x4, vst1q_u16,
};
use std::arch::asm;

mod products;
mod taps;
mod windows;

use super::{Block, Eight, Taps, Windows, Work};
use crate::kernels::half::Half;

/// Does the work with NEON's halves.
///
/// # Safety
/// The processor must have them.
#[target_feature(enable = "neon,fp16")]
pub unsafe fn run(work: impl Work<Half>) {
    work.run::<NeonHalf>();
}

/// Eight halves in a register.
#[derive(Clone, Copy)]
pub struct NeonHalf(uint16x8_t);

/// An instruction of two vectors.
macro_rules! of_two {
    ($name:literal, $a:expr, $b:expr) => {{
        let result: uint16x8_t;
        // SAFETY: computes, and nothing else; the processor has it, see below.
        unsafe {
            asm!(
                ".arch_extension fp16",
                concat!($name, " {result:v}.8h, {a:v}.8h, {b:v}.8h"),
                a = in(vreg) $a,
                b = in(vreg) $b,
                result = lateout(vreg) result,
                options(pure, nomem, nostack),
            );
        }
        Self(result)
    }};
}

/// `sum + row * quad[lane]`.
macro_rules! add_lane {
    ($lane:literal, $sum:expr, $row:expr, $quad:expr) => {
        asm!(
            ".arch_extension fp16",
            concat!("fmla {sum:v}.8h, {row:v}.8h, {quad:v}.h[", $lane, "]"),
            sum = inout(vreg) $sum,
            row = in(vreg) $row,
            quad = in(vreg_low16) $quad,
            options(pure, nomem, nostack),
        )
    };
}

// SAFETY of every block below: the processor has the instructions, because `run` is the only way to
// these functions; a block has eight halves.
impl Eight for NeonHalf {
    type Number = Half;
    type Quad<'a> = uint16x4_t;
    const ROWS_OF_THREE: usize = 7;
    const EIGHTS: bool = true;

    #[inline(always)]
    fn load(block: &Block<Half>) -> Self {
        // SAFETY: see above.
        Self(unsafe { vld1q_u16(block.0.as_ptr().cast()) })
    }

    #[inline(always)]
    unsafe fn load_at(block: *const Block<Half>) -> Self {
        // SAFETY: see above; that there is a block is the caller's.
        Self(unsafe { vld1q_u16(block.cast()) })
    }

    #[inline(always)]
    unsafe fn load_row<const N: usize>(block: *const Block<Half>) -> [Self; N] {
        let mut row = [Self::splat(0.0); N];
        let (fours, rest) = row.as_chunks_mut::<4>();
        for (n, four) in fours.iter_mut().enumerate() {
            // SAFETY: see above; that there are so many blocks is the caller's.
            let read = unsafe { vld1q_u16_x4(block.wrapping_add(4 * n).cast()) };
            *four = [read.0, read.1, read.2, read.3].map(Self);
        }
        let last = block.wrapping_add(N / 4 * 4);
        // SAFETY: as above.
        unsafe {
            match rest {
                [a, b, c] => {
                    let read = vld1q_u16_x3(last.cast());
                    (*a, *b, *c) = (Self(read.0), Self(read.1), Self(read.2));
                }
                [a, b] => {
                    let read = vld1q_u16_x2(last.cast());
                    (*a, *b) = (Self(read.0), Self(read.1));
                }
                [a] => *a = Self::load_at(last),
                _ => {}
            }
        }
        row
    }

    #[inline(always)]
    fn store(self, block: &mut Block<Half>) {
        // SAFETY: see above.
        unsafe { vst1q_u16(block.0.as_mut_ptr().cast(), self.0) }
    }

    #[inline(always)]
    fn splat(value: f32) -> Self {
        // SAFETY: see above.
        Self(unsafe { vdupq_n_u16(Half::constant(value).0) })
    }

    #[inline(always)]
    fn add_product(self, a: Self, b: Self) -> Self {
        let mut sum = self.0;
        // SAFETY: see above.
        unsafe {
            asm!(
                ".arch_extension fp16",
                "fmla {sum:v}.8h, {a:v}.8h, {b:v}.8h",
                sum = inout(vreg) sum,
                a = in(vreg) a.0,
                b = in(vreg) b.0,
                options(pure, nomem, nostack),
            );
        }
        Self(sum)
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        of_two!("fadd", self.0, other.0)
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        of_two!("fmul", self.0, other.0)
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        of_two!("fmax", self.0, other.0)
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        of_two!("fmin", self.0, other.0)
    }

    #[inline(always)]
    unsafe fn quad<'a>(four: *const Half) -> Self::Quad<'a> {
        // SAFETY: see above; that there are four numbers is the caller's.
        unsafe { vld1_u16(four.cast()) }
    }

    #[inline(always)]
    fn add_scaled(self, row: Self, quad: Self::Quad<'_>, lane: usize) -> Self {
        let mut sum = self.0;
        // SAFETY: see above.
        unsafe {
            match lane {
                0 => add_lane!("0", sum, row.0, quad),
                1 => add_lane!("1", sum, row.0, quad),
                2 => add_lane!("2", sum, row.0, quad),
                _ => add_lane!("3", sum, row.0, quad),
            }
        }
        Self(sum)
    }

    #[inline(always)]
    unsafe fn add_products<const R: usize, const T: usize>(
        sums: &mut [[Self; T]; R],
        rows: [*const Half; R],
        weights: *const Block<Half>,
        fours: usize,
    ) {
        // SAFETY: the caller's.
        unsafe { products::add(sums, rows, weights, fours) }
    }

    #[inline(always)]
    unsafe fn add_taps<const K: usize, const S: usize, const X: usize>(
        sums: &mut [[Self; 1]; X],
        weights: *const Block<Half>,
        taps: Taps<Half>,
    ) {
        // SAFETY: the caller's.
        unsafe { taps::add::<K, S, X>(sums, weights, taps) }
    }

    #[inline(always)]
    unsafe fn add_windows<const R: usize, const T: usize>(
        sums: &mut [[Self; T]; R],
        numbers: *const Half,
        weights: *const Block<Half>,
        windows: Windows,
    ) {
        // SAFETY: the caller's.
        unsafe { windows::add(sums, numbers, weights, windows) }
    }
}
