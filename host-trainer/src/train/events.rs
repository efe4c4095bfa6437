//! What training tells its listener, and why it may stop. No loop.

use super::state::TrainState;
use crate::metrics::Confusion;
use crate::weights::Weights;

/// Numbers of one finished epoch.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
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
    /// Some steps ended.
    Step {
        /// Epoch, counted from 1.
        epoch: u32,
        /// Training pictures of this epoch so far.
        done: usize,
        /// Training pictures of an epoch.
        total: usize,
        /// The last step's loss.
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
        /// Whether its weights are the best so far, see `Position::best_epoch`.
        best: bool,
        /// From here training goes on as if it had never stopped.
        state: &'a TrainState,
    },
    /// No epoch was better for as long as the recipe's patience.
    Stopped {
        /// The last epoch.
        epoch: u32,
        /// The first with the highest validation accuracy.
        highest: u32,
    },
}

/// Why training stopped.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The loss is no number any more.
    #[error(
        "the loss became {loss} at step {step} of epoch {epoch}; {}; try a lower --lr",
        if *epoch > 1 { "the weights of the last whole epoch are kept" } else { "no epoch ended before, so no weights are kept" }
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
    /// A checkpoint that does not belong to this network and recipe.
    #[error("the checkpoint has no usable {0}; it was made with another network or recipe")]
    State(String),
    /// A listener could not do its work.
    #[error("{0}")]
    Listener(String),
    /// Someone asked for the end.
    #[error("stopped in epoch {epoch}")]
    Interrupted {
        /// Epoch, counted from 1.
        epoch: u32,
    },
}

pub(super) fn first_line(error: &tch::TchError) -> String {
    error
        .to_string()
        .lines()
        .next()
        .unwrap_or_default()
        .to_string()
}
