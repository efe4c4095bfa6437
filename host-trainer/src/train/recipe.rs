//! How a network is trained, as plain data, and the two named recipes. Runs nothing.

use serde::{Deserialize, Serialize};

use super::Optimiser;
use crate::augment::Augment;
use crate::loader::Sampling;
use crate::schedule::Pace;

/// How a network is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// Whether the rate falls at every step or every epoch.
    pub pace: Pace,
    /// Epochs of linear warm-up; may be a fraction.
    pub warm_up_epochs: f64,
    /// Weight decay; kernels alone.
    pub weight_decay: f64,
    /// Share of each target spread over all classes, 0 to 1.
    pub label_smoothing: f64,
    /// Exponent of `1 / pictures` in the class weights: 0 off, 0.5 square root, 1 full.
    pub class_weight_power: f64,
    /// Which pictures an epoch sees.
    pub sampling: Sampling,
    /// Shape of the Beta distribution that mixes two pictures and their targets; 0 off, up to 1.
    pub mixup: f64,
    /// Share of the old average kept at each step, 0 (off) to 1.
    pub ema_decay: f64,
    /// Whether the classifier alone is trained.
    pub freeze_layers: bool,
    /// Epochs over which the features are thawed from the last to the first; 0 at once.
    pub thaw_epochs: u32,
    /// Epochs without a better validation accuracy after which training stops; 0 never.
    pub patience: u32,
    /// How numbers are held while the features are computed.
    pub precision: Precision,
    /// How training pictures are changed.
    pub augment: Augment,
    /// Where shuffling, augmentation and dropout start from.
    pub seed: u64,
}

/// How numbers are held while the features are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lower")]
pub enum Precision {
    /// 32-bit floats
    Float32,
    /// Mixed: convolutions in bfloat16, weights and sums in 32 bits; for GPUs since Ampere.
    /// It has the range of 32-bit floats, so no loss scaling is needed
    Bfloat16,
}

/// The recipes that have a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// The one to use: all layers, AdamW, class weights, road augmentation, 128 pixels
    Default,
    /// The reference article's: classifier alone, SGD, batches of 8, random 70/30 split, 224 pixels
    Reference,
}

impl Preset {
    /// The recipe, seed 0.
    pub fn recipe(self) -> Recipe {
        match self {
            Preset::Default => Recipe {
                epochs: 20,
                batch_size: 32,
                optimiser: Optimiser::AdamW,
                lr: 0.002,
                lrf: 0.01,
                pace: Pace::Step,
                warm_up_epochs: 1.0,
                weight_decay: 0.02,
                label_smoothing: 0.1,
                class_weight_power: 0.5,
                sampling: Sampling::Shuffled,
                mixup: 0.0,
                ema_decay: 0.995,
                freeze_layers: false,
                thaw_epochs: 0,
                patience: 0,
                precision: Precision::Float32,
                augment: Augment::road(),
                seed: 0,
            },
            // What the article does not say (momentum 0.9, weight decay 5e-5, random resized
            // crops and mirrors) is what its family of training scripts has.
            Preset::Reference => Recipe {
                epochs: 20,
                batch_size: 8,
                optimiser: Optimiser::Sgd,
                lr: 0.01,
                lrf: 0.01,
                pace: Pace::Epoch,
                warm_up_epochs: 0.0,
                weight_decay: 5e-5,
                label_smoothing: 0.0,
                class_weight_power: 0.0,
                sampling: Sampling::Shuffled,
                mixup: 0.0,
                ema_decay: 0.0,
                freeze_layers: true,
                thaw_epochs: 0,
                patience: 0,
                precision: Precision::Float32,
                augment: Augment::crops(),
                seed: 0,
            },
        }
    }

    /// Side of the square input, pixels.
    pub fn input_size(self) -> u32 {
        match self {
            Preset::Default => 128,
            Preset::Reference => 224,
        }
    }
}
