//! `host-trainer train`: folders of pictures in, a run folder out.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use models::{PreprocessSpec, Preprocessor};

use super::{default_workers, report_unreadable, usage};
use crate::arch::{Arch, Variant};
use crate::augment::Augment;
use crate::dataset::Dataset;
use crate::device::{self, Choice};
use crate::duplicates;
use crate::epoch_logs::EpochLogs;
use crate::loader::{self, Loaded, Pictures};
use crate::net::Net;
use crate::progress::{self, Progress};
use crate::run::{Run, RunRecord};
use crate::split::{Part, Split};
use crate::train::{self, Optimiser, Recipe, TrainEvent};
use crate::train_log;
use crate::weights::pretrained::{self, Pretrained, PretrainedError};

/// Train a network on folders of pictures, one folder for each class.
///
/// Classes are the folders' names. Augmentation is colour-safe: geometry, brightness, white
/// balance, haze, shadow, resolution, blur, noise, JPEG; no hue or saturation jitter, which
/// would move the label.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Folder with a folder of training pictures for each class
    #[arg(long, value_name = "DIR", default_value = "./data/train")]
    data_train: PathBuf,
    /// The same for validation; when absent, parts of the training pictures are held out so
    /// that near-duplicates stay together [default: ./data/val if it exists]
    #[arg(long, value_name = "DIR")]
    data_val: Option<PathBuf>,
    /// More class folders that only training sees (may be given several times)
    #[arg(long, value_name = "DIR")]
    data_extra: Vec<PathBuf>,
    /// Share of each class held out for validation, without a validation folder
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    val_share: f64,
    /// Share of each class held out for testing, without a validation folder
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    test_share: f64,
    /// Network
    #[arg(long, default_value = "small")]
    model: Variant,
    /// Side of the network's square input, pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 128)]
    input_size: u32,
    /// Weights to start from: `imagenet` fetches torchvision's published ones once and keeps them
    /// (the variable CAR_COLOUR_WEIGHTS_URL names a mirror of
    /// <https://download.pytorch.org/models>); a .pth or .safetensors file with torchvision's
    /// parameter names; or `none`
    #[arg(long, value_name = "imagenet|FILE|none", default_value = "none")]
    pretrained: String,
    /// Train the classifier alone
    #[arg(long)]
    freeze_layers: bool,
    /// Passes over the training pictures
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    epochs: u32,
    /// Pictures in a step
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(2..))]
    batch_size: u32,
    /// Optimiser
    #[arg(long, default_value = "AdamW", ignore_case = true)]
    optim: Optimiser,
    /// Highest learning rate
    #[arg(long, default_value_t = 0.002)]
    lr: f64,
    /// Last learning rate as a share of the highest; a cosine leads there
    #[arg(long, default_value_t = 0.01)]
    lrf: f64,
    /// Weight decay of the kernels
    #[arg(long, default_value_t = 0.02)]
    weight_decay: f64,
    /// Where random numbers start from
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Device that computes
    #[arg(long, default_value = "auto")]
    device: Choice,
    /// Threads that prepare pictures [default: one for each processor]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    workers: Option<u16>,
    /// Folder in which the run's numbered folder is made
    #[arg(long, value_name = "DIR", default_value = "runs")]
    save_ret: PathBuf,
}

impl Arguments {
    fn check(&self) -> anyhow::Result<()> {
        let in_range = |name: &str, value: f64, low: f64, high: f64| {
            if value >= low && value <= high {
                return Ok(());
            }
            Err(usage(format!(
                "--{name} is {value}; {low} to {high} can be"
            )))
        };
        in_range("lr", self.lr, 1e-9, 10.0)?;
        in_range("lrf", self.lrf, 0.0, 1.0)?;
        in_range("weight-decay", self.weight_decay, 0.0, 1.0)?;
        in_range("val-share", self.val_share, 0.01, 0.5)?;
        in_range("test-share", self.test_share, 0.0, 0.4)
    }

    fn recipe(&self) -> Recipe {
        Recipe {
            epochs: self.epochs,
            batch_size: self.batch_size,
            optimiser: self.optim,
            lr: self.lr,
            lrf: self.lrf,
            warm_up_epochs: if self.epochs > 2 { 1.0 } else { 0.1 },
            weight_decay: self.weight_decay,
            label_smoothing: 0.1,
            class_weight_power: 0.5,
            ema_decay: 0.995,
            augment: Augment::road(),
            seed: self.seed,
        }
    }
}

/// The pictures of a run, divided.
struct Data {
    classes: Vec<String>,
    pictures: Pictures,
    train: Dataset,
    valid: Dataset,
    split: Option<Split>,
    data_val: Option<PathBuf>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    arguments.check()?;
    let spec = PreprocessSpec::imagenet(arguments.input_size);
    let preprocessor = Preprocessor::new(&spec).map_err(|e| usage(format!("--input-size: {e}")))?;
    let device = device::choose(arguments.device).map_err(usage)?;
    let workers = arguments.workers.map_or_else(default_workers, usize::from);
    let pretrained = read_pretrained(arguments)?;

    let data = read_data(arguments, workers)?;
    let valid = loader::load_inputs(&data.valid, &spec, workers).map_err(anyhow::Error::msg)?;
    if valid.is_empty() {
        bail!("no picture is left for validation; give --data-val, or more pictures of each class");
    }

    crate::net::seed(arguments.seed);
    let arch = Arch::new(arguments.model, data.classes.len());
    let mut net = Net::new(&arch, device);
    let origin = match &pretrained {
        Some(Pretrained { origin, weights }) => {
            let replaced = net.load(weights, &arguments.pretrained).map_err(usage)?;
            let head = if replaced { ", new last layer" } else { "" };
            println!("pretrained   {}{head}", arguments.pretrained);
            origin.clone()
        }
        None => "none".into(),
    };
    if arguments.freeze_layers {
        net.freeze_features();
    }

    let run = Run::create(&arguments.save_ret)?;
    let counts = data.pictures.counts(data.classes.len());
    let mut record = RunRecord {
        generator: concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).into(),
        model: arguments.model,
        classes: data.classes.clone(),
        input: spec,
        recipe: arguments.recipe(),
        freeze_layers: arguments.freeze_layers,
        pretrained: origin,
        data_train: absolute(&arguments.data_train)?,
        data_val: data.data_val.as_deref().map(absolute).transpose()?,
        data_extra: arguments
            .data_extra
            .iter()
            .map(|p| absolute(p))
            .collect::<Result<_, _>>()?,
        pictures: data.classes.iter().cloned().zip(counts).collect(),
        dataset_sha256: data.train.fingerprint(),
        best_epoch: 0,
    };
    run.write_record(&record)?;
    if let Some(split) = &data.split {
        run.write_split(split)?;
    }
    println!(
        "network      {}, {} parameters, {} of them trained",
        arguments.model.architecture(),
        arch.parameter_count(false),
        arch.parameter_count(arguments.freeze_layers)
    );
    println!("device       {}", device::name(device));
    println!("run          {}\n", run.folder().display());

    let folder = run.folder().display().to_string();
    let mut log = train_log::opening(&record, valid.len(), &folder);
    let mut progress = Progress::new(arguments.epochs);
    let mut logs = EpochLogs::open(run.folder(), 0)
        .with_context(|| format!("cannot write logs in {folder}"))?;
    let recipe = record.recipe.clone();
    let job = train::Job {
        pictures: &data.pictures,
        valid: &valid,
        classes: &data.classes,
        preprocessor: &preprocessor,
        recipe: &recipe,
        workers,
    };
    let records = train::train(&mut net, &job, &mut |event| {
        progress.show(&event);
        if let TrainEvent::Epoch {
            record: epoch,
            weights,
            train,
            valid,
            best,
        } = event
        {
            train_log::add_epoch(&mut log, epoch.epoch, train, valid);
            let saved = run
                .write_weights(weights, best)
                .and_then(|()| run.log(epoch, valid))
                .and_then(|()| run.write_train_log(&log));
            saved.map_err(|error| format!("{error:#}"))?;
            let logged = logs.epoch(epoch);
            logged.map_err(|error| format!("cannot write log.csv and its like: {error}"))?;
            if best {
                record.best_epoch = epoch.epoch;
                run.write_record(&record)
                    .map_err(|error| format!("{error:#}"))?;
            }
        }
        Ok(())
    })?;
    let best = records
        .iter()
        .find(|epoch| epoch.epoch == record.best_epoch);
    let accuracy = best.map_or(0.0, |epoch| epoch.valid_accuracy);
    println!(
        "\nbest epoch   {} with validation accuracy {accuracy:.4}",
        record.best_epoch
    );
    println!(
        "next         host-trainer export {} --quantise weights --out BUNDLE",
        run.folder().display()
    );
    Ok(())
}

fn read_pretrained(arguments: &Arguments) -> anyhow::Result<Option<Pretrained>> {
    let resolved = pretrained::resolve(&arguments.pretrained, arguments.model);
    resolved.map_err(|error| match error {
        PretrainedError::Weights(error) => usage(error),
        error => error.into(),
    })
}

fn read_data(arguments: &Arguments, workers: usize) -> anyhow::Result<Data> {
    let all = Dataset::scan(&arguments.data_train).map_err(usage)?;
    let classes = all.classes.clone();
    let loaded = load_with_bar(&all, workers, "reading pictures")?;
    let all = all.with(loaded.items);
    let default_val = Path::new("./data/val");
    let given = arguments.data_train == Path::new("./data/train") && default_val.is_dir();
    let data_val = arguments
        .data_val
        .clone()
        .or_else(|| given.then(|| default_val.into()));
    let (train, valid, split) = match &data_val {
        Some(folder) => {
            let valid = Dataset::scan_known(folder, &classes).map_err(usage)?;
            (all.clone(), valid, None)
        }
        None => {
            let groups = duplicates::groups(&loaded.fingerprints);
            report_groups(&groups);
            let (val, test) = (arguments.val_share, arguments.test_share);
            let split = Split::by_group(&all, &groups, val, test, arguments.seed);
            let part = |part| split.select(&all, part);
            (part(Part::Train), part(Part::Validation), Some(split))
        }
    };
    let mut extra = Pictures::default();
    for folder in &arguments.data_extra {
        let more = Dataset::scan_known(folder, &classes).map_err(usage)?;
        let more = load_with_bar(&more, workers, "reading extra")?.pictures;
        extra = extra.select(|_| true, more);
    }
    let extra_count = extra.count();
    let pictures = loaded.pictures.select(
        |index| {
            train
                .items
                .binary_search_by(|item| {
                    (item.class, &item.path).cmp(&(all.items[index].class, &all.items[index].path))
                })
                .is_ok()
        },
        extra,
    );
    let test = split
        .as_ref()
        .map_or(0, |split| split.select(&all, Part::Test).items.len());
    println!("classes      {}: {}", classes.len(), classes.join(" "));
    println!(
        "pictures     {} train ({extra_count} of them extra), {} validation, {test} test",
        pictures.count(),
        valid.items.len(),
    );
    if let Some((class, _)) = train.counts().iter().find(|(_, count)| **count == 0) {
        bail!("no training picture of {class} is left; add pictures of it");
    }
    Ok(Data {
        classes,
        pictures,
        train,
        valid,
        split,
        data_val,
    })
}

/// How many photographs there are several pictures of.
fn report_groups(groups: &[usize]) {
    let mut sizes = std::collections::HashMap::new();
    groups
        .iter()
        .for_each(|group| *sizes.entry(group).or_insert(0usize) += 1);
    let largest = sizes.values().max().copied().unwrap_or(0);
    println!(
        "duplicates   {} pictures show {} photographs; the most pictures of one: {largest}",
        groups.len(),
        sizes.len()
    );
}

fn load_with_bar(dataset: &Dataset, workers: usize, what: &str) -> anyhow::Result<Loaded> {
    let bar = progress::bar(dataset.items.len() as u64, what);
    let loaded = loader::load(dataset, workers, &|| bar.inc(1));
    bar.finish_and_clear();
    report_unreadable(&loaded.unreadable);
    if loaded.items.is_empty() {
        bail!("no picture in {} can be read", dataset.root.display());
    }
    Ok(loaded)
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("cannot resolve {}", path.display()))
}
