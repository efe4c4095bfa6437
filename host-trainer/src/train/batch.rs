//! A batch on the device: plain numbers to tensors, and the mixing of two pictures into one.

use fastrand::Rng;
use tch::{Kind, TchError, Tensor};

use crate::loader::{Batch, NO_VEHICLE};

/// Inputs with one or two targets.
#[derive(Debug)]
pub(super) struct DeviceBatch {
    /// `[n, 3, height, width]`, laid out channels last, which is libtorch's faster layout here.
    pub(super) input: Tensor,
    /// Classes `[n]`, [`NO_VEHICLE`] among them.
    pub(super) truth: Tensor,
    /// The classes mixed in `[n]`, and the share of `truth` that is left.
    pub(super) mixed: Option<(Tensor, f64)>,
}

/// The inputs of a batch, of `side` (height, width), as `[n, 3, height, width]`.
pub fn input(
    batch: &Batch,
    [height, width]: [u32; 2],
    device: tch::Device,
) -> Result<Tensor, TchError> {
    let shape = [batch.classes.len() as i64, height.into(), width.into(), 3];
    let input = Tensor::f_from_slice(&batch.inputs)?.f_view(shape)?;
    input.f_to_device(device)?.f_permute([0, 3, 1, 2])
}

/// The tensors of a batch of inputs of `side` (height, width).
pub(super) fn on_device(
    batch: &Batch,
    side: [u32; 2],
    device: tch::Device,
) -> Result<DeviceBatch, TchError> {
    Ok(DeviceBatch {
        input: input(batch, side, device)?,
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

    /// Mean cross entropy against the targets, weighted by class and smoothed; 0 when no picture
    /// shows a vehicle.
    pub(super) fn loss(
        &self,
        logits: &Tensor,
        class_weights: &Tensor,
        smoothing: f64,
    ) -> Result<Tensor, TchError> {
        let logits = logits.f_to_kind(Kind::Float)?;
        let against = |truth: &Tensor| {
            let (weights, sum) = (Some(class_weights), tch::Reduction::Sum);
            let sum = logits.f_cross_entropy_loss(truth, weights, sum, NO_VEHICLE, smoothing)?;
            // libtorch's own mean over no picture is no number.
            let known = truth.f_ne(NO_VEHICLE)?.f_to_kind(Kind::Float)?;
            let each = class_weights.f_index_select(0, &truth.f_clamp_min(0)?)?;
            let weight = each.f_mul(&known)?.f_sum(Kind::Float)?;
            sum.f_div(&weight.f_clamp_min(f64::from(f32::MIN_POSITIVE))?)
        };
        let loss = against(&self.truth)?;
        match &self.mixed {
            Some((other, share)) => against(other)?.f_lerp(&loss, *share),
            None => Ok(loss),
        }
    }

    /// Cross entropy of pictures without a vehicle against "any class as likely" (D. Hendrycks,
    /// M. Mazeika, T. Dietterich: Deep Anomaly Detection with Outlier Exposure, ICLR 2019), their
    /// sum over the number of pictures in the batch.
    pub(super) fn doubt(&self, logits: &Tensor) -> Result<Tensor, TchError> {
        let of = |truth: &Tensor| {
            let none = truth.f_eq(NO_VEHICLE)?.f_to_kind(Kind::Float)?;
            let even = logits.f_log_softmax(-1, Kind::Float)?;
            let even = even.f_mean_dim(Some([-1i64].as_slice()), false, Kind::Float)?;
            even.f_mul(&none)?.f_mean(Kind::Float)?.f_neg()
        };
        match &self.mixed {
            Some((other, share)) => of(other)?.f_lerp(&of(&self.truth)?, *share),
            None => of(&self.truth),
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

    /// Of three pictures one shows no vehicle: the loss is that of the others, libtorch's own; the
    /// doubt is least where all classes are as likely. A batch without vehicles teaches no class.
    #[test]
    fn pictures_without_a_vehicle_teach_doubt_alone() {
        let batch = |classes: Vec<i64>| DeviceBatch {
            input: Tensor::zeros([3, 1], (Kind::Float, tch::Device::Cpu)),
            truth: Tensor::from_slice(&classes),
            mixed: None,
        };
        let logits = Tensor::from_slice(&[2f32, 0.0, 0.5, 1.0, 3.0, 3.0]).view([3, 2]);
        let weights = Tensor::from_slice(&[0.5f32, 2.0]);
        let some = batch(vec![0, 1, NO_VEHICLE]);
        let loss = some.loss(&logits, &weights, 0.1).unwrap();
        let mean = tch::Reduction::Mean;
        let truth = Tensor::from_slice(&[0i64, 1]);
        let seen = logits.narrow(0, 0, 2);
        let expected = seen.cross_entropy_loss(&truth, Some(&weights), mean, -100, 0.1);
        assert!((loss - expected).abs().double_value(&[]) < 1e-6);
        let doubt = |logits: &Tensor| some.doubt(logits).unwrap().double_value(&[]);
        assert!((doubt(&logits) - 2f64.ln() / 3.0).abs() < 1e-6);
        let sure = Tensor::from_slice(&[2f32, 0.0, 0.5, 1.0, 3.0, 5.0]).view([3, 2]);
        assert!(doubt(&sure) > doubt(&logits) + 0.1);

        let logits = logits.set_requires_grad(true);
        let none = batch(vec![NO_VEHICLE; 3]);
        let loss = none.loss(&logits, &weights, 0.1).unwrap();
        loss.backward();
        assert_eq!(loss.double_value(&[]), 0.0);
        assert_eq!(logits.grad().abs().max().double_value(&[]), 0.0);
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
