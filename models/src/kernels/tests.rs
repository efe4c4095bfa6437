//! What the tests of kernels share: random numbers, every kind of processor there is here, and
//! maps filled and read in CHW order.

mod allocations;
mod graphs;
mod halves;
mod layers;

use prost::Message;
use tract_onnx::pb::ModelProto;

use super::map::{Arena, Block, LANES, Map, Place};
use super::number::{Number, Rounded};
use super::simd::{Processor, Single};
use crate::Bundle;

/// The network that ships.
fn shipped() -> ModelProto {
    ModelProto::decode(Bundle::shipped().unwrap().model()).unwrap()
}

/// A MobileNetV3-small with an eighth of its channels, for twelve classes: it has
/// squeeze-and-excite and hard swish.
fn mobilenet() -> ModelProto {
    ModelProto::decode(include_bytes!("tests/mobilenet_v3_small.onnx").as_slice()).unwrap()
}

/// The processors with floats that this machine can be.
pub fn singles() -> Vec<Single> {
    let mut singles = vec![Single::Portable];
    if Single::detect() != Single::Portable {
        singles.push(Single::detect());
    }
    singles
}

/// Does something with every kind of processor that this machine can be.
macro_rules! on_every {
    ($processor:ident => $body:block) => {
        for $processor in crate::kernels::tests::singles() $body
        {
            let $processor = crate::kernels::simd::EmulatedHalf;
            $body
        }
        #[cfg(target_arch = "aarch64")]
        if let Some($processor) = crate::kernels::simd::NativeHalf::detect() $body
    };
}

use on_every;

/// How near an answer must be to one by plain loops over floats.
pub trait Precision: Number {
    /// The largest difference, for sums that stay near 1.
    const TOLERANCE: f32;
}

impl Precision for f32 {
    const TOLERANCE: f32 = 1e-4;
}

/// A half at 1 is right to 1/2048, and a sum is rounded at every term.
impl Precision for Rounded {
    const TOLERANCE: f32 = 0.02;
}

#[cfg(target_arch = "aarch64")]
impl Precision for super::half::Half {
    const TOLERANCE: f32 = Rounded::TOLERANCE;
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
pub fn arena<P: Processor>(_: P, maps: &[Map]) -> (Vec<Place>, Arena<P::Number>) {
    let places = maps
        .iter()
        .enumerate()
        .map(|(buffer, map)| Place { buffer, map: *map });
    let garbage = Block::nearest([1e9; LANES]);
    let buffers = maps.iter().map(|map| vec![garbage; map.len() + 3]);
    let arena = Arena {
        input: Vec::new(),
        buffers: buffers.collect(),
    };
    (places.collect(), arena)
}

/// Writes a map as the layer before would have.
pub fn fill<N: Number>(arena: &mut Arena<N>, place: &Place, numbers: &[f32]) {
    let map = place.map;
    let blocks = &mut arena.buffers[place.buffer];
    blocks[..map.len()].fill(Block::ZERO);
    for (at, number) in numbers.iter().enumerate() {
        let (channel, pixel) = (at / (map.height * map.width), at % (map.height * map.width));
        let block = map.pixel(pixel / map.width, pixel % map.width) + channel / LANES;
        blocks[block].0[channel % LANES] = N::nearest([*number; LANES])[0];
    }
}

/// Reads a map and sees to it that its border is zero.
pub fn read<N: Number>(arena: &Arena<N>, place: &Place) -> Vec<f32> {
    let map = place.map;
    let mut blocks = arena.buffers[place.buffer].clone();
    let mut numbers = Vec::new();
    for channel in 0..map.channels {
        for block in map.pixels() {
            numbers.push(blocks[block + channel / LANES].0[channel % LANES].value());
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
pub fn assert_near<P: Processor<Number: Precision>>(
    processor: P,
    found: &[f32],
    expected: &[f32],
    what: &str,
) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (at, (a, b)) in found.iter().zip(expected).enumerate() {
        let near = (a - b).abs() < P::Number::TOLERANCE;
        assert!(near, "{processor:?}, {what}: {a} at {at}, not {b}");
    }
}
