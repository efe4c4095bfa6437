//! Eight numbers in plain code, for processors without an implementation of their own and as the
//! reference in tests.

use super::{Block, Eight};
use crate::kernels::map::LANES;

/// Eight numbers in an array.
#[derive(Clone, Copy)]
pub struct Portable([f32; LANES]);

impl Portable {
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        let mut out = self;
        for (out, other) in out.0.iter_mut().zip(other.0) {
            *out = f(*out, other);
        }
        out
    }
}

impl Eight for Portable {
    type Number = f32;
    type Quad<'a> = &'a [f32; 4];
    // The compiler turns these loops into whatever vectors there are; with more sums than that it
    // takes minutes.
    const ROWS_OF_THREE: usize = 1;

    #[inline(always)]
    fn load(block: &Block<f32>) -> Self {
        Self(block.0)
    }

    #[inline(always)]
    unsafe fn load_at(block: *const Block<f32>) -> Self {
        // SAFETY: the caller's.
        Self(unsafe { *block }.0)
    }

    #[inline(always)]
    fn store(self, block: &mut Block<f32>) {
        block.0 = self.0;
    }

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self([value; LANES])
    }

    #[inline(always)]
    fn add_product(self, a: Self, b: Self) -> Self {
        // Not `f32::mul_add`, which is a library call where there is no such instruction.
        self.add(a.mul(b))
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    unsafe fn quad<'a>(four: *const f32) -> Self::Quad<'a> {
        // SAFETY: the caller's.
        unsafe { &*four.cast() }
    }

    #[inline(always)]
    fn add_scaled(self, row: Self, quad: Self::Quad<'_>, lane: usize) -> Self {
        self.add_product(row, Self::splat(quad[lane]))
    }
}
