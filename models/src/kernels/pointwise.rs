//! Convolution of 1 x 1 pixels, which is also what a fully connected layer is: a matrix product
//! of pixels and weights, then bias, activation, and perhaps another map added. Tiles of some
//! pixels and two or three blocks of channels stay in registers while the inputs stream by.

use super::activation::Activation;
use super::layers::Weights;
use super::map::{Arena, Block, LANES, Map, Place};
use super::number::Number;
use super::simd::{Eight, Work};
use super::tile::{activate, panels, rows, start_sums};
use super::unroll::unroll;

/// The layer with its weights as the kernel reads them.
#[derive(Clone, Debug)]
pub struct Pointwise<N: Number> {
    from: Place,
    to: Place,
    plus: Option<Place>,
    activation: Activation,
    /// Blocks of output channels that are computed together, 1 to 3 each.
    panels: Vec<usize>,
    /// For each panel, for each input channel, the panel's blocks.
    weights: Vec<Block<N>>,
    bias: Vec<Block<N>>,
    pixels: Vec<Pixel>,
}

impl<N: Number> Pointwise<N> {
    /// The weights have a row of `from`'s channels for each of `to`'s.
    pub fn new((from, to): (Place, Place), plus: Option<Place>, weights: &Weights) -> Self {
        let panels = panels::<N>(to.map.depth());
        let activation = weights.activation;
        let (factor, _) = activation.folded();
        let inputs = from.map.channels;
        let mut packed = vec![Block::ZERO; from.map.depth() * LANES * to.map.depth()];
        let (mut left, mut first) = (packed.as_mut_slice(), 0);
        for panel in &panels {
            let (own, rest) = left.split_at_mut(from.map.depth() * LANES * panel);
            for block in 0..*panel {
                let rows = weights.kernels.chunks(inputs * LANES).nth(first + block);
                pack(
                    rows.unwrap_or_default(),
                    inputs,
                    factor,
                    (own, block, *panel),
                );
            }
            (left, first) = (rest, first + panel);
        }
        Self {
            from,
            to,
            plus,
            activation,
            panels,
            weights: packed,
            bias: activation.bias(&weights.bias),
            pixels: pixels(from.map, to.map, plus.map(|plus| plus.map)),
        }
    }
}

impl<N: Number> Pointwise<N> {
    /// Whether there is a single pixel: a fully connected layer.
    pub fn is_of_vectors(&self) -> bool {
        self.pixels.len() == 1
    }
}

/// The rows of eight output channels, at most, times a factor, as columns: the weights of every
/// input channel go to `block`, and from there on to every `panel`th.
fn pack<N: Number>(
    rows: &[f32],
    inputs: usize,
    factor: f32,
    (to, block, panel): (&mut [Block<N>], usize, usize),
) {
    let mut columns = to.iter_mut().skip(block).step_by(panel);
    let rows = || rows.chunks_exact(inputs).zip(0..LANES);
    for first in (0..inputs).step_by(LANES) {
        let mut square = [Block::<f32>::ZERO; LANES];
        for (row, lane) in rows() {
            match row[first..].first_chunk::<LANES>() {
                Some(eight) => square[lane].0 = *eight,
                None => square[lane].0[..inputs - first].copy_from_slice(&row[first..]),
            }
        }
        for (column, to) in (0..LANES).zip(&mut columns) {
            *to = Block::nearest(std::array::from_fn(|lane| square[lane].0[column] * factor));
        }
    }
}

/// A layer and the memory it works in.
pub struct Run<'a, N: Number>(pub &'a Pointwise<N>, pub &'a mut Arena<N>);

impl<N: Number> Work<N> for Run<'_, N> {
    #[inline(always)]
    fn run<E: Eight<Number = N>>(self) {
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
struct Sides<'a, N: Number> {
    from: &'a [Block<N>],
    plus: Option<&'a [Block<N>]>,
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

impl<N: Number> Pointwise<N> {
    /// All pixels of `T` blocks of channels, from block `first`.
    #[inline(always)]
    fn panel<E: Eight<Number = N>, const T: usize>(
        &self,
        sides: &Sides<'_, N>,
        weights: &[Block<N>],
        first: usize,
        to: &mut [Block<N>],
    ) {
        let mut pixels = self.pixels.as_slice();
        while !pixels.is_empty() {
            let rows = rows::<E, T>(pixels.len());
            let (own, rest) = pixels.split_at(rows);
            pixels = rest;
            match rows {
                8 if E::EIGHTS && T < 3 => self.tile::<E, 8, T>(sides, weights, first, own, to),
                7 if E::ROWS_OF_THREE == 7 && T == 3 => {
                    self.tile::<E, 7, T>(sides, weights, first, own, to);
                }
                5 if E::LARGE && T < 3 => self.tile::<E, 5, T>(sides, weights, first, own, to),
                4 if E::ROWS_OF_THREE >= 4 || E::LARGE && T < 3 => {
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
    fn tile<E: Eight<Number = N>, const R: usize, const T: usize>(
        &self,
        sides: &Sides<'_, N>,
        weights: &[Block<N>],
        first: usize,
        pixels: &[Pixel],
        to: &mut [Block<N>],
    ) {
        let Some(pixels) = pixels.first_chunk::<R>() else {
            return;
        };
        let depth = self.from.map.depth();
        let mut rows = [std::ptr::null::<N>(); R];
        unroll!(r in R of 0 1 2 3 4 5 6 7 => {
            rows[r] = sides.from.as_ptr().wrapping_add(pixels[r].from).cast();
        });
        let mut sums = start_sums::<E, R, T>(&self.bias[first..first + T]);
        let weights = weights[..depth * LANES * T].as_ptr();
        // SAFETY: rows have `depth` blocks of eight numbers, weights `T` blocks for each number.
        unsafe { E::add_products(&mut sums, rows, weights, LANES / 4 * depth) };
        activate(&mut sums, self.activation);
        if let Some(plus) = sides.plus {
            unroll!(r in R of 0 1 2 3 4 5 6 7 => {
                let plus = plus.as_ptr().wrapping_add(pixels[r].plus + first);
                // SAFETY: the pixel lies in the map and has `T` blocks from `first`.
                let plus = unsafe { E::load_row::<T>(plus) };
                unroll!(t in T of 0 1 2 => sums[r][t] = sums[r][t].add(plus[t]));
            });
        }
        unroll!(r in R of 0 1 2 3 4 5 6 7 => {
            let to = to.as_mut_ptr().wrapping_add(pixels[r].to + first);
            // SAFETY: as above.
            unroll!(t in T of 0 1 2 => unsafe { sums[r][t].store_at(to.wrapping_add(t)) });
        });
    }
}
