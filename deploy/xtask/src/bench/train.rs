//! `cargo xtask bench train`: the trainer beside the same network, batch, precision, input size
//! and threads in PyTorch, in interleaved rounds. It only calls programs and reads numbers.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf, absolute};

use anyhow::{Context, Result, bail};

use super::python::Python;
use super::rates::{Row, median, table};
use crate::setup::{self, Part};
use crate::shell::Tool;
use crate::{say, workspace};

/// PyTorch's side, as its users would write it.
const SCRIPT: &str = include_str!("train.py");

/// Arguments of `cargo xtask bench train`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Your own pictures: a folder with one folder per colour; without it cars are drawn
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Rounds; each runs everything once, ours and theirs in turn
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Pictures in a step
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(2..))]
    batch_size: u32,
    /// Side of the network's square input, pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 128)]
    input_size: u32,
    /// Where both compute
    #[arg(long, default_value = "auto")]
    device: Device,
    /// Threads that compute, and as many that prepare pictures [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// A Python that has PyTorch 2.11.0 and torchvision [default: python3 if it has, else a
    /// virtual environment made under target/]
    #[arg(long, value_name = "PROGRAM")]
    python: Option<PathBuf>,
    /// Build and time our programs in the release profile
    #[arg(long)]
    release: bool,
}

/// Where both compute.
#[derive(Clone, Copy, Debug, PartialEq, clap::ValueEnum)]
enum Device {
    /// A CUDA device when the trainer finds one, else the processor
    Auto,
    /// The processor
    Cpu,
    /// The first CUDA device
    Cuda,
}

/// Drawn pictures of each colour: an epoch of some seconds on two cores.
const PER_CLASS: &str = "60";
/// Steps of the network alone, after one that does not count.
const STEPS: &str = "20";
/// The first epoch warms up, the last one counts.
const EPOCHS: &str = "2";

/// What both are called with.
struct Setting {
    host_trainer: PathBuf,
    data: PathBuf,
    /// For run folders; emptied each time.
    scratch: PathBuf,
    batch_size: String,
    input_size: String,
    device: &'static str,
    threads: String,
}

/// What is timed.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    Files,
    Memory,
    Network,
}

const KINDS: [(Kind, &str); 3] = [
    (Kind::Files, "whole way, theirs decodes"),
    (Kind::Memory, "whole way, both in memory"),
    (Kind::Network, "network only"),
];

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    setup::ensure(&[Part::Packages, Part::Libtorch])?;
    let profile: &[&str] = if arguments.release {
        &["--release"]
    } else {
        &[]
    };
    let step = say::begin("build", "the trainer and the drawn road");
    Tool::cargo()
        .args(["build", "--workspace"])
        .args(profile)
        .run()?;
    step.done();
    let folder = if arguments.release {
        "release"
    } else {
        "debug"
    };
    let programs = workspace::target().join(folder);
    let place = workspace::root().join("target/bench");
    fs::create_dir_all(&place).with_context(|| format!("cannot create {}", place.display()))?;
    let threads = match arguments.threads {
        Some(threads) => threads.into(),
        None => std::thread::available_parallelism().map_or(1, |n| n.get()),
    };
    let mut setting = Setting {
        host_trainer: programs.join("host-trainer"),
        data: pictures(
            arguments.data.as_deref(),
            &programs.join("road-sim"),
            &place,
        )?,
        scratch: place.join("runs"),
        batch_size: arguments.batch_size.to_string(),
        input_size: arguments.input_size.to_string(),
        device: "cpu",
        threads: threads.to_string(),
    };
    if arguments.device != Device::Cpu && setting.finds_cuda()? {
        setting.device = "cuda";
    } else if arguments.device == Device::Cuda {
        bail!("--device cuda: the trainer finds no CUDA device; `host-trainer doctor` says why");
    }
    let python = Python::find(arguments.python.as_deref(), SCRIPT)?;
    if setting.device == "cuda" && python.as_ref().is_some_and(|python| !python.cuda) {
        bail!("PyTorch finds no CUDA device where the trainer does; give another with --python");
    }
    compare(&setting, python.as_ref(), arguments, folder)
}

fn compare(
    setting: &Setting,
    python: Option<&Python>,
    arguments: &Arguments,
    profile: &str,
) -> Result<()> {
    let mut rows = KINDS.map(|(_, name)| Row {
        name,
        ours: Vec::new(),
        theirs: Vec::new(),
    });
    for round in 0..arguments.rounds {
        let name = format!("round {}", round + 1);
        for (row, (kind, _)) in rows.iter_mut().zip(KINDS) {
            // Ours keeps pictures decoded either way: one number serves both rows.
            let again = kind == Kind::Memory;
            // Who goes first changes, so that a machine that slows down favours nobody.
            let theirs_first = round % 2 == 1;
            for theirs in [theirs_first, !theirs_first] {
                let rate = match (theirs, python) {
                    (true, Some(python)) => {
                        let rate = python.rate(&setting.theirs(kind))?;
                        row.theirs.push(rate);
                        rate
                    }
                    (false, _) if !again => {
                        let rate = setting.ours(kind)?;
                        row.ours.push(rate);
                        rate
                    }
                    _ => continue,
                };
                let who = if theirs { "PyTorch" } else { "host-trainer" };
                say::line(&name, &format!("{:<26} {who:<13} {rate:.0}", row.name));
            }
        }
    }
    let [files, memory, _] = &mut rows;
    memory.ours.clone_from(&files.ours);
    let Setting {
        batch_size,
        input_size: side,
        device,
        threads,
        ..
    } = setting;
    println!(
        "\nMobileNetV3-small, batches of {batch_size}, {side} x {side} pixels, 32-bit floats, \
         AdamW, on {device}, {threads} threads; host-trainer in the {profile} profile; medians \
         of {} rounds (least-most)\n",
        arguments.rounds
    );
    let theirs = python.map_or("PyTorch: none".into(), |p| format!("PyTorch {}", p.torch));
    print!("{}", table(&rows, "host-trainer", &theirs));
    if median(&rows[0].theirs).is_none() {
        println!("\nPyTorch was skipped, so there is nothing to compare with; the reason is above");
    }
    Ok(())
}

/// The user's pictures, or drawn ones, kept for the next time.
fn pictures(own: Option<&Path>, road_sim: &Path, place: &Path) -> Result<PathBuf> {
    if let Some(own) = own {
        if !own.is_dir() {
            bail!("--data {}: no such folder", own.display());
        }
        return absolute(own).context("--data is not a path");
    }
    let (folder, partial) = (place.join("pictures"), place.join("pictures.partial"));
    if folder.is_dir() {
        return Ok(folder);
    }
    let _ = fs::remove_dir_all(&partial);
    let step = say::begin("pictures", "drawing labelled pictures of cars");
    Tool::new(road_sim)
        .args(["pictures", "--per-class", PER_CLASS, "--out"])
        .arg(&partial)
        .run_quietly()?;
    fs::rename(&partial, &folder).with_context(|| format!("cannot create {}", folder.display()))?;
    step.done();
    Ok(folder)
}

impl Setting {
    fn doctor(&self) -> Result<serde_json::Value> {
        let told = Tool::new(&self.host_trainer)
            .args(["doctor", "--json", "--steps", STEPS])
            .args(["--batch-size", &self.batch_size])
            .args(["--input-size", &self.input_size])
            .env("OMP_NUM_THREADS", &self.threads)
            .read()?;
        serde_json::from_str(&told).context("`host-trainer doctor --json` gives no JSON")
    }

    fn finds_cuda(&self) -> Result<bool> {
        let devices = self.doctor()?["libtorch"]["cuda_devices"].as_i64();
        Ok(devices.is_some_and(|devices| devices > 0))
    }

    /// Our pictures a second.
    fn ours(&self, kind: Kind) -> Result<f64> {
        if kind == Kind::Network {
            let report = self.doctor()?;
            let devices = report["devices"].as_array();
            let trial = devices.and_then(|devices| {
                let named = |name: &str| name.starts_with(self.device);
                devices
                    .iter()
                    .find(|trial| trial["device"].as_str().is_some_and(named))
            });
            let rate = trial.and_then(|trial| trial["images_per_second"].as_f64());
            return rate.with_context(|| format!("no rate for {} in {report}", self.device));
        }
        let _ = fs::remove_dir_all(&self.scratch);
        Tool::new(&self.host_trainer)
            .args(["train", "--pretrained", "none"])
            .args(self.train())
            .env("OMP_NUM_THREADS", &self.threads)
            .read()?;
        let log = self.scratch.join("1/log.jsonl");
        let text =
            fs::read_to_string(&log).with_context(|| format!("cannot read {}", log.display()))?;
        last_rate(&text).with_context(|| format!("no rate in {}", log.display()))
    }

    fn train(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec!["--data-train".into(), (&self.data).into()];
        words.extend(["--save-ret".into(), (&self.scratch).into()]);
        let options = [
            ("--val-share", "0.01"),
            ("--test-share", "0"),
            ("--epochs", EPOCHS),
            ("--optim", "AdamW"),
            ("--batch-size", &self.batch_size),
            ("--input-size", &self.input_size),
            ("--workers", &self.threads),
            ("--device", self.device),
        ];
        words.extend(given(&options));
        words
    }

    fn theirs(&self, kind: Kind) -> Vec<OsString> {
        let mode = match kind {
            Kind::Files => "files",
            Kind::Memory => "memory",
            Kind::Network => "network",
        };
        let mut words: Vec<OsString> = vec![mode.into(), "--data".into(), (&self.data).into()];
        let options = [
            ("--epochs", EPOCHS),
            ("--steps", STEPS),
            ("--batch-size", &self.batch_size),
            ("--input-size", &self.input_size),
            ("--threads", &self.threads),
            ("--device", self.device),
        ];
        words.extend(given(&options));
        words
    }
}

/// `--name value` for each.
fn given(options: &[(&str, &str)]) -> impl Iterator<Item = OsString> {
    options
        .iter()
        .flat_map(|(name, value)| [name.into(), value.into()])
}

/// Pictures a second of the last epoch in a log.jsonl.
fn last_rate(text: &str) -> Option<f64> {
    let line: serde_json::Value = serde_json::from_str(text.lines().last()?).ok()?;
    line["images_per_second"].as_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_epoch_counts() {
        let text =
            "{\"epoch\":1,\"images_per_second\":50.0}\n{\"epoch\":2,\"images_per_second\":75.5}\n";
        assert_eq!(last_rate(text), Some(75.5));
        assert_eq!(last_rate(""), None);
        assert_eq!(last_rate("{\"epoch\":1}"), None);
    }

    #[test]
    fn both_are_told_the_same() {
        let setting = Setting {
            host_trainer: "host-trainer".into(),
            data: "/pictures".into(),
            scratch: "/runs".into(),
            batch_size: "7".into(),
            input_size: "96".into(),
            device: "cpu",
            threads: "3".into(),
        };
        let line = |words: Vec<OsString>| {
            let words = words.iter().map(|word| word.to_string_lossy().into_owned());
            words.collect::<Vec<_>>().join(" ")
        };
        let (ours, theirs) = (line(setting.train()), line(setting.theirs(Kind::Memory)));
        assert!(theirs.starts_with("memory --data /pictures "), "{theirs}");
        assert!(ours.starts_with("--data-train /pictures "), "{ours}");
        for option in [
            "--batch-size 7",
            "--input-size 96",
            "--device cpu",
            "--epochs 2",
        ] {
            assert!(ours.contains(option) && theirs.contains(option), "{option}");
        }
        assert!(ours.contains("--workers 3") && theirs.contains("--threads 3"));
    }
}
