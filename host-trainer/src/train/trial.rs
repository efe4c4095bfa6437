//! A few training steps on random numbers: the proof that a device can train, and how fast.

use std::panic::{self, AssertUnwindSafe};
use std::time::Instant;

use tch::{Cuda, Device, Kind, Tensor};

use super::Optimiser;
use super::flat::flatten;
use super::optimiser::{Memory, descend};
use crate::arch::{Arch, Variant};
use crate::net::{self, Net};

/// What is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Pictures in a step, at least 2.
    pub batch_size: u32,
    /// Side of the pictures, pixels.
    pub side: u32,
    /// Steps whose time counts, after one that does not; at least 1.
    pub steps: u32,
}

/// Trains MobileNetV3-small on one random batch. Gives pictures a second. Errors when libtorch
/// fails or the network learns nothing from it.
pub fn images_per_second(trial: Trial, device: Device) -> Result<f64, String> {
    // The bindings panic where a tensor cannot be made, for instance without free memory.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let result = panic::catch_unwind(AssertUnwindSafe(|| steps(trial, device)));
    panic::set_hook(hook);
    let first_line = |text: String| text.lines().next().unwrap_or_default().to_string();
    match result {
        Ok(result) => result.map_err(first_line),
        Err(panic) => Err(first_line(match panic.downcast::<String>() {
            Ok(text) => *text,
            Err(_) => "libtorch failed".into(),
        })),
    }
}

fn steps(trial: Trial, device: Device) -> Result<f64, String> {
    let text = |error: tch::TchError| error.to_string();
    // The first touch of a device that does not work is an error here, where it can be one.
    let _ = Tensor::f_zeros([1], (Kind::Float, device)).map_err(text)?;
    net::seed(1);
    let mut net = Net::new(&Arch::new(Variant::Small, 2), device);
    let optimiser = Optimiser::AdamW;
    let mut memories = Vec::new();
    for flat in flatten(&net, |_| Some(0)).map_err(text)? {
        memories.extend(Memory::new(flat, optimiser).map_err(text)?);
    }
    let mut memories: Vec<&mut Memory> = memories.iter_mut().collect();
    let (size, side) = (i64::from(trial.batch_size), i64::from(trial.side));
    // Channels last, as training has it.
    let input = Tensor::f_randn([size, side, side, 3], (Kind::Float, device))
        .and_then(|input| input.f_permute([0, 3, 1, 2]))
        .map_err(text)?;
    let truth = Tensor::f_arange(size, (Kind::Int64, device))
        .and_then(|numbers| numbers.f_remainder(2))
        .map_err(text)?;
    let (mut losses, mut started) = (Vec::new(), Instant::now());
    for step in 0..=trial.steps {
        net.set_step(step.into());
        let loss = net
            .forward(&input, true)
            .and_then(|logits| {
                logits.f_cross_entropy_loss(&truth, None::<Tensor>, tch::Reduction::Mean, -100, 0.0)
            })
            .map_err(text)?;
        descend(&loss, &mut memories, optimiser, 1e-3, 0.0).map_err(text)?;
        losses.push(loss.f_double_value(&[]).map_err(text)?);
        if step == 0 {
            started = Instant::now();
        }
    }
    if let Device::Cuda(index) = device {
        Cuda::synchronize(index as i64);
    }
    let seconds = started.elapsed().as_secs_f64();
    let pictures = f64::from(trial.steps) * f64::from(trial.batch_size);
    match losses.as_slice() {
        [first, .., last] if last < first => Ok(pictures / seconds),
        _ => Err(format!("the loss does not fall: {losses:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIAL: Trial = Trial {
        batch_size: 8,
        side: 64,
        steps: 2,
    };

    #[test]
    fn the_processor_can_train() {
        assert!(images_per_second(TRIAL, Device::Cpu).unwrap() > 0.0);
    }

    #[test]
    fn a_device_that_is_not_there_is_an_error() {
        let text = images_per_second(TRIAL, Device::Cuda(99)).unwrap_err();
        assert!(!text.is_empty() && text.lines().count() == 1, "{text}");
    }
}
