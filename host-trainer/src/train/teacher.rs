//! Distillation: finished networks see every changed picture too, and a part of what the network
//! learns is their joined answer (G. Hinton, O. Vinyals, J. Dean: Distilling the Knowledge in a
//! Neural Network, 2015; both see the same picture, as L. Beyer et al. advise: Knowledge
//! Distillation: A Good Teacher Is Patient and Consistent, CVPR 2022). Several teachers also
//! disagree about what is wrongly labelled.

use tch::{Kind, TchError, Tensor};

use super::batch::DeviceBatch;
use crate::loader::NO_VEHICLE;
use crate::net::Net;

/// A finished network.
#[derive(Debug)]
pub struct Teacher {
    /// It, on the learner's device.
    pub net: Net,
    /// Height and width of its input.
    pub side: [u32; 2],
}

/// Networks that are learned from. They have the learner's classes.
#[derive(Debug)]
pub struct Teachers {
    /// Finished networks, at least one.
    pub nets: Vec<Teacher>,
    /// Share of the loss that is about their answer, above 0 to 1.
    pub share: f64,
}

impl Teacher {
    /// The learner's inputs `[n, 3, height, width]` at the teacher's size.
    fn seen(&self, input: &Tensor) -> Result<Tensor, TchError> {
        let side = self.side.map(i64::from);
        match input.size()[2..] == side {
            true => Ok(input.shallow_clone()),
            false => input.f_upsample_bilinear2d(side, false, None, None),
        }
    }
}

impl Teachers {
    /// The mean of their probabilities, `[n, classes]`, for inputs `[n, 3, height, width]`.
    fn answer(&self, input: &Tensor) -> Result<Tensor, TchError> {
        tch::no_grad(|| {
            let mut sum: Option<Tensor> = None;
            for teacher in &self.nets {
                let seen = teacher.seen(input)?;
                let one = teacher.net.forward(&seen, false)?;
                let one = one.f_softmax(-1, Kind::Float)?;
                sum = Some(match sum {
                    Some(sum) => sum.f_add(&one)?,
                    None => one,
                });
            }
            let sum = sum.ok_or_else(|| TchError::Kind("no teacher".into()))?;
            sum.f_div_scalar(self.nets.len() as f64)
        })
    }

    /// The loss, moved towards the cross entropy between their answer and the learner's.
    pub(super) fn join(
        &self,
        loss: &Tensor,
        batch: &DeviceBatch,
        logits: &Tensor,
    ) -> Result<Tensor, TchError> {
        let learned = logits.f_log_softmax(-1, Kind::Float)?;
        let each = learned.f_mul(&self.answer(&batch.input)?)?;
        let each = each.f_sum_dim_intlist(Some([-1i64].as_slice()), false, Kind::Float)?;
        // Teachers know nothing of pictures without a vehicle.
        let known = batch.truth.f_ne(NO_VEHICLE)?.f_to_kind(Kind::Float)?;
        let count = known.f_sum(Kind::Float)?.f_clamp_min(1.0)?;
        let apart = each
            .f_mul(&known)?
            .f_sum(Kind::Float)?
            .f_neg()?
            .f_div(&count)?;
        loss.f_lerp(&apart, self.share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::{Arch, Variant};
    use tch::Device;

    fn at(side: u32, net: Net) -> Teacher {
        let side = [side; 2];
        Teacher { net, side }
    }

    /// Two teachers' mean is between theirs, and a learner that answers as they do has the loss
    /// that their own doubt leaves: its entropy.
    #[test]
    fn the_answer_is_the_mean_and_its_entropy_the_least_loss() {
        let arch = Arch::new(Variant::Small, 3);
        let teacher = |lean: f32| {
            let net = Net::new(&arch, Device::Cpu);
            // Fresh networks answer nearly evenly.
            let bias = Tensor::from_slice(&[lean, 0.0, 1.0]);
            let mut variables = net.store().variables();
            let last = variables.get_mut("classifier.3.bias").unwrap();
            tch::no_grad(|| last.copy_(&bias));
            net
        };
        let one = |lean| Teachers {
            nets: vec![at(32, teacher(lean))],
            share: 1.0,
        };
        let input = Tensor::rand([4, 3, 32, 32], (Kind::Float, Device::Cpu)) * 20.0;
        let alone = [-1.0, 2.0].map(|lean| one(lean).answer(&input).unwrap());
        let both = Teachers {
            nets: vec![at(32, teacher(-1.0)), at(32, teacher(2.0))],
            share: 0.5,
        };
        let answer = both.answer(&input).unwrap();
        let mean = (&alone[0] + &alone[1]) / 2.0;
        assert!((&answer - mean).abs().max().double_value(&[]) < 1e-6);
        assert!((&alone[0] - &alone[1]).abs().max().double_value(&[]) > 0.1);
        let loss = Tensor::from(3.0f32);
        let batch = DeviceBatch {
            input,
            truth: Tensor::from_slice(&[0i64, 1, 2, 0]),
            mixed: None,
        };
        let joined = both.join(&loss, &batch, &answer.log()).unwrap();
        let entropy = -(&answer * answer.log()).sum(Kind::Float) / 4.0;
        let expected = (3.0 + entropy.double_value(&[])) / 2.0;
        assert!((joined.double_value(&[]) - expected).abs() < 1e-5);
        let other = both.join(&loss, &batch, &alone[0].log()).unwrap();
        assert!(other.double_value(&[]) > joined.double_value(&[]));
    }

    #[test]
    fn a_teacher_sees_the_same_picture_at_its_own_size() {
        let net = Net::new(&Arch::new(Variant::Small, 3), Device::Cpu);
        // Each pixel four times, which is what halving the size undoes.
        let small = Tensor::rand([2, 3, 32, 32], (Kind::Float, Device::Cpu)) * 20.0;
        let large = small.repeat_interleave_self_int(2, 2, None);
        let large = large.repeat_interleave_self_int(2, 3, None);
        let teachers = Teachers {
            nets: vec![at(32, net)],
            share: 1.0,
        };
        let [one, other] = [&small, &large].map(|input| teachers.answer(input).unwrap());
        assert!((one - other).abs().max().double_value(&[]) < 1e-5);
    }
}
