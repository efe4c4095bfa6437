//! `host-trainer evaluate`: what a bundle answers on labelled pictures, through the agent's own
//! `models::Runner`. Also the measuring that `export` does.

use std::path::PathBuf;

use anyhow::bail;
use models::manifest::Measurement;
use models::{Bundle, PictureError, Runner, Scores, picture};
use serde::Serialize;

use super::{default_workers, report_unreadable, usage};
use crate::dataset::{Dataset, Item};
use crate::loader::in_parallel;
use crate::metrics::{ClassMetrics, Confusion};
use crate::progress;
use crate::split::{Part, Split};

/// Measure a bundle on folders of labelled pictures, through the agent's own code.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Bundle folder; when absent, the bundle compiled into edge-agent
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    /// Folder with a folder of pictures for each class
    #[arg(long, value_name = "DIR", default_value = "./data/val")]
    data: PathBuf,
    /// Use only the pictures that a run's split.json puts into --part
    #[arg(long, value_name = "FILE")]
    split: Option<PathBuf>,
    /// Part of the split
    #[arg(long, default_value = "test", requires = "split")]
    part: Part,
    /// Print one JSON object instead of tables
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report<'a> {
    bundle: &'a str,
    bundle_id: &'a str,
    pictures: u32,
    unreadable: usize,
    accuracy: f64,
    macro_f1: f64,
    reject_below: f32,
    coverage: f64,
    accuracy_of_decided: f64,
    classes: Vec<ClassMetrics>,
    confusion: &'a Confusion,
}

/// Answers on a dataset.
#[derive(Debug)]
pub struct Answers {
    /// Pictures that could be read, in order.
    pub items: Vec<Item>,
    /// Their scores.
    pub scores: Vec<Scores>,
    /// What could not be read.
    pub unreadable: Vec<PictureError>,
}

impl Answers {
    /// Classifies every picture of the dataset, a runner for each thread.
    pub fn of(
        dataset: &Dataset,
        runner: &(dyn Fn() -> anyhow::Result<Runner> + Sync),
        what: &str,
    ) -> anyhow::Result<Self> {
        let bar = progress::bar(dataset.items.len() as u64, what);
        let workers = default_workers();
        let chunk = dataset.items.len().div_ceil(workers).max(1);
        let chunks: Vec<&[Item]> = dataset.items.chunks(chunk).collect();
        let parts = in_parallel(chunks.len(), workers, |index| {
            let mut runner = runner()?;
            let mut answers = Vec::new();
            for item in chunks[index] {
                let frame = picture::read(&dataset.file(item));
                let scores = frame.map(|frame| runner.classify(frame.view()));
                answers.push((item.clone(), scores));
                bar.inc(1);
            }
            anyhow::Ok(answers)
        });
        bar.finish_and_clear();
        let mut all = Self {
            items: Vec::new(),
            scores: Vec::new(),
            unreadable: Vec::new(),
        };
        for part in parts {
            for (item, scores) in part? {
                match scores {
                    Ok(scores) => {
                        all.items.push(item);
                        all.scores.push(scores?);
                    }
                    Err(error) => all.unreadable.push(error),
                }
            }
        }
        Ok(all)
    }

    /// Truth against best answer.
    pub fn confusion(&self, classes: &[String]) -> Confusion {
        let mut confusion = Confusion::new(classes);
        for (item, scores) in self.items.iter().zip(&self.scores) {
            confusion.add(item.class, scores.best_index());
        }
        confusion
    }

    /// Share of pictures whose best probability reaches `reject_below`, and the accuracy among
    /// them.
    pub fn decided(&self, reject_below: f32) -> (f64, f64) {
        let decided: Vec<bool> = self
            .items
            .iter()
            .zip(&self.scores)
            .filter(|(_, scores)| scores.probabilities()[scores.best_index()] >= reject_below)
            .map(|(item, scores)| item.class == scores.best_index())
            .collect();
        let right = decided.iter().filter(|right| **right).count();
        let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
        (
            share(decided.len(), self.items.len()),
            share(right, decided.len()),
        )
    }

    /// The manifest's form.
    pub fn measurement(&self, split: &str, classes: &[String]) -> Measurement {
        let confusion = self.confusion(classes);
        let present = confusion.per_class().into_iter().filter(|m| m.pictures > 0);
        Measurement {
            split: split.into(),
            pictures: confusion.pictures(),
            top1: confusion.accuracy(),
            macro_f1: confusion.macro_f1(),
            recall: present.map(|m| (m.class, m.recall)).collect(),
        }
    }
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let bundle = match &arguments.bundle {
        Some(folder) => Bundle::open(folder)?,
        None => Bundle::shipped()?,
    };
    let classes = &bundle.manifest().labels;
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
    let answers = Answers::of(&dataset, &|| Ok(Runner::new(&bundle)?), "evaluating")?;
    report_unreadable(&answers.unreadable);
    let confusion = answers.confusion(classes);
    let reject_below = bundle.manifest().decision.reject_below;
    let (coverage, accuracy_of_decided) = answers.decided(reject_below);
    if arguments.json {
        let report = Report {
            bundle: bundle.origin(),
            bundle_id: bundle.id(),
            pictures: confusion.pictures(),
            unreadable: answers.unreadable.len(),
            accuracy: confusion.accuracy(),
            macro_f1: confusion.macro_f1(),
            reject_below,
            coverage,
            accuracy_of_decided,
            classes: confusion.per_class(),
            confusion: &confusion,
        };
        println!("{}", serde_json::to_string(&report)?);
    } else {
        println!("bundle       {} ({})", bundle.origin(), bundle.id());
        println!(
            "pictures     {} of {}",
            confusion.pictures(),
            arguments.data.display()
        );
        println!("accuracy     {:.4}", confusion.accuracy());
        println!("macro F1     {:.4}", confusion.macro_f1());
        println!(
            "decided      {:.1} % of the pictures score {reject_below} or more; {:.4} of those are right\n",
            100.0 * coverage,
            accuracy_of_decided
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
