//! `host-trainer train`: folders of pictures in, a run folder out.

mod arguments;
mod data;
mod rates;
mod teaching;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, bail};
use models::{PreprocessSpec, Preprocessor};
use serde_json::{Map, Value};

pub use arguments::Arguments;
pub use data::{Data, Sources};

use super::{default_workers, pretrained, usage};
use crate::arch::{Arch, Widths};
use crate::device;
use crate::epoch_logs::EpochLogs;
use crate::net::{self, Net};
use crate::progress::Progress;
use crate::report;
use crate::run::{Run, RunRecord};
use crate::train::{self, EpochRecord, Job, Teachers, TrainError, TrainEvent, TrainState};
use crate::train_log;
use crate::weights::pretrained::Pretrained;

/// A run that is ready to train or to go on.
struct Prepared {
    run: Run,
    record: RunRecord,
    log: Map<String, Value>,
    data: Data,
    net: Net,
    teachers: Option<Teachers>,
    state: Option<TrainState>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    arguments.check()?;
    if arguments.deterministic {
        device::be_deterministic();
    }
    let workers = arguments.workers.map_or_else(default_workers, usize::from);
    let prepared = match &arguments.resume {
        Some(folder) => resumed(arguments, folder, workers)?,
        None if arguments.find_lr => return rates::run(arguments, workers),
        None => begun(arguments, workers)?,
    };
    train(prepared, workers)
}

/// Everything up to the first step of a new run.
fn begun(arguments: &Arguments, workers: usize) -> anyhow::Result<Prepared> {
    let recipe = arguments.recipe();
    let spec = PreprocessSpec::imagenet(arguments.input_size());
    let preprocessor = Preprocessor::new(&spec).map_err(|e| usage(format!("--input-size: {e}")))?;
    let weights = pretrained(&arguments.pretrained, arguments.model)?;
    let sources = Sources::given(arguments)?;
    let data_val = sources.valid.clone();
    let data = sources.read(&spec, workers)?;
    net::seed(recipe.seed);
    let (net, origin) = start(arguments, weights, &data, &preprocessor, workers)?;
    let widths = &net.arch().widths;
    let counts = data.pictures.counts(data.classes.len());
    let absolutes = arguments.data_extra.iter().map(|p| absolute(p));
    let record = RunRecord {
        generator: concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).into(),
        model: arguments.model,
        widths: (*widths != Widths::published(arguments.model)).then(|| widths.clone()),
        classes: data.classes.clone(),
        input: spec,
        recipe,
        preset: arguments.recipe,
        pretrained: origin,
        teaching: teaching::given(arguments)?,
        resident: arguments.augment_on.resident(net.device()),
        deterministic: arguments.deterministic,
        threads: device::threads(),
        data_train: absolute(&arguments.data_train)?,
        data_val: data_val.as_deref().map(absolute).transpose()?,
        data_extra: absolutes.collect::<Result<_, _>>()?,
        pictures: data.classes.iter().cloned().zip(counts).collect(),
        dataset_sha256: data.train.fingerprint(),
        others_sha256: Some(data.others_sha256.clone()),
        best_epoch: 0,
    };
    let teachers = teaching::teachers(&record, data.split.as_ref(), &net)?;
    let run = Run::create(&arguments.save_ret)?;
    run.write_record(&record)?;
    if let Some(split) = &data.split {
        run.write_split(split)?;
    }
    let log = train_log::opening(
        &record,
        data.valid.len(),
        &run.folder().display().to_string(),
    );
    run.write_train_log(&log)?;
    Ok(Prepared {
        run,
        record,
        log,
        data,
        net,
        teachers,
        state: None,
    })
}

/// A stopped run, set up as it was at the end of its last whole epoch.
fn resumed(arguments: &Arguments, folder: &Path, workers: usize) -> anyhow::Result<Prepared> {
    let run = Run::open(folder).map_err(usage)?;
    let record = run.record()?;
    let state = run.resume()?;
    let Some(state) = state else {
        bail!(
            "{} was stopped before its first epoch ended; start it anew",
            folder.display()
        );
    };
    let done = state.position.records.len();
    if done as u32 >= record.recipe.epochs {
        return Err(usage(format!(
            "{} is finished: it has all its {done} epochs",
            folder.display()
        )));
    }
    let device = device::choose(arguments.device).map_err(usage)?;
    let data = Sources::recorded(&run, &record)?.read(&record.input, workers)?;
    if data.train.fingerprint() != record.dataset_sha256 {
        bail!(
            "the training pictures in {} are not those that {} was started with; start a new run",
            record.data_train.display(),
            folder.display()
        );
    }
    let others = record.others_sha256.as_ref();
    if others.is_some_and(|others| *others != data.others_sha256) {
        bail!(
            "the validation or extra pictures are not those that {} was started with; start a new run",
            folder.display()
        );
    }
    device::set_threads(record.threads);
    if record.deterministic {
        device::be_deterministic();
    }
    let arch = record.arch();
    let net = Net::new(&arch, device);
    let teachers = teaching::teachers(&record, data.split.as_ref(), &net)?;
    run.trim_log(done)?;
    let log = run.train_log(done as u32)?;
    println!(
        "resumed      after epoch {done} of {}",
        record.recipe.epochs
    );
    Ok(Prepared {
        run,
        record,
        log,
        data,
        net,
        teachers,
        state: Some(state),
    })
}

/// Trains until the recipe's end, writing every epoch down.
fn train(prepared: Prepared, workers: usize) -> anyhow::Result<()> {
    let Prepared {
        run,
        mut record,
        mut log,
        data,
        mut net,
        teachers,
        state,
    } = prepared;
    let recipe = record.recipe.clone();
    let preprocessor = Preprocessor::new(&record.input).map_err(anyhow::Error::msg)?;
    println!(
        "network      {}, {} parameters, {} of them trained",
        record.model.architecture(),
        net.arch().parameter_count(false),
        net.arch().parameter_count(recipe.freeze_layers)
    );
    if let Some(teachers) = &teachers {
        let (count, share) = (teachers.nets.len(), teachers.share);
        println!("teachers     {count}, {share} of the loss");
    }
    println!("device       {}", device::name(net.device()));
    if net.device().is_cuda() {
        // The processor's share is too small to divide, and idle threads would spin.
        device::set_threads(1);
    }
    println!("run          {}\n", run.folder().display());
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // A second one ends at once.
        signal_hook::flag::register_conditional_shutdown(signal, 130, interrupted.clone())?;
        signal_hook::flag::register(signal, interrupted.clone())?;
    }
    let done = state
        .as_ref()
        .map_or(0, |state| state.position.records.len());
    let mut logs = EpochLogs::open(run.folder(), done as u32)
        .with_context(|| format!("cannot write logs in {}", run.folder().display()))?;
    let mut progress = Progress::new(recipe.epochs);
    let resident = record.resident;
    let job = Job {
        pictures: &data.pictures,
        valid: &data.valid,
        classes: &data.classes,
        preprocessor: &preprocessor,
        recipe: &recipe,
        teachers: teachers.as_ref(),
        workers,
        resident,
        interrupted: &interrupted,
    };
    let outcome = train::train(&mut net, &job, state.as_ref(), &mut |event| {
        progress.show(&event);
        if let TrainEvent::Epoch {
            record: epoch,
            weights,
            train,
            valid,
            best,
            state,
        } = event
        {
            train_log::add_epoch(&mut log, epoch.epoch, train, valid);
            if best {
                record.best_epoch = epoch.epoch;
            }
            let mut logged = || {
                logs.epoch(epoch)
                    .context("cannot write log.csv and its like")
            };
            let saved = run
                .write_weights(weights, best)
                .and_then(|()| run.log(epoch, valid))
                .and_then(|()| logged())
                .and_then(|()| run.write_train_log(&log))
                .and_then(|()| run.write_record(&record))
                .and_then(|()| run.write_checkpoint(state));
            saved.map_err(|error| format!("{error:#}"))?;
        }
        Ok(())
    });
    let again = format!("host-trainer train --resume {}", run.folder().display());
    let records = outcome.map_err(|error| {
        if run.weights_file("checkpoint").exists() && !matches!(error, TrainError::NotFinite { .. })
        {
            println!("next         {again}");
        }
        error
    })?;
    finish(&run, &record, &records)
}

fn finish(run: &Run, record: &RunRecord, records: &[EpochRecord]) -> anyhow::Result<()> {
    let best = records
        .iter()
        .find(|epoch| epoch.epoch == record.best_epoch);
    let accuracy = best.map_or(0.0, |epoch| epoch.valid_accuracy);
    let higher = train::highest(records).filter(|epoch| epoch.valid_accuracy > accuracy);
    let higher = higher.map_or_else(String::new, |higher| {
        format!(
            "; {:.4} at epoch {}, but so few pictures cannot tell the two apart",
            higher.valid_accuracy, higher.epoch
        )
    });
    println!(
        "\nbest epoch   {} with validation accuracy {accuracy:.4}{higher}",
        record.best_epoch
    );
    let page = report::write(run, None).with_context(|| {
        let again = format!("host-trainer report {}", run.folder().display());
        format!("the weights are there, but the report is not ({again} tries again)")
    })?;
    println!("report       {}", page.display());
    println!(
        "next         host-trainer export {} --quantise weights --out BUNDLE",
        run.folder().display()
    );
    Ok(())
}

/// The network, as wide as the weights to start from, with those, and where they are from.
fn start(
    arguments: &Arguments,
    pretrained: Option<Pretrained>,
    data: &Data,
    preprocessor: &Preprocessor,
    workers: usize,
) -> anyhow::Result<(Net, String)> {
    let device = device::choose(arguments.device).map_err(usage)?;
    let count = data.classes.len();
    let Some(Pretrained {
        origin,
        weights,
        labels,
    }) = pretrained
    else {
        let arch = Arch::new(arguments.model, count);
        return Ok((Net::new(&arch, device), "none".into()));
    };
    let mut net = Net::new(&Arch::fitting(arguments.model, count, &weights), device);
    let name = &arguments.pretrained;
    let folded = labels.is_some();
    let replaced = match labels {
        Some(labels) if labels != data.classes => net.load_features(&weights, name).map(|()| true),
        _ => net.load(&weights, name),
    };
    let replaced = replaced.map_err(usage)?;
    if folded {
        let recipe = arguments.recipe();
        train::renormalise(&mut net, &data.pictures, preprocessor, &recipe, workers)?;
    }
    let head = if replaced { ", new last layer" } else { "" };
    println!("pretrained   {name}{head}");
    Ok((net, origin))
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("cannot resolve {}", path.display()))
}
