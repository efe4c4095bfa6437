//! The folder of runs that the page shows: which there are, how each was trained, and the files
//! of a run that a browser may have. No HTTP; nothing is written.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::confined::Confined;
use super::problem::Problem;
use crate::report::ANSWERS;
use crate::run::{Run, RunRecord};

/// Largest file of a run that is read.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// The report of a run.
pub const REPORT: &str = "report.html";

/// The runs in one folder.
#[derive(Clone, Debug)]
pub struct Runs {
    folder: Option<Confined>,
}

/// A run in the list.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// The folder's name.
    pub name: String,
    /// The network, such as `mobilenet_v3_small`.
    pub model: Option<String>,
    /// How it was trained, in words.
    pub recipe: Option<String>,
    /// The best epoch; 0 before the first ended.
    pub best_epoch: Option<u32>,
    /// Epochs in the recipe.
    pub epochs: Option<u32>,
    /// Validation accuracy of the best epoch, 0 to 1.
    pub accuracy: Option<f64>,
    /// Mean F1 of the classes at the best epoch, 0 to 1.
    pub macro_f1: Option<f64>,
    /// Why the run cannot be read, when it cannot.
    pub problem: Option<String>,
}

/// A run's own page.
#[derive(Debug, Serialize)]
pub struct Details {
    /// What the list says.
    #[serde(flatten)]
    pub summary: Summary,
    /// Class names.
    pub classes: Vec<String>,
    /// Side or sides of the input in pixels.
    pub input: String,
    /// Training pictures.
    pub pictures: u32,
    /// Where the weights started.
    pub pretrained: String,
    /// Whether there is a report.
    pub report: bool,
    /// Whether there are answers on held-out pictures.
    pub answers: bool,
    /// Names of the plots.
    pub plots: Vec<String>,
    /// The finished epochs.
    pub epochs_done: Vec<Epoch>,
}

/// Numbers of a finished epoch, from `log.jsonl`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Epoch {
    /// Counted from 1.
    pub epoch: u32,
    /// Share of augmented training pictures answered right.
    pub train_accuracy: f64,
    /// Share of validation pictures answered right.
    pub valid_accuracy: f64,
    /// Mean F1 of the classes on validation pictures.
    pub valid_macro_f1: f64,
}

impl Runs {
    /// The runs in `folder`. Errors when there is no such folder.
    pub fn in_folder(folder: &Path) -> Result<Self, String> {
        let confined = Confined::new(folder).ok().filter(|c| c.root().is_dir());
        let confined = confined.ok_or_else(|| {
            format!(
                "there is no folder {}; give the one that holds the runs' folders",
                folder.display()
            )
        })?;
        Ok(Self {
            folder: Some(confined),
        })
    }

    /// No runs.
    pub fn none() -> Self {
        Self { folder: None }
    }

    /// Where they are, in words.
    pub fn place(&self) -> String {
        match &self.folder {
            Some(folder) => folder.root().display().to_string(),
            None => "none: there is no folder runs here; give one with --runs".into(),
        }
    }

    /// The run of this name, its folder resolved.
    pub fn find(&self, name: &str) -> Result<(Run, Confined), Problem> {
        self.folder
            .as_ref()
            .and_then(|folder| folder.folder(name))
            .and_then(|folder| Some((Run::open(folder.root()).ok()?, folder)))
            .ok_or(Problem::NotFound("run"))
    }

    /// All runs, the newest number first and names after numbers.
    pub fn list(&self) -> Vec<Summary> {
        let Some(folder) = &self.folder else {
            return Vec::new();
        };
        let Ok(entries) = std::fs::read_dir(folder.root()) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| self.find(name).is_ok())
            .collect();
        names.sort_by_key(|name| {
            let number = name.parse::<u64>().ok();
            (number.is_none(), std::cmp::Reverse(number), name.clone())
        });
        names
            .into_iter()
            .filter_map(|name| {
                let (run, folder) = self.find(&name).ok()?;
                Some(summary(&name, &record(&run), &epochs(&folder)))
            })
            .collect()
    }

    /// Everything on a run's page.
    pub fn details(&self, name: &str) -> Result<Details, Problem> {
        let (run, folder) = self.find(name)?;
        let record = record(&run).map_err(Problem::Unreadable)?;
        let epochs_done = epochs(&folder);
        let input = &record.input;
        Ok(Details {
            input: format!("{}\u{a0}×\u{a0}{}", input.width, input.height),
            pictures: record.pictures.values().sum(),
            pretrained: record.pretrained.clone(),
            classes: record.classes.clone(),
            report: folder.find(REPORT).is_some_and(|found| found.is_file()),
            answers: folder.find(ANSWERS).is_some_and(|found| found.is_file()),
            plots: plots(&folder),
            summary: summary(name, &Ok(record), &epochs_done),
            epochs_done,
        })
    }

    /// The run's report.
    pub fn report(&self, name: &str) -> Result<Vec<u8>, Problem> {
        read(&self.find(name)?.1, REPORT)?.ok_or(Problem::NotFound("report"))
    }

    /// One of the run's plots, an SVG.
    pub fn plot(&self, name: &str, plot: &str) -> Result<Vec<u8>, Problem> {
        let (_, folder) = self.find(name)?;
        if !plots(&folder).iter().any(|known| known == plot) {
            return Err(Problem::NotFound("plot"));
        }
        read(&folder, &format!("plots/{plot}"))?.ok_or(Problem::NotFound("plot"))
    }
}

fn read(folder: &Confined, name: &str) -> Result<Option<Vec<u8>>, Problem> {
    folder
        .read(name, MAX_FILE_BYTES)
        .map_err(|error| Problem::Unreadable(format!("{name} cannot be read: {error}")))
}

fn record(run: &Run) -> Result<RunRecord, String> {
    run.record().map_err(|error| format!("{error:#}"))
}

fn plots(folder: &Confined) -> Vec<String> {
    let Some(plots) = folder.folder("plots") else {
        return Vec::new();
    };
    let entries = std::fs::read_dir(plots.root()).into_iter().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".svg") && plots.find(name).is_some_and(|f| f.is_file()))
        .collect();
    names.sort();
    names
}

/// The epochs of `log.jsonl`; a line that is still being written is left out.
fn epochs(folder: &Confined) -> Vec<Epoch> {
    let text = read(folder, "log.jsonl").ok().flatten().unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

fn summary(name: &str, record: &Result<RunRecord, String>, epochs: &[Epoch]) -> Summary {
    let known = record.as_ref().ok();
    let best = known.and_then(|record| epochs.iter().rfind(|e| e.epoch == record.best_epoch));
    Summary {
        name: name.into(),
        model: known.map(|record| record.model.architecture().into()),
        recipe: known.map(recipe),
        best_epoch: known.map(|record| record.best_epoch),
        epochs: known.map(|record| record.recipe.epochs),
        accuracy: best.map(|epoch| epoch.valid_accuracy),
        macro_f1: best.map(|epoch| epoch.valid_macro_f1),
        problem: record.as_ref().err().cloned(),
    }
}

fn recipe(record: &RunRecord) -> String {
    let recipe = &record.recipe;
    let mut parts = vec![
        format!("{} epochs", recipe.epochs),
        format!("{}, learning rate {}", recipe.optimiser.name(), recipe.lr),
        format!("batches of {}", recipe.batch_size),
        format!(
            "{}\u{a0}×\u{a0}{}\u{a0}pixels",
            record.input.width, record.input.height
        ),
        if record.pretrained == "none" {
            "from scratch".into()
        } else {
            "pretrained".to_string()
        },
    ];
    if record.recipe.freeze_layers {
        parts.push("classifier only".into());
    }
    parts.join(", ")
}
