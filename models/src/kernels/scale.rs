//! Multiplies each channel of a map, in place, by the number that a map of one pixel has for it.

use super::map::{Arena, Block, Map, Place};
use super::number::Number;
use super::simd::{Eight, Work};

/// Blocks whose factors stay in registers for a whole map.
const WIDE: usize = 4;

/// The layer.
#[derive(Clone, Debug)]
pub struct Scale {
    /// What is multiplied.
    pub map: Place,
    /// One pixel of as many channels.
    pub factor: Place,
}

/// A layer and the memory it works in.
pub struct Run<'a, N: Number>(pub &'a Scale, pub &'a mut Arena<N>);

impl<N: Number> Work<N> for Run<'_, N> {
    #[inline(always)]
    fn run<E: Eight<Number = N>>(self) {
        let Run(layer, arena) = self;
        let mut blocks = arena.take(&layer.map);
        let map = layer.map.map;
        let factor = &arena.read(&layer.factor)[..map.depth()];
        let (wide, rest) = factor.as_chunks::<WIDE>();
        for (n, factor) in wide.iter().enumerate() {
            multiply::<E, WIDE>(map, &mut blocks, n * WIDE, factor);
        }
        for (n, factor) in rest.iter().enumerate() {
            multiply::<E, 1>(map, &mut blocks, wide.len() * WIDE + n, &[*factor]);
        }
        arena.put(&layer.map, blocks);
    }
}

/// Multiplies `N` blocks of every pixel, from block `first`.
#[inline(always)]
fn multiply<E: Eight, const N: usize>(
    map: Map,
    blocks: &mut [Block<E::Number>],
    first: usize,
    factor: &[Block<E::Number>; N],
) {
    let factor = factor.each_ref().map(E::load);
    for y in 0..map.height {
        let start = map.pixel(y, 0);
        let row = &mut blocks[start..start + map.width * map.depth()];
        for pixel in row.chunks_exact_mut(map.depth()) {
            for (block, factor) in pixel[first..first + N].iter_mut().zip(factor) {
                E::load(block).mul(factor).store(block);
            }
        }
    }
}
