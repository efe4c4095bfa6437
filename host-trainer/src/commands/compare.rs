//! `host-trainer compare`: runs side by side.

use std::path::PathBuf;

use anyhow::Context;

use super::usage;
use crate::compare::{Comparison, Entry, page};
use crate::files;
use crate::run::Run;

/// Compare runs: what differs in their making, what they reach, and whether by more than chance.
///
/// Reads what `train` and `report` wrote; measures nothing. Runs that were measured on different
/// pictures are not held against each other; the others are, picture by picture, each against
/// the first.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Run folders, such as runs/1 runs/2
    #[arg(num_args = 2.., required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Also write a page with the runs' validation curves over each other
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let read = |folder: &PathBuf| Entry::read(&Run::open(folder).map_err(usage)?);
    let entries: Vec<Entry> = arguments.runs.iter().map(read).collect::<Result<_, _>>()?;
    let comparison = Comparison::of(&entries)?;
    print!("{}", comparison.text());
    if let Some(file) = &arguments.html {
        files::replace(file, page(&comparison, &entries).as_bytes())
            .with_context(|| format!("cannot write {}", file.display()))?;
        println!("\npage         {}", file.display());
    }
    Ok(())
}
