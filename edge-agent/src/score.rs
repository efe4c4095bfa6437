//! `edge-agent score`: events beside the truth. Reads both files and prints; the comparison
//! itself is pure and stands in `compare`.

pub mod compare;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use serde::de::DeserializeOwned;

use compare::{Passage, compare};

use crate::event::Event;

/// Arguments of `score`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Events, as `run` writes them.
    #[arg(long, value_name = "FILE")]
    events: PathBuf,
    /// Passages, as the drawn road writes them: one JSON object a line.
    #[arg(long, value_name = "FILE")]
    truth: PathBuf,
    /// One JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let events: Vec<Event> = lines(&args.events)?;
    let truth: Vec<Passage> = lines(&args.truth)?;
    let score = compare(&events, &truth);
    let text = if args.json {
        serde_json::to_string(&score)?
    } else {
        score.to_string()
    };
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// The objects of a file of JSON lines; blank lines are skipped.
fn lines<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Vec<T>> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if !line.trim().is_empty() {
            let parsed = serde_json::from_str(line);
            found.push(parsed.with_context(|| format!("{shown}:{}", index + 1))?);
        }
    }
    Ok(found)
}
