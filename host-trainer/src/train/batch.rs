//! A batch on the device: plain numbers to tensors, and the mixing of two pictures into one.

use fastrand::Rng;
use tch::{Kind, TchError, Tensor};

use crate::loader::Batch;

/// Inputs with one or two targets.
#[derive(Debug)]
pub(super) struct DeviceBatch {
    /// `[n, 3, height, width]`, laid out channels last, which is libtorch's faster layout here.
    pub(super) input: Tensor,
    /// Classes `[n]`.
    pub(super) truth: Tensor,
    /// The classes mixed in `[n]`, and the share of `truth` that is left.
    pub(super) mixed: Option<(Tensor, f64)>,
}

/// The tensors of a batch of inputs of `side` (height, width).
pub(super) fn on_device(
    batch: &Batch,
    side: [u32; 2],
    device: tch::Device,
) -> Result<DeviceBatch, TchError> {
    let [height, width] = side.map(i64::from);
    let shape = [batch.classes.len() as i64, height, width, 3];
    let input = Tensor::f_from_slice(&batch.inputs)?.f_view(shape)?;
    Ok(DeviceBatch {
        input: input.f_to_device(device)?.f_permute([0, 3, 1, 2])?,
        truth: Tensor::f_from_slice(&batch.classes)?.f_to_device(device)?,
        mixed: None,
    })
}

impl DeviceBatch {
    /// `count` pictures from the one numbered `start` on, before any mixing.
    pub(super) fn part(&self, start: usize, count: usize) -> Result<Self, TchError> {
        let part = |of: &Tensor| of.f_narrow(0, start as i64, count as i64);
        Ok(Self {
            input: part(&self.input)?,
            truth: part(&self.truth)?,
            mixed: None,
        })
    }

    /// Mixes every picture with its counterpart from the batch's other end by a share drawn from
    /// Beta(`shape`, `shape`) (Zhang et al. 2018, "mixup"); the order of a batch is random already.
    pub(super) fn mix(mut self, shape: f64, rng: &mut Rng) -> Result<Self, TchError> {
        let share = beta(shape, rng);
        let other = self.input.f_flip([0])?;
        self.input = other.f_lerp(&self.input, share)?;
        self.mixed = Some((self.truth.f_flip([0])?, share));
        Ok(self)
    }

    /// Mean cross entropy against the targets, weighted by class and smoothed.
    pub(super) fn loss(
        &self,
        logits: &Tensor,
        class_weights: &Tensor,
        smoothing: f64,
    ) -> Result<Tensor, TchError> {
        let logits = logits.f_to_kind(Kind::Float)?;
        let against = |truth: &Tensor| {
            let mean = tch::Reduction::Mean;
            logits.f_cross_entropy_loss(truth, Some(class_weights), mean, -100, smoothing)
        };
        let loss = against(&self.truth)?;
        match &self.mixed {
            Some((other, share)) => against(other)?.f_lerp(&loss, *share),
            None => Ok(loss),
        }
    }
}

/// A draw from Beta(`shape`, `shape`), `shape` above 0 to 1 (Jöhnk 1964).
fn beta(shape: f64, rng: &mut Rng) -> f64 {
    loop {
        let (x, y) = (rng.f64().powf(1.0 / shape), rng.f64().powf(1.0 / shape));
        let sum = x + y;
        if sum > 0.0 && sum <= 1.0 {
            return x / sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beta_has_its_mean_and_variance() {
        let mut rng = Rng::with_seed(2);
        for shape in [0.2, 0.4, 1.0] {
            let draws: Vec<f64> = (0..20_000).map(|_| beta(shape, &mut rng)).collect();
            let mean = draws.iter().sum::<f64>() / draws.len() as f64;
            let variance =
                draws.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / draws.len() as f64;
            assert!((mean - 0.5).abs() < 0.01, "{mean}");
            // a b / ((a + b)² (a + b + 1)) with a = b.
            let expected = 1.0 / (4.0 * (2.0 * shape + 1.0));
            assert!((variance - expected).abs() < 0.005, "{variance} {expected}");
        }
    }

    #[test]
    fn mixing_moves_input_and_loss_alike() {
        let batch = Batch {
            inputs: vec![0.0; 12].into_iter().chain(vec![1.0; 12]).collect(),
            classes: vec![0, 1],
        };
        let batch = on_device(&batch, [2, 2], tch::Device::Cpu).unwrap();
        let mixed = batch.mix(0.8, &mut Rng::with_seed(1)).unwrap();
        let share = mixed.mixed.as_ref().unwrap().1;
        let first = mixed.input.get(0).mean(Kind::Float).double_value(&[]);
        assert!((first - (1.0 - share)).abs() < 1e-6);
        // Logits sure of class 0: the loss is the share of class 1 among the targets.
        let logits = Tensor::from_slice(&[20f32, 0.0, 20.0, 0.0]).view([2, 2]);
        let even = Tensor::from_slice(&[1f32, 1.0]);
        let loss = mixed.loss(&logits, &even, 0.0).unwrap().double_value(&[]);
        assert!((loss - 10.0).abs() < 1e-3, "{loss}");
    }
}
