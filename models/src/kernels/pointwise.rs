//! Convolution of 1 x 1 pixels, which is also what a fully connected layer is: a matrix product
//! of pixels and weights, then bias, activation, and perhaps another map added. Tiles of some
//! pixels and two or three blocks of channels stay in registers while the inputs stream by.

use super::activation::Activation;
use super::layers::Weights;
use super::map::{Arena, Block, LANES, Map, Place};
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
    pixels: Vec<Pixel>,
}

impl Pointwise {
    /// The weights have a row of `from`'s channels for each of `to`'s.
    pub fn new((from, to): (Place, Place), plus: Option<Place>, weights: &Weights) -> Self {
        let panels = panels(to.map.depth());
        let (inputs, outputs) = (from.map.channels, to.map.channels);
        let activation = weights.activation;
        let (kernels, bias) = activation.fold(weights);
        let mut packed = Vec::with_capacity(from.map.depth() * LANES * to.map.depth());
        let mut first = 0;
        for panel in &panels {
            let start = packed.len();
            packed.resize(start + from.map.depth() * LANES * panel, Block::ZERO);
            let panel_weights = &mut packed[start..];
            let rows = kernels.chunks_exact(inputs).enumerate();
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
            activation,
            panels,
            weights: packed,
            bias: Block::pack(&bias),
            pixels: pixels(from.map, to.map, plus.map(|plus| plus.map)),
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
        let depth = layer.from.map.depth();
        let sides = Sides {
            from: &arena.read(&layer.from)[..layer.from.map.len()],
            plus: layer.plus.map(|plus| &arena.read(&plus)[..plus.map.len()]),
        };
        let own = &mut to[..layer.to.map.len()];
        let (mut first, mut weights) = (0, layer.weights.as_slice());
        for panel in &layer.panels {
            let (own_weights, rest) = weights.split_at(depth * LANES * panel);
            weights = rest;
            match panel {
                1 => layer.panel::<E, 1>(&sides, own_weights, first, own),
                2 => layer.panel::<E, 2>(&sides, own_weights, first, own),
                _ => layer.panel::<E, 3>(&sides, own_weights, first, own),
            }
            first += panel;
        }
        arena.put(&layer.to, to);
    }
}

/// What is read: whole maps.
struct Sides<'a> {
    from: &'a [Block],
    plus: Option<&'a [Block]>,
}

/// Where one pixel begins in each of the maps, in blocks.
#[derive(Clone, Copy, Debug)]
struct Pixel {
    from: usize,
    to: usize,
    plus: usize,
}

/// The pixels of maps of the same height and width.
fn pixels(from: Map, to: Map, plus: Option<Map>) -> Vec<Pixel> {
    let plus = plus.unwrap_or(to);
    let maps = from
        .pixels()
        .into_iter()
        .zip(to.pixels())
        .zip(plus.pixels());
    let pixel = |((from, to), plus)| Pixel { from, to, plus };
    maps.map(pixel).collect()
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
        let mut pixels = self.pixels.as_slice();
        while !pixels.is_empty() {
            let rows = rows::<E, T>(pixels.len());
            let (own, rest) = pixels.split_at(rows);
            pixels = rest;
            match rows {
                5 if E::LARGE && T < 3 => self.tile::<E, 5, T>(sides, weights, first, own, to),
                4 if E::ROWS_OF_THREE == 4 || E::LARGE && T < 3 => {
                    self.tile::<E, 4, T>(sides, weights, first, own, to);
                }
                3 if E::ROWS_OF_THREE == 3 && T == 3 => {
                    self.tile::<E, 3, T>(sides, weights, first, own, to);
                }
                _ => self.tile::<E, 1, T>(sides, weights, first, own, to),
            }
        }
    }

    /// `R` pixels of `T` blocks of channels.
    #[inline(always)]
    fn tile<E: Eight, const R: usize, const T: usize>(
        &self,
        sides: &Sides<'_>,
        weights: &[Block],
        first: usize,
        pixels: &[Pixel],
        to: &mut [Block],
    ) {
        let Some(pixels) = pixels.first_chunk::<R>() else {
            return;
        };
        let depth = self.from.map.depth();
        let mut rows = [std::ptr::null::<f32>(); R];
        unroll!(r in R of 0 1 2 3 4 => {
            rows[r] = sides.from.as_ptr().wrapping_add(pixels[r].from).cast();
        });
        let mut sums = start_sums::<E, R, T>(&self.bias[first..first + T]);
        let weights = weights[..depth * LANES * T].as_ptr();
        // SAFETY: rows have `depth` blocks of eight numbers, weights `T` blocks for each number.
        unsafe { E::add_products(&mut sums, rows, weights, LANES / 4 * depth) };
        activate(&mut sums, self.activation);
        if let Some(plus) = sides.plus {
            unroll!(r in R of 0 1 2 3 4 => {
                let plus = plus.as_ptr().wrapping_add(pixels[r].plus + first);
                // SAFETY: the pixel lies in the map and has `T` blocks from `first`.
                let plus = unsafe { E::load_row::<T>(plus) };
                unroll!(t in T of 0 1 2 => sums[r][t] = sums[r][t].add(plus[t]));
            });
        }
        unroll!(r in R of 0 1 2 3 4 => {
            let to = to.as_mut_ptr().wrapping_add(pixels[r].to + first);
            // SAFETY: as above.
            unroll!(t in T of 0 1 2 => unsafe { sums[r][t].store_at(to.wrapping_add(t)) });
        });
    }
}
