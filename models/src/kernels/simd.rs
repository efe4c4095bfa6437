//! Arithmetic on eight numbers at once: one trait, an implementation for each kind of processor,
//! and the choice among them on the machine at hand. Knows no layer.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "aarch64")]
mod half;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
mod products;
mod rounding;
mod taps;
mod windows;

use std::fmt::Debug;

#[cfg(target_arch = "aarch64")]
use super::half::Half;
use super::map::Block;
use super::number::{Number, Rounded};

/// Eight numbers in vector registers.
///
/// Values of an implementation exist only inside [`Processor::run`], which has made sure that the
/// processor has the instructions.
pub trait Eight: Copy {
    /// What the numbers are.
    type Number: Number;
    /// Four numbers, of which each can multiply a whole vector.
    type Quad<'a>: Copy;
    /// Pixels of a tile of three blocks, 7, 4, 3 or 1: as many sums as leave registers for the rest.
    /// With 1, no tile of several pixels is even compiled.
    const ROWS_OF_THREE: usize;
    /// Whether tiles may have several pixels.
    const LARGE: bool = Self::ROWS_OF_THREE > 1;
    /// Whether tiles of two blocks may have eight, and the first convolution's too.
    const EIGHTS: bool = false;

    /// Reads a block.
    fn load(block: &Block<Self::Number>) -> Self;
    /// Reads a block without asking where it lies.
    ///
    /// # Safety
    /// `block` must point to a block that may be read.
    unsafe fn load_at(block: *const Block<Self::Number>) -> Self;
    /// Reads blocks that lie one after another, with as few instructions as there are.
    ///
    /// # Safety
    /// `block` must point to `N` blocks that may be read.
    #[inline(always)]
    unsafe fn load_row<const N: usize>(block: *const Block<Self::Number>) -> [Self; N] {
        let mut row = [Self::splat(0.0); N];
        for (n, eight) in row.iter_mut().enumerate() {
            // SAFETY: the caller's.
            *eight = unsafe { Self::load_at(block.wrapping_add(n)) };
        }
        row
    }
    /// Writes a block.
    fn store(self, block: &mut Block<Self::Number>);
    /// Writes a block without asking where it lies.
    ///
    /// # Safety
    /// `block` must point to a block that may be written.
    #[inline(always)]
    unsafe fn store_at(self, block: *mut Block<Self::Number>) {
        // SAFETY: the caller's.
        self.store(unsafe { &mut *block });
    }
    /// The number nearest to this one, eight times.
    fn splat(value: f32) -> Self;
    /// `self + a * b`, of floats rounded once or twice as the processor likes, of halves once.
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
    ///
    /// # Safety
    /// `four` must point to four numbers that may be read, for as long as the quad is used.
    unsafe fn quad<'a>(four: *const Self::Number) -> Self::Quad<'a>;
    /// `self + row * quad[lane]`; `lane` is 0 to 3.
    fn add_scaled(self, row: Self, quad: Self::Quad<'_>, lane: usize) -> Self;
    /// The inner loop of a matrix product: to the sums of each of `R` pixels, at most 8, adds
    /// `fours` times four inputs with their weights, `T` blocks for each input, at most 3.
    ///
    /// # Safety
    /// Each row must point to as many numbers and `weights` to as many blocks that may be read.
    #[inline(always)]
    unsafe fn add_products<const R: usize, const T: usize>(
        sums: &mut [[Self; T]; R],
        rows: [*const Self::Number; R],
        weights: *const Block<Self::Number>,
        fours: usize,
    ) {
        // SAFETY: the caller's.
        unsafe { products::plain(sums, rows, weights, fours) }
    }
    /// The inner loop of a depthwise convolution: to the sums of each of `X` pixels of a row, at
    /// most 8, adds `K` rows of `K` inputs with their weights, at most 5; the pixels are `S` inputs
    /// apart, at most 2.
    ///
    /// # Safety
    /// There must be `K` times `K` weights and, from the corner, `K` rows of `(X - 1) * S + K`
    /// inputs that may be read.
    #[inline(always)]
    unsafe fn add_taps<const K: usize, const S: usize, const X: usize>(
        sums: &mut [[Self; 1]; X],
        weights: *const Block<Self::Number>,
        taps: Taps<Self::Number>,
    ) {
        // SAFETY: the caller's.
        unsafe { taps::plain::<Self, K, S, X>(sums, weights, taps) }
    }
    /// The inner loop of the first convolution: to the sums of each of `R` pixels, at most 8, two
    /// numbers apart, adds three rows of three numbers of each plane with their weights, `T` blocks
    /// for each number, at most 3.
    ///
    /// # Safety
    /// Of each row `2 * R + 1` numbers must be there to read, rounded up to fours, from `numbers` on, and all the weights.
    #[inline(always)]
    unsafe fn add_windows<const R: usize, const T: usize>(
        sums: &mut [[Self; T]; R],
        numbers: *const Self::Number,
        weights: *const Block<Self::Number>,
        windows: Windows,
    ) {
        // SAFETY: the caller's.
        unsafe { windows::plain(sums, numbers, weights, windows) }
    }
}

/// Where the inputs of a depthwise convolution lie.
#[derive(Clone, Copy)]
pub struct Taps<N: Number> {
    /// The first.
    pub corner: *const Block<N>,
    /// Blocks from a row to the next.
    pub row_length: usize,
    /// Blocks from a pixel to the next.
    pub depth: usize,
}

/// Where the inputs of the first convolution lie.
#[derive(Clone, Copy)]
pub struct Windows {
    /// Planes.
    pub planes: usize,
    /// Numbers from a plane to the next.
    pub plane: usize,
    /// Numbers from a row to the next.
    pub row: usize,
}

/// Something to be done with vectors of any kind that hold these numbers. `run` must be
/// `#[inline(always)]`, and so must what it calls for each vector: only then is it compiled for the
/// processor chosen.
pub trait Work<N> {
    /// Does it.
    fn run<E: Eight<Number = N>>(self);
}

/// A kind of processor, and the numbers that it computes with. A value of it exists only where the
/// processor is of that kind.
pub trait Processor: Copy + Debug + Send + Sync + 'static {
    /// What it computes with.
    type Number: Number;

    /// Does the work with this processor's vectors.
    fn run(self, work: impl Work<Self::Number>);
}

/// Processors that compute with 32-bit floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Single {
    /// Plain code that compiles everywhere.
    Portable,
    /// x86-64 with AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// aarch64.
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Single {
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
}

impl Processor for Single {
    type Number = f32;

    fn run(self, work: impl Work<f32>) {
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

/// A processor of aarch64 that computes with halves.
#[cfg(target_arch = "aarch64")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NativeHalf(());

#[cfg(target_arch = "aarch64")]
impl NativeHalf {
    /// This machine's, if it does.
    pub fn detect() -> Option<Self> {
        std::arch::is_aarch64_feature_detected!("fp16").then_some(Self(()))
    }
}

#[cfg(target_arch = "aarch64")]
impl Processor for NativeHalf {
    type Number = Half;

    fn run(self, work: impl Work<Half>) {
        // SAFETY: `detect` alone gives this value, when the processor has the feature.
        unsafe { half::run(work) }
    }
}

/// No processor: any, pretending to compute with halves. It answers what one that does so answers,
/// bit for bit, and takes many times as long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmulatedHalf;

impl Processor for EmulatedHalf {
    type Number = Rounded;

    fn run(self, work: impl Work<Rounded>) {
        work.run::<rounding::Rounding>();
    }
}
