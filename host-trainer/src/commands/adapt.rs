//! `host-trainer adapt`: a bundle and pictures of one site in, a bundle for that site out, unless
//! it would be the worse one.

mod attempt;
mod own;

use std::path::PathBuf;

use anyhow::bail;
use models::Bundle;
use models::manifest::{Decision, Training};

use super::{default_workers, usage};
use crate::adapt::memory::Memory;
use crate::adapt::site::Site;
use crate::adapt::trial::{self, Learned, Trial};
use crate::adapt::{self, Base, Effort, Lesson};
use crate::arch::Arch;
use crate::card::{self, Words};
use crate::crops::labels::{self, Labels};
use crate::metrics::{Confusion, fit_temperature};
use attempt::{Attempt, Task};
use own::Own;

/// Fewer labelled vehicles cannot be learned from and tested on.
const LEAST_VEHICLES: usize = 10;
/// Fewer pictures that the bundle is sure of say nothing about the site.
const LEAST_SURE: usize = 20;
/// With so many labelled pictures probabilities are calibrated anew.
const CALIBRATES: usize = 100;

/// Make a bundle for one site out of a bundle and pictures of that site.
///
/// With labels (`serve --crops` makes them; a few dozen help) the last layers learn from them, and
/// from other pictures of the vehicles that have one; without, from those pictures that the bundle
/// is sure of. The bundle alone is enough; its own training pictures (--run, or --data with
/// --split) make it safer. No bundle is written that is worse than the first: on labelled vehicles
/// that it did not learn from (five times a fifth of them), or, by more than a point of top-1 or
/// five points of a class's recall (or one picture), on the test pictures of the bundle's own. If
/// it is worse on those, it goes less far: three quarters, half, a quarter of the way.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The bundle to begin with; when absent, the one compiled into edge-agent
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    /// The site's pictures
    #[arg(long, value_name = "DIR")]
    crops: PathBuf,
    /// Their labels; when absent, labels.jsonl among the pictures, if it is there
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Learn from no label, even if there are some
    #[arg(long)]
    without_labels: bool,
    /// The run that the bundle was exported from: its pictures are the bundle's own
    #[arg(long, value_name = "RUN")]
    run: Option<PathBuf>,
    /// The folder of the bundle's own pictures: with --split, or where the run's are now
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Which of the pictures in --data were trained on, and which test
    #[arg(long, value_name = "FILE", requires = "data", conflicts_with = "run")]
    split: Option<PathBuf>,
    /// Folder to make
    #[arg(long, value_name = "DIR", required_unless_present = "curve")]
    out: Option<PathBuf>,
    /// The new bundle's version; when absent, the old one's with "-site"
    #[arg(long)]
    bundle_version: Option<String>,
    /// Write no bundle; print what so many labels would bring
    #[arg(long, value_name = "N,N,…", value_delimiter = ',')]
    curve: Vec<usize>,
    /// Times that each row of the curve is measured
    #[arg(long, default_value_t = 3, requires = "curve")]
    repeats: u64,
    /// Steps that the network moves for: more learn the site better and forget more of the rest
    #[arg(long, default_value_t = adapt::STEPS, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    steps: u32,
    /// Where random numbers start from
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if let Some(out) = arguments.out.as_ref().filter(|out| out.exists()) {
        return Err(usage(models::BundleError::Exists(out.clone())));
    }
    let bundle = match &arguments.bundle {
        Some(folder) => Bundle::open(folder)?,
        None => Bundle::shipped()?,
    };
    let classes = &bundle.manifest().labels;
    let own = Own::of(arguments, classes)?;
    if let Some(own) = own.as_ref().filter(|own| !own.are_of(&bundle)) {
        eprintln!(
            "host-trainer: warning: the pictures in {} are not exactly those that the bundle was \
             trained on; if it was trained on some of the test pictures, they flatter it",
            own.train.root.display()
        );
    }
    let labels = read_labels(arguments, classes)?;
    let base = Base::of(&bundle)?;
    let workers = default_workers();
    let temperature = bundle.manifest().decision.temperature;
    let site = Site::read(
        &arguments.crops,
        &labels,
        classes,
        &base,
        temperature,
        workers,
    )?;
    let labelled = site.with_class();
    let vehicles = trial::vehicles(&site);
    println!(
        "site         {} pictures, {} with a colour ({vehicles} vehicles), {} without a vehicle",
        site.crops.len(),
        labelled.len(),
        site.labels.iter().flatten().count() - labelled.len()
    );
    let memory = match &own {
        Some(own) => Memory::of_pictures(&base, &own.train, arguments.seed, workers)?,
        None => Memory::drawn(&base, classes, workers)?,
    };
    let whose = if own.is_some() {
        "own pictures"
    } else {
        "drawn cars"
    };
    println!("memory       {} of the bundle's {whose}", memory.count());
    let with_labels = !arguments.without_labels && !labels.is_empty();
    if with_labels && vehicles < LEAST_VEHICLES {
        bail!(
            "{vehicles} vehicles have a label; {LEAST_VEHICLES} or more are needed to learn from \
             some and test on others: label more (host-trainer serve --crops {}), or give \
             --without-labels",
            arguments.crops.display()
        );
    }
    if !arguments.curve.is_empty() {
        return curve(arguments, &base, &site, &memory, classes);
    }
    if !with_labels && site.sure() < LEAST_SURE {
        bail!(
            "the bundle is sure of {} of these pictures, and {LEAST_SURE} are needed to learn \
             without labels; label some (host-trainer serve --crops {})",
            site.sure(),
            arguments.crops.display()
        );
    }
    if labelled.is_empty() && own.is_none() {
        return Err(usage(
            "without a label of a vehicle and without the bundle's own pictures nobody could tell \
             whether the new bundle is worse; give --labels, --run, or --data with --split",
        ));
    }
    let attempt = attempt::first_that_remembers(&Task {
        bundle: &bundle,
        base: &base,
        site: &site,
        memory: &memory,
        own: own.as_ref(),
        with_labels,
        effort: Effort {
            steps: arguments.steps,
            seed: arguments.seed,
        },
    })?;
    let counts = |class: usize| labelled.iter().filter(|(_, c)| *c == class).count() as u32;
    let pictures = classes.iter().enumerate().filter(|_| with_labels);
    let training = Training {
        pictures: pictures
            .map(|(class, name)| (name.clone(), counts(class)))
            .collect(),
        // Drawn from at random, not gone through.
        epochs: 0,
        pretrained: format!(
            "bundle {}, {} steps from there",
            bundle.id(),
            arguments.steps
        ),
        ..bundle.manifest().training.clone()
    };
    write(arguments, &bundle, &base, attempt, training)
}

fn read_labels(arguments: &Arguments, classes: &[String]) -> anyhow::Result<Labels> {
    let file = match &arguments.labels {
        Some(file) if !file.is_file() => {
            return Err(usage(format!(
                "there is no file of labels {}",
                file.display()
            )));
        }
        Some(file) => file.clone(),
        None => arguments.crops.join(labels::FILE),
    };
    labels::read(&file, classes).map_err(usage)
}

/// Prints how right the bundle is with so many labels.
fn curve(
    arguments: &Arguments,
    base: &Base,
    site: &Site,
    memory: &Memory,
    classes: &[String],
) -> anyhow::Result<()> {
    println!("labels  right before  right after  macro F1 after");
    let row = |labels: &str, trials: &[Trial]| {
        let mean = |of: &dyn Fn(&Trial) -> f64| {
            trials.iter().map(of).sum::<f64>() / trials.len().max(1) as f64
        };
        println!(
            "{labels:>6}  {:12.3}  {:11.3}  {:14.3}",
            mean(&|trial| trial.before.accuracy()),
            mean(&|trial| trial.after.accuracy()),
            mean(&|trial| trial.after.macro_f1())
        );
    };
    let efforts = || {
        let seeds = arguments.seed..arguments.seed + arguments.repeats;
        let steps = arguments.steps;
        seeds.map(move |seed| Effort { steps, seed })
    };
    let tried = |learned: Learned| learned.tried(base, site, classes, 1.0);
    let none = efforts().map(|effort| {
        let lesson = Lesson {
            labelled: None,
            effort,
        };
        let weights = base.learned(site, memory, &lesson)?;
        tried(Learned::without_labels(site, weights))
    });
    row("none", &none.collect::<anyhow::Result<Vec<_>>>()?);
    for count in &arguments.curve {
        let some = efforts().map(|effort| {
            let most = Some(*count);
            tried(Learned::across(base, site, memory, most, effort)?)
        });
        row(
            &count.to_string(),
            &some.collect::<anyhow::Result<Vec<_>>>()?,
        );
    }
    Ok(())
}

/// Writes the new bundle.
fn write(
    arguments: &Arguments,
    bundle: &Bundle,
    base: &Base,
    attempt: Attempt,
    training: Training,
) -> anyhow::Result<()> {
    let Some(out) = &arguments.out else {
        return Ok(());
    };
    let mut manifest = bundle.manifest().clone();
    manifest.version = match &arguments.bundle_version {
        Some(version) => version.clone(),
        None => format!("{}-site", manifest.version),
    };
    manifest.created = super::export::now();
    manifest.generator = super::export::GENERATOR.into();
    let tried = attempt.tried.as_ref();
    let enough = tried.filter(|tried| tried.logits.len() >= CALIBRATES);
    if let Some(tried) = enough {
        let (rows, truths): (Vec<Vec<f32>>, Vec<usize>) = tried.logits.iter().cloned().unzip();
        manifest.decision = Decision {
            temperature: fit_temperature(&rows, &truths),
            ..manifest.decision
        };
    }
    manifest.training = training;
    let (metrics, confusion) = attempt.judged.unzip();
    manifest.metrics = metrics.into_iter().collect();
    let confusions: Vec<Confusion> = confusion.into_iter().collect();
    let golden = manifest.golden.iter();
    let golden = golden
        .filter_map(|golden| Some(bundle.file(&golden.file)?.to_vec()))
        .collect();
    let whole = Arch::new(base.arch.variant, manifest.labels.len());
    let narrower = (base.arch != whole).then(|| card::narrower(&base.arch, &whole));
    let words = Words {
        narrower: narrower.as_deref(),
        ..Words::default()
    };
    let mut text = card::text(&manifest, &confusions, words);
    text += &card::adapted(bundle.id(), attempt.share, tried);
    let texts = vec![("CARD.md".to_string(), text)];
    let written = Bundle::write(out, manifest, attempt.model, golden, texts)?;
    println!("bundle       {} ({})", out.display(), written.id());
    println!(
        "next         edge-agent bundle pack {} --out bundle.tar",
        out.display()
    );
    Ok(())
}
