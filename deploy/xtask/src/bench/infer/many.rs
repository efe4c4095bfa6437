//! Several networks of our own beside one another: time on this machine, and instructions on an
//! emulated processor.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{noise, ours, parse};
use crate::bench::rates::median;
use crate::board::{self, Job};
use crate::say;
use crate::setup::{self, Part, cross, guest};
use crate::shell::Tool;
use crate::target::Target;

/// Runs in a round.
const RUNS: u32 = 50;
/// Seconds after which the emulated processor is given up.
const PATIENCE_S: u32 = 1800;

/// Median milliseconds of each network with its side of the input, on one thread, in interleaved
/// rounds. `place` takes the inputs.
pub(in crate::bench) fn milliseconds(
    networks: &[(PathBuf, u32)],
    rounds: u32,
    place: &Path,
) -> Result<Vec<f64>> {
    let step = say::begin(
        "build",
        "the program that times networks, in the release profile",
    );
    Tool::cargo()
        .args(["build", "--release", "-p", "models", "--example", "infer"])
        .run()?;
    step.done();
    let mut runs = vec![Vec::new(); networks.len()];
    for round in 0..rounds {
        say::line("round", &format!("{} of {rounds}", round + 1));
        for ((model, side), runs) in networks.iter().zip(&mut runs) {
            runs.extend(ours(model, *side, &input(place, *side)?, RUNS, "ours")?.runs);
        }
    }
    let middle = |runs: &Vec<f64>| median(runs).map(|ns| ns / 1e6);
    runs.iter()
        .map(middle)
        .collect::<Option<_>>()
        .context("nothing was timed")
}

/// Instructions of one inference of each network on the emulated processor `cpu`, all in one boot.
/// `place` takes inputs and copies of the networks.
pub(in crate::bench) fn instructions(
    networks: &[(PathBuf, u32)],
    cpu: &str,
    place: &Path,
) -> Result<Vec<f64>> {
    setup::ensure(&[Part::Packages, Part::Cross, Part::Board])?;
    let step = say::begin("build", "the same for aarch64");
    cross::cargo(Target::Aarch64, "build")?
        .args(["--release", "-p", "models", "--example", "infer"])
        .run()?;
    step.done();
    let mut files = vec![Target::Aarch64.built().join("release/examples/infer")];
    let mut script = String::new();
    for (number, (model, side)) in networks.iter().enumerate() {
        let copy = place.join(format!("{number}.onnx"));
        fs::copy(model, &copy).with_context(|| format!("cannot copy {}", model.display()))?;
        let numbers = input(place, *side)?;
        if !files.contains(&numbers) {
            files.push(numbers);
        }
        script += &format!("./infer {number}.onnx {side} {side}.f32 3 ours\n");
        files.push(copy);
    }
    let guest = guest::ensure()?;
    let step = say::begin("board", &format!("{cpu}: boots, then runs the networks"));
    let job = Job {
        cpu,
        files: &files,
        script: &script,
        patience_s: PATIENCE_S,
    };
    let told = board::run_counting(&guest, &job)?;
    step.done();
    let lines = told.lines().filter(|line| line.starts_with('{'));
    let counts: Vec<f64> = lines
        .map(|line| median(&parse(line)?.runs).context("no run was counted"))
        .collect::<Result<_>>()?;
    if counts.len() != networks.len() {
        bail!(
            "the board ran {} of {} networks: {told}",
            counts.len(),
            networks.len()
        );
    }
    Ok(counts)
}

/// A file of the numbers that networks of this side are given.
fn input(place: &Path, side: u32) -> Result<PathBuf> {
    let file = place.join(format!("{side}.f32"));
    if !file.exists() {
        fs::write(&file, noise(3 * side * side))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(file)
}
