//! `host-trainer export`: a run's best weights become a bundle that has been measured through
//! the agent's own code before it is put in place.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use models::manifest::{self, Decision, Manifest, Quantisation, Training};
use models::{Bundle, PreprocessSpec, Runner, picture};

use super::{report_unreadable, usage};
use crate::answers::Answers;
use crate::candidate::{self, Candidate};
use crate::card::{self, Words};
use crate::dataset::Dataset;
use crate::device::{self, Choice};
use crate::gate::Limits;
use crate::loader;
use crate::metrics::{Confusion, fit_temperature};
use crate::net::Net;
use crate::onnx;
use crate::quantise;
use crate::run::{Run, RunRecord};
use crate::split::Part;
use crate::train;

/// Largest difference between a logit of libtorch and of the exported float model.
const AGREEMENT: f32 = 1e-3;

/// This program, as manifests name it.
pub const GENERATOR: &str = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));

/// The time as manifests have it: RFC 3339, UTC, whole seconds.
pub fn now() -> String {
    let now = jiff::Timestamp::now();
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// How weights are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Quantise {
    /// 32-bit floats
    None,
    /// 8-bit integers with one scale for each output channel: a quarter of the size
    Weights,
}

/// How precisely the network is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Arithmetic {
    /// In 32-bit floats everywhere
    Single,
    /// In 16-bit floats where the processor computes with them, as a Raspberry Pi 5's does: nearly
    /// twice as fast there. Elsewhere in 32-bit floats
    Half,
}

/// Export a run's best weights as a bundle for edge-agent.
///
/// The bundle is written beside its place, opened again, its golden pictures replayed, and only
/// then renamed into place. Accuracy is measured through the agent's own code on the pictures
/// that the run held out.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Run folder, such as runs/1
    run: PathBuf,
    /// Export the mean of this run's best weights and the first's: runs that went on from the same
    /// weights, with the same split (may be given several times)
    #[arg(long, value_name = "RUN")]
    average: Vec<PathBuf>,
    /// Folder to make
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How weights are stored
    #[arg(long, default_value = "weights")]
    quantise: Quantise,
    /// How precisely the network may be computed
    #[arg(long, default_value = "single")]
    arithmetic: Arithmetic,
    /// The bundle's name
    #[arg(long, default_value = "car-colour")]
    name: String,
    /// The bundle's version
    #[arg(long, default_value = "0.1.0")]
    bundle_version: String,
    /// Probability under which the agent answers "unknown"
    #[arg(long, value_name = "PROBABILITY", default_value_t = 0.5)]
    reject_below: f32,
    /// Where the pictures come from and what may be done with them, for the model card
    #[arg(long, value_name = "TEXT")]
    about: Option<String>,
    /// What the network is known to answer wrongly, for the model card
    #[arg(long, value_name = "TEXT")]
    failures: Option<String>,
    /// Measure labelled pictures from elsewhere too, for manifest and model card: what they are, and
    /// a folder with a folder for each class (may be given several times)
    #[arg(long, value_name = "NAME=DIR", value_parser = elsewhere)]
    also: Vec<(String, PathBuf)>,
    /// Where the training pictures are now, if they were moved
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Write the bundle even if 8-bit weights or half precision lose more than half a point of top-1
    /// or two points of a class's recall (or one picture, where that is more); the model card says so
    #[arg(long)]
    force: bool,
}

fn elsewhere(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, folder)) if !name.is_empty() && Path::new(folder).is_dir() => {
            Ok((name.into(), folder.into()))
        }
        Some((name, folder)) if !name.is_empty() => Err(format!("there is no folder {folder}")),
        _ => Err("it is NAME=DIR, such as \"my street=labelled/street\"".into()),
    }
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if arguments.out.exists() {
        return Err(usage(models::BundleError::Exists(arguments.out.clone())));
    }
    let run = Run::open(&arguments.run).map_err(usage)?;
    let candidate = Candidate::mean_of(&run, &Run::open_all(&arguments.average)?)?;
    let record = &candidate.record;
    let labels = candidate.labels();
    let arch = record.arch();
    let mut net = Net::new(&arch, device::choose(Choice::Cpu).map_err(usage)?);
    net.load(&candidate.weights, &arguments.run.display().to_string())?;

    let spec = &record.input;
    let (valid, test) = held_out(&run, record, arguments.data.as_deref())?;
    let judged = test.as_ref().unwrap_or(&valid);
    let split = if test.is_some() {
        Part::Test
    } else {
        Part::Validation
    }
    .name();

    let measure = |model: &_, dataset: &_, what: &str| measure(model, spec, labels, dataset, what);
    let float = measure(candidate.model(), judged, "float model")?;
    report_unreadable(&float.unreadable);
    let accuracy = float.confusion(labels).accuracy();
    check_agreement(&net, &float, judged, spec)?;
    println!(
        "float        {:.4} on {} {split} pictures",
        accuracy,
        float.items.len()
    );

    let (model, quantisation) = match arguments.quantise {
        Quantise::None => (candidate.model().to_vec(), Quantisation::None),
        Quantise::Weights => {
            let folded = quantise::fold(&arch, &candidate.weights);
            let parameters = quantise::weights_int8(folded);
            let model = onnx::write(&arch, &parameters, spec.height, spec.width);
            (model, Quantisation::WeightsInt8)
        }
    };
    let mut gate = Gate {
        split,
        force: arguments.force,
        forced: Vec::new(),
    };
    let answers = match quantisation {
        Quantisation::None => float,
        Quantisation::WeightsInt8 => {
            let int8 = measure(&model, judged, "int8 model")?;
            let (before, after) = (float.confusion(labels), int8.confusion(labels));
            println!("weights int8 {:.4}", after.accuracy());
            gate.pass(&before, &after, "8-bit weights lose", "--quantise none")?;
            int8
        }
    };
    let mut half_card = None;
    let arithmetic = match arguments.arithmetic {
        Arithmetic::Single => manifest::Arithmetic::Single,
        Arithmetic::Half => {
            let runner = || Ok(Runner::emulating_half(&model, spec, labels.clone(), 1.0)?);
            let half = Answers::of(judged, &runner, "half precision, emulated")?;
            let (before, after) = (answers.confusion(labels), half.confusion(labels));
            let worst = largest_difference(&answers, &half);
            println!(
                "half         {:.4}; logits differ by {worst:.3} at most",
                after.accuracy()
            );
            gate.pass(
                &before,
                &after,
                "half precision loses",
                "--arithmetic single",
            )?;
            half_card = Some(card::half(split, &before, &after));
            manifest::Arithmetic::Half
        }
    };
    let calibration = measure(&model, &valid, "calibration")?;
    let rows: Vec<Vec<f32>> = calibration
        .scores
        .iter()
        .map(|s| s.logits().to_vec())
        .collect();
    let truths: Vec<usize> = calibration.items.iter().map(|item| item.class).collect();
    let temperature = fit_temperature(&rows, &truths);
    let mut metrics = vec![answers.measurement(split, labels)];
    let mut confusions = vec![answers.confusion(labels)];
    for (name, folder) in &arguments.also {
        let dataset = Dataset::scan_known(folder, labels).map_err(usage)?;
        let answers = measure(&model, &dataset, name)?;
        report_unreadable(&answers.unreadable);
        metrics.push(answers.measurement(name, labels));
        confusions.push(answers.confusion(labels));
        let accuracy = answers.confusion(labels).accuracy();
        let pictures = answers.items.len();
        println!("also         {accuracy:.4} on {pictures} {name} pictures");
    }
    let manifest = Manifest {
        format: models::manifest::SUPPORTED_FORMATS[0],
        name: arguments.name.clone(),
        version: arguments.bundle_version.clone(),
        created: now(),
        generator: GENERATOR.into(),
        architecture: record.model.architecture().into(),
        labels: record.classes.clone(),
        input: spec.clone(),
        decision: Decision {
            temperature,
            reject_below: arguments.reject_below,
        },
        quantisation,
        arithmetic,
        training: Training {
            pictures: record.pictures.clone(),
            epochs: record.best_epoch,
            pretrained: record.pretrained.clone(),
            dataset_sha256: record.dataset_sha256.clone(),
        },
        metrics,
        golden: Vec::new(),
        files: Default::default(),
    };
    let mut card = card::text(
        &manifest,
        &confusions,
        Words {
            narrower: record.narrower().as_deref(),
            about: arguments.about.as_deref(),
            failures: arguments.failures.as_deref(),
        },
    );
    card += half_card.as_deref().unwrap_or_default();
    card += &card::forced(&gate.forced);
    let texts = vec![("CARD.md".to_string(), card)];
    let bundle = Bundle::write(&arguments.out, manifest, model, golden()?, texts)?;
    let bytes: u64 = bundle
        .manifest()
        .files
        .values()
        .map(|file| file.bytes)
        .sum();
    println!(
        "temperature  {temperature:.3}, fitted on {} validation pictures",
        truths.len()
    );
    println!(
        "bundle       {} ({}), {:.2} MB",
        arguments.out.display(),
        bundle.id(),
        bytes as f64 / 1e6
    );
    println!(
        "next         edge-agent classify --bundle {} PICTURE",
        arguments.out.display()
    );
    Ok(())
}

/// What a cheaper network may lose, and what was let pass all the same.
struct Gate<'a> {
    /// Which pictures, in a word.
    split: &'a str,
    force: bool,
    /// What loses too much, how much.
    forced: Vec<String>,
}

impl Gate<'_> {
    /// An error, unless forced, when what is done to the network loses too much. `what` begins a
    /// sentence; `instead` is the option that leaves it undone.
    fn pass(
        &mut self,
        before: &Confusion,
        after: &Confusion,
        what: &str,
        instead: &str,
    ) -> anyhow::Result<()> {
        let losses = Limits::STRICT.exceeded(before, after).join("; ");
        if losses.is_empty() {
            return Ok(());
        }
        if !self.force {
            bail!(
                "{what} too much on the {} pictures: {losses}; export with {instead}, or with \
                 --force if that may be",
                self.split
            );
        }
        println!("forced       {what} too much: {losses}");
        self.forced
            .push(format!("{what} more than is usually let pass: {losses}"));
        Ok(())
    }
}

/// The largest difference of a logit in answers on the same pictures.
fn largest_difference(some: &Answers, others: &Answers) -> f32 {
    let pairs = some.scores.iter().zip(&others.scores);
    let numbers = pairs.flat_map(|(a, b)| a.logits().iter().zip(b.logits()));
    let differences = numbers.map(|(a, b)| (a - b).abs());
    // Not `f32::max`, which would hide a NaN.
    differences.fold(0.0, |most, d| if d > most || d.is_nan() { d } else { most })
}

/// The run's validation and test pictures. With a validation folder there is no test part.
fn held_out(
    run: &Run,
    record: &RunRecord,
    moved: Option<&Path>,
) -> anyhow::Result<(Dataset, Option<Dataset>)> {
    let valid = candidate::part(run, record, Part::Validation, moved)?
        .context("the run held no pictures out")?;
    let test = candidate::part(run, record, Part::Test, moved)?;
    Ok((valid, test))
}

fn measure(
    model: &[u8],
    spec: &PreprocessSpec,
    labels: &Arc<[String]>,
    dataset: &Dataset,
    what: &str,
) -> anyhow::Result<Answers> {
    let runner = || Ok(Runner::unproved(model, spec, labels.clone(), 1.0)?);
    Answers::of(dataset, &runner, what)
}

/// libtorch and the exported float model must compute the same on the same pictures.
fn check_agreement(
    net: &Net,
    exported: &Answers,
    dataset: &Dataset,
    spec: &PreprocessSpec,
) -> anyhow::Result<()> {
    // What tract could read just now.
    let (inputs, _) = loader::load_inputs(
        &dataset.with(exported.items.clone()),
        spec,
        super::default_workers(),
    )
    .map_err(anyhow::Error::msg)?;
    let torch = train::logits(net, &inputs, [spec.height, spec.width])?;
    let (mut worst, mut same) = (0f32, 0usize);
    for (row, scores) in torch.iter().zip(&exported.scores) {
        for (a, b) in row.iter().zip(scores.logits()) {
            worst = worst.max((a - b).abs());
        }
        let best = (0..row.len()).max_by(|a, b| row[*a].total_cmp(&row[*b]));
        same += usize::from(best == Some(scores.best_index()));
    }
    println!(
        "agreement    libtorch and tract differ by {worst:.1e} at most; the same answer on {same} of {}",
        torch.len()
    );
    if worst.is_nan() || worst > AGREEMENT || (same as f64) < 0.999 * torch.len() as f64 {
        bail!("the exported model does not compute what libtorch computes; nothing was written");
    }
    Ok(())
}

/// Drawn cars of several colours and shapes: no photograph travels with a bundle.
fn golden() -> anyhow::Result<Vec<Vec<u8>>> {
    let sizes = [
        ("red", 96, 64),
        ("white", 60, 40),
        ("black", 128, 80),
        ("blue", 33, 47),
    ];
    let mut pictures = Vec::new();
    for (seed, (colour, width, height)) in sizes.into_iter().enumerate() {
        let frame = road_sim::portrait(colour, seed as u64, width, height)?;
        pictures.push(picture::png(frame.view())?);
    }
    Ok(pictures)
}
