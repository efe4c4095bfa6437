//! The training loop: batches in, weights out, everything else told to a listener as events.
//! Owns the optimiser and the moving average; knows no files and no screen.

mod average;
mod optimiser;
pub mod probe;

use std::time::Instant;

use models::Preprocessor;
use tch::Tensor;

use average::Average;
pub use optimiser::Optimiser;

use crate::augment::Augment;
use crate::loader::{Batch, EpochPlan, Pictures};
use crate::metrics::Confusion;
use crate::net::{self, Net};
use crate::schedule::Schedule;
use crate::weights::Weights;

/// How a network is trained.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Passes over the training pictures, at least 1.
    pub epochs: u32,
    /// Pictures in a step, at least 2.
    pub batch_size: u32,
    /// What moves the weights.
    pub optimiser: Optimiser,
    /// Highest learning rate.
    pub lr: f64,
    /// Last learning rate as a share of the highest.
    pub lrf: f64,
    /// Epochs of linear warm-up; may be a fraction.
    pub warm_up_epochs: f64,
    /// Weight decay; kernels alone.
    pub weight_decay: f64,
    /// Share of each target spread over all classes, 0 to 1.
    pub label_smoothing: f64,
    /// Exponent of `1 / pictures` in the class weights: 0 off, 0.5 square root, 1 full.
    pub class_weight_power: f64,
    /// Share of the old average kept at each step, 0 (off) to 1.
    pub ema_decay: f64,
    /// How training pictures are changed.
    pub augment: Augment,
    /// Where shuffling and augmentation start from.
    pub seed: u64,
}

/// Numbers of one finished epoch.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct EpochRecord {
    /// Counted from 1.
    pub epoch: u32,
    /// Learning rate of its last step.
    pub lr: f64,
    /// Mean training loss, smoothing and class weights included.
    pub train_loss: f64,
    /// Share of augmented training pictures answered right while training.
    pub train_accuracy: f64,
    /// Mean cross entropy on validation pictures.
    pub valid_loss: f64,
    /// Share of validation pictures answered right.
    pub valid_accuracy: f64,
    /// Mean F1 over the classes on validation pictures.
    pub valid_macro_f1: f64,
    /// Wall-clock seconds, validation included.
    pub seconds: f64,
    /// Training pictures a second, validation not counted.
    pub images_per_second: f64,
}

/// What happens while training.
#[derive(Debug)]
pub enum TrainEvent<'a> {
    /// A step ended.
    Step {
        /// Epoch, counted from 1.
        epoch: u32,
        /// Training pictures of this epoch so far.
        done: usize,
        /// Training pictures of an epoch.
        total: usize,
        /// The step's loss.
        loss: f64,
    },
    /// An epoch ended.
    Epoch {
        /// Its numbers.
        record: &'a EpochRecord,
        /// The weights that were validated.
        weights: &'a Weights,
        /// Answers on augmented training pictures while training.
        train: &'a Confusion,
        /// Answers on validation pictures.
        valid: &'a Confusion,
        /// Whether no epoch was better so far.
        best: bool,
    },
}

/// Why training stopped.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The loss is no number any more.
    #[error(
        "the loss became {loss} at step {step} of epoch {epoch}; the weights of the last whole epoch are kept; try a lower --lr"
    )]
    NotFinite {
        /// Epoch, counted from 1.
        epoch: u32,
        /// Step within it, counted from 1.
        step: usize,
        /// The loss.
        loss: f64,
    },
    /// libtorch failed: most often memory.
    #[error("libtorch: {}; if memory ran out, try a smaller --batch-size", first_line(.0))]
    Torch(#[from] tch::TchError),
    /// A listener could not do its work.
    #[error("{0}")]
    Listener(String),
}

fn first_line(error: &tch::TchError) -> String {
    error
        .to_string()
        .lines()
        .next()
        .unwrap_or_default()
        .to_string()
}

/// Validation pictures: `[height, width, 3]` inputs with their class.
pub type Inputs = [(Vec<f32>, usize)];

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
    /// Threads that prepare pictures, at least 1.
    pub workers: usize,
}

/// Trains `net` and gives the epochs' records. What is validated and handed to the listener is
/// the moving average of its weights. The listener may fail, which ends the training.
pub fn train(
    net: &mut Net,
    job: &Job<'_>,
    listener: &mut dyn FnMut(TrainEvent<'_>) -> Result<(), String>,
) -> Result<Vec<EpochRecord>, TrainError> {
    let Job {
        pictures,
        valid,
        classes,
        preprocessor,
        recipe,
        workers,
    } = *job;
    let batch_size = recipe.batch_size as usize;
    let steps_per_epoch = pictures.count().div_ceil(batch_size) as u64;
    let schedule = Schedule {
        peak: recipe.lr,
        final_share: recipe.lrf,
        warm_up: (recipe.warm_up_epochs * steps_per_epoch as f64) as u64,
        steps: steps_per_epoch * u64::from(recipe.epochs),
    };
    let mut optimiser = recipe
        .optimiser
        .build(net, recipe.lr, recipe.weight_decay)?;
    let class_weights = class_weights(&pictures.counts(classes.len()), recipe.class_weight_power);
    let class_weights = Tensor::from_slice(&class_weights).f_to_device(net.device())?;
    let mut average = Average::new(net, recipe.ema_decay)?;
    let side = [preprocessor.spec().height, preprocessor.spec().width];
    let mut records: Vec<EpochRecord> = Vec::new();
    let mut step = 0u64;
    let mut best = f64::NEG_INFINITY;
    for epoch in 1..=recipe.epochs {
        let plan = EpochPlan {
            augment: &recipe.augment,
            preprocessor,
            batch_size,
            workers,
            seed: recipe.seed,
            epoch: u64::from(epoch),
        };
        let started = Instant::now();
        let (mut done, mut loss_sum, mut lr) = (0usize, 0.0, recipe.lr);
        let mut answered = Confusion::new(classes);
        pictures.for_each_batch(&plan, |number, batch| {
            lr = schedule.rate(step);
            net.set_step(step);
            step += 1;
            optimiser.set_lr(lr);
            let (input, truth) = tensors(&batch, side, net.device())?;
            let logits = net.forward(&input, true)?;
            let loss = logits.f_cross_entropy_loss(
                &truth,
                Some(&class_weights),
                tch::Reduction::Mean,
                -100,
                recipe.label_smoothing,
            )?;
            let loss_value = loss.f_double_value(&[])?;
            if !loss_value.is_finite() {
                return Err(TrainError::NotFinite {
                    epoch,
                    step: number + 1,
                    loss: loss_value,
                });
            }
            optimiser.zero_grad();
            loss.f_backward()?;
            optimiser.step();
            average.update()?;
            let size = batch.classes.len();
            done += size;
            loss_sum += loss_value * size as f64;
            for (truth, row) in batch.classes.iter().zip(net::rows(&logits)) {
                answered.add(*truth as usize, largest(&row));
            }
            listener(TrainEvent::Step {
                epoch,
                done,
                total: pictures.count(),
                loss: loss_value,
            })
            .map_err(TrainError::Listener)
        })?;
        let images_per_second = done as f64 / started.elapsed().as_secs_f64();
        let validated = average.net(net);
        let (confusion, valid_loss) = validate(validated, valid, classes, side)?;
        let record = EpochRecord {
            epoch,
            lr,
            train_loss: loss_sum / done.max(1) as f64,
            train_accuracy: answered.accuracy(),
            valid_loss,
            valid_accuracy: confusion.accuracy(),
            valid_macro_f1: confusion.macro_f1(),
            seconds: started.elapsed().as_secs_f64(),
            images_per_second,
        };
        let is_best = record.valid_accuracy >= best;
        best = best.max(record.valid_accuracy);
        let weights = validated.weights();
        listener(TrainEvent::Epoch {
            record: &record,
            weights: &weights,
            train: &answered,
            valid: &confusion,
            best: is_best,
        })
        .map_err(TrainError::Listener)?;
        records.push(record);
    }
    Ok(records)
}

/// Logits of each input, in order.
pub fn logits(net: &Net, inputs: &Inputs, side: [u32; 2]) -> Result<Vec<Vec<f32>>, tch::TchError> {
    in_chunks(net, inputs, side, |input| net.forward(input, false))
}

/// What the last layer sees of each input, in order.
pub fn embeddings(
    net: &Net,
    inputs: &Inputs,
    side: [u32; 2],
) -> Result<Vec<Vec<f32>>, tch::TchError> {
    in_chunks(net, inputs, side, |input| net.embed(input))
}

fn in_chunks(
    net: &Net,
    inputs: &Inputs,
    side: [u32; 2],
    pass: impl Fn(&Tensor) -> Result<Tensor, tch::TchError>,
) -> Result<Vec<Vec<f32>>, tch::TchError> {
    let mut rows = Vec::new();
    for chunk in inputs.chunks(64) {
        let batch = Batch {
            inputs: chunk.iter().flat_map(|(input, _)| input).copied().collect(),
            classes: chunk.iter().map(|(_, class)| *class as i64).collect(),
        };
        let (input, _) = tensors(&batch, side, net.device())?;
        rows.extend(net::rows(&tch::no_grad(|| pass(&input))?));
    }
    Ok(rows)
}

/// Index of the largest; the first of equals.
fn largest(row: &[f32]) -> usize {
    let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    row.iter().position(|v| *v == top).unwrap_or(0)
}

fn validate(
    net: &Net,
    inputs: &Inputs,
    classes: &[String],
    side: [u32; 2],
) -> Result<(Confusion, f64), tch::TchError> {
    let mut confusion = Confusion::new(classes);
    let mut loss = 0.0;
    for ((_, truth), row) in inputs.iter().zip(logits(net, inputs, side)?) {
        let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        confusion.add(*truth, largest(&row));
        let sum: f64 = row.iter().map(|v| f64::from(v - top).exp()).sum();
        loss += sum.ln() - f64::from(row[*truth] - top);
    }
    Ok((confusion, loss / inputs.len().max(1) as f64))
}

/// A batch on the device: inputs `[n, 3, height, width]`, laid out channels last, which is
/// libtorch's faster layout here, and classes `[n]`.
fn tensors(
    batch: &Batch,
    side: [u32; 2],
    device: tch::Device,
) -> Result<(Tensor, Tensor), tch::TchError> {
    let shape = [
        batch.classes.len() as i64,
        i64::from(side[0]),
        i64::from(side[1]),
        3,
    ];
    let input = Tensor::f_from_slice(&batch.inputs)?.f_view(shape)?;
    let input = input.f_to_device(device)?.f_permute([0, 3, 1, 2])?;
    Ok((
        input,
        Tensor::f_from_slice(&batch.classes)?.f_to_device(device)?,
    ))
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
mod tests {
    use super::*;

    #[test]
    fn rare_classes_weigh_more_and_the_mean_is_one() {
        let weights = class_weights(&[100, 400], 0.5);
        assert!((weights[0] / weights[1] - 2.0).abs() < 1e-6);
        assert!((weights[0] * 100.0 + weights[1] * 400.0 - 500.0).abs() < 1e-3);
        assert_eq!(class_weights(&[3, 9], 0.0), [1.0, 1.0]);
    }
}
