//! Multiplies each channel of a map, in place, by the number that a map of one pixel has for it.

use super::map::{Arena, Place};
use super::simd::{Eight, Work};

/// The layer.
#[derive(Clone, Debug)]
pub struct Scale {
    /// What is multiplied.
    pub map: Place,
    /// One pixel of as many channels.
    pub factor: Place,
}

/// A layer and the memory it works in.
pub struct Run<'a>(pub &'a Scale, pub &'a mut Arena);

impl Work for Run<'_> {
    #[inline(always)]
    fn run<E: Eight>(self) {
        let Run(layer, arena) = self;
        let mut blocks = arena.take(&layer.map);
        let map = layer.map.map;
        let factor = &arena.read(&layer.factor)[..map.depth()];
        for y in 0..map.height {
            let start = map.pixel(y, 0);
            let row = &mut blocks[start..start + map.width * map.depth()];
            for pixel in row.chunks_exact_mut(map.depth()) {
                for (block, factor) in pixel.iter_mut().zip(factor) {
                    E::load(block).mul(E::load(factor)).store(block);
                }
            }
        }
        arena.put(&layer.map, blocks);
    }
}
