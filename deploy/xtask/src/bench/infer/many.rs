//! Several networks of our own beside one another: time on this machine, and instructions on an
//! emulated processor.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{noise, ours, program};
use crate::bench::rates::median;
use crate::say;

/// Runs in a round.
const RUNS: u32 = 50;

/// Median milliseconds of each network with its side of the input, on one thread, in interleaved
/// rounds. `place` takes the inputs.
pub(in crate::bench) fn milliseconds(
    networks: &[(PathBuf, u32)],
    rounds: u32,
    place: &Path,
) -> Result<Vec<f64>> {
    program::build()?;
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
    let mut files = vec![program::build_for_board()?];
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
    let told = program::count(cpu, &files, &script)?;
    let counts: Vec<f64> = told
        .iter()
        .map(|told| median(&told.runs).context("no run was counted"))
        .collect::<Result<_>>()?;
    if counts.len() != networks.len() {
        bail!(
            "the board ran {} of {} networks",
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
