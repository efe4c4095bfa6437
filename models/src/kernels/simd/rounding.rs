//! Eight halves in plain code that rounds as processors with half-precision arithmetic do: what
//! they answer, measured anywhere. Slow.

use super::{Block, Eight};
use crate::kernels::map::LANES;
use crate::kernels::number::{Number, Rounded};

/// Eight halves in an array.
#[derive(Clone, Copy)]
pub struct Rounding([Rounded; LANES]);

impl Rounding {
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(f32, f32) -> f64) -> Self {
        let mut out = self;
        for (out, other) in out.0.iter_mut().zip(other.0) {
            *out = Rounded::of(f(out.value(), other.value()));
        }
        out
    }
}

// An f64 holds every product of two halves, and every sum but those of numbers so unlike that it
// rounds to the same half.
impl Eight for Rounding {
    type Number = Rounded;
    type Quad<'a> = &'a [Rounded; 4];
    const ROWS_OF_THREE: usize = 1;

    #[inline(always)]
    fn load(block: &Block<Rounded>) -> Self {
        Self(block.0)
    }

    #[inline(always)]
    unsafe fn load_at(block: *const Block<Rounded>) -> Self {
        // SAFETY: the caller's.
        Self(unsafe { *block }.0)
    }

    #[inline(always)]
    fn store(self, block: &mut Block<Rounded>) {
        block.0 = self.0;
    }

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self([Rounded::of(value.into()); LANES])
    }

    #[inline(always)]
    fn add_product(self, a: Self, b: Self) -> Self {
        let mut out = self;
        for (out, (a, b)) in out.0.iter_mut().zip(a.0.into_iter().zip(b.0)) {
            let product = f64::from(a.value()) * f64::from(b.value());
            *out = Rounded::of(f64::from(out.value()) + product);
        }
        out
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| f64::from(a) + f64::from(b))
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| f64::from(a) * f64::from(b))
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b }.into())
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b { a } else { b }.into())
    }

    #[inline(always)]
    unsafe fn quad<'a>(four: *const Rounded) -> Self::Quad<'a> {
        // SAFETY: the caller's.
        unsafe { &*four.cast() }
    }

    #[inline(always)]
    fn add_scaled(self, row: Self, quad: Self::Quad<'_>, lane: usize) -> Self {
        self.add_product(row, Self([quad[lane]; LANES]))
    }
}
