//! `cargo xtask bench board`: instructions that the agent spends on each frame, stage by stage, on
//! emulated ARM processors. The emulator's clock counts instructions, so the numbers repeat.

use anyhow::{Context, Result};
use serde_json::Value;

use super::road;
use crate::board::{self, Job};
use crate::cross;
use crate::setup::{self, Part, guest};
use crate::shell::Tool;
use crate::target::Target;
use crate::{say, workspace};

/// Arguments of `cargo xtask bench board`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Processors, as QEMU names them
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        default_value = "cortex-a53,cortex-a72,cortex-a76"
    )]
    cpu: Vec<String>,
    /// Seconds of the drawn road, 25 frames each, 640 x 360 pixels, as JPEG
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(5..=600))]
    seconds: u32,
}

/// Seconds after which an emulated processor is given up.
const PATIENCE_S: u32 = 1800;

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    setup::ensure(&[Part::Packages, Part::Libtorch, Part::Cross, Part::Board])?;
    let agent = cross::build(Target::Aarch64)?;
    let step = say::begin("build", "the drawn road");
    Tool::cargo()
        .args(["build", "--workspace", "--bin", "road-sim"])
        .run()?;
    step.done();
    let place = workspace::root().join("target/bench/board");
    let road_sim = workspace::program("road-sim")?;
    let (config, drawn) = road::draw(&road_sim, &place, arguments.seconds)?;
    let files = [agent, config, drawn];
    let guest = guest::ensure()?;
    let mut counts = Vec::new();
    let frames = arguments.seconds * 25;
    for cpu in &arguments.cpu {
        let step = say::begin(
            "board",
            &format!("{cpu}: boots, then watches the drawn road"),
        );
        let job = Job {
            cpu,
            files: &files,
            script: &format!("./edge-agent bench --config agent.toml --json --frames {frames}"),
            patience_s: PATIENCE_S,
        };
        let told = board::run_counting(&guest, &job)?;
        let json = told.lines().find(|line| line.starts_with('{'));
        let json = json.with_context(|| format!("the agent on {cpu} gave no numbers: {told}"))?;
        counts.push(serde_json::from_str(json).with_context(|| format!("no JSON: {json}"))?);
        step.done();
    }
    println!("\n{}", table(&arguments.cpu, &counts));
    Ok(())
}

/// A row for each stage, a column for each processor, millions of instructions a frame.
fn table(cpus: &[String], counts: &[Value]) -> String {
    let mut rows = format!(
        "| Million instructions a frame | {} |\n|---|",
        cpus.join(" | ")
    );
    rows.push_str(&"---|".repeat(cpus.len()));
    let stages = counts.first().and_then(|count| count["stages"].as_array());
    for (index, stage) in stages.into_iter().flatten().enumerate() {
        let name = stage["name"].as_str().unwrap_or_default();
        rows.push_str(&format!("\n| {name} |"));
        for count in counts {
            let nanoseconds = count["stages"][index]["mean_ns"].as_f64();
            rows.push_str(&format!(" {:.3} |", nanoseconds.unwrap_or(f64::NAN) / 1e6));
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nanosecond_of_the_board_is_an_instruction() {
        let count = serde_json::json!({"stages": [{"name": "decode", "mean_ns": 1_500_000.0}]});
        assert_eq!(
            table(&["cortex-a72".into()], &[count]),
            "| Million instructions a frame | cortex-a72 |\n|---|---|\n| decode | 1.500 |"
        );
    }
}
