//! `cargo xtask scenes`: the agent on drawn scenes whose truth is known, as one table with
//! limits. Runs the real programs; draws and judges nothing itself.

mod cases;
mod table;

use crate::shell::Tool;
use crate::{say, workspace};
use anyhow::{Context, Result, bail};
use cases::Case;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use table::{Counts, Row};

/// Arguments of `cargo xtask scenes`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Minutes of every scene with several seeds instead of seconds with one
    #[arg(long)]
    full: bool,
    /// Only this scene, by the name in the table
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// First seed; the agent was tuned on 1 to 3, 12 to 16 and 21 to 40
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds of every scene with traffic, from the first on
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    seeds: Option<u64>,
    /// Also write the table to this file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs the command; false when a limit is missed.
pub fn run(arguments: &Arguments) -> Result<bool> {
    Tool::cargo().args(["build", "--workspace"]).run()?;
    let cases: Vec<Case> = cases::all(arguments.full, arguments.seeds)
        .into_iter()
        .filter(|case| {
            arguments
                .only
                .as_deref()
                .is_none_or(|only| only == case.name)
        })
        .collect();
    if cases.is_empty() {
        bail!("there is no such scene; the table of `cargo xtask scenes` has their names");
    }
    let step = say::begin(
        "scenes",
        "draws each scene, watches it and scores the events",
    );
    let rows = measure(&cases, arguments.seed)?;
    step.done();
    let text = table::markdown(&rows);
    println!("{text}");
    if let Some(path) = &arguments.out {
        fs::write(path, &text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let missed = table::missed(&rows);
    for line in &missed {
        println!("missed: {line}");
    }
    Ok(missed.is_empty())
}

/// The step of `cargo xtask test`: the short tier.
pub fn check() -> Result<()> {
    let arguments = Arguments {
        full: false,
        only: None,
        seed: 1,
        seeds: None,
        out: None,
    };
    match run(&arguments)? {
        true => Ok(()),
        false => bail!("a limit is missed, above"),
    }
}

/// Runs every case with each of its seeds, on all cores, and sums up by case.
fn measure(cases: &[Case], first_seed: u64) -> Result<Vec<Row>> {
    let mut jobs: Vec<(usize, u64)> = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        jobs.extend((0..case.seeds).map(|n| (index, first_seed + n)));
    }
    let folder = workspace::root().join("target/scenes");
    let rows: Vec<Row> = cases.iter().map(Row::new).collect();
    let (queue, rows) = (Mutex::new(jobs.into_iter()), Mutex::new(rows));
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get().min(8));
    let failed = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().ok().and_then(|mut queue| queue.next());
                    let Some((index, seed)) = next else {
                        return;
                    };
                    match watch(&cases[index], seed, &folder) {
                        Ok(counts) => {
                            if let Ok(mut rows) = rows.lock() {
                                rows[index].counts.add(&counts);
                            }
                        }
                        Err(error) => {
                            if let Ok(mut failed) = failed.lock() {
                                failed.get_or_insert(error);
                            }
                        }
                    }
                }
            });
        }
    });
    if let Some(error) = failed.into_inner().ok().flatten() {
        return Err(error);
    }
    rows.into_inner()
        .ok()
        .context("a scene's thread ended early")
}

/// One scene with one seed: truth, events, score.
fn watch(case: &Case, seed: u64, folder: &Path) -> Result<Counts> {
    let folder = folder.join(format!("{}-{seed}", case.name.replace(' ', "-")));
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let truth = folder.join("truth");
    Tool::new(workspace::program("road-sim")?)
        .args(case.truth_arguments(seed))
        .arg("--out")
        .arg(&truth)
        .read()?;
    let config = folder.join("agent.toml");
    fs::write(&config, case.config(seed)).context("cannot write the agent's config")?;
    let agent = workspace::program("edge-agent")?;
    let told = Tool::new(&agent)
        .args(["run", "--config"])
        .arg(&config)
        .read()?;
    let events = folder.join("events.jsonl");
    fs::write(&events, told).context("cannot write the events")?;
    let score = Tool::new(&agent)
        .args(["score", "--json", "--events"])
        .arg(&events)
        .arg("--truth")
        .arg(truth.join("truth.jsonl"))
        .read()?;
    fs::write(folder.join("score.json"), &score).context("cannot write the score")?;
    let score: Value = serde_json::from_str(&score).context("the score is no JSON")?;
    Counts::of(&score, case.frames()).context("the score lacks a number")
}
