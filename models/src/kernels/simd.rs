//! Arithmetic on eight numbers at once: one trait, an implementation for each kind of processor,
//! and the choice among them on the machine at hand. Knows no layer.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;

use super::map::Block;

/// Eight numbers in vector registers.
///
/// Values of an implementation exist only inside [`Isa::run`], which has made sure that the
/// processor has the instructions.
pub trait Eight: Copy {
    /// Four numbers, of which each can multiply a whole vector.
    type Quad<'a>: Copy;
    /// Pixels of a tile of three blocks, 4, 3 or 1: as many sums as leave registers for the rest.
    /// With 1, no tile of several pixels is even compiled.
    const ROWS_OF_THREE: usize;
    /// Whether tiles may have several pixels.
    const LARGE: bool = Self::ROWS_OF_THREE > 1;

    /// Reads a block.
    fn load(block: &Block) -> Self;
    /// Reads a block without asking where it lies.
    ///
    /// # Safety
    /// `block` must point to a block that may be read.
    unsafe fn load_at(block: *const Block) -> Self;
    /// Writes a block.
    fn store(self, block: &mut Block);
    /// The same number eight times.
    fn splat(value: f32) -> Self;
    /// `self + a * b`, rounded once or twice as the processor likes.
    fn add_product(self, a: Self, b: Self) -> Self;
    /// The sum.
    fn add(self, other: Self) -> Self;
    /// The product.
    fn mul(self, other: Self) -> Self;
    /// The larger, lane by lane.
    fn max(self, other: Self) -> Self;
    /// The smaller, lane by lane.
    fn min(self, other: Self) -> Self;
    /// Four numbers for [`Eight::add_scaled`].
    fn quad(four: &[f32; 4]) -> Self::Quad<'_>;
    /// `self + row * quad[lane]`; `lane` is 0 to 3.
    fn add_scaled(self, row: Self, quad: Self::Quad<'_>, lane: usize) -> Self;
}

/// Something to be done with vectors of any kind. `run` must be `#[inline(always)]`, and so must
/// what it calls for each vector: only then is it compiled for the processor chosen.
pub trait Work {
    /// Does it.
    fn run<E: Eight>(self);
}

/// A kind of processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// Plain code that compiles everywhere.
    Portable,
    /// x86-64 with AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// aarch64.
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Isa {
    /// The best of this machine.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            return Self::Avx2;
        }
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("neon") {
            return Self::Neon;
        }
        Self::Portable
    }

    /// Does the work with this processor's vectors.
    pub fn run(self, work: impl Work) {
        match self {
            Self::Portable => work.run::<portable::Portable>(),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `detect` alone gives this value, when the processor has both features.
            Self::Avx2 => unsafe { avx2::run(work) },
            #[cfg(target_arch = "aarch64")]
            // SAFETY: `detect` alone gives this value, when the processor has the feature.
            Self::Neon => unsafe { neon::run(work) },
        }
    }
}
