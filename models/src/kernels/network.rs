//! A network laid out in memory: which buffer holds which map when, the weights packed, and the
//! steps run one after another. Allocates when it is made and never when it runs.

use super::depthwise::{self, Depthwise};
use super::layers::{Kind, Layer, Layers};
use super::map::{Arena, Block, Place};
use super::mean::{self, Mean};
use super::number::Number;
use super::pointwise::{self, Pointwise};
use super::scale::{self, Scale};
use super::simd::Processor;
use super::stem::{self, Planes, Stem};

/// A network ready to run in an [`Arena`] of its own making.
#[derive(Debug)]
pub struct Network<P: Processor> {
    processor: P,
    input: Planes,
    steps: Vec<Step<P::Number>>,
    /// Blocks of each buffer.
    buffers: Vec<usize>,
    output: Place,
}

#[derive(Debug)]
enum Step<N: Number> {
    Stem(Stem<N>),
    Depthwise(Depthwise<N>),
    Pointwise(Pointwise<N>),
    Mean(Mean),
    Scale(Scale),
}

impl<P: Processor> Network<P> {
    /// Lays the layers out and packs their weights, for this kind of processor.
    pub fn new(layers: &Layers, processor: P) -> Self {
        let (places, buffers) = places(layers);
        let steps = layers
            .layers
            .iter()
            .map(|layer| step(layers, layer, &places));
        Self {
            processor,
            input: layers.input,
            steps: steps.collect(),
            buffers,
            output: places[layers.output],
        }
    }

    /// The picture's shape: planes, rows, columns.
    pub fn input(&self) -> [usize; 3] {
        [self.input.count, self.input.height, self.input.width]
    }

    /// Numbers in the answer.
    pub fn outputs(&self) -> usize {
        self.output.map.channels
    }

    /// Memory to run in.
    pub fn arena(&self) -> Arena<P::Number> {
        let buffers = self.buffers.iter().map(|blocks| vec![Block::ZERO; *blocks]);
        Arena {
            input: vec![P::Number::ZERO; self.input.len()],
            buffers: buffers.collect(),
        }
    }

    /// The answer to a picture (CHW): [`Network::outputs`] numbers.
    pub fn run(&self, picture: &[f32], arena: &mut Arena<P::Number>, answer: &mut [f32]) {
        self.run_telling(picture, arena, answer, |_| ());
    }

    /// The same, calling `tell` when each layer is done with what kind it is; first of all with
    /// `picture` when that was taken over.
    pub fn run_telling(
        &self,
        picture: &[f32],
        arena: &mut Arena<P::Number>,
        answer: &mut [f32],
        mut tell: impl FnMut(&'static str),
    ) {
        self.input.fill(picture, &mut arena.input);
        tell("picture");
        for step in &self.steps {
            match step {
                Step::Stem(layer) => self.processor.run(stem::Run(layer, arena)),
                Step::Depthwise(layer) => self.processor.run(depthwise::Run(layer, arena)),
                Step::Pointwise(layer) => self.processor.run(pointwise::Run(layer, arena)),
                Step::Mean(layer) => self.processor.run(mean::Run(layer, arena)),
                Step::Scale(layer) => self.processor.run(scale::Run(layer, arena)),
            }
            tell(step.kind());
        }
        let blocks = arena.read(&self.output).iter();
        for (answer, number) in answer.iter_mut().zip(blocks.flat_map(|block| &block.0)) {
            *answer = number.value();
        }
    }
}

impl<N: Number> Step<N> {
    /// What it is, for a reader.
    fn kind(&self) -> &'static str {
        match self {
            Self::Stem(_) => "first convolution",
            Self::Depthwise(_) => "depthwise",
            Self::Pointwise(layer) if layer.is_of_vectors() => "fully connected",
            Self::Pointwise(_) => "pointwise",
            Self::Mean(_) => "mean",
            Self::Scale(_) => "squeeze-and-excite's product",
        }
    }
}

fn step<N: Number>(layers: &Layers, layer: &Layer, places: &[Place]) -> Step<N> {
    let to = places[layer.to];
    // Only the stem reads no map.
    let from = layer.from.map_or(to, |from| places[from]);
    match &layer.kind {
        Kind::Stem(weights) => Step::Stem(Stem::new(layers.input, to, weights)),
        Kind::Depthwise {
            kernel,
            stride,
            weights,
        } => Step::Depthwise(Depthwise::new((from, to), (*kernel, *stride), weights)),
        Kind::Pointwise { weights, plus } => {
            let plus = plus.map(|plus| places[plus]);
            Step::Pointwise(Pointwise::new((from, to), plus, weights))
        }
        Kind::Mean => Step::Mean(Mean { from, to }),
        Kind::Scale { factor } => Step::Scale(Scale {
            map: to,
            factor: places[*factor],
        }),
    }
}

/// The place of every map, and the blocks of every buffer. A map takes the smallest free buffer
/// that is large enough, else the largest free one, which grows.
fn places(layers: &Layers) -> (Vec<Place>, Vec<usize>) {
    let nowhere = |map: &_| Place {
        buffer: usize::MAX,
        map: *map,
    };
    let mut places: Vec<Place> = layers.maps.iter().map(nowhere).collect();
    let mut last_use: Vec<usize> = vec![0; places.len()];
    for (index, layer) in layers.layers.iter().enumerate() {
        for map in layer.reads().chain([layer.to]) {
            last_use[map] = index;
        }
    }
    last_use[layers.output] = usize::MAX;
    let (mut buffers, mut free) = (Vec::<usize>::new(), Vec::<usize>::new());
    for (index, layer) in layers.layers.iter().enumerate() {
        let place = &mut places[layer.to];
        if place.buffer == usize::MAX {
            let wanted = place.map.len();
            let best = (0..free.len()).min_by_key(|n| {
                let size = buffers[free[*n]];
                (size < wanted, size.abs_diff(wanted))
            });
            place.buffer = match best {
                Some(best) => free.swap_remove(best),
                None => {
                    buffers.push(0);
                    buffers.len() - 1
                }
            };
            buffers[place.buffer] = buffers[place.buffer].max(wanted);
        }
        for map in layer.reads().chain([layer.to]) {
            if last_use[map] == index && !free.contains(&places[map].buffer) {
                free.push(places[map].buffer);
            }
        }
    }
    (places, buffers)
}
