//! The training loop: batches in, weights out, everything else told to a listener as events.
//! Owns the optimiser and the moving average; knows no files and no screen.

mod average;
mod batch;
mod events;
mod find_lr;
mod flat;
mod optimiser;
mod passes;
pub mod probe;
mod recipe;
mod renormalise;
mod resident;
mod state;
mod tally;
mod teacher;
pub mod trial;
pub mod tune;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use fastrand::Rng;
use models::Preprocessor;
use tch::Tensor;

use average::Average;
use batch::DeviceBatch;
pub use batch::input;
pub use events::{EpochRecord, TrainError, TrainEvent};
pub use find_lr::{RateTrial, find_lr};
use flat::flatten;
pub use optimiser::Optimiser;
use optimiser::{Memory, descend};
use passes::Validation;
pub use passes::{Inputs, embeddings, logits};
pub use recipe::{Precision, Preset, Recipe};
pub use renormalise::renormalise;
use resident::Resident;
pub use state::{Position, TrainState, highest};
use tally::{Pending, Tally};
pub use teacher::{Teacher, Teachers};

use crate::loader::{EpochPlan, Pictures, spread};
use crate::net::{self, Net};
use crate::schedule::Schedule;

/// What is trained on, and how.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// Training pictures.
    pub pictures: &'a Pictures,
    /// Validation pictures.
    pub valid: &'a Inputs,
    /// Class names, as many as the network has outputs.
    pub classes: &'a [String],
    /// The contract's preprocessing.
    pub preprocessor: &'a Preprocessor,
    /// The recipe.
    pub recipe: &'a Recipe,
    /// Whom to learn from beside the labels.
    pub teachers: Option<&'a Teachers>,
    /// Threads that prepare pictures, at least 1.
    pub workers: usize,
    /// Whether pictures live and are changed on the device, if they fit there.
    pub resident: bool,
    /// Says that training should end at the next step.
    pub interrupted: &'a AtomicBool,
}

impl<'a> Job<'a> {
    /// How the batches of an epoch, counted from 1, are made.
    pub fn plan(&self, epoch: u64) -> EpochPlan<'a> {
        EpochPlan {
            augment: &self.recipe.augment,
            preprocessor: self.preprocessor,
            batch_size: self.recipe.batch_size as usize,
            sampling: self.recipe.sampling,
            workers: self.workers,
            seed: self.recipe.seed,
            epoch,
        }
    }
}

/// Hears what happens; its error ends the training.
pub type Listener<'a> = dyn FnMut(TrainEvent<'_>) -> Result<(), String> + 'a;

/// Trains `net` and gives the epochs' records. What is validated and handed to the listener is
/// the moving average of its weights. With `resume`, training goes on where that state was taken;
/// on a processor with the same number of threads the outcome is the same bit for bit.
pub fn train(
    net: &mut Net,
    job: &Job<'_>,
    resume: Option<&TrainState>,
    listener: &mut Listener<'_>,
) -> Result<Vec<EpochRecord>, TrainError> {
    let mut trainer = Trainer::new(net, job)?;
    if let Some(state) = resume {
        trainer.restore(state)?;
    }
    let patience = job.recipe.patience;
    let first = trainer.position.records.len() as u32 + 1;
    for epoch in first..=job.recipe.epochs {
        let highest = trainer.position.highest();
        if patience > 0 && highest > 0 && epoch > highest + patience {
            let epoch = epoch - 1;
            listener(TrainEvent::Stopped { epoch, highest }).map_err(TrainError::Listener)?;
            break;
        }
        trainer.epoch(epoch, listener)?;
    }
    Ok(trainer.position.records)
}

struct Trainer<'a> {
    net: &'a mut Net,
    job: Job<'a>,
    schedule: Schedule,
    class_weights: Tensor,
    memories: Vec<Memory>,
    /// The network's buffers in the order of the average's.
    buffers: Vec<Tensor>,
    average: Option<Average>,
    resident: Option<Resident>,
    validation: Validation<'a>,
    position: Position,
}

impl<'a> Trainer<'a> {
    fn new(net: &'a mut Net, job: &Job<'a>) -> Result<Self, TrainError> {
        let recipe = job.recipe;
        let modules = net.feature_modules();
        let from_epoch = |module: Option<usize>| match module {
            Some(_) if recipe.freeze_layers => None,
            Some(module) => Some(thaw_epoch(module, modules, recipe.thaw_epochs)),
            None => Some(0),
        };
        let average = match recipe.ema_decay {
            0.0 => None,
            decay => Some(Average::new(net, decay, from_epoch)?),
        };
        let mut memories = Vec::new();
        let mut buffers = Vec::new();
        for flat in flatten(net, from_epoch)? {
            buffers.push(flat.buffer.shallow_clone());
            memories.extend(Memory::new(flat, recipe.optimiser)?);
        }
        let weights = class_weights(
            &job.pictures.counts(job.classes.len()),
            recipe.class_weight_power,
        );
        net.set_precision(recipe.precision);
        let spec = job.preprocessor.spec();
        let resident = match job.resident {
            true => Resident::new(job.pictures, spec, net.device(), job.workers)?,
            false => None,
        };
        let validation = Validation::new(job.valid, [spec.height, spec.width], net.device());
        Ok(Self {
            schedule: Schedule {
                peak: recipe.lr,
                final_share: recipe.lrf,
                warm_up_epochs: recipe.warm_up_epochs,
                pace: recipe.pace,
                steps_per_epoch: job.pictures.steps(recipe.batch_size as usize) as u64,
                epochs: recipe.epochs,
            },
            class_weights: Tensor::from_slice(&weights).f_to_device(net.device())?,
            net,
            job: *job,
            memories,
            buffers,
            average,
            resident,
            validation,
            position: Position::default(),
        })
    }

    fn restore(&mut self, state: &TrainState) -> Result<(), TrainError> {
        let average = self.average.as_mut();
        tch::no_grad(|| state::restore(state, self.net, average, &mut self.memories))?;
        self.position = state.position.clone();
        Ok(())
    }

    /// One epoch, counted from 1, with its validation.
    fn epoch(&mut self, epoch: u32, listener: &mut Listener<'_>) -> Result<(), TrainError> {
        let job = self.job;
        let recipe = job.recipe;
        let plan = job.plan(u64::from(epoch));
        // Dropout draws from libtorch's generator.
        net::seed(spread(recipe.seed, u64::from(epoch), u64::MAX - 1));
        self.thaw(epoch - 1);
        let started = Instant::now();
        let mut tally = Tally::new(job.classes);
        let side = [
            job.preprocessor.spec().height,
            job.preprocessor.spec().width,
        ];
        let device = self.net.device();
        let total = job.pictures.count();
        let read_every = if device.is_cuda() { 16 } else { 1 };
        let mut lr = 0.0;
        let resident = self.resident.take();
        let mut take = |number: usize, mut batch: DeviceBatch| {
            if job.interrupted.load(Ordering::Relaxed) {
                return Err(TrainError::Interrupted { epoch });
            }
            if recipe.mixup > 0.0 {
                let seed = spread(recipe.seed, u64::from(epoch), u64::MAX - 2 - number as u64);
                batch = batch.mix(recipe.mixup, &mut Rng::with_seed(seed))?;
            }
            lr = self.schedule.rate(self.position.step);
            tally.pending.push(self.step(batch, lr)?);
            if tally.pending.len() < read_every {
                return Ok(());
            }
            let loss = tally.read(epoch)?;
            let done = tally.done;
            let event = TrainEvent::Step {
                epoch,
                done,
                total,
                loss,
            };
            listener(event).map_err(TrainError::Listener)
        };
        match &resident {
            Some(resident) => {
                let batches = job.pictures.batches(&plan);
                let ahead = resident::AHEAD.div_ceil(plan.batch_size);
                for (turn, group) in batches.chunks(ahead).enumerate() {
                    let number = turn * ahead;
                    let first = number * plan.batch_size;
                    let changed = resident.batch(&plan, first, &group.concat())?;
                    let mut start = 0;
                    for (number, batch) in (number..).zip(group) {
                        take(number, changed.part(start, batch.len())?)?;
                        start += batch.len();
                    }
                }
            }
            None => job.pictures.for_each_batch(&plan, |number, batch| {
                take(number, batch::on_device(&batch, side, device)?)
            })?,
        }
        self.resident = resident;
        tally.read(epoch)?;
        let images_per_second = tally.done as f64 / started.elapsed().as_secs_f64();
        let validated = self.average.as_ref().map_or(&*self.net, |a| &a.net);
        let (confusion, valid_loss) = self.validation.validate(validated, job.classes)?;
        if !valid_loss.is_finite() {
            // The last update broke the weights: no loss was taken after it.
            return Err(TrainError::NotFinite {
                epoch,
                step: tally.steps,
                loss: valid_loss,
            });
        }
        let record = EpochRecord {
            epoch,
            lr,
            train_loss: tally.loss_sum / tally.done.max(1) as f64,
            train_accuracy: tally.confusion.accuracy(),
            valid_loss,
            valid_accuracy: confusion.accuracy(),
            valid_macro_f1: confusion.macro_f1(),
            seconds: started.elapsed().as_secs_f64(),
            images_per_second,
        };
        let position = &mut self.position;
        position.records.push(record.clone());
        let best = position.is_last_best(self.job.valid.len());
        if best {
            position.best_epoch = epoch;
        }
        let weights = validated.weights();
        let position = self.position.clone();
        let state = state::take(self.net, self.average.as_ref(), &self.memories, position);
        listener(TrainEvent::Epoch {
            record: &record,
            weights: &weights,
            train: &tally.confusion,
            valid: &confusion,
            best,
            state: &state,
        })
        .map_err(TrainError::Listener)
    }

    /// Trains the modules whose time has come by this epoch, counted from 0, and no others.
    fn thaw(&mut self, epoch: u32) {
        let (recipe, modules) = (self.job.recipe, self.net.feature_modules());
        let first = if recipe.freeze_layers {
            modules
        } else {
            let thawed = |module: &usize| thaw_epoch(*module, modules, recipe.thaw_epochs) <= epoch;
            (0..modules).find(thawed).unwrap_or(modules)
        };
        self.net.train_from(first);
    }

    fn step(&mut self, batch: DeviceBatch, lr: f64) -> Result<Pending, TrainError> {
        let recipe = self.job.recipe;
        let epoch = self.position.records.len() as u32;
        self.net.set_step(self.position.step);
        self.position.step += 1;
        let logits = self.net.forward(&batch.input, true)?;
        let mut loss = batch.loss(&logits, &self.class_weights, recipe.label_smoothing)?;
        if let Some(teachers) = self.job.teachers {
            loss = teachers.join(&loss, &batch, &logits)?;
        }
        if recipe.augment.away > 0.0 {
            loss = loss.f_add(&batch.doubt(&logits)?)?;
        }
        let active = |memory: &&mut Memory| memory.flat.from_epoch <= epoch;
        let mut active: Vec<&mut Memory> = self.memories.iter_mut().filter(active).collect();
        let (optimiser, decay) = (recipe.optimiser, recipe.weight_decay);
        descend(&loss, &mut active, optimiser, lr, decay)?;
        if let Some(average) = &mut self.average {
            tch::no_grad(|| average.update(&self.buffers))?;
        }
        Ok(Pending {
            loss: loss.f_detach()?,
            answers: logits.f_detach()?.f_argmax(1, false)?,
            truth: batch.truth,
        })
    }
}

/// The epoch, counted from 0, from which feature module `module` of `modules` is trained when
/// all are thawed over `over` epochs from the last to the first (Howard and Ruder 2018).
fn thaw_epoch(module: usize, modules: usize, over: u32) -> u32 {
    let from_the_end = modules - module;
    (from_the_end * over as usize).div_ceil(modules) as u32
}

/// Weights `pictures^-power`, scaled so that the mean over all pictures is 1.
fn class_weights(counts: &[u32], power: f64) -> Vec<f32> {
    let raw: Vec<f64> = counts
        .iter()
        .map(|n| f64::from((*n).max(1)).powf(-power))
        .collect();
    let pictures: f64 = counts.iter().map(|n| f64::from(*n)).sum();
    let sum: f64 = raw.iter().zip(counts).map(|(w, n)| w * f64::from(*n)).sum();
    raw.iter().map(|w| (w * pictures / sum) as f32).collect()
}

#[cfg(test)]
mod tests;
