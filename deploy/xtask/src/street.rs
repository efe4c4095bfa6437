//! `cargo xtask street`: the agent on a real street's frames, beside what a detector saw there:
//! which of the vehicles that crossed the watched region have an event, and a contact sheet of
//! all events for a human to judge. The detector's boxes are noisy: this is a measure, no truth.

pub mod curve;
mod judge;
mod sheet;
mod tracks;

use crate::shell::Tool;
use crate::{say, workspace};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// The agent's config for that street: the near lanes; further back the traffic is too dense.
const CONFIG: &str = include_str!("../../../edge-agent/tests/street.toml");

/// Arguments of `cargo xtask street`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of the frames, one picture each, in the order of their names
    #[arg(long, value_name = "DIR")]
    frames: PathBuf,
    /// Events to judge instead of running the agent
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// The detector's boxes: a line {"frame": "NAME", "detections": [{x, y, w, h, prob, name}]}
    /// for each frame
    #[arg(long, value_name = "FILE")]
    detections: PathBuf,
    /// Where events, report and contact sheet go
    #[arg(long, value_name = "DIR", default_value = "target/street")]
    out: PathBuf,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    Tool::cargo().args(["build", "--workspace"]).run()?;
    let absolute = |path: &Path| {
        std::path::absolute(path).with_context(|| format!("cannot find {}", path.display()))
    };
    let (frames, out) = (absolute(&arguments.frames)?, absolute(&arguments.out)?);
    fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
    let config = out.join("agent.toml");
    fs::write(
        &config,
        CONFIG.replace("FRAMES", &frames.display().to_string()),
    )
    .with_context(|| format!("cannot write {}", config.display()))?;
    let told = match &arguments.events {
        Some(path) => {
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?
        }
        None => {
            let step = say::begin("street", "the agent watches the frames");
            let told = Tool::new(workspace::program("edge-agent")?)
                .args(["run", "--config"])
                .arg(&config)
                .read()?;
            step.done();
            told
        }
    };
    fs::write(out.join("events.jsonl"), &told).context("cannot write the events")?;
    let events: Vec<Value> = lines(&told).context("an event is no JSON")?;
    let text = fs::read_to_string(&arguments.detections)
        .with_context(|| format!("cannot read {}", arguments.detections.display()))?;
    let seen: Vec<Value> = lines(&text).context("a line of detections is no JSON")?;
    if seen.is_empty() {
        bail!("{} has no detections", arguments.detections.display());
    }
    let names: Vec<String> = seen
        .iter()
        .map(|line| line["frame"].as_str().unwrap_or_default().to_string())
        .collect();
    let region = region(CONFIG)?;
    let crossings = tracks::crossings(&seen, &region);
    let matched = judge::compare(&events, &crossings);
    println!("{matched}");
    let rows = sheet::rows(&events, &matched);
    fs::write(
        out.join("judgement.json"),
        serde_json::to_string_pretty(&rows)?,
    )
    .context("cannot write the judgement")?;
    let sheet = out.join("sheet.html");
    fs::write(&sheet, sheet::html(&events, &matched, &names, &frames))
        .with_context(|| format!("cannot write {}", sheet.display()))?;
    say::line("sheet", &format!("open {} in a browser", sheet.display()));
    Ok(())
}

fn lines(text: &str) -> serde_json::Result<Vec<Value>> {
    let full = text.lines().filter(|line| !line.trim().is_empty());
    full.map(serde_json::from_str).collect()
}

/// The corners of the region that the config watches.
fn region(config: &str) -> Result<Vec<(f64, f64)>> {
    let table: toml::Table = config.parse().context("the street's config is no TOML")?;
    let corners = table["gate"]["region_px"].as_array();
    let number = |value: &toml::Value| {
        value
            .as_float()
            .or_else(|| value.as_integer().map(|whole| whole as f64))
    };
    corners
        .into_iter()
        .flatten()
        .map(|corner| Some((number(corner.get(0)?)?, number(corner.get(1)?)?)))
        .collect::<Option<Vec<_>>>()
        .filter(|corners| corners.len() >= 3)
        .context("the street's config has no gate.region_px")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_is_read_from_the_config() {
        let corners = region(CONFIG).unwrap();
        assert!(corners.len() >= 3, "{corners:?}");
        assert!(region("[gate]\nregion_px = [[0, 0]]\n").is_err());
    }
}
