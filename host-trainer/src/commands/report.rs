//! `host-trainer report`: measures a run and writes its report.

use std::path::PathBuf;

use anyhow::Context;

use super::usage;
use crate::report::{self, Summary};
use crate::run::Run;

/// Measure a run's best weights and write its report.
///
/// Answers the run's training, validation and test pictures through the agent's own code and
/// writes into the run's folder: report.html (one file, to be opened or mailed), its charts as
/// SVG and PNG in plots/, answers.jsonl (a line for every picture that was not trained on) and
/// report.json (the numbers). A report that is there is replaced.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Run folder, such as runs/1
    run: PathBuf,
    /// Where the pictures are now, if they were moved
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let run = Run::open(&arguments.run).map_err(usage)?;
    let page = report::write(&run, arguments.data.as_deref())?;
    let summary = Summary::read(&run)?.context("the report was not written")?;
    println!("part         pictures  accuracy   95 % interval  macro F1  macro AUC");
    for part in &summary.parts {
        let auc = part
            .auc_macro
            .map_or_else(|| "–".into(), |auc| format!("{auc:.4}"));
        println!(
            "{:12} {:8}  {:8.4}  {:.4} – {:.4}  {:8.4}  {auc:>9}",
            part.part.name(),
            part.pictures,
            part.accuracy,
            part.accuracy_interval[0],
            part.accuracy_interval[1],
            part.macro_f1,
        );
    }
    println!("\ntemperature  {:.3}", summary.temperature);
    println!("threshold    reject below {:.2}", summary.reject_below);
    let bytes = std::fs::metadata(&page).map_or(0, |file| file.len());
    println!(
        "report       {} ({:.1} MB)",
        page.display(),
        bytes as f64 / 1e6
    );
    Ok(())
}
