//! Convolution of 1 x 1 pixels, which is also what a fully connected layer is: a matrix product
//! of pixels and weights, then bias, activation, and perhaps another map added. Tiles of some
//! pixels and two or three blocks of channels stay in registers while the inputs stream by.

use super::activation::Activation;
use super::layers::Weights;
use super::map::{Arena, Block, LANES, Place};
use super::simd::{Eight, Work};
use super::tile::{LOW, WIDEST, activate, panels};

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
        let most = if T == WIDEST { LOW } else { E::TALL };
        while pixel < pixels {
            let rows = (pixels - pixel).min(most);
            match rows {
                1 => self.tile::<E, 1, T>(sides, weights, first, pixel, to),
                2 => self.tile::<E, 2, T>(sides, weights, first, pixel, to),
                3 => self.tile::<E, 3, T>(sides, weights, first, pixel, to),
                4 => self.tile::<E, 4, T>(sides, weights, first, pixel, to),
                5 => self.tile::<E, 5, T>(sides, weights, first, pixel, to),
                _ => self.tile::<E, 6, T>(sides, weights, first, pixel, to),
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
        let bias: [E; T] = std::array::from_fn(|t| E::load(&self.bias[first + t]));
        let mut sums = [bias; R];
        for (k, weights) in (0..depth).zip(weights.chunks_exact(LANES * T)) {
            for half in 0..2 {
                let quads: [E::Quad<'_>; R] =
                    std::array::from_fn(|r| E::quad(&rows[r][k].0.as_chunks::<4>().0[half]));
                for lane in 0..LANES / 2 {
                    let at = (half * LANES / 2 + lane) * T;
                    let row: [E; T] = std::array::from_fn(|t| E::load(&weights[at + t]));
                    for (sums, quad) in sums.iter_mut().zip(quads) {
                        for (sum, row) in sums.iter_mut().zip(row) {
                            *sum = sum.add_scaled(row, quad, lane);
                        }
                    }
                }
            }
        }
        activate(&mut sums, self.activation);
        if self.plus.is_some() {
            for (sums, start) in sums.iter_mut().zip(&self.plus_pixels[pixel..pixel + R]) {
                let plus = &sides.plus[start + first..start + first + T];
                for (sum, plus) in sums.iter_mut().zip(plus) {
                    *sum = sum.add(E::load(plus));
                }
            }
        }
        for (sums, start) in sums.iter().zip(&self.to_pixels[pixel..pixel + R]) {
            let to = &mut to[start + first..start + first + T];
            for (sum, to) in sums.iter().zip(to) {
                sum.store(to);
            }
        }
    }
}
