//! What `train` can be told, and the recipe that follows from it.

use std::path::PathBuf;

use crate::arch::Variant;
use crate::augment::Named;
use crate::commands::usage;
use crate::device::{Choice, Place};
use crate::loader::Sampling;
use crate::train::{Optimiser, Precision, Preset, Recipe};

/// Train a network on folders of pictures, one folder for each class.
///
/// Classes are the folders' names. Augmentation is colour-safe: geometry, brightness, white
/// balance, haze, shadow, resolution, blur, noise, JPEG; no hue or saturation jitter, which
/// would move the label. A run that was stopped goes on exactly where it was with --resume.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Settings to begin from; the options below change single ones
    #[arg(long, default_value = "default")]
    pub recipe: Preset,
    /// Go on with a run that was stopped, such as runs/1, with that run's own settings
    #[arg(long, value_name = "RUN", conflicts_with_all = NOT_WITH_RESUME)]
    pub resume: Option<PathBuf>,

    /// Folder with a folder of training pictures for each class
    #[arg(
        long,
        value_name = "DIR",
        default_value = "./data/train",
        help_heading = "Data"
    )]
    pub data_train: PathBuf,
    /// The same for validation; when absent, parts of the training pictures are held out
    /// [default: ./data/val if it exists, unless a split is given]
    #[arg(long, value_name = "DIR", help_heading = "Data")]
    pub data_val: Option<PathBuf>,
    /// More class folders that only training sees (may be given several times)
    #[arg(long, value_name = "DIR", help_heading = "Data")]
    pub data_extra: Vec<PathBuf>,
    /// Only these classes, separated by commas
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        help_heading = "Data"
    )]
    pub classes: Vec<String>,
    /// How pictures are held out without --data-val: so that near-duplicates stay together, or at
    /// random, or as a split.json says [default: group; reference: random]
    #[arg(
        long,
        value_name = "group|random|FILE",
        conflicts_with = "data_val",
        help_heading = "Data"
    )]
    pub split: Option<String>,
    /// Share of each class held out for validation [default: 0.1; reference: 0.3]
    #[arg(
        long,
        value_name = "SHARE",
        conflicts_with = "data_val",
        help_heading = "Data"
    )]
    pub val_share: Option<f64>,
    /// Share of each class held out for testing [default: 0.1; reference: 0]
    #[arg(
        long,
        value_name = "SHARE",
        conflicts_with = "data_val",
        help_heading = "Data"
    )]
    pub test_share: Option<f64>,

    /// Network
    #[arg(long, default_value = "small", help_heading = "Network")]
    pub model: Variant,
    /// Side of the network's square input, pixels [default: 128; reference: 224]
    #[arg(long, value_name = "PIXELS", help_heading = "Network")]
    pub input_size: Option<u32>,
    /// Weights to start from: torchvision's ImageNet weights (fetched once), a file of torchvision's
    /// parameter names or of EfficientNet-Lite's published ones, a bundle's folder, or none
    #[arg(
        long,
        value_name = "imagenet|FILE|BUNDLE|none",
        default_value = "imagenet",
        help_heading = "Network"
    )]
    pub pretrained: String,
    /// Train the classifier alone [default: no; reference: yes]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "Network")]
    pub freeze_layers: Option<bool>,
    /// Thaw the features from the last to the first over this many epochs [default: 0, at once]
    #[arg(long, value_name = "EPOCHS", help_heading = "Network")]
    pub thaw_epochs: Option<u32>,

    /// Passes over the training pictures [default: 20]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Training")]
    pub epochs: Option<u32>,
    /// Pictures in a step [default: 32; reference: 8]
    #[arg(long, value_parser = clap::value_parser!(u32).range(2..), help_heading = "Training")]
    pub batch_size: Option<u32>,
    /// Optimiser [default: AdamW; reference: SGD]
    #[arg(long, ignore_case = true, help_heading = "Training")]
    pub optim: Option<Optimiser>,
    /// Highest learning rate [default: 0.002; reference: 0.01]
    #[arg(long, help_heading = "Training")]
    pub lr: Option<f64>,
    /// Last learning rate as a share of the highest; a cosine leads there [default: 0.01]
    #[arg(long, help_heading = "Training")]
    pub lrf: Option<f64>,
    /// Epochs in which the learning rate rises [default: 1; reference: 0]
    #[arg(long, value_name = "EPOCHS", help_heading = "Training")]
    pub warm_up_epochs: Option<f64>,
    /// Try learning rates in one short run, draw the losses and end
    #[arg(long, conflicts_with = "resume", help_heading = "Training")]
    pub find_lr: bool,
    /// Weight decay of the kernels [default: 0.02; reference: 0.00005]
    #[arg(long, help_heading = "Training")]
    pub weight_decay: Option<f64>,
    /// Share of each target spread over all classes [default: 0.1; reference: 0]
    #[arg(long, value_name = "SHARE", help_heading = "Training")]
    pub label_smoothing: Option<f64>,
    /// How pictures are changed [default: road; reference: crops]
    #[arg(long, help_heading = "Training")]
    pub augment: Option<Named>,
    /// Mix two pictures and their targets; shape of the Beta distribution, 0.2 is usual [default: 0, off]
    #[arg(long, value_name = "SHAPE", help_heading = "Training")]
    pub mixup: Option<f64>,
    /// Rare classes weigh more: exponent of 1/pictures, 0 off to 1 full [default: 0.5; reference: 0]
    #[arg(long, value_name = "EXPONENT", help_heading = "Training")]
    pub class_weights: Option<f64>,
    /// Learn from this finished run's answers too; it has the same classes (may be given several
    /// times: their mean)
    #[arg(long, value_name = "RUN", help_heading = "Training")]
    pub teacher: Vec<PathBuf>,
    /// Share of the loss that is about the teachers' answers
    #[arg(
        long,
        value_name = "SHARE",
        requires = "teacher",
        default_value_t = 0.7,
        help_heading = "Training"
    )]
    pub teacher_share: f64,
    /// Which pictures an epoch sees [default: shuffled]
    #[arg(long, help_heading = "Training")]
    pub sampling: Option<Sampling>,
    /// Share of the old moving average kept at each step, 0 off [default: 0.995; reference: 0]
    #[arg(long, value_name = "SHARE", help_heading = "Training")]
    pub ema: Option<f64>,
    /// Stop after this many epochs without a better validation accuracy [default: 0, never]
    #[arg(long, value_name = "EPOCHS", help_heading = "Training")]
    pub patience: Option<u32>,
    /// Where random numbers start from [default: 0]
    #[arg(long, help_heading = "Training")]
    pub seed: Option<u64>,

    /// Device that computes
    #[arg(long, default_value = "auto", help_heading = "Machine")]
    pub device: Choice,
    /// How numbers are held while features are computed [default: float32]
    #[arg(long, help_heading = "Machine")]
    pub precision: Option<Precision>,
    /// Where pictures are changed: on a GPU if they fit into its memory, else by processor threads
    #[arg(long, default_value = "auto", help_heading = "Machine")]
    pub augment_on: Place,
    /// The same weights from the same command on a GPU too, at some cost of speed: cuDNN is left out.
    /// (A processor with the same number of threads always gives the same)
    #[arg(long, help_heading = "Machine")]
    pub deterministic: bool,
    /// Threads that prepare pictures [default: one for each processor]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..), help_heading = "Machine")]
    pub workers: Option<u16>,
    /// Folder in which the run's numbered folder is made
    #[arg(
        long,
        value_name = "DIR",
        default_value = "runs",
        help_heading = "Machine"
    )]
    pub save_ret: PathBuf,
}

/// Everything that a resumed run has already decided.
const NOT_WITH_RESUME: [&str; 34] = [
    "deterministic",
    "teacher",
    "teacher_share",
    "augment",
    "augment_on",
    "recipe",
    "data_train",
    "data_val",
    "data_extra",
    "classes",
    "split",
    "val_share",
    "test_share",
    "model",
    "input_size",
    "pretrained",
    "freeze_layers",
    "thaw_epochs",
    "epochs",
    "batch_size",
    "optim",
    "lr",
    "lrf",
    "warm_up_epochs",
    "weight_decay",
    "label_smoothing",
    "mixup",
    "class_weights",
    "sampling",
    "ema",
    "patience",
    "seed",
    "precision",
    "save_ret",
];

impl Arguments {
    /// Refuses what cannot be.
    pub fn check(&self) -> anyhow::Result<()> {
        let in_range = |name: &str, value: Option<f64>, low: f64, high: f64| match value {
            Some(value) if !(value >= low && value <= high) => Err(usage(format!(
                "--{name} is {value}; {low} to {high} can be"
            ))),
            _ => Ok(()),
        };
        in_range("lr", self.lr, 1e-9, 10.0)?;
        in_range("lrf", self.lrf, 0.0, 1.0)?;
        in_range("warm-up-epochs", self.warm_up_epochs, 0.0, 100.0)?;
        in_range("weight-decay", self.weight_decay, 0.0, 1.0)?;
        in_range("label-smoothing", self.label_smoothing, 0.0, 0.9)?;
        in_range("mixup", self.mixup, 0.0, 1.0)?;
        in_range("class-weights", self.class_weights, 0.0, 1.0)?;
        in_range("ema", self.ema, 0.0, 0.999_999)?;
        in_range("teacher-share", Some(self.teacher_share), 0.01, 1.0)?;
        in_range("val-share", self.val_share, 0.01, 0.5)?;
        in_range("test-share", self.test_share, 0.0, 0.4)
    }

    /// Shares held out for validation and testing.
    pub fn shares(&self) -> [f64; 2] {
        let [validation, test] = match self.recipe {
            Preset::Default => [0.1, 0.1],
            Preset::Reference => [0.3, 0.0],
        };
        [
            self.val_share.unwrap_or(validation),
            self.test_share.unwrap_or(test),
        ]
    }

    /// The preset with the single settings that were given.
    pub fn recipe(&self) -> Recipe {
        let preset = self.recipe.recipe();
        let epochs = self.epochs.unwrap_or(preset.epochs);
        // A warm-up of a whole epoch would take most of a very short run.
        let warm_up = if epochs > 2 {
            preset.warm_up_epochs
        } else {
            preset.warm_up_epochs.min(0.1)
        };
        Recipe {
            epochs,
            batch_size: self.batch_size.unwrap_or(preset.batch_size),
            optimiser: self.optim.unwrap_or(preset.optimiser),
            lr: self.lr.unwrap_or(preset.lr),
            lrf: self.lrf.unwrap_or(preset.lrf),
            warm_up_epochs: self.warm_up_epochs.unwrap_or(warm_up),
            weight_decay: self.weight_decay.unwrap_or(preset.weight_decay),
            label_smoothing: self.label_smoothing.unwrap_or(preset.label_smoothing),
            class_weight_power: self.class_weights.unwrap_or(preset.class_weight_power),
            sampling: self.sampling.unwrap_or(preset.sampling),
            mixup: self.mixup.unwrap_or(preset.mixup),
            ema_decay: self.ema.unwrap_or(preset.ema_decay),
            freeze_layers: self.freeze_layers.unwrap_or(preset.freeze_layers),
            thaw_epochs: self.thaw_epochs.unwrap_or(preset.thaw_epochs),
            patience: self.patience.unwrap_or(preset.patience),
            precision: self.precision.unwrap_or(preset.precision),
            augment: self.augment.map_or(preset.augment, Named::augment),
            seed: self.seed.unwrap_or(preset.seed),
            ..preset
        }
    }

    /// Side of the input, pixels.
    pub fn input_size(&self) -> u32 {
        self.input_size.unwrap_or(self.recipe.input_size())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn parse(text: &str) -> Result<Arguments, clap::Error> {
        let words = std::iter::once("train").chain(text.split_whitespace());
        Cli::try_parse_from(words).map(|cli| cli.arguments)
    }

    #[test]
    fn the_reference_is_the_articles_and_single_settings_change_it() {
        let recipe = parse("--recipe reference").unwrap().recipe();
        let Recipe {
            epochs,
            batch_size,
            lr,
            lrf,
            optimiser,
            freeze_layers,
            ..
        } = recipe;
        assert_eq!((epochs, batch_size, lr, lrf), (20, 8, 0.01, 0.01));
        assert_eq!((optimiser, freeze_layers), (Optimiser::Sgd, true));
        let changed = parse("--recipe reference --freeze-layers=false --lr 0.5").unwrap();
        assert_eq!(changed.shares(), [0.3, 0.0]);
        assert_eq!(changed.input_size(), 224);
        let changed = changed.recipe();
        assert_eq!(
            (changed.freeze_layers, changed.lr, changed.batch_size),
            (false, 0.5, 8)
        );
        assert!(parse("--freeze-layers").unwrap().recipe().freeze_layers);
    }

    #[test]
    fn a_resumed_run_keeps_its_settings() {
        let text = match parse("--resume runs/1 --lr 0.1") {
            Err(error) => error.to_string(),
            Ok(_) => String::new(),
        };
        assert!(
            text.contains("'--resume <RUN>' cannot be used with"),
            "{text}"
        );
        assert!(parse("--resume runs/1 --device cpu --workers 2").is_ok());
    }

    #[test]
    fn impossible_settings_are_named() {
        let text = parse("--mixup 2").unwrap().check().unwrap_err().to_string();
        assert_eq!(text, "--mixup is 2; 0 to 1 can be");
        assert!(parse("--lr nan").unwrap().check().is_err());
    }
}
