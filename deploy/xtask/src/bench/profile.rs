//! `cargo xtask bench profile`: the release profile beside others, by the agent's size and its speed
//! on one core. Panics must unwind in each of them: those of the JPEG decoder are caught.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::agent::watch;
use super::rates::median;
use super::road;
use crate::shell::Tool;
use crate::{say, workspace};

/// Arguments of `cargo xtask bench profile`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Rounds of 2,000 frames with each; medians are told
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

/// Frames of a round.
const FRAMES: u32 = 2000;

/// A release profile.
struct Profile {
    lto: &'static str,
    units: &'static str,
    optimise: &'static str,
}

/// The workspace's own comes first.
const PROFILES: [Profile; 3] = [
    Profile::new("thin", "4", "3"),
    Profile::new("fat", "1", "3"),
    Profile::new("fat", "1", "s"),
];

impl Profile {
    const fn new(lto: &'static str, units: &'static str, optimise: &'static str) -> Self {
        Self {
            lto,
            units,
            optimise,
        }
    }

    fn name(&self) -> String {
        let (lto, units, optimise) = (self.lto, self.units, self.optimise);
        format!("lto {lto}, codegen-units {units}, opt-level {optimise}")
    }

    /// Builds the agent with it and puts it at `agent`.
    fn build(&self, target: &Path, agent: &Path) -> Result<()> {
        let step = say::begin("build", &self.name());
        Tool::cargo()
            .args(["build", "--release", "--bin", "edge-agent", "--target-dir"])
            .arg(target)
            .env("CARGO_PROFILE_RELEASE_LTO", self.lto)
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", self.units)
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", self.optimise)
            .run()?;
        let built = target.join("release/edge-agent");
        fs::copy(&built, agent).with_context(|| format!("cannot copy {}", built.display()))?;
        step.done();
        Ok(())
    }
}

/// What was measured of a profile.
struct Measured {
    name: String,
    bytes: u64,
    rates: Vec<f64>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let built = road::programs()?;
    let place = workspace::root().join("target/bench/profile");
    fs::create_dir_all(&place).with_context(|| format!("cannot create {}", place.display()))?;
    let (config, _) = road::draw(&built.join("road-sim"), &place.join("road"), 60)?;
    let mut measured = Vec::new();
    for (index, profile) in PROFILES.iter().enumerate() {
        let agent = agent(&place, index);
        // Each in a folder of its own: they share nothing that is built.
        let target = match index {
            0 => workspace::target(),
            _ => place.join(format!("target-{index}")),
        };
        profile.build(&target, &agent)?;
        let bytes = fs::metadata(&agent).context("the agent was built")?.len();
        measured.push(Measured {
            name: profile.name(),
            bytes,
            rates: Vec::new(),
        });
    }
    let step = say::begin("watch", &format!("{} rounds of each", arguments.rounds));
    for _ in 0..arguments.rounds {
        for (index, one) in measured.iter_mut().enumerate() {
            let report = watch(&agent(&place, index), &config, FRAMES)?;
            let rate = report["frames_per_second"].as_f64();
            one.rates
                .push(rate.context("`edge-agent bench` says no rate")?);
        }
    }
    step.done();
    println!("\n{}", table(&measured));
    Ok(())
}

fn agent(place: &Path, index: usize) -> PathBuf {
    place.join(format!("edge-agent-{index}"))
}

/// A row for each profile.
fn table(measured: &[Measured]) -> String {
    let mut text = "| Release profile | MB | frames/s on one core |\n|---|---|---|".to_string();
    for one in measured {
        let rate = median(&one.rates).unwrap_or(f64::NAN);
        let (name, megabytes) = (&one.name, one.bytes as f64 / 1e6);
        text += &format!("\n| {name} | {megabytes:.1} | {rate:.0} |");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_profile_has_a_row() {
        let measured = [Measured {
            name: PROFILES[0].name(),
            bytes: 28_460_000,
            rates: vec![440.0, 460.0, 450.0],
        }];
        let text = table(&measured);
        let row = "| lto thin, codegen-units 4, opt-level 3 | 28.5 | 450 |";
        assert_eq!(text.lines().nth(2), Some(row));
    }
}
