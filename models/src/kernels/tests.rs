//! What the tests of kernels share: random numbers, every kind of processor there is here, and
//! maps filled and read in CHW order.

mod allocations;
mod graphs;
mod layers;

use super::map::{Arena, Block, LANES, Map, Place};
use super::simd::Isa;

/// The kinds of processor that this machine can be.
pub fn isas() -> Vec<Isa> {
    let mut isas = vec![Isa::Portable];
    if Isa::detect() != Isa::Portable {
        isas.push(Isa::detect());
    }
    isas
}

/// Repeatable numbers from -1 to 1.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        self.0 >> 33
    }

    pub fn floats(&mut self, count: usize) -> Vec<f32> {
        let mut one = || (self.next() % 20_001) as f32 / 10_000.0 - 1.0;
        (0..count).map(|_| one()).collect()
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.next() as usize % end
    }
}

/// An arena of one buffer for each map, all full of numbers that a kernel must not leave in.
pub fn arena(maps: &[Map]) -> (Vec<Place>, Arena) {
    let places = maps
        .iter()
        .enumerate()
        .map(|(buffer, map)| Place { buffer, map: *map });
    let garbage = Block([1e9; LANES]);
    let buffers = maps.iter().map(|map| vec![garbage; map.len() + 3]);
    let arena = Arena {
        input: Vec::new(),
        buffers: buffers.collect(),
    };
    (places.collect(), arena)
}

/// Writes a map as the layer before would have.
pub fn fill(arena: &mut Arena, place: &Place, numbers: &[f32]) {
    let map = place.map;
    let blocks = &mut arena.buffers[place.buffer];
    blocks[..map.len()].fill(Block::ZERO);
    for (at, number) in numbers.iter().enumerate() {
        let (channel, pixel) = (at / (map.height * map.width), at % (map.height * map.width));
        let block = map.pixel(pixel / map.width, pixel % map.width) + channel / LANES;
        blocks[block].0[channel % LANES] = *number;
    }
}

/// Reads a map and sees to it that its border is zero.
pub fn read(arena: &Arena, place: &Place) -> Vec<f32> {
    let map = place.map;
    let mut blocks = arena.buffers[place.buffer].clone();
    let mut numbers = Vec::new();
    for channel in 0..map.channels {
        for block in map.pixels() {
            numbers.push(blocks[block + channel / LANES].0[channel % LANES]);
        }
    }
    for block in map.pixels() {
        blocks[block..block + map.depth()].fill(Block::ZERO);
    }
    assert!(
        blocks[..map.len()]
            .iter()
            .all(|block| *block == Block::ZERO)
    );
    numbers
}

/// Sees to it that two answers are the same but for rounding.
pub fn assert_near(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (at, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() < 1e-4, "{what}: {a} at {at}, not {b}");
    }
}
