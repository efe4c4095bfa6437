//! The layers that there are kernels for, as `plan` finds them in a graph: which map each reads
//! and writes, with which weights. Not where the maps lie.

use super::activation::Activation;
use super::map::Map;
use super::stem::Planes;

/// A network as its layers, in the order in which they run.
#[derive(Debug)]
pub struct Layers {
    /// The picture.
    pub input: Planes,
    /// The feature maps, by their numbers in [`Layer`].
    pub maps: Vec<Map>,
    /// What is done.
    pub layers: Vec<Layer>,
    /// The map that is the answer; it has one pixel.
    pub output: usize,
}

/// One layer. The numbers of maps are indices in [`Layers::maps`].
#[derive(Debug)]
pub struct Layer {
    /// What is done.
    pub kind: Kind,
    /// The map that is read; none when it is the picture.
    pub from: Option<usize>,
    /// The map that is written.
    pub to: usize,
}

/// What a layer does.
#[derive(Debug)]
pub enum Kind {
    /// The first convolution, see [`super::stem`].
    Stem(Weights),
    /// A convolution of each channel, see [`super::depthwise`].
    Depthwise {
        /// Side of the kernel.
        kernel: usize,
        /// Step in both directions.
        stride: usize,
        /// Its weights.
        weights: Weights,
    },
    /// A matrix product, see [`super::pointwise`].
    Pointwise {
        /// Its weights.
        weights: Weights,
        /// The map that is added after the activation.
        plus: Option<usize>,
    },
    /// The mean over all pixels, see [`super::mean`].
    Mean,
    /// A product channel by channel, in place, see [`super::scale`].
    Scale {
        /// The map of one pixel with the factors.
        factor: usize,
    },
}

/// Weights in ONNX's order: output channel, input channel, row, column.
#[derive(Debug)]
pub struct Weights {
    /// The kernels.
    pub kernels: Vec<f32>,
    /// A number for each output channel.
    pub bias: Vec<f32>,
    /// What follows.
    pub activation: Activation,
}

impl Layer {
    /// The weights, if the layer has any.
    pub fn weights(&mut self) -> Option<&mut Weights> {
        match &mut self.kind {
            Kind::Stem(weights)
            | Kind::Depthwise { weights, .. }
            | Kind::Pointwise { weights, .. } => Some(weights),
            Kind::Mean | Kind::Scale { .. } => None,
        }
    }

    /// Every map that the layer reads.
    pub fn reads(&self) -> impl Iterator<Item = usize> {
        let further = match self.kind {
            Kind::Pointwise { plus, .. } => plus,
            Kind::Scale { factor } => Some(factor),
            _ => None,
        };
        self.from.into_iter().chain(further)
    }
}
