//! SGD, Adam and AdamW over flat buffers. Own code because tch shows no optimiser's state, and
//! a run can be resumed exactly only with it; the tests hold them to libtorch's own.

use serde::{Deserialize, Serialize};
use tch::{TchError, Tensor};

use super::flat::{Flat, Role};

/// Optimisers, with PyTorch's own defaults for what is not said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[value(rename_all = "verbatim")]
pub enum Optimiser {
    /// Stochastic gradient descent with momentum 0.9
    #[value(name = "SGD")]
    Sgd,
    /// Adam (Kingma and Ba 2015); weight decay is added to the gradient
    Adam,
    /// AdamW (Loshchilov and Hutter 2019): weight decay apart from the gradient
    AdamW,
}

const MOMENTUM: f64 = 0.9;
const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

impl Optimiser {
    /// The name on the command line and in logs.
    pub fn name(self) -> &'static str {
        match self {
            Optimiser::Sgd => "SGD",
            Optimiser::Adam => "Adam",
            Optimiser::AdamW => "AdamW",
        }
    }

    /// Moments that it keeps of every gradient.
    fn moments(self) -> usize {
        match self {
            Optimiser::Sgd => 1,
            Optimiser::Adam | Optimiser::AdamW => 2,
        }
    }
}

/// An optimiser with its memory of one buffer.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) flat: Flat,
    /// As long as the buffer.
    pub(super) moments: Vec<Tensor>,
    /// Steps made.
    pub(super) steps: u64,
}

impl Memory {
    /// No step made yet. None for statistics, which have no gradient.
    pub(super) fn new(flat: Flat, optimiser: Optimiser) -> Result<Option<Self>, TchError> {
        if flat.role == Role::Statistic {
            return Ok(None);
        }
        let moments = (0..optimiser.moments())
            .map(|_| flat.buffer.f_zeros_like())
            .collect::<Result<_, _>>()?;
        Ok(Some(Self {
            flat,
            moments,
            steps: 0,
        }))
    }

    /// One step along `gradient`, as long as the buffer. Weight decay applies to kernels.
    pub(super) fn step(
        &mut self,
        optimiser: Optimiser,
        gradient: &Tensor,
        lr: f64,
        weight_decay: f64,
    ) -> Result<(), TchError> {
        self.steps += 1;
        let decay = match self.flat.role {
            Role::Kernel => weight_decay,
            Role::Vector | Role::Statistic => 0.0,
        };
        let weights = &mut self.flat.buffer;
        let coupled;
        let gradient = if decay > 0.0 && optimiser != Optimiser::AdamW {
            coupled = gradient.f_add(&weights.f_mul_scalar(decay)?)?;
            &coupled
        } else {
            gradient
        };
        match self.moments.as_mut_slice() {
            [momentum] => {
                let _ = momentum.f_mul_scalar_(MOMENTUM)?.f_add_(gradient)?;
                let _ = weights.f_sub_(&momentum.f_mul_scalar(lr)?)?;
            }
            [first, second] => {
                if optimiser == Optimiser::AdamW && decay > 0.0 {
                    let _ = weights.f_mul_scalar_(1.0 - lr * decay)?;
                }
                let _ = first.f_lerp_(gradient, 1.0 - BETA1)?;
                let square = gradient.f_square()?;
                let _ = second.f_lerp_(&square, 1.0 - BETA2)?;
                let steps = self.steps as f64;
                let (bias1, bias2) = (1.0 - BETA1.powf(steps), 1.0 - BETA2.powf(steps));
                let root = second.f_sqrt()?.f_mul_scalar(1.0 / bias2.sqrt())?;
                let change = first.f_div(&root.f_add_scalar(EPSILON)?)?;
                let _ = weights.f_sub_(&change.f_mul_scalar(lr / bias1)?)?;
            }
            _ => unreachable!("an optimiser keeps one or two moments"),
        }
        Ok(())
    }
}

/// One step down `loss` of all buffers in `memories`.
pub(super) fn descend(
    loss: &Tensor,
    memories: &mut [&mut Memory],
    optimiser: Optimiser,
    lr: f64,
    weight_decay: f64,
) -> Result<(), TchError> {
    let trained: Vec<&Tensor> = memories.iter().flat_map(|m| &m.flat.tensors).collect();
    let gradients = Tensor::f_run_backward(&[loss], &trained, false, false)?;
    tch::no_grad(|| {
        let mut gradients = gradients.iter();
        for memory in memories {
            let own = gradients.by_ref().take(memory.flat.tensors.len());
            let parts: Vec<Tensor> = own
                .map(|gradient| gradient.f_reshape([-1]))
                .collect::<Result<_, _>>()?;
            let whole = Tensor::f_cat(&parts, 0)?;
            memory.step(optimiser, &whole, lr, weight_decay)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use tch::nn::{self, OptimizerConfig};
    use tch::{Device, Kind};

    use super::*;

    /// Thirty steps on a bent surface, by libtorch's optimiser and by this one.
    fn worst_difference(
        optimiser: Optimiser,
        build: impl Fn(&nn::VarStore) -> nn::Optimizer,
    ) -> f64 {
        // libtorch's own random numbers are shared by all tests that run at this moment.
        let mut rng = fastrand::Rng::with_seed(3);
        let mut numbers = || Tensor::from_slice(&[(); 40].map(|()| rng.f32() * 2.0 - 1.0));
        let (start, target) = (numbers(), numbers());
        let store = nn::VarStore::new(Device::Cpu);
        let mut theirs = store.root().zeros("w", &[40]);
        tch::no_grad(|| theirs.copy_(&start));
        let mut reference = build(&store);
        let flat = Flat {
            role: Role::Kernel,
            from_epoch: 0,
            buffer: start.copy(),
            tensors: Vec::new(),
        };
        let mut memory = Memory::new(flat, optimiser).unwrap().unwrap();
        for step in 0..30 {
            let lr = 0.05 / f64::from(step + 1);
            reference.set_lr(lr);
            let loss = (&theirs - &target).pow_tensor_scalar(4).sum(Kind::Float);
            reference.backward_step(&loss);
            let gradient = (&memory.flat.buffer - &target).pow_tensor_scalar(3) * 4.0;
            memory.step(optimiser, &gradient, lr, 0.1).unwrap();
        }
        let moved = (&memory.flat.buffer - &start).abs().max().double_value(&[]);
        assert!(moved > 0.05, "it hardly moved: {moved}");
        (&memory.flat.buffer - &theirs.detach())
            .abs()
            .max()
            .double_value(&[])
    }

    #[test]
    fn all_three_do_as_libtorch_does() {
        let sgd = nn::Sgd {
            momentum: 0.9,
            wd: 0.1,
            ..Default::default()
        };
        let adam = nn::Adam {
            wd: 0.1,
            ..Default::default()
        };
        let adamw = nn::AdamW {
            wd: 0.1,
            ..Default::default()
        };
        assert!(worst_difference(Optimiser::Sgd, |s| sgd.build(s, 0.05).unwrap()) < 1e-5);
        assert!(worst_difference(Optimiser::Adam, |s| adam.build(s, 0.05).unwrap()) < 1e-5);
        assert!(worst_difference(Optimiser::AdamW, |s| adamw.build(s, 0.05).unwrap()) < 1e-5);
    }
}
