//! The network in libtorch: one interpreter of `arch`'s steps. Owns the trainable tensors and
//! nothing of the training loop.

mod layer;
mod moments;
mod reconstruct;

use std::ops::Range;

use tch::nn::VarStore;
use tch::{Device, Kind, TchError, Tensor};

use layer::{Layer, Mode};
pub use moments::{Moments, moments};

use crate::arch::{Arch, Step, feature_module};
use crate::train::Precision;
use crate::weights::{self, Array, Weights, WeightsError};

/// Name prefix of the last layer, whose shape depends on the classes.
const HEAD: &str = "classifier.3.";

/// Share of each batch in the running statistics, as the published networks have it.
const NORM_MOMENTUM: f64 = 0.01;

/// A network with its tensors on one device.
#[derive(Debug)]
pub struct Net {
    arch: Arch,
    store: VarStore,
    layers: Vec<Layer>,
    /// The feature module of each layer; none for the classifier's.
    modules: Vec<Option<usize>>,
    trained_from: usize,
    norm_momentum: f64,
    precision: Precision,
}

impl Net {
    /// The network with random weights, as torchvision initialises it: He normal (fan out) for
    /// convolutions, N(0, 0.01) for the classifier, zero biases.
    pub fn new(arch: &Arch, device: Device) -> Self {
        let store = VarStore::new(device);
        let layers = arch
            .steps
            .iter()
            .map(|step| Layer::new(&store, step))
            .collect();
        Self {
            arch: arch.clone(),
            store,
            layers,
            modules: arch.steps.iter().map(module).collect(),
            trained_from: 0,
            norm_momentum: NORM_MOMENTUM,
            precision: Precision::Float32,
        }
    }

    /// The same on the processor.
    pub fn on_processor(arch: &Arch) -> Self {
        Self::new(arch, Device::Cpu)
    }

    /// The steps it interprets.
    pub fn arch(&self) -> &Arch {
        &self.arch
    }

    /// Where its tensors are.
    pub fn device(&self) -> Device {
        self.store.device()
    }

    /// Its tensors, for an optimiser.
    pub fn store(&self) -> &VarStore {
        &self.store
    }

    /// How many feature modules there are before the classifier: `features.0` and on.
    pub fn feature_modules(&self) -> usize {
        self.modules
            .iter()
            .flatten()
            .max()
            .map_or(0, |last| last + 1)
    }

    /// Trains the feature modules from `first` on and the classifier; those before keep their
    /// weights and statistics. With `first` the number of modules it is the classifier alone.
    pub fn train_from(&mut self, first: usize) {
        self.trained_from = first;
        for (name, tensor) in self.store.variables() {
            if let Some(module) = feature_module(&name)
                && !name.contains(".running_")
            {
                let _ = tensor.set_requires_grad(module >= first);
            }
        }
    }

    /// How numbers are held while features are computed.
    pub fn set_precision(&mut self, precision: Precision) {
        self.precision = precision;
    }

    /// Tells how many steps were trained: the share of each batch in the running statistics
    /// starts at a half and falls to the published 0.01 within 500 steps. From the start 0.01
    /// would remember the initial statistics for longer than a short run lasts.
    pub fn set_step(&mut self, step: u64) {
        self.norm_momentum = (5.0 / (10.0 + step as f64)).max(NORM_MOMENTUM);
    }

    /// Logits `[n, classes]` of inputs `[n, 3, height, width]`.
    pub fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, TchError> {
        self.through(0..self.layers.len(), input, train, true)
    }

    /// Gives every normalisation the statistics of its inputs for these network inputs
    /// `[n, 3, height, width]`, and a scale and shift that undo them, so that the network computes
    /// what it did before. A network with folded normalisations can be trained on after that.
    pub fn renormalise(&mut self, input: &Tensor) -> Result<(), TchError> {
        tch::no_grad(|| {
            let mode = Mode {
                train: false,
                move_statistics: false,
                norm_momentum: self.norm_momentum,
            };
            let (mut x, mut kept) = (input.f_to_kind(Kind::Float)?, None);
            for layer in &mut self.layers {
                layer.renormalise(&x)?;
                x = layer.forward(x, &mut kept, &mode)?;
            }
            Ok(())
        })
    }

    /// Shows each step and what it is given for inputs `[n, 3, height, width]`.
    pub fn watched(
        &self,
        input: &Tensor,
        watch: &mut dyn FnMut(&Step, &Tensor) -> Result<(), TchError>,
    ) -> Result<(), TchError> {
        let mode = Mode {
            train: false,
            move_statistics: false,
            norm_momentum: self.norm_momentum,
        };
        let (mut x, mut kept) = (input.f_to_kind(Kind::Float)?, None);
        for (step, layer) in self.arch.steps.iter().zip(&self.layers) {
            watch(step, &x)?;
            x = layer.forward(x, &mut kept, &mode)?;
        }
        Ok(())
    }

    /// What feature module `module` is given for inputs `[n, 3, height, width]`; the classifier
    /// comes after the last module.
    pub fn front(&self, input: &Tensor, module: usize) -> Result<Tensor, TchError> {
        self.through(0..self.first_layer(module), input, false, false)
    }

    /// Logits of what [`Net::front`] gave. Statistics stay as they are; `dropout` may act.
    pub fn back(&self, front: &Tensor, module: usize, dropout: bool) -> Result<Tensor, TchError> {
        self.through(
            self.first_layer(module)..self.layers.len(),
            front,
            dropout,
            false,
        )
    }

    /// The layer that a module begins with: its first convolution, or what opens the residual
    /// around it.
    fn first_layer(&self, module: usize) -> usize {
        let own = |found: &Option<usize>| found.is_some_and(|found| found >= module);
        let Some(first) = self.modules.iter().position(own) else {
            let pool = |step: &Step| *step == Step::MeanPool;
            return self.arch.steps.iter().position(pool).unwrap_or(0);
        };
        match self.arch.steps.get(first.wrapping_sub(1)) {
            Some(Step::Keep) => first - 1,
            _ => first,
        }
    }

    /// What the last layer sees of inputs `[n, 3, height, width]`: `[n, 1024]` of a small
    /// network as published, `[n, 1280]` of any other.
    pub fn embed(&self, input: &Tensor) -> Result<Tensor, TchError> {
        self.through(0..self.layers.len().saturating_sub(1), input, false, false)
    }

    fn through(
        &self,
        layers: Range<usize>,
        input: &Tensor,
        train: bool,
        move_statistics: bool,
    ) -> Result<Tensor, TchError> {
        let kind = match self.precision {
            Precision::Float32 => Kind::Float,
            Precision::Bfloat16 => Kind::BFloat16,
        };
        let mut x = input.f_to_kind(kind)?;
        let mut kept = None;
        for (layer, module) in self.layers[layers.clone()]
            .iter()
            .zip(&self.modules[layers])
        {
            let mode = Mode {
                train,
                move_statistics: train
                    && move_statistics
                    && module.is_some_and(|m| m >= self.trained_from),
                norm_momentum: self.norm_momentum,
            };
            x = layer.forward(x, &mut kept, &mode)?;
        }
        Ok(x)
    }

    /// Takes over weights. The last layer keeps its own when the classes differ in number, and
    /// then the answer is true. Errors name what is missing or has another shape.
    pub fn load(&mut self, weights: &Weights, origin: &str) -> Result<bool, WeightsError> {
        self.load_features(weights, origin)?;
        let head = self.tensors(|name| name.starts_with(HEAD));
        let architecture = self.arch.variant.architecture();
        let fits = match weights::check(weights, &head, architecture, origin) {
            Ok(()) => true,
            Err(WeightsError::Shape { .. }) => false,
            Err(missing) => return Err(missing),
        };
        if fits {
            self.copy(weights, &head);
        }
        Ok(!fits)
    }

    /// Takes over all weights but the last layer's.
    pub fn load_features(&mut self, weights: &Weights, origin: &str) -> Result<(), WeightsError> {
        let features = self.tensors(|name| !name.starts_with(HEAD));
        let architecture = self.arch.variant.architecture();
        weights::check(weights, &features, architecture, origin)?;
        self.copy(weights, &features);
        Ok(())
    }

    fn tensors(&self, wanted: impl Fn(&str) -> bool) -> Vec<(String, Vec<usize>)> {
        let mut tensors = self.arch.tensors();
        tensors.retain(|(name, _)| wanted(name));
        tensors
    }

    /// Takes over every array of `weights`, which must be this network's exactly.
    pub fn load_all(&mut self, weights: &Weights, origin: &str) -> Result<(), WeightsError> {
        let expected = self.arch.tensors();
        weights::check(weights, &expected, self.arch.variant.architecture(), origin)?;
        self.copy(weights, &expected);
        Ok(())
    }

    fn copy(&self, weights: &Weights, taken: &[(String, Vec<usize>)]) {
        let mut variables = self.store.variables();
        tch::no_grad(|| {
            for (name, shape) in taken {
                let shape: Vec<i64> = shape.iter().map(|n| *n as i64).collect();
                let values = Tensor::from_slice(&weights[name].values).view(shape.as_slice());
                if let Some(variable) = variables.get_mut(name) {
                    variable.copy_(&values);
                }
            }
        });
    }

    /// A copy of every tensor.
    pub fn weights(&self) -> Weights {
        let arrays = self.store.variables().into_iter().map(|(name, tensor)| {
            let shape = tensor.size().iter().map(|n| *n as usize).collect();
            (
                name,
                Array {
                    shape,
                    values: values(&tensor),
                },
            )
        });
        arrays.collect()
    }
}

/// The feature module that a step with normalisation belongs to.
fn module(step: &Step) -> Option<usize> {
    match step {
        Step::Conv(conv) => feature_module(&conv.name),
        _ => None,
    }
}

/// Sets where libtorch's random numbers (initial weights, dropout) start from.
pub fn seed(seed: u64) {
    tch::manual_seed(seed.cast_signed());
}

/// A matrix's rows.
pub fn rows(matrix: &Tensor) -> Vec<Vec<f32>> {
    let width = matrix.size().last().map_or(1, |n| *n as usize).max(1);
    values(matrix).chunks(width).map(<[f32]>::to_vec).collect()
}

/// A tensor's numbers, row-major.
pub fn values(tensor: &Tensor) -> Vec<f32> {
    let flat = tensor
        .detach()
        .to_device(Device::Cpu)
        .to_kind(Kind::Float)
        .contiguous()
        .flatten(0, -1);
    let mut values = vec![0.0; flat.numel()];
    flat.copy_data(&mut values, flat.numel());
    values
}

#[cfg(test)]
mod reference;

#[cfg(test)]
mod tests;
