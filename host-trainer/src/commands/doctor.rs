//! `host-trainer doctor`: whether training can run here, on what, and what is missing for more.

mod advice;
mod text;

use std::path::PathBuf;

use anyhow::bail;
use serde::Serialize;

use crate::arch::Variant;
use crate::device::{self, Libtorch};
use crate::machine::{self, Disk, Memory, Nvidia, Processor};
use crate::train::trial::{self, Trial};
use crate::weights::pretrained;

/// Show what this machine can train on, prove it with a few steps, and say what is missing.
///
/// The exit code is 0 when training can run on some device.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    /// Folder in which run folders would be made: its disk is looked at
    #[arg(long, value_name = "DIR", default_value = "runs")]
    save_ret: PathBuf,
    /// Pictures in a step of the trial
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(2..=4096))]
    batch_size: u32,
    /// Side of the trial's pictures, pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 128, value_parser = clap::value_parser!(u32).range(32..=1024))]
    input_size: u32,
    /// Steps of the trial on each device
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    steps: u32,
}

/// Everything that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Report {
    program: Program,
    libtorch: Libtorch,
    /// The variable OMP_WAIT_POLICY: whether waiting threads keep a processor busy.
    wait_policy: Option<String>,
    nvidia: Nvidia,
    processor: Processor,
    memory: Option<Memory>,
    disk: Option<Disk>,
    weights: Vec<WeightsFile>,
    devices: Vec<Tried>,
    /// What to do about what is missing; empty when nothing is.
    advice: Vec<String>,
    can_train: bool,
}

/// This program and what it is built on.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Program {
    name: &'static str,
    version: &'static str,
    tch: &'static str,
    tract: &'static str,
}

/// Whether `--pretrained imagenet` can do without the network.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct WeightsFile {
    model: Variant,
    file: &'static str,
    bytes: u64,
    /// Where a whole copy is.
    kept: Option<PathBuf>,
}

/// What became of training on one device.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Tried {
    /// `cpu` or `cuda:0`.
    device: String,
    /// Pictures a second of the network alone, from memory; none when it failed.
    images_per_second: Option<f64>,
    /// Why it failed.
    error: Option<String>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut report = Report {
        program: Program {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            tch: env!("TCH_VERSION"),
            tract: env!("TRACT_CORE_VERSION"),
        },
        libtorch: device::libtorch(),
        wait_policy: std::env::var("OMP_WAIT_POLICY").ok(),
        nvidia: machine::nvidia(),
        processor: machine::processor(),
        memory: machine::memory(),
        disk: machine::disk(&arguments.save_ret),
        weights: [Variant::Small, Variant::Large]
            .into_iter()
            .filter_map(weights_file)
            .collect(),
        devices: Vec::new(),
        advice: Vec::new(),
        can_train: false,
    };
    if !arguments.json {
        print!("{}", text::facts(&report));
    }
    let trial = Trial {
        batch_size: arguments.batch_size,
        side: arguments.input_size,
        steps: arguments.steps,
    };
    for device in device::all() {
        let rate = trial::images_per_second(trial, device);
        let tried = Tried {
            device: device::short_name(device),
            images_per_second: rate.as_ref().ok().copied(),
            error: rate.err(),
        };
        if !arguments.json {
            println!("{}", text::tried(trial, &tried, &report.nvidia));
        }
        report.devices.push(tried);
    }
    report.can_train = report.devices.iter().any(|tried| tried.error.is_none());
    report.advice = advice::of(&report);
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", text::conclusion(&report));
    }
    if !report.can_train {
        bail!("training can run on no device; see above");
    }
    Ok(())
}

fn weights_file(model: Variant) -> Option<WeightsFile> {
    let published = pretrained::published(model)?;
    Some(WeightsFile {
        model,
        file: published.file,
        bytes: published.bytes,
        kept: pretrained::kept(published),
    })
}

/// A machine for tests: two threads, no card.
#[cfg(test)]
fn plain() -> Report {
    Report {
        program: Program {
            name: "host-trainer",
            version: "0.1.0",
            tch: "0.24.0",
            tract: "0.23.9",
        },
        libtorch: Libtorch {
            version: Some("2.11.0".into()),
            folder: Some("/opt/libtorch/lib".into()),
            threads: 2,
            cuda: false,
            cuda_devices: 0,
            cudnn: None,
        },
        wait_policy: None,
        nvidia: Nvidia::default(),
        processor: Processor {
            model: "Some Processor".into(),
            threads: 2,
            features: vec!["avx2", "fma"],
            load: Some(0.3),
        },
        memory: Some(Memory {
            total_bytes: 24_000_000_000,
            available_bytes: 22_500_000_000,
        }),
        disk: Some(Disk {
            folder: "/data".into(),
            free_bytes: 100_000_000_000,
            writable: true,
        }),
        weights: vec![WeightsFile {
            model: Variant::Small,
            file: "small.pth",
            bytes: 10_000_000,
            kept: Some("/cache/small.pth".into()),
        }],
        devices: vec![Tried {
            device: "cpu".into(),
            images_per_second: Some(120.4),
            error: None,
        }],
        advice: Vec::new(),
        can_train: true,
    }
}
