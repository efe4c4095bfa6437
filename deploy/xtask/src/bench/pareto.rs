//! `cargo xtask bench pareto`: how small the network may be. Networks of several widths and sizes
//! of input are made of one trained run, trained on, exported and measured: accuracy through the
//! agent's code, instructions on an emulated Cortex-A72, milliseconds on this machine. What is
//! there already is not made again, so it can be stopped and started.

mod point;
mod table;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use self::point::Point;
use super::infer;
use crate::shell::Tool;
use crate::{say, workspace};

/// Arguments of `cargo xtask bench pareto`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The run that all begin with, such as runs/1: its pictures and split are used
    #[arg(long, value_name = "RUN")]
    run: PathBuf,
    /// Networks: share of the channels, x, side of the input in pixels; or a file of weights that
    /// `host-trainer shrink` wrote, @, side
    #[arg(
        long,
        value_name = "NETWORKS",
        value_delimiter = ',',
        default_value = "1x64,1x96,1x128,1x160,1x224,0.75x96,0.5x96,0.5x160"
    )]
    points: Vec<Point>,
    /// Folder with a folder of road pictures for each class, to be measured on as well
    #[arg(long, value_name = "DIR")]
    road: Option<PathBuf>,
    /// Rounds of timing; each runs every network in turn
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Folder for runs, bundles, table and chart
    #[arg(long, value_name = "DIR", default_value = "target/pareto")]
    out: PathBuf,
}

/// A network with what was measured.
struct Measured {
    name: String,
    line: String,
    bytes: u64,
    million_instructions: f64,
    milliseconds: f64,
    /// Share of right answers on the run's test pictures.
    test: f64,
    /// The same on road pictures.
    road: Option<f64>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    Tool::cargo().args(["build", "--workspace"]).run()?;
    let absolute = |path: &Path| {
        std::path::absolute(path).with_context(|| format!("cannot find {}", path.display()))
    };
    let (base, out) = (absolute(&arguments.run)?, absolute(&arguments.out)?);
    let road = arguments.road.as_deref().map(absolute).transpose()?;
    fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
    let base = point::Base::read(&base)?;
    let mut bundles = Vec::new();
    for (number, point) in arguments.points.iter().enumerate() {
        let count = arguments.points.len();
        say::line(
            "network",
            &format!("{} of {count}: {}", number + 1, point.name()),
        );
        bundles.push(point.bundle(&base, &out)?);
    }
    let models: Vec<(PathBuf, u32)> = bundles
        .iter()
        .zip(&arguments.points)
        .map(|(bundle, point)| (bundle.join("model.onnx"), point.side))
        .collect();
    let milliseconds = infer::milliseconds(&models, arguments.rounds, &out)?;
    let instructions = infer::instructions(&models, "cortex-a72", &out)?;
    let mut measured = Vec::new();
    for (index, (bundle, point)) in bundles.iter().zip(&arguments.points).enumerate() {
        let test = ["--split".as_ref(), base.split.as_os_str()];
        measured.push(Measured {
            name: point.name(),
            line: point.line(),
            bytes: size(bundle)?,
            million_instructions: instructions[index] / 1e6,
            milliseconds: milliseconds[index],
            test: accuracy(bundle, &base.data, &test)?,
            road: road
                .as_ref()
                .map(|road| accuracy(bundle, road, &[]))
                .transpose()?,
        });
    }
    let file = out.join("networks.json");
    fs::write(&file, table::json(&measured)).context("cannot write networks.json")?;
    fs::write(out.join("table.md"), table::markdown(&measured)).context("cannot write table.md")?;
    println!("\n{}\n", table::markdown(&measured));
    Tool::new(workspace::program("host-trainer")?)
        .arg("front")
        .arg(&file)
        .arg("--out")
        .arg(&out)
        .run()
}

/// Share of right answers through the agent's own code.
fn accuracy(bundle: &Path, data: &Path, more: &[&std::ffi::OsStr]) -> Result<f64> {
    let told = Tool::new(workspace::program("host-trainer")?)
        .args(["evaluate", "--json", "--bundle"])
        .arg(bundle)
        .arg("--data")
        .arg(data)
        .args(more)
        .read()?;
    let json: Value = serde_json::from_str(told.trim()).context("evaluate told no JSON")?;
    json["accuracy"]
        .as_f64()
        .context("evaluate told no accuracy")
}

/// Bytes of all files of a bundle.
fn size(folder: &Path) -> Result<u64> {
    let mut sum = 0;
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let data = entry.metadata()?;
        sum += match data.is_dir() {
            true => size(&entry.path())?,
            false => data.len(),
        };
    }
    Ok(sum)
}
