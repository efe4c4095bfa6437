//! Depthwise convolution: every channel with a 3 x 3 or 5 x 5 kernel of its own, then bias and
//! activation. Up to eight output pixels of a row are computed together, so that each input and each
//! weight is read once for all of them.

use super::activation::Activation;
use super::layers::Weights;
use super::map::{Arena, Block, LANES, Place};
use super::number::Number;
use super::simd::{Eight, Taps, Work};
use super::tile::activate;
use super::unroll::unroll;

/// Blocks of channels whose weights are used for a whole map before the next are: those of a
/// 5 x 5 kernel then take 12.5 KiB and stay in the fastest cache.
const CHUNK: usize = 16;

/// The layer with its weights as the kernel reads them.
#[derive(Clone, Debug)]
pub struct Depthwise<N: Number> {
    from: Place,
    to: Place,
    kernel: usize,
    stride: usize,
    activation: Activation,
    /// For each block of channels, the kernel's rows.
    weights: Vec<Block<N>>,
    bias: Vec<Block<N>>,
}

/// Whether there is a kernel for this side and stride.
pub fn can(kernel: usize, stride: usize) -> bool {
    matches!(kernel, 3 | 5) && matches!(stride, 1 | 2)
}

impl<N: Number> Depthwise<N> {
    /// The weights have a square of `kernel` numbers for each channel. `from` must have a border
    /// of at least half the kernel.
    pub fn new(
        (from, to): (Place, Place),
        (kernel, stride): (usize, usize),
        weights: &Weights,
    ) -> Self {
        let taps = kernel * kernel;
        let activation = weights.activation;
        let (factor, _) = activation.folded();
        let mut packed = Vec::with_capacity(to.map.depth() * taps);
        for own in weights.kernels.chunks(LANES * taps) {
            for tap in 0..taps {
                packed.push(Block::nearest(std::array::from_fn(|lane| {
                    own.get(lane * taps + tap)
                        .map_or(0.0, |weight| weight * factor)
                })));
            }
        }
        Self {
            from,
            to,
            kernel,
            stride,
            activation,
            weights: packed,
            bias: activation.bias(&weights.bias),
        }
    }
}

/// A layer and the memory it works in.
pub struct Run<'a, N: Number>(pub &'a Depthwise<N>, pub &'a mut Arena<N>);

impl<N: Number> Work<N> for Run<'_, N> {
    #[inline(always)]
    fn run<E: Eight<Number = N>>(self) {
        let Run(layer, arena) = self;
        let mut to = arena.take(&layer.to);
        layer.to.map.clear_border(&mut to);
        let from = arena.read(&layer.from);
        match (layer.kernel, layer.stride) {
            (3, 1) => layer.plane::<E, 3, 1>(from, &mut to),
            (3, _) => layer.plane::<E, 3, 2>(from, &mut to),
            (_, 1) => layer.plane::<E, 5, 1>(from, &mut to),
            _ => layer.plane::<E, 5, 2>(from, &mut to),
        }
        arena.put(&layer.to, to);
    }
}

impl<N: Number> Depthwise<N> {
    #[inline(always)]
    fn plane<E: Eight<Number = N>, const K: usize, const S: usize>(
        &self,
        from: &[Block<N>],
        to: &mut [Block<N>],
    ) {
        let (depth, width) = (self.to.map.depth(), self.to.map.width);
        for first in (0..depth).step_by(CHUNK) {
            let blocks = first..depth.min(first + CHUNK);
            for y in 0..self.to.map.height {
                let mut x = 0;
                while x < width {
                    let pixels = if E::LARGE { pixels(width - x) } else { 1 };
                    let at = (y, x, blocks.clone());
                    match pixels {
                        8 if E::LARGE => self.pixels::<E, K, S, 8>(from, to, at),
                        7 if E::LARGE => self.pixels::<E, K, S, 7>(from, to, at),
                        4 if E::LARGE => self.pixels::<E, K, S, 4>(from, to, at),
                        2 if E::LARGE => self.pixels::<E, K, S, 2>(from, to, at),
                        _ => self.pixels::<E, K, S, 1>(from, to, at),
                    }
                    x += pixels;
                }
            }
        }
    }

    /// `X` pixels of some blocks of channels.
    #[inline(always)]
    fn pixels<E: Eight<Number = N>, const K: usize, const S: usize, const X: usize>(
        &self,
        from: &[Block<N>],
        to: &mut [Block<N>],
        (y, x, blocks): (usize, usize, std::ops::Range<usize>),
    ) {
        let (row_length, depth) = (self.from.map.row(), self.from.map.depth());
        let span = (X - 1) * S + K;
        // The border holds what a kernel at the edge needs.
        let corner = self.from.map.pixel(y * S, x * S) - K / 2 * (row_length + depth);
        let window = &from[corner..corner + (K - 1) * row_length + span * depth];
        let start = self.to.map.pixel(y, x);
        let to = &mut to[start..start + X * depth];
        let weights = &self.weights[blocks.start * K * K..blocks.end * K * K];
        let bias = &self.bias[blocks.clone()];
        let mut weights = weights.as_ptr();
        let mut corner = window.as_ptr().wrapping_add(blocks.start);
        let mut to = to.as_mut_ptr().wrapping_add(blocks.start);
        for bias in bias {
            let mut sums = [[E::load(bias)]; X];
            // SAFETY: there are K rows of K weights for each block. The last line begins K - 1 rows
            // further and needs `span` pixels; the block is below `depth`: all in the window.
            unsafe {
                E::add_taps::<K, S, X>(
                    &mut sums,
                    weights,
                    Taps {
                        corner,
                        row_length,
                        depth,
                    },
                );
            }
            weights = weights.wrapping_add(K * K);
            activate(&mut sums, self.activation);
            let mut out = to;
            unroll!(x in X of 0 1 2 3 4 5 6 7 => {
                // SAFETY: of X pixels the block is below `depth`.
                unsafe { sums[x][0].store_at(out) };
                out = out.wrapping_add(depth);
            });
            corner = corner.wrapping_add(1);
            to = to.wrapping_add(1);
        }
    }
}

/// How many pixels of a row the next tile takes: eights, or sevens where they come out even.
fn pixels(left: usize) -> usize {
    match left {
        _ if left.is_multiple_of(7) && !left.is_multiple_of(8) => 7,
        8.. => 8,
        4.. => 4,
        2.. => 2,
        _ => 1,
    }
}
