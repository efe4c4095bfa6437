//! The network in libtorch: one interpreter of `arch`'s steps. Owns the trainable tensors and
//! nothing of the training loop.

use tch::nn::{self, VarStore};
use tch::{Device, Kind, TchError, Tensor};

use crate::arch::{Activation, Arch, Conv, FEATURES, NORM_EPSILON, Step};
use crate::weights::{Array, Weights, WeightsError};

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

/// The tensors of one step.
#[derive(Debug)]
enum Layer {
    Conv {
        conv: Conv,
        kernel: Tensor,
        scale: Tensor,
        shift: Tensor,
        mean: Tensor,
        var: Tensor,
    },
    SqueezeExcite([Tensor; 4]),
    Keep,
    AddKept,
    MeanPool,
    Linear {
        weight: Tensor,
        bias: Tensor,
    },
    HardSwish,
    Dropout(f64),
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
        let train_features = train && !self.frozen;
        let mut x = input.shallow_clone();
        let mut kept = None;
        for layer in &self.layers {
            x = match layer {
                Layer::Conv {
                    conv,
                    kernel,
                    scale,
                    shift,
                    mean,
                    var,
                } => {
                    let pad = (conv.kernel / 2) as i64;
                    let stride = conv.stride as i64;
                    let y = x.f_conv2d(
                        kernel,
                        None::<Tensor>,
                        [stride, stride],
                        [pad, pad],
                        [1, 1],
                        conv.groups as i64,
                    )?;
                    let y = y.f_batch_norm(
                        Some(scale),
                        Some(shift),
                        Some(mean),
                        Some(var),
                        train_features,
                        self.norm_momentum,
                        NORM_EPSILON,
                        true,
                    )?;
                    match conv.activation {
                        Some(Activation::Relu) => y.f_relu()?,
                        Some(Activation::HardSwish) => y.f_hardswish()?,
                        None => y,
                    }
                }
                Layer::SqueezeExcite([w1, b1, w2, b2]) => {
                    let one = [1, 1];
                    let s = x.f_adaptive_avg_pool2d(one)?;
                    let s = s.f_conv2d(w1, Some(b1), one, [0, 0], one, 1)?.f_relu()?;
                    let s = s.f_conv2d(w2, Some(b2), one, [0, 0], one, 1)?;
                    x.f_mul(&s.f_hardsigmoid()?)?
                }
                Layer::Keep => {
                    kept = Some(x.shallow_clone());
                    x
                }
                Layer::AddKept => match kept.take() {
                    Some(kept) => x.f_add(&kept)?,
                    None => unreachable!("a table closes only residuals that it opened"),
                },
                Layer::MeanPool => x.f_mean_dim([2i64, 3].as_slice(), false, Kind::Float)?,
                Layer::Linear { weight, bias } => x.f_linear(weight, Some(bias))?,
                Layer::HardSwish => x.f_hardswish()?,
                Layer::Dropout(p) => x.f_dropout(*p, train)?,
            };
        }
        Ok(x)
    }

    /// Takes over weights. The last layer keeps its own when the classes differ in number, and
    /// then the answer is true. Errors name what is missing or has another shape.
    pub fn load(&mut self, weights: &Weights, origin: &str) -> Result<bool, WeightsError> {
        let architecture = self.arch.variant.architecture();
        let variables = self.store.variables();
        let mut head_replaced = false;
        let mut copies = Vec::new();
        for (name, expected) in self.arch.tensors() {
            let missing = || WeightsError::Missing {
                origin: origin.into(),
                name: name.clone(),
                architecture,
            };
            let array = weights.get(&name).ok_or_else(missing)?;
            if array.shape == expected {
                copies.push((name, array));
            } else if name.starts_with(HEAD) {
                head_replaced = true;
            } else {
                return Err(WeightsError::Shape {
                    origin: origin.into(),
                    name,
                    found: array.shape.clone(),
                    expected,
                    architecture,
                });
            }
        }
        tch::no_grad(|| {
            for (name, array) in copies {
                let shape: Vec<i64> = array.shape.iter().map(|n| *n as i64).collect();
                let values = Tensor::from_slice(&array.values).view(shape.as_slice());
                if let Some(mut variable) = variables.get(&name).map(Tensor::shallow_clone) {
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

impl Layer {
    fn new(store: &VarStore, step: &Step) -> Self {
        let fan_out = nn::Init::Kaiming {
            dist: nn::init::NormalOrUniform::Normal,
            fan: nn::init::FanInOut::FanOut,
            non_linearity: nn::init::NonLinearity::ReLU,
        };
        let var = |name: &str, part: &str, shape: &[usize], init| {
            let shape: Vec<i64> = shape.iter().map(|n| *n as i64).collect();
            let group = if shape.len() > 1 {
                GROUP_DECAY
            } else {
                GROUP_NO_DECAY
            };
            path(store, name).set_group(group).var(part, &shape, init)
        };
        match step {
            Step::Conv(c) => {
                let norm = path(store, &c.norm);
                let size = [c.output as i64];
                Layer::Conv {
                    kernel: var(
                        &c.name,
                        "weight",
                        &[c.output, c.input / c.groups, c.kernel, c.kernel],
                        fan_out,
                    ),
                    scale: var(&c.norm, "weight", &[c.output], nn::Init::Const(1.0)),
                    shift: var(&c.norm, "bias", &[c.output], nn::Init::Const(0.0)),
                    mean: norm.zeros_no_train("running_mean", &size),
                    var: norm.ones_no_train("running_var", &size),
                    conv: c.clone(),
                }
            }
            Step::SqueezeExcite {
                name,
                channels,
                squeezed,
            } => {
                let (fc1, fc2) = (format!("{name}.fc1"), format!("{name}.fc2"));
                let zero = nn::Init::Const(0.0);
                Layer::SqueezeExcite([
                    var(&fc1, "weight", &[*squeezed, *channels, 1, 1], fan_out),
                    var(&fc1, "bias", &[*squeezed], zero),
                    var(&fc2, "weight", &[*channels, *squeezed, 1, 1], fan_out),
                    var(&fc2, "bias", &[*channels], zero),
                ])
            }
            Step::Keep => Layer::Keep,
            Step::AddKept => Layer::AddKept,
            Step::MeanPool => Layer::MeanPool,
            Step::Linear {
                name,
                input,
                output,
            } => {
                let normal = nn::Init::Randn {
                    mean: 0.0,
                    stdev: 0.01,
                };
                Layer::Linear {
                    weight: var(name, "weight", &[*output, *input], normal),
                    bias: var(name, "bias", &[*output], nn::Init::Const(0.0)),
                }
            }
            Step::HardSwish => Layer::HardSwish,
            Step::Dropout { percent } => Layer::Dropout(f64::from(*percent) / 100.0),
        }
    }
}

/// tch separates a path's parts with dots, as torchvision's names do.
fn path<'a>(store: &'a VarStore, name: &str) -> nn::Path<'a> {
    name.split('.')
        .fold(store.root(), |path, part| path.sub(part))
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
