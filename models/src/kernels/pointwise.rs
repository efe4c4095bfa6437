//! Convolution of 1 x 1 pixels, which is also what a fully connected layer is: a matrix product
//! of pixels and weights, then bias, activation, and perhaps another map added. Tiles of some
//! pixels and two or three blocks of channels stay in registers while the inputs stream by.

use super::activation::Activation;
use super::layers::Weights;
use super::map::{Arena, Block, LANES, Place};
use super::simd::{Eight, Work};
use super::tile::{activate, panels, rows, start_sums};
use super::unroll::unroll;

/// The layer with its weights as the kernel reads them.
#[derive(Clone, Debug)]
pub struct Pointwise {
    from: Place,
    to: Place,
    plus: Option<Place>,
    activation: Activation,
    /// Blocks of output channels that are computed together, 1 to 3 each.
    panels: Vec<usize>,
    /// For each panel, for each input channel, the panel's blocks.
    weights: Vec<Block>,
    bias: Vec<Block>,
    from_pixels: Vec<usize>,
    to_pixels: Vec<usize>,
    plus_pixels: Vec<usize>,
}

impl Pointwise {
    /// The weights have a row of `from`'s channels for each of `to`'s.
    pub fn new((from, to): (Place, Place), plus: Option<Place>, weights: &Weights) -> Self {
        let panels = panels(to.map.depth());
        let (inputs, outputs) = (from.map.channels, to.map.channels);
        let mut packed = Vec::with_capacity(from.map.depth() * LANES * to.map.depth());
        let mut first = 0;
        for panel in &panels {
            let start = packed.len();
            packed.resize(start + from.map.depth() * LANES * panel, Block::ZERO);
            let panel_weights = &mut packed[start..];
            let rows = weights.kernels.chunks_exact(inputs).enumerate();
            for (output, row) in rows.skip(first).take((panel * LANES).min(outputs - first)) {
                let (block, lane) = ((output - first) / LANES, (output - first) % LANES);
                for (weight, blocks) in row.iter().zip(panel_weights.chunks_exact_mut(*panel)) {
                    blocks[block].0[lane] = *weight;
                }
            }
            first += panel * LANES;
        }
        Self {
            from,
            to,
            plus,
            activation: weights.activation,
            panels,
            weights: packed,
            bias: Block::pack(&weights.bias),
            from_pixels: from.map.pixels(),
            to_pixels: to.map.pixels(),
            plus_pixels: plus.map_or(vec![], |plus| plus.map.pixels()),
        }
    }
}

/// A layer and the memory it works in.
pub struct Run<'a>(pub &'a Pointwise, pub &'a mut Arena);

impl Work for Run<'_> {
    #[inline(always)]
    fn run<E: Eight>(self) {
        let Run(layer, arena) = self;
        let mut to = arena.take(&layer.to);
        layer.to.map.clear_border(&mut to);
        let plus = layer.plus.map(|plus| arena.read(&plus));
        let sides = Sides {
            from: arena.read(&layer.from),
            plus: plus.unwrap_or_default(),
        };
        let depth = layer.from.map.depth();
        let (mut first, mut weights) = (0, layer.weights.as_slice());
        for panel in &layer.panels {
            let (own, rest) = weights.split_at(depth * LANES * panel);
            weights = rest;
            match panel {
                1 => layer.panel::<E, 1>(&sides, own, first, &mut to),
                2 => layer.panel::<E, 2>(&sides, own, first, &mut to),
                _ => layer.panel::<E, 3>(&sides, own, first, &mut to),
            }
            first += panel;
        }
        arena.put(&layer.to, to);
    }
}

/// What is read.
struct Sides<'a> {
    from: &'a [Block],
    plus: &'a [Block],
}

impl Pointwise {
    /// All pixels of `T` blocks of channels, from block `first`.
    #[inline(always)]
    fn panel<E: Eight, const T: usize>(
        &self,
        sides: &Sides<'_>,
        weights: &[Block],
        first: usize,
        to: &mut [Block],
    ) {
        let (mut pixel, pixels) = (0, self.from_pixels.len());
        while pixel < pixels {
            let rows = rows::<E, T>(pixels - pixel);
            match rows {
                5 if E::LARGE && T < 3 => self.tile::<E, 5, T>(sides, weights, first, pixel, to),
                4 if E::ROWS_OF_THREE == 4 || E::LARGE && T < 3 => {
                    self.tile::<E, 4, T>(sides, weights, first, pixel, to);
                }
                3 if E::ROWS_OF_THREE == 3 && T == 3 => {
                    self.tile::<E, 3, T>(sides, weights, first, pixel, to);
                }
                _ => self.tile::<E, 1, T>(sides, weights, first, pixel, to),
            }
            pixel += rows;
        }
    }

    /// `R` pixels of `T` blocks of channels.
    #[inline(always)]
    fn tile<E: Eight, const R: usize, const T: usize>(
        &self,
        sides: &Sides<'_>,
        weights: &[Block],
        first: usize,
        pixel: usize,
        to: &mut [Block],
    ) {
        let depth = self.from.map.depth();
        let starts = &self.from_pixels[pixel..pixel + R];
        let rows: [&[Block]; R] =
            std::array::from_fn(|r| &sides.from[starts[r]..starts[r] + depth]);
        let mut sums = start_sums::<E, R, T>(&self.bias[first..first + T]);
        for (k, weights) in (0..depth).zip(weights.chunks_exact(LANES * T)) {
            for half in 0..2 {
                let mut quads = [E::quad(&rows[0][k].0.as_chunks::<4>().0[half]); R];
                unroll!(r in R of 0 1 2 3 4 => quads[r] = E::quad(&rows[r][k].0.as_chunks::<4>().0[half]));
                unroll!(lane in 4 of 0 1 2 3 => {
                    let mut row = [E::splat(0.0); T];
                    unroll!(t in T of 0 1 2 => row[t] = E::load(&weights[(half * 4 + lane) * T + t]));
                    unroll!(r in R of 0 1 2 3 4 => unroll!(t in T of 0 1 2 => {
                        sums[r][t] = sums[r][t].add_scaled(row[t], quads[r], lane);
                    }));
                });
            }
        }
        activate(&mut sums, self.activation);
        if self.plus.is_some() {
            unroll!(r in R of 0 1 2 3 4 => {
                let start = self.plus_pixels[pixel + r] + first;
                let plus = &sides.plus[start..start + T];
                unroll!(t in T of 0 1 2 => sums[r][t] = sums[r][t].add(E::load(&plus[t])));
            });
        }
        unroll!(r in R of 0 1 2 3 4 => {
            let start = self.to_pixels[pixel + r] + first;
            let to = &mut to[start..start + T];
            unroll!(t in T of 0 1 2 => sums[r][t].store(&mut to[t]));
        });
    }
}
