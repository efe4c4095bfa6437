//! The mean of each channel over a whole map: of the rows' means, because the sum of all pixels may be
//! more than a half can hold.

use super::map::{Arena, Block, Place};
use super::number::Number;
use super::simd::{Eight, Work};

/// The layer: from a map to one of a single pixel.
#[derive(Clone, Debug)]
pub struct Mean {
    /// What is averaged.
    pub from: Place,
    /// One pixel.
    pub to: Place,
}

/// A layer and the memory it works in.
pub struct Run<'a, N: Number>(pub &'a Mean, pub &'a mut Arena<N>);

impl<N: Number> Work<N> for Run<'_, N> {
    #[inline(always)]
    fn run<E: Eight<Number = N>>(self) {
        let Run(layer, arena) = self;
        let mut to = arena.take(&layer.to);
        let from = arena.read(&layer.from);
        let depth = layer.from.map.depth();
        // Four sums at a time: one alone would wait for each addition.
        let mut first = 0;
        while first < depth {
            let blocks = (depth - first).min(4);
            match blocks {
                4 => layer.blocks::<E, 4>(from, &mut to, first),
                3 => layer.blocks::<E, 3>(from, &mut to, first),
                2 => layer.blocks::<E, 2>(from, &mut to, first),
                _ => layer.blocks::<E, 1>(from, &mut to, first),
            }
            first += blocks;
        }
        arena.put(&layer.to, to);
    }
}

impl Mean {
    #[inline(always)]
    fn blocks<E: Eight, const N: usize>(
        &self,
        from: &[Block<E::Number>],
        to: &mut [Block<E::Number>],
        first: usize,
    ) {
        let map = self.from.map;
        let (pixel, line) = (1.0 / map.width as f32, 1.0 / map.height as f32);
        let (pixel, line) = (E::splat(pixel), E::splat(line));
        let mut means = [E::splat(0.0); N];
        for y in 0..map.height {
            let row = &from[map.pixel(y, 0)..map.pixel(y, 0) + map.width * map.depth()];
            let mut sums = [E::splat(0.0); N];
            for pixel in row.chunks_exact(map.depth()) {
                for (sum, block) in sums.iter_mut().zip(&pixel[first..first + N]) {
                    *sum = sum.add(E::load(block));
                }
            }
            for (mean, sum) in means.iter_mut().zip(sums) {
                *mean = mean.add_product(sum.mul(pixel), line);
            }
        }
        for (mean, to) in means.iter().zip(&mut to[first..first + N]) {
            mean.store(to);
        }
    }
}
