//! A few steps on batches that were made beforehand, for the many networks of a search: each sees
//! the same pictures, and none waits for them to be read and changed.

use tch::Tensor;

use super::batch::{self, DeviceBatch};
use super::flat::flatten;
use super::optimiser::{Memory, Optimiser, descend};
use super::passes::Validation;
use super::{Job, TrainError, class_weights};
use crate::net::{self, Net};

/// Batches of training pictures and the pictures that judge.
pub struct Drill<'a> {
    job: Job<'a>,
    batches: Vec<DeviceBatch>,
    class_weights: Tensor,
    validation: Validation<'a>,
}

/// How a network does on the validation pictures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// Share of right answers.
    pub accuracy: f64,
    /// Mean cross entropy.
    pub loss: f64,
}

impl<'a> Drill<'a> {
    /// Makes the first `steps` batches of the job's first epoch, for networks on the device of
    /// `net`.
    pub fn prepare(net: &Net, job: &Job<'a>, steps: usize) -> Result<Self, TrainError> {
        let plan = job.plan(1);
        let spec = job.preprocessor.spec();
        let side = [spec.height, spec.width];
        let mut batches = Vec::new();
        // Ends with an error of libtorch's, or with none when there are enough.
        let ended = job.pictures.for_each_batch(&plan, |_, batch| {
            batches.push(batch::on_device(&batch, side, net.device()).map_err(Some)?);
            if batches.len() < steps {
                Ok(())
            } else {
                Err(None::<tch::TchError>)
            }
        });
        if let Err(Some(error)) = ended {
            return Err(error.into());
        }
        let counts = job.pictures.counts(job.classes.len());
        let weights = class_weights(&counts, job.recipe.class_weight_power);
        Ok(Self {
            job: *job,
            batches,
            class_weights: Tensor::from_slice(&weights).f_to_device(net.device())?,
            validation: Validation::new(job.valid, side, net.device())?,
        })
    }

    /// Trains every layer of `net` for a step on each batch, with fresh optimiser and statistics that
    /// follow quickly. The learning rate falls from `lr` in equal steps to nothing.
    pub fn train(&self, net: &mut Net, lr: f64) -> Result<(), TrainError> {
        let recipe = self.job.recipe;
        net.train_from(0);
        net::seed(recipe.seed);
        let mut memories = Vec::new();
        for flat in flatten(net, |_| Some(0))? {
            memories.extend(Memory::new(flat, Optimiser::AdamW)?);
        }
        for (step, batch) in self.batches.iter().enumerate() {
            net.set_step(step as u64);
            let logits = net.forward(&batch.input, true)?;
            let mut loss = batch.loss(&logits, &self.class_weights, recipe.label_smoothing)?;
            if recipe.augment.away > 0.0 {
                loss = loss.f_add(&batch.doubt(&logits)?)?;
            }
            let left = (self.batches.len() - step) as f64 / self.batches.len() as f64;
            let mut all: Vec<&mut Memory> = memories.iter_mut().collect();
            descend(
                &loss,
                &mut all,
                Optimiser::AdamW,
                lr * left,
                recipe.weight_decay,
            )?;
        }
        Ok(())
    }

    /// How `net` does.
    pub fn judge(&self, net: &Net) -> Result<Judged, TrainError> {
        let (confusion, loss) = self.validation.validate(net, self.job.classes)?;
        Ok(Judged {
            accuracy: confusion.accuracy(),
            loss,
        })
    }
}
