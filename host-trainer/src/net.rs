//! The network in libtorch: one interpreter of `arch`'s steps. Owns the trainable tensors and
//! nothing of the training loop.

mod layer;

use tch::nn::VarStore;
use tch::{Device, Kind, TchError, Tensor};

use layer::{Layer, Mode};

use crate::arch::{Arch, FEATURES};
use crate::weights::{self, Array, Weights, WeightsError};

/// Name prefix of the last layer, whose shape depends on the classes.
const HEAD: &str = "classifier.3.";

/// Parameter groups of the optimiser: weight decay applies to kernels alone.
pub const GROUP_DECAY: usize = 0;
/// Biases and normalisation, without weight decay.
pub const GROUP_NO_DECAY: usize = 1;

/// Share of each batch in the running statistics, as the published networks have it.
const NORM_MOMENTUM: f64 = 0.01;

/// A network with its tensors on one device.
#[derive(Debug)]
pub struct Net {
    arch: Arch,
    store: VarStore,
    layers: Vec<Layer>,
    frozen: bool,
    norm_momentum: f64,
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
            frozen: false,
            norm_momentum: NORM_MOMENTUM,
        }
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

    /// Trains the classifier alone; everything before it keeps its weights and statistics.
    pub fn freeze_features(&mut self) {
        self.frozen = true;
        for (name, tensor) in self.store.variables() {
            if name.starts_with(FEATURES) {
                let _ = tensor.set_requires_grad(false);
            }
        }
    }

    /// Tells how many steps were trained: the share of each batch in the running statistics
    /// starts at a half and falls to the published 0.01 within 500 steps. From the start 0.01
    /// would remember the initial statistics for longer than a short run lasts.
    pub fn set_step(&mut self, step: u64) {
        self.norm_momentum = (5.0 / (10.0 + step as f64)).max(NORM_MOMENTUM);
    }

    /// Logits `[n, classes]` of inputs `[n, 3, height, width]`.
    pub fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, TchError> {
        self.through(&self.layers, input, train)
    }

    /// What the last layer sees of inputs `[n, 3, height, width]`: `[n, 1024]` of a small
    /// network, `[n, 1280]` of a large one.
    pub fn embed(&self, input: &Tensor) -> Result<Tensor, TchError> {
        let before_last = self.layers.len().saturating_sub(1);
        self.through(&self.layers[..before_last], input, false)
    }

    fn through(&self, layers: &[Layer], input: &Tensor, train: bool) -> Result<Tensor, TchError> {
        let mode = Mode {
            train,
            train_features: train && !self.frozen,
            norm_momentum: self.norm_momentum,
        };
        let mut x = input.shallow_clone();
        let mut kept = None;
        for layer in layers {
            x = layer.forward(x, &mut kept, &mode)?;
        }
        Ok(x)
    }

    /// Takes over weights. The last layer keeps its own when the classes differ in number, and
    /// then the answer is true. Errors name what is missing or has another shape.
    pub fn load(&mut self, weights: &Weights, origin: &str) -> Result<bool, WeightsError> {
        let expected = self.arch.tensors();
        let architecture = self.arch.variant.architecture();
        let fit = |(name, _): &&(String, Vec<usize>)| !name.starts_with(HEAD);
        let features: Vec<_> = expected.iter().filter(fit).cloned().collect();
        weights::check(weights, &features, architecture, origin)?;
        let head: Vec<_> = expected.iter().filter(|e| !fit(e)).cloned().collect();
        let head_replaced = match weights::check(weights, &head, architecture, origin) {
            Ok(()) => false,
            Err(WeightsError::Shape { .. }) => true,
            Err(missing) => return Err(missing),
        };
        let variables = self.store.variables();
        let taken = if head_replaced { &features } else { &expected };
        let copies = taken.iter().map(|(name, _)| (name, &weights[name]));
        tch::no_grad(|| {
            for (name, array) in copies {
                let shape: Vec<i64> = array.shape.iter().map(|n| *n as i64).collect();
                let values = Tensor::from_slice(&array.values).view(shape.as_slice());
                if let Some(mut variable) = variables.get(name).map(Tensor::shallow_clone) {
                    variable.copy_(&values);
                }
            }
        });
        Ok(head_replaced)
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
mod tests {
    use super::*;
    use crate::arch::Variant;

    #[test]
    fn has_exactly_the_tables_tensors() {
        for variant in [Variant::Small, Variant::Large] {
            let arch = Arch::new(variant, 7);
            let weights = Net::new(&arch, Device::Cpu).weights();
            let mut expected = arch.tensors();
            expected.sort();
            let found: Vec<_> = weights
                .into_iter()
                .map(|(name, array)| (name, array.shape))
                .collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn takes_weights_over_and_replaces_only_the_head() {
        let thousand = Net::new(&Arch::new(Variant::Small, 1000), Device::Cpu).weights();
        let mut net = Net::new(&Arch::new(Variant::Small, 5), Device::Cpu);
        assert!(net.load(&thousand, "test").unwrap());
        let weights = net.weights();
        assert_eq!(
            weights["features.0.0.weight"],
            thousand["features.0.0.weight"]
        );
        assert_eq!(weights["classifier.0.bias"], thousand["classifier.0.bias"]);
        assert_eq!(weights["classifier.3.bias"].shape, [5]);
    }

    #[test]
    fn says_what_does_not_fit() {
        let small = Net::new(&Arch::new(Variant::Small, 5), Device::Cpu).weights();
        let mut large = Net::new(&Arch::new(Variant::Large, 5), Device::Cpu);
        let text = large.load(&small, "w.safetensors").unwrap_err().to_string();
        assert!(text.starts_with("w.safetensors"), "{text}");
        assert!(text.contains("mobilenet_v3_large"), "{text}");
    }

    #[test]
    fn freezing_leaves_the_classifier_to_train() {
        let arch = Arch::new(Variant::Small, 10);
        let mut net = Net::new(&arch, Device::Cpu);
        net.freeze_features();
        let trainable = net
            .store()
            .variables()
            .into_values()
            .filter(Tensor::requires_grad);
        let count: usize = trainable.map(|t| t.numel()).sum();
        assert_eq!(count, 601_098);
        let before = net.weights();
        let input = Tensor::randn([2, 3, 64, 64], (Kind::Float, Device::Cpu));
        let _ = net.forward(&input, true).unwrap();
        assert_eq!(
            net.weights(),
            before,
            "a frozen forward pass must not move statistics"
        );
    }
}
