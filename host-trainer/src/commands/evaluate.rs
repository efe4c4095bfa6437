//! `host-trainer evaluate`: what a bundle answers on labelled pictures, through the agent's own
//! `models::Runner`.

mod negatives;

use std::path::PathBuf;

use anyhow::bail;
use models::hash::sha256_hex;
use models::manifest::Decision;
use models::{Bundle, PreprocessSpec, RgbView, Runner, RunnerError, Scores};
use serde::Serialize;

use super::{report_unreadable, usage};
use crate::answers::{Answers, Classify};
use crate::augment::{Augment, Named};
use crate::candidate::Candidate;
use crate::dataset::Dataset;
use crate::metrics::{
    BINS, ClassMetrics, Confusion, calibration_error_by_chance, coverage_curve,
    expected_calibration_error, reliability,
};
use crate::run::Run;
use crate::split::{Part, Split};

/// Measure a bundle or a run on folders of labelled pictures, through the agent's own code.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Bundle folder; when absent, the bundle compiled into edge-agent
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    /// A run's best weights instead of a bundle, as 32-bit floats
    #[arg(long, value_name = "RUN", conflicts_with = "bundle")]
    run: Option<PathBuf>,
    /// The mean of this run's best weights and those of --run (may be given several times)
    #[arg(long, value_name = "RUN", requires = "run")]
    average: Vec<PathBuf>,
    /// Folder with a folder of pictures for each class
    #[arg(long, value_name = "DIR", default_value = "./data/val")]
    data: PathBuf,
    /// Use only the pictures that a run's split.json puts into --part
    #[arg(long, value_name = "FILE")]
    split: Option<PathBuf>,
    /// Part of the split
    #[arg(long, default_value = "test", requires = "split")]
    part: Part,
    /// Join the answers on each picture and its mirror image; the agent does not do this, it has
    /// many views of a vehicle
    #[arg(long)]
    flip: bool,
    /// Change each picture first, as this augmentation of `train` does, always alike: how much a
    /// road camera costs
    #[arg(long, value_name = "AUGMENTATION", conflicts_with = "flip")]
    changed: Option<Named>,
    /// Pictures that show no vehicle, instead of labelled ones: the share that gets "unknown", with
    /// several thresholds
    #[arg(long, value_name = "DIR", conflicts_with_all = ["split", "flip", "changed"])]
    negatives: Option<PathBuf>,
    /// Answer as processors that compute in half precision do, whatever the bundle asks for; slow
    #[arg(long)]
    half: bool,
    /// Print one JSON object instead of tables
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report<'a> {
    bundle: &'a str,
    bundle_id: &'a str,
    flip: bool,
    pictures: u32,
    unreadable: usize,
    accuracy: f64,
    macro_f1: f64,
    reject_below: f32,
    coverage: f64,
    accuracy_of_decided: f64,
    accuracy_of_surest_90_percent: f64,
    calibration_error: f64,
    calibration_error_by_chance: f64,
    classes: Vec<ClassMetrics>,
    confusion: &'a Confusion,
}

/// What is judged.
enum Judged {
    Bundle(Bundle),
    Run(Candidate, String),
}

impl Judged {
    fn of(arguments: &Arguments) -> anyhow::Result<Self> {
        Ok(match (&arguments.bundle, &arguments.run) {
            (Some(folder), _) => Judged::Bundle(Bundle::open(folder)?),
            (None, Some(folder)) => {
                let run = Run::open(folder).map_err(usage)?;
                let others = Run::open_all(&arguments.average)?;
                let candidate = Candidate::mean_of(&run, &others)?;
                Judged::Run(candidate, folder.display().to_string())
            }
            (None, None) => Judged::Bundle(Bundle::shipped()?),
        })
    }

    fn labels(&self) -> &[String] {
        match self {
            Judged::Bundle(bundle) => &bundle.manifest().labels,
            Judged::Run(candidate, _) => candidate.labels(),
        }
    }

    fn model(&self) -> &[u8] {
        match self {
            Judged::Bundle(bundle) => bundle.model(),
            Judged::Run(candidate, _) => candidate.model(),
        }
    }

    fn spec(&self) -> &PreprocessSpec {
        match self {
            Judged::Bundle(bundle) => &bundle.manifest().input,
            Judged::Run(candidate, _) => candidate.spec(),
        }
    }

    /// Where it is, and which it is.
    fn name(&self) -> (&str, &str) {
        match self {
            Judged::Bundle(bundle) => (bundle.origin(), bundle.id()),
            Judged::Run(_, folder) => (folder, "best weights"),
        }
    }

    /// A run has neither been calibrated nor told what to reject.
    fn decision(&self) -> Decision {
        match self {
            Judged::Bundle(bundle) => bundle.manifest().decision.clone(),
            Judged::Run(..) => Decision {
                temperature: 1.0,
                reject_below: 0.0,
            },
        }
    }

    fn runner(&self, half: bool) -> anyhow::Result<Runner> {
        if half {
            let (labels, temperature) = (self.labels().into(), self.decision().temperature);
            let runner = Runner::emulating_half(self.model(), self.spec(), labels, temperature);
            return Ok(runner?);
        }
        match self {
            Judged::Bundle(bundle) => Ok(Runner::new(bundle)?),
            Judged::Run(candidate, _) => candidate.runner(1.0),
        }
    }
}

/// The mean of the logits of a picture and its mirror image.
fn with_mirror(
    runner: &mut Runner,
    view: RgbView<'_>,
    temperature: f32,
) -> Result<Scores, RunnerError> {
    let upright = runner.classify(view)?;
    let mut mirrored = view.to_frame();
    let width = mirrored.width() as usize;
    for row in mirrored.data_mut().chunks_exact_mut(width * 3) {
        let (pixels, _) = row.as_chunks_mut::<3>();
        pixels.reverse();
    }
    let mirrored = runner.classify(mirrored.view())?;
    let pairs = upright.logits().iter().zip(mirrored.logits());
    let mean = pairs.map(|(a, b)| (a + b) / 2.0).collect();
    Ok(Scores::from_logits(
        runner.labels().clone(),
        mean,
        temperature,
    ))
}

/// The answer on a picture changed to `side` x `side` pixels. How follows from its bytes.
fn changed(
    runner: &mut Runner,
    view: RgbView<'_>,
    augment: &Augment,
    side: u32,
) -> Result<Scores, RunnerError> {
    let hash = sha256_hex(view.to_frame().data());
    let seed = u64::from_str_radix(&hash[..16], 16).unwrap_or_default();
    let changes = augment.draw(side, &mut fastrand::Rng::with_seed(seed));
    runner.classify(changes.apply(view).view())
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let judged = Judged::of(arguments)?;
    let classes = judged.labels();
    let Decision {
        temperature,
        reject_below,
    } = judged.decision();
    let runner = || judged.runner(arguments.half);
    if let Some(folder) = &arguments.negatives {
        return negatives::run(folder, &runner, reject_below, arguments.json);
    }
    let scan = match arguments.split {
        // Folders of classes that the run left out are not in its split.
        Some(_) => Dataset::scan_within,
        None => Dataset::scan_known,
    };
    let mut dataset = scan(&arguments.data, classes).map_err(usage)?;
    if let Some(file) = &arguments.split {
        let split = Split::read(file).map_err(usage)?;
        dataset = split.select(&dataset, arguments.part);
        if dataset.items.is_empty() {
            return Err(usage(format!(
                "no picture in {} is in the {} part of {}; give the folder that the split was \
                 made of",
                arguments.data.display(),
                arguments.part.name(),
                file.display()
            )));
        }
    }
    let mirrored: &Classify<'_> = &|runner, view| with_mirror(runner, view, temperature);
    let changing;
    let classify: &Classify<'_> = match (arguments.flip, arguments.changed) {
        (true, _) => mirrored,
        (false, None) => &|runner, view| runner.classify(view),
        (false, Some(named)) => {
            changing = Augment {
                away: 0.0,
                ..named.augment()
            };
            let side = judged.spec().width;
            &move |runner, view| changed(runner, view, &changing, side)
        }
    };
    let answers = Answers::by(&dataset, &runner, classify, "evaluating")?;
    report_unreadable(&answers.unreadable);
    let confusion = answers.confusion(classes);
    let (coverage, accuracy_of_decided) = answers.decided(reject_below);
    let sureness = answers.sureness();
    let bins = reliability(&sureness, BINS);
    let calibration_error = expected_calibration_error(&bins);
    let by_chance = calibration_error_by_chance(&bins);
    let curve = coverage_curve(&sureness);
    let surest = curve.iter().find(|point| point.coverage >= 0.9);
    let surest = surest.map_or(0.0, |point| point.accuracy);
    let (name, id) = judged.name();
    if arguments.json {
        let report = Report {
            bundle: name,
            bundle_id: id,
            flip: arguments.flip,
            pictures: confusion.pictures(),
            unreadable: answers.unreadable.len(),
            accuracy: confusion.accuracy(),
            macro_f1: confusion.macro_f1(),
            reject_below,
            coverage,
            accuracy_of_decided,
            accuracy_of_surest_90_percent: surest,
            calibration_error,
            calibration_error_by_chance: by_chance,
            classes: confusion.per_class(),
            confusion: &confusion,
        };
        println!("{}", serde_json::to_string(&report)?);
    } else {
        println!("bundle       {name} ({id})");
        println!(
            "pictures     {} of {}",
            confusion.pictures(),
            arguments.data.display()
        );
        println!("accuracy     {:.4}", confusion.accuracy());
        println!("macro F1     {:.4}", confusion.macro_f1());
        println!(
            "decided      {:.1} % of the pictures score {reject_below} or more; {:.4} of those are right",
            100.0 * coverage,
            accuracy_of_decided
        );
        println!("surest 90 %  {surest:.4} right");
        println!(
            "calibration  {calibration_error:.4} between probability and share right ({by_chance:.4} by \
             chance alone)\n"
        );
        print!("{}", confusion.table());
    }
    if !answers.unreadable.is_empty() {
        bail!(
            "{} pictures could not be read; the others were evaluated",
            answers.unreadable.len()
        );
    }
    Ok(())
}
