//! `cargo xtask bench agent`: frames a second of the agent on one core of this machine, where the
//! time goes, how soon after its start it watches, and whether its memory stays flat.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::rates::median;
use super::{road, start};
use crate::shell::Tool;
use crate::{say, workspace};

/// Arguments of `cargo xtask bench agent`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Rounds of a thousand frames; medians are told
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Frames over which the memory is watched
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1000..))]
    frames: u32,
}

/// How often the start is timed.
const STARTS: u32 = 9;

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let built = road::programs()?;
    let place = workspace::root().join("target/bench/agent");
    let (config, _) = road::draw(&built.join("road-sim"), &place, 60)?;
    let agent = built.join("edge-agent");
    let mut rounds = Vec::new();
    for round in 0..arguments.rounds {
        let report = watch(&agent, &config, 1000)?;
        let rate = report["frames_per_second"].as_f64().unwrap_or_default();
        say::line(
            &format!("round {}", round + 1),
            &format!("{rate:.0} frames/s"),
        );
        rounds.push(report);
    }
    let step = say::begin("start", &format!("{STARTS} times"));
    let starts: Result<Vec<_>> = (0..STARTS)
        .map(|_| start::until_watching(&agent, &config))
        .collect();
    let starts = start::told(&starts?);
    step.done();
    let step = say::begin("memory", &format!("over {} frames", arguments.frames));
    let long = watch(&agent, &config, arguments.frames)?;
    step.done();
    println!("\n{}", table(&rounds));
    println!("\n{starts}\n{}", memory(&long));
    Ok(())
}

/// What `edge-agent bench` says of so many frames on one core.
pub(super) fn watch(agent: &Path, config: &Path, frames: u32) -> Result<Value> {
    // One core, as a small board would give it; taskset is part of util-linux.
    let tool = Tool::new("taskset").args(["-c", "0"]).arg(agent);
    let folder = config.parent().context("a config lies in a folder")?;
    let told = tool
        .dir(folder)
        .args(["bench", "--config", "agent.toml", "--json", "--frames"])
        .arg(frames.to_string())
        .read()?;
    serde_json::from_str(&told).with_context(|| format!("`edge-agent bench` says {told}"))
}

/// Medians of the rounds, a row for each stage.
fn table(rounds: &[Value]) -> String {
    let middle = |number: &dyn Fn(&Value) -> Option<f64>| {
        let numbers: Vec<f64> = rounds.iter().filter_map(number).collect();
        median(&numbers).unwrap_or(f64::NAN)
    };
    let mut rows = "| Stage | ms a frame | share |\n|---|---|---|".to_string();
    let stages = rounds.first().and_then(|round| round["stages"].as_array());
    let total = middle(&|round| {
        let stages = round["stages"].as_array()?;
        stages.iter().map(|stage| stage["mean_ns"].as_f64()).sum()
    });
    for (index, stage) in stages.into_iter().flatten().enumerate() {
        let name = stage["name"].as_str().unwrap_or_default();
        let mean = middle(&|round| round["stages"][index]["mean_ns"].as_f64());
        let share = 100.0 * mean / total;
        rows.push_str(&format!("\n| {name} | {:.3} | {share:.1} % |", mean / 1e6));
    }
    let rate = middle(&|round| round["frames_per_second"].as_f64());
    rows.push_str(&format!("\n| frames/s on one core | {rate:.0} | |"));
    rows
}

fn memory(report: &Value) -> String {
    let looks = report["resident_kib"].as_array();
    let look = |look: &Value| {
        let (frames, kib) = (look[0].as_u64(), look[1].as_f64());
        format!(
            "{:.1} MiB after {}",
            kib.unwrap_or(f64::NAN) / 1024.0,
            frames.unwrap_or(0)
        )
    };
    let told: Vec<String> = looks.into_iter().flatten().map(look).collect();
    let peak = report["peak_kib"].as_f64().unwrap_or(f64::NAN) / 1024.0;
    format!("resident memory: {}; at most {peak:.1}", told.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_told() {
        let round = |ns: f64, rate: f64| serde_json::json!({"stages": [{"name": "decode", "mean_ns": ns}], "frames_per_second": rate});
        let rounds = [round(1e6, 90.0), round(5e6, 100.0), round(2e6, 110.0)];
        assert_eq!(
            table(&rounds),
            "| Stage | ms a frame | share |\n|---|---|---|\n| decode | 2.000 | 100.0 % |\n| frames/s on one core | 100 | |"
        );
        let long = serde_json::json!({"resident_kib": [[1, 2048], [1000, 3072]], "peak_kib": 3584});
        assert_eq!(
            memory(&long),
            "resident memory: 2.0 MiB after 1, 3.0 MiB after 1000; at most 3.5"
        );
    }
}
