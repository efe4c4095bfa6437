//! What the steps of an epoch gave so far.

use tch::Tensor;

use super::events::TrainError;
use crate::loader::NO_VEHICLE;
use crate::metrics::Confusion;

/// See the head of this file.
pub struct Tally {
    /// Answers while training.
    pub confusion: Confusion,
    /// Pictures.
    pub done: usize,
    /// Of the pictures' losses.
    pub loss_sum: f64,
    /// Steps whose losses and answers are still on the device: reading them makes it wait.
    pub pending: Vec<Pending>,
    /// Steps that were read.
    pub steps: usize,
}

/// A step whose numbers are still on the device.
pub struct Pending {
    /// One number.
    pub loss: Tensor,
    /// `[n]`: the classes answered.
    pub answers: Tensor,
    /// `[n]`: the true ones.
    pub truth: Tensor,
}

impl Tally {
    /// Before the first step.
    pub fn new(classes: &[String]) -> Self {
        Self {
            confusion: Confusion::new(classes),
            done: 0,
            loss_sum: 0.0,
            pending: Vec::new(),
            steps: 0,
        }
    }

    /// Takes in the steps on the device and gives the last one's loss. Errors when a loss is no
    /// number.
    pub fn read(&mut self, epoch: u32) -> Result<f64, TrainError> {
        let mut last = 0.0;
        for pending in self.pending.drain(..) {
            self.steps += 1;
            last = pending.loss.f_double_value(&[])?;
            if !last.is_finite() {
                return Err(TrainError::NotFinite {
                    epoch,
                    step: self.steps,
                    loss: last,
                });
            }
            let truths: Vec<i64> = Vec::try_from(&pending.truth)?;
            let answers: Vec<i64> = Vec::try_from(&pending.answers)?;
            self.done += truths.len();
            self.loss_sum += last * truths.len() as f64;
            let shown = truths
                .iter()
                .zip(&answers)
                .filter(|(t, _)| **t != NO_VEHICLE);
            for (truth, answer) in shown {
                self.confusion.add(*truth as usize, *answer as usize);
            }
        }
        Ok(last)
    }
}
