//! The first convolution: 3 x 3 pixels, every second one, from the picture's planes to blocks of
//! channels.

use super::activation::Activation;
use super::layers::Weights;
use super::map::{Arena, Block, LANES, Place};
use super::number::Number;
use super::simd::{Eight, Windows, Work};
use super::tile::{activate, panels, start_sums};
use super::unroll::unroll;

/// Side of the kernel.
pub const KERNEL: usize = 3;
/// Step in both directions.
pub const STRIDE: usize = 2;
/// Numbers of an input row that a tile may read beyond the picture, on both sides together.
const MARGIN: usize = 16;

/// The picture's planes, with a border as wide as the kernel asks and room to read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planes {
    /// Planes.
    pub count: usize,
    /// Rows of each without the border.
    pub height: usize,
    /// Numbers of a row without the border.
    pub width: usize,
}

impl Planes {
    fn row(&self) -> usize {
        self.width + MARGIN
    }

    fn plane(&self) -> usize {
        (self.height + KERNEL - 1) * self.row()
    }

    /// Numbers in all.
    pub fn len(&self) -> usize {
        self.count * self.plane()
    }

    /// Copies a picture (CHW) to within the border.
    pub fn fill<N: Number>(&self, picture: &[f32], planes: &mut [N]) {
        let border = KERNEL / 2;
        let from = picture.chunks_exact(self.height * self.width);
        for (from, to) in from.zip(planes.chunks_exact_mut(self.plane())) {
            let rows = to.chunks_exact_mut(self.row()).skip(border);
            for (from, to) in from.chunks_exact(self.width).zip(rows) {
                copy(from, &mut to[border..border + self.width]);
            }
        }
    }
}

/// Writes the nearest to each number.
fn copy<N: Number>(from: &[f32], to: &mut [N]) {
    let (from, rest) = from.as_chunks::<LANES>();
    let (to, last) = to.as_chunks_mut::<LANES>();
    for (from, to) in from.iter().zip(to) {
        *to = N::nearest(*from);
    }
    let mut eight = [0.0; LANES];
    eight[..rest.len()].copy_from_slice(rest);
    for (number, to) in N::nearest(eight).into_iter().zip(last) {
        *to = number;
    }
}

/// The layer with its weights as the kernel reads them.
#[derive(Clone, Debug)]
pub struct Stem<N: Number> {
    planes: Planes,
    to: Place,
    activation: Activation,
    /// Blocks of output channels that are computed together.
    panels: Vec<usize>,
    /// For each panel, plane, kernel row and column: the panel's blocks.
    weights: Vec<Block<N>>,
    bias: Vec<Block<N>>,
}

impl<N: Number> Stem<N> {
    /// The weights have for each of `to`'s channels the kernels of all planes.
    pub fn new(planes: Planes, to: Place, weights: &Weights) -> Self {
        let panels = panels::<N>(to.map.depth());
        let taps = planes.count * KERNEL * KERNEL;
        let activation = weights.activation;
        let (factor, _) = activation.folded();
        let mut packed = Vec::with_capacity(taps * to.map.depth());
        let mut first = 0;
        for panel in &panels {
            for tap in 0..taps {
                for block in first..first + panel {
                    packed.push(Block::nearest(std::array::from_fn(|lane| {
                        let at = (block * LANES + lane) * taps + tap;
                        weights
                            .kernels
                            .get(at)
                            .map_or(0.0, |weight| weight * factor)
                    })));
                }
            }
            first += panel;
        }
        Self {
            planes,
            to,
            activation,
            panels,
            weights: packed,
            bias: activation.bias(&weights.bias),
        }
    }
}

/// A layer and the memory it works in.
pub struct Run<'a, N: Number>(pub &'a Stem<N>, pub &'a mut Arena<N>);

impl<N: Number> Work<N> for Run<'_, N> {
    #[inline(always)]
    fn run<E: Eight<Number = N>>(self) {
        let Run(layer, arena) = self;
        let mut to = arena.take(&layer.to);
        layer.to.map.clear_border(&mut to);
        let taps = layer.planes.count * KERNEL * KERNEL;
        let (mut first, mut weights) = (0, layer.weights.as_slice());
        for panel in &layer.panels {
            let (own, rest) = weights.split_at(taps * panel);
            weights = rest;
            match panel {
                1 => layer.panel::<E, 1>(&arena.input, own, first, &mut to),
                2 => layer.panel::<E, 2>(&arena.input, own, first, &mut to),
                _ => layer.panel::<E, 3>(&arena.input, own, first, &mut to),
            }
            first += panel;
        }
        arena.put(&layer.to, to);
    }
}

impl<N: Number> Stem<N> {
    #[inline(always)]
    fn panel<E: Eight<Number = N>, const T: usize>(
        &self,
        input: &[N],
        weights: &[Block<N>],
        first: usize,
        to: &mut [Block<N>],
    ) {
        let width = self.to.map.width;
        for y in 0..self.to.map.height {
            let mut x = 0;
            while x < width {
                // Neighbours share inputs, which have to stay in registers too.
                let pixels = match width - x {
                    8.. if E::EIGHTS && T == 2 => 8,
                    4.. if E::LARGE => 4,
                    _ => 1,
                };
                let at = (y, x, first);
                match pixels {
                    8 if E::EIGHTS && T == 2 => self.tile::<E, 8, T>(input, weights, at, to),
                    4 if E::LARGE => self.tile::<E, 4, T>(input, weights, at, to),
                    _ => self.tile::<E, 1, T>(input, weights, at, to),
                }
                x += pixels;
            }
        }
    }

    /// `R` pixels of `T` blocks of channels.
    #[inline(always)]
    fn tile<E: Eight<Number = N>, const R: usize, const T: usize>(
        &self,
        input: &[N],
        weights: &[Block<N>],
        (y, x, first): (usize, usize, usize),
        to: &mut [Block<N>],
    ) {
        let mut sums = start_sums::<E, R, T>(&self.bias[first..first + T]);
        let (row, plane) = (self.planes.row(), self.planes.plane());
        let start = y * STRIDE * row + x * STRIDE;
        // Numbers come by fours.
        let reach = (STRIDE * (R - 1) + KERNEL).next_multiple_of(4);
        let last = (self.planes.count - 1) * plane + (KERNEL - 1) * row + reach;
        let numbers = input[start..start + last].as_ptr();
        let weights = weights[..self.planes.count * KERNEL * KERNEL * T].as_ptr();
        let windows = Windows {
            planes: self.planes.count,
            plane,
            row,
        };
        // SAFETY: the last window of the last plane ends where `numbers` does.
        unsafe { E::add_windows(&mut sums, numbers, weights, windows) };
        activate(&mut sums, self.activation);
        unroll!(r in R of 0 1 2 3 4 5 6 7 => {
            let start = self.to.map.pixel(y, x + r) + first;
            let to = &mut to[start..start + T];
            unroll!(t in T of 0 1 2 => sums[r][t].store(&mut to[t]));
        });
    }
}
