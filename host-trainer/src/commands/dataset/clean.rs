//! `host-trainer dataset clean`: a split and what `dataset check` found in, a split whose training
//! part lacks the probably wrong labels out.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;

use super::has_folder;
use crate::commands::usage;
use crate::files;
use crate::split::{Part, Split};

/// Leave pictures whose label is probably wrong out of a split's training part.
///
/// Which ones, `dataset check DIR --run RUN --json` says (confident learning); the parts that choose
/// the epoch and that are tested on stay as they are, for what is measured must not be made easier.
/// `train --split FILE` then trains without them.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The split, such as runs/1/split.json
    #[arg(value_name = "SPLIT")]
    split: PathBuf,
    /// What `dataset check --json` printed
    #[arg(long, value_name = "FILE")]
    found: PathBuf,
    /// Least probability of the class that a picture more probably is
    #[arg(long, value_name = "PROBABILITY", default_value_t = 0.5)]
    sure: f32,
    /// File to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// The part of what was found that is used.
#[derive(Debug, Deserialize)]
struct Found {
    labels: Option<Labels>,
}

#[derive(Debug, Deserialize)]
struct Labels {
    suspects: Vec<Suspect>,
}

#[derive(Debug, Deserialize)]
struct Suspect {
    path: PathBuf,
    suggested_probability: f32,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if !(0.0..=1.0).contains(&arguments.sure) {
        return Err(usage(format!(
            "--sure is {}; 0 to 1 can be",
            arguments.sure
        )));
    }
    if arguments.out.exists() {
        let out = arguments.out.display();
        return Err(usage(format!("{out} exists already; choose another file")));
    }
    has_folder(&arguments.out)?;
    let mut split = Split::read(&arguments.split).map_err(usage)?;
    let shown = arguments.found.display();
    let text = fs::read(&arguments.found)
        .map_err(|error| usage(format!("cannot read {shown}: {error}")))?;
    let found: Found = serde_json::from_slice(&text).map_err(|error| {
        usage(format!(
            "{shown} is not what `dataset check --json` prints: {error}"
        ))
    })?;
    let Some(labels) = found.labels else {
        return Err(usage(format!(
            "{shown} says nothing of labels; give `dataset check` --run or --pretrained"
        )));
    };
    let sure = labels.suspects.iter();
    let sure: Vec<&Path> = sure
        .filter(|suspect| suspect.suggested_probability >= arguments.sure)
        .map(|suspect| suspect.path.as_path())
        .collect();
    let train = split.parts.entry(Part::Train).or_default();
    let before = train.len();
    // A split's paths are `class/file`; what was checked has the folder before them.
    train.retain(|path| !sure.iter().any(|suspect| suspect.ends_with(path)));
    let (after, suspects) = (train.len(), sure.len());
    let text = serde_json::to_string_pretty(&split)? + "\n";
    files::replace(&arguments.out, text.as_bytes())
        .with_context(|| format!("cannot write {}", arguments.out.display()))?;
    println!(
        "left out     {} of {before} training pictures; {suspects} pictures are suspected",
        before - after
    );
    println!("split        {}", arguments.out.display());
    Ok(())
}
