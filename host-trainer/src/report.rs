//! The report of a run: its best weights measured through the agent's own code, the charts, and
//! one page that a person can mail. Trains nothing; writes into the run's folder alone:
//!
//! - `report.html`, self-contained;
//! - `plots/*.svg` and `plots/*.png`, the charts of the page;
//! - `answers.jsonl`, a line for every validation and test picture;
//! - `report.json`, the page's numbers for programs.

mod answers;
mod charts;
mod epochs;
mod facts;
mod gallery;
mod judgement;
mod measured;
mod page;
mod sections;
mod summary;

use std::path::{Path, PathBuf};

use anyhow::Context;

pub use answers::{ANSWERS, Answer};
pub use epochs::{Epoch, read as epochs};
pub use facts::facts;
pub use measured::Measured;
pub use page::{interval, percent, shell};
pub use summary::Summary;

use crate::candidate::Candidate;
use crate::files;
use crate::run::Run;

/// Measures the run's best weights on its training, validation and test pictures (`moved` is
/// where they are now, if not where they were) and writes the report. Gives its path. Errors
/// when there are no weights yet, or the pictures are gone; nothing is written then.
pub fn write(run: &Run, moved: Option<&Path>) -> anyhow::Result<PathBuf> {
    let candidate = Candidate::of(run)?;
    let measured = Measured::of(run, &candidate, moved)?;
    let epochs = epochs::read(run)?;
    let charts = charts::all(&measured, &epochs);
    let mistakes = gallery::mistakes(&measured);

    let put = |path: PathBuf, bytes: &[u8]| {
        files::replace(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
    };
    let plots = run.folder().join("plots");
    std::fs::create_dir_all(&plots)
        .with_context(|| format!("cannot make the folder {}", plots.display()))?;
    for (name, chart) in &charts.named {
        put(plots.join(format!("{name}.svg")), chart.svg().as_bytes())?;
        put(plots.join(format!("{name}.png")), &chart.png()?)?;
    }
    put(Answer::file(run), &Answer::lines(&measured)?)?;
    let summary = serde_json::to_string_pretty(&Summary::of(&measured))? + "\n";
    put(Summary::file(run), summary.as_bytes())?;
    let page = page::report(run, &measured, &epochs, &charts, &mistakes);
    let path = run.folder().join("report.html");
    put(path.clone(), page.as_bytes())?;
    Ok(path)
}
