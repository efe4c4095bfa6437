//! Eight numbers in one AVX register.

use std::arch::x86_64::{
    __m256, _mm256_add_ps, _mm256_fmadd_ps, _mm256_load_ps, _mm256_max_ps, _mm256_min_ps,
    _mm256_mul_ps, _mm256_set1_ps, _mm256_store_ps,
};

use super::{Block, Eight, Work};

/// Does the work with AVX2 and FMA.
///
/// # Safety
/// The processor must have both.
#[target_feature(enable = "avx2,fma")]
pub unsafe fn run(work: impl Work<f32>) {
    work.run::<Avx2>();
}

/// Eight numbers in a register.
#[derive(Clone, Copy)]
pub struct Avx2(__m256);

// SAFETY of every block below: the processor has AVX2 and FMA, because `run` is the only way to
// these functions; blocks are aligned to 32 bytes and as long as a register.
impl Eight for Avx2 {
    type Number = f32;
    type Quad<'a> = &'a [f32; 4];
    const ROWS_OF_THREE: usize = 3;

    #[inline(always)]
    fn load(block: &Block<f32>) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm256_load_ps(block.0.as_ptr()) })
    }

    #[inline(always)]
    unsafe fn load_at(block: *const Block<f32>) -> Self {
        // SAFETY: see above; that there is a block is the caller's.
        Self(unsafe { _mm256_load_ps(block.cast()) })
    }

    #[inline(always)]
    fn store(self, block: &mut Block<f32>) {
        // SAFETY: see above.
        unsafe { _mm256_store_ps(block.0.as_mut_ptr(), self.0) }
    }

    #[inline(always)]
    fn splat(value: f32) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm256_set1_ps(value) })
    }

    #[inline(always)]
    fn add_product(self, a: Self, b: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm256_fmadd_ps(a.0, b.0, self.0) })
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm256_add_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm256_mul_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm256_max_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm256_min_ps(self.0, other.0) })
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
