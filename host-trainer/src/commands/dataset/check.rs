//! `host-trainer dataset check`: a folder of labelled pictures in, what is wrong with it out.

use std::path::PathBuf;

use anyhow::{Context, bail};
use serde::Serialize;

use super::has_folder;
use crate::check::{self, Network, Problem, Report};
use crate::commands::default_workers;
use crate::device::Choice;
use crate::files;

/// Find what stands in the way of trusting a folder of labelled pictures.
///
/// Each DIR is a folder of class folders, or holds several such folders (train, val, …): its
/// parts. Found are files that cannot be read, odd sizes, exact and near copies within and
/// across classes and parts, uneven class counts and, with --run or --pretrained, labels that
/// are probably wrong. Nothing is changed, moved or deleted.
///
/// Exit code 1 when something must be put right before training can be trusted: files that
/// cannot be read, empty class folders, one file in two classes, one photograph in two parts.
/// All else is worth a look and leaves the exit code at 0. See --allow. Exit code 2: misuse.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Folders to check, together
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,
    /// Check labels too, with the best weights of this run, which sees most but has learnt some
    /// wrong labels by heart if it was trained on these pictures
    #[arg(long, value_name = "RUN", conflicts_with = "pretrained")]
    run: Option<PathBuf>,
    /// Check labels too, with these weights: torchvision's ImageNet weights (fetched once), a .pth
    /// or .safetensors file with torchvision's parameter names, or a bundle's folder
    #[arg(
        long,
        value_name = "imagenet|FILE|BUNDLE",
        default_value = "none",
        hide_default_value = true
    )]
    pretrained: String,
    /// Side of the input at which --pretrained weights look at pictures, pixels
    #[arg(
        long,
        value_name = "PIXELS",
        default_value_t = 128,
        conflicts_with = "run"
    )]
    input_size: u32,
    /// Write a page with thumbnails of what was found, in one file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Print one JSON object with everything that was found instead of a summary
    #[arg(long)]
    json: bool,
    /// What need not be put right for exit code 0 (may be given several times, or with commas)
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    allow: Vec<Problem>,
    /// Device that computes
    #[arg(long, default_value = "auto")]
    device: Choice,
    /// Threads that read pictures [default: one for each processor]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    workers: Option<u16>,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Output<'a> {
    must_be_fixed: Vec<Problem>,
    allowed: &'a [Problem],
    #[serde(flatten)]
    report: &'a Report,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    arguments.html.as_deref().map_or(Ok(()), has_folder)?;
    let workers = arguments.workers.map_or_else(default_workers, usize::from);
    let (name, side) = (&arguments.pretrained, arguments.input_size);
    let network = match &arguments.run {
        Some(folder) => Some(Network::of_run(folder, arguments.device)?),
        None => Network::pretrained(name, side, arguments.device)?,
    };
    let report = check::check(&arguments.folders, network.as_ref(), workers)?;
    if let Some(file) = &arguments.html {
        files::replace(file, check::page(&report, workers).as_bytes())
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    let problems = report.problems();
    let open = problems
        .iter()
        .filter(|(problem, _)| !arguments.allow.contains(problem));
    let open: Vec<_> = open.copied().collect();
    if arguments.json {
        let output = Output {
            must_be_fixed: open.iter().map(|(problem, _)| *problem).collect(),
            allowed: &arguments.allow,
            report: &report,
        };
        println!("{}", serde_json::to_string(&output)?);
    } else {
        let more = match &arguments.html {
            Some(file) => format!("see {}", file.display()),
            None => "--html FILE shows them, --json names all".into(),
        };
        print!("{}", check::summary(&report, &more));
        if let Some(file) = &arguments.html {
            println!("page         {}", file.display());
        }
    }
    if open.is_empty() {
        return Ok(());
    }
    let named: Vec<_> = open.iter().map(|(p, count)| p.named(*count)).collect();
    bail!(
        "to be fixed before training can be trusted: {}",
        named.join(", ")
    );
}
