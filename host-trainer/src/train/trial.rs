//! A few training steps on random numbers: the proof that a device can train, and how fast.

use std::panic::{self, AssertUnwindSafe};
use std::time::Instant;

use tch::nn::{self, OptimizerConfig};
use tch::{Cuda, Device, Kind, Tensor};

use crate::arch::{Arch, Variant};
use crate::net::{self as network, Net};

/// Pictures in a step of the trial.
pub const BATCH: i64 = 32;
/// Side of their pixels.
pub const SIDE: i64 = 128;
/// Steps whose time counts, after one that does not.
const STEPS: u32 = 3;

/// Trains MobileNetV3-small on one random batch. Gives the mean seconds of a step. Errors when
/// libtorch fails or the network learns nothing from it.
pub fn seconds_per_step(device: Device) -> Result<f64, String> {
    // The bindings panic where a tensor cannot be made, for instance without free memory.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let result = panic::catch_unwind(AssertUnwindSafe(|| steps(device)));
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

fn steps(device: Device) -> Result<f64, String> {
    let text = |error: tch::TchError| error.to_string();
    // The first touch of a device that does not work is an error here, where it can be one.
    Tensor::f_zeros([1], (Kind::Float, device)).map_err(text)?;
    network::seed(1);
    let mut net = Net::new(&Arch::new(Variant::Small, 2), device);
    let adam = nn::AdamW::default().build(net.store(), 1e-3);
    let mut optimiser = adam.map_err(text)?;
    let input = Tensor::f_randn([BATCH, 3, SIDE, SIDE], (Kind::Float, device)).map_err(text)?;
    let truth = Tensor::f_arange(BATCH, (Kind::Int64, device))
        .and_then(|numbers| numbers.f_remainder(2))
        .map_err(text)?;
    let (mut losses, mut started) = (Vec::new(), Instant::now());
    for step in 0..=STEPS {
        net.set_step(step.into());
        let loss = net
            .forward(&input, true)
            .and_then(|logits| {
                logits.f_cross_entropy_loss(&truth, None::<Tensor>, tch::Reduction::Mean, -100, 0.0)
            })
            .map_err(text)?;
        optimiser.zero_grad();
        loss.f_backward().map_err(text)?;
        optimiser.step();
        losses.push(loss.f_double_value(&[]).map_err(text)?);
        if step == 0 {
            started = Instant::now();
        }
    }
    if let Device::Cuda(index) = device {
        Cuda::synchronize(index as i64);
    }
    let seconds = started.elapsed().as_secs_f64() / f64::from(STEPS);
    match losses.as_slice() {
        [first, .., last] if last < first => Ok(seconds),
        _ => Err(format!("the loss does not fall: {losses:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_can_train() {
        let seconds = seconds_per_step(Device::Cpu).unwrap();
        assert!(seconds > 0.0);
    }

    #[test]
    fn a_device_that_is_not_there_is_an_error() {
        let text = seconds_per_step(Device::Cuda(99)).unwrap_err();
        assert!(!text.is_empty() && text.lines().count() == 1, "{text}");
    }
}
