//! Everything that training needs to go on as if it had never stopped, as plain arrays and
//! numbers. Random numbers need no state: shuffling, augmentation, mixing and dropout follow from
//! the seed and the epoch.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::average::Average;
use super::events::{EpochRecord, TrainError};
use super::optimiser::Memory;
use crate::net::{self, Net};
use crate::weights::{Array, Weights};

/// A finished epoch's end.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainState {
    /// `model.*` and `average.*` by parameter name, `optimiser.<buffer>.<moment>`.
    pub arrays: Weights,
    /// Where training stands.
    pub position: Position,
}

/// Where training stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Steps made.
    pub step: u64,
    /// Steps that each buffer's optimiser made.
    pub optimiser_steps: BTreeMap<String, u64>,
    /// Steps in the moving average.
    pub average_steps: u64,
    /// The best epoch so far, 0 before the first: the latest whose validation accuracy is no more
    /// than a standard error below the highest.
    pub best_epoch: u32,
    /// The finished epochs.
    pub records: Vec<EpochRecord>,
}

impl Position {
    /// Whether the last epoch is the best one: the one-standard-error rule (Breiman et al. 1984,
    /// "Classification and Regression Trees", 3.4.3). Of epochs that so few validation pictures
    /// cannot tell apart the highest accuracy is luck, and the latest epoch has learnt most.
    pub(super) fn is_last_best(&self, pictures: usize) -> bool {
        let accuracies = self.records.iter().map(|record| record.valid_accuracy);
        let most = accuracies.fold(f64::NEG_INFINITY, f64::max);
        let error = (most * (1.0 - most) / pictures.max(1) as f64).sqrt();
        let last = self.records.last();
        last.is_some_and(|last| last.valid_accuracy >= most - error)
    }

    /// The first epoch with the highest validation accuracy, 0 before the first ended.
    pub(super) fn highest(&self) -> u32 {
        highest(&self.records).map_or(0, |record| record.epoch)
    }
}

/// The first of the epochs with the highest validation accuracy.
pub fn highest(epochs: &[EpochRecord]) -> Option<&EpochRecord> {
    let accuracy = |record: &EpochRecord| record.valid_accuracy;
    // Of equals `max_by` takes the last.
    let last_first = epochs.iter().rev();
    last_first.max_by(|a, b| accuracy(a).total_cmp(&accuracy(b)))
}

/// Copies the present state out of the tensors.
pub(super) fn take(
    net: &Net,
    average: Option<&Average>,
    memories: &[Memory],
    position: Position,
) -> TrainState {
    let named = |prefix: &str, weights: Weights| -> Weights {
        let rename = |(name, array)| (format!("{prefix}.{name}"), array);
        weights.into_iter().map(rename).collect()
    };
    let mut arrays = named("model", net.weights());
    if let Some(average) = average {
        arrays.extend(named("average", average.net.weights()));
    }
    let mut position = position;
    position.average_steps = average.map_or(0, |average| average.steps);
    for memory in memories {
        for (index, moment) in memory.moments.iter().enumerate() {
            let values = net::values(moment);
            let array = Array {
                shape: vec![values.len()],
                values,
            };
            arrays.insert(slot(memory, index), array);
        }
        let name = memory.flat.name();
        position.optimiser_steps.insert(name, memory.steps);
    }
    TrainState { arrays, position }
}

/// Puts a state back into the tensors it was taken from.
pub(super) fn restore(
    state: &TrainState,
    net: &mut Net,
    average: Option<&mut Average>,
    memories: &mut [Memory],
) -> Result<(), TrainError> {
    let part = |prefix: &str| -> Weights {
        let prefix = format!("{prefix}.");
        let below = |(name, array): (&String, &Array)| {
            Some((name.strip_prefix(&prefix)?.to_string(), array.clone()))
        };
        state.arrays.iter().filter_map(below).collect()
    };
    let whole = |error: crate::weights::WeightsError| TrainError::State(error.to_string());
    net.load_all(&part("model"), "the checkpoint")
        .map_err(whole)?;
    if let Some(average) = average {
        let weights = part("average");
        average
            .net
            .load_all(&weights, "the checkpoint")
            .map_err(whole)?;
        average.steps = state.position.average_steps;
    }
    for memory in memories {
        let name = memory.flat.name();
        let steps = state.position.optimiser_steps.get(&name);
        memory.steps = *steps.ok_or(TrainError::State(name))?;
        for index in 0..memory.moments.len() {
            let name = slot(memory, index);
            let moment = &mut memory.moments[index];
            let array = state.arrays.get(&name);
            let array = array.filter(|array| array.values.len() == moment.numel());
            let array = array.ok_or(TrainError::State(name))?;
            moment.f_copy_(&Tensor::f_from_slice(&array.values)?)?;
        }
    }
    Ok(())
}

fn slot(memory: &Memory, moment: usize) -> String {
    format!("optimiser.{}.{moment}", memory.flat.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of 100 pictures 0.9 has a standard error of 0.03.
    #[test]
    fn the_best_epoch_is_the_latest_that_chance_cannot_tell_from_the_highest() {
        let mut position = Position::default();
        let mut best = Vec::new();
        for (epoch, valid_accuracy) in (1..).zip([0.80, 0.90, 0.875, 0.86, 0.90, 0.871]) {
            position.records.push(EpochRecord {
                epoch,
                valid_accuracy,
                ..EpochRecord::default()
            });
            best.push(position.is_last_best(100));
        }
        assert_eq!(best, [true, true, true, false, true, true]);
        assert_eq!(position.highest(), 2);
        assert!(!position.is_last_best(10_000));
        assert_eq!(Position::default().highest(), 0);
    }
}
