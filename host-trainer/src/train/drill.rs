//! A few steps on batches that were made beforehand, for the many networks of a search: each sees
//! the same pictures, and none waits for them to be read and changed.

use tch::Tensor;

use super::batch::{self, DeviceBatch};
use super::flat::flatten;
use super::optimiser::{Memory, Optimiser, descend};
use super::passes::Validation;
use super::{Job, TrainError, class_weights};
use crate::loader::Input;
use crate::net::{self, Net};

/// So many validation pictures make the sample.
const SAMPLE: usize = 200;
/// So many training pictures are there to be looked at, even if fewer are trained on.
const LOOKED_AT: usize = 1024;

/// Batches of training pictures and the pictures that judge.
pub struct Drill<'a> {
    job: Job<'a>,
    batches: Vec<DeviceBatch>,
    steps: usize,
    class_weights: Tensor,
    validation: Validation<'a>,
    sample: Validation<'a>,
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
    /// Makes the first batches of the job's first epoch, `steps` of them to be trained on, for
    /// networks on the device of `net`.
    pub fn prepare(net: &Net, job: &Job<'a>, steps: usize) -> Result<Self, TrainError> {
        let plan = job.plan(1);
        let spec = job.preprocessor.spec();
        let side = [spec.height, spec.width];
        let mut batches = Vec::new();
        let wanted = steps.max(LOOKED_AT.div_ceil(job.recipe.batch_size as usize));
        // Ends with an error of libtorch's, or with none when there are enough.
        let ended = job.pictures.for_each_batch(&plan, |_, batch| {
            batches.push(batch::on_device(&batch, side, net.device()).map_err(Some)?);
            if batches.len() < wanted {
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
        // The pictures are in order of their classes.
        let every = (job.valid.len() / SAMPLE).max(1);
        let sample: Vec<Input> = job.valid.iter().step_by(every).cloned().collect();
        Ok(Self {
            job: *job,
            batches,
            steps,
            class_weights: Tensor::from_slice(&weights).f_to_device(net.device())?,
            validation: Validation::new(job.valid, side, net.device())?,
            sample: Validation::new(sample, side, net.device())?,
        })
    }

    /// The training pictures, batch by batch: some thousand, or all there are.
    pub fn inputs(&self) -> impl Iterator<Item = &Tensor> {
        self.batches.iter().map(|batch| &batch.input)
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
        for (step, batch) in self.batches.iter().take(self.steps).enumerate() {
            net.set_step(step as u64);
            let logits = net.forward(&batch.input, true)?;
            let mut loss = batch.loss(&logits, &self.class_weights, recipe.label_smoothing)?;
            if recipe.augment.away > 0.0 {
                loss = loss.f_add(&batch.doubt(&logits)?)?;
            }
            let left = (self.steps - step) as f64 / self.steps as f64;
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

    /// How `net` does on all validation pictures.
    pub fn judge(&self, net: &Net) -> Result<Judged, TrainError> {
        self.judge_on(&self.validation, net)
    }

    /// How `net` does on some two hundred of them, each class with its share: for networks of which
    /// most will be given up.
    pub fn judge_by_sample(&self, net: &Net) -> Result<Judged, TrainError> {
        self.judge_on(&self.sample, net)
    }

    fn judge_on(&self, pictures: &Validation<'_>, net: &Net) -> Result<Judged, TrainError> {
        let (confusion, loss) = pictures.validate(net, self.job.classes)?;
        Ok(Judged {
            accuracy: confusion.accuracy(),
            loss,
        })
    }
}
