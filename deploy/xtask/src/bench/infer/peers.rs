//! Other runtimes, in a throw-away virtual environment under target/. One that cannot be had is
//! left out and said so.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Told, parse};
use crate::say;
use crate::shell::Tool;

/// The runtimes' side.
const SCRIPT: &str = include_str!("peers.py");
/// What rewrites the network for them.
const NEEDED: [&str; 2] = ["numpy==2.4.6", "onnx==1.23.2"];
/// Each runtime with what brings the network to it.
const WANTED: [&[&str]; 2] = [
    &["onnxruntime==1.32.0"],
    &["ncnn==1.0.20261020", "pnnx==20261020"],
];

/// Who is never there, and why.
const ABSENT: &str = "not LiteRT, which reads no ONNX and whose converter brings all of TensorFlow";

/// The environment and what can be run in it.
pub(super) struct Peers {
    program: PathBuf,
    script: PathBuf,
    folder: PathBuf,
    /// Runtimes that are there.
    pub names: Vec<String>,
}

impl Peers {
    /// The environment of an earlier time, or one made now. None, said why, when there can be
    /// none.
    pub fn find(place: &Path) -> Result<Option<Self>> {
        let script = place.join("peers.py");
        fs::write(&script, SCRIPT).with_context(|| format!("cannot write {}", script.display()))?;
        let environment = place.join("python");
        let mut peers = Self {
            program: environment.join("bin/python"),
            script,
            folder: place.to_path_buf(),
            names: Vec::new(),
        };
        if peers.have().is_err() {
            let step = say::begin(
                "python",
                "onnxruntime and ncnn into target/bench/infer/python, to compare with: some 100 MB \
                 to download. Remove that folder when done",
            );
            if let Err(error) = make(&environment) {
                let _ = fs::remove_dir_all(&environment);
                say::line(
                    "python",
                    &format!("skipped: nothing to compare with ({error:#})"),
                );
                return Ok(None);
            }
            step.done();
        }
        peers.names = peers.have()?;
        say::line("peers", &format!("{}; {ABSENT}", peers.names.join(", ")));
        Ok(Some(peers))
    }

    fn have(&self) -> Result<Vec<String>> {
        let told = Tool::new(&self.program)
            .arg(&self.script)
            .arg("have")
            .read()?;
        serde_json::from_str(told.trim()).with_context(|| format!("no list of runtimes: {told}"))
    }

    fn prepared(&self, side: u32) -> PathBuf {
        self.folder.join(side.to_string())
    }

    /// Writes the network for an input of this side; gives its multiply-adds.
    pub fn prepare(&self, model: &Path, side: u32) -> Result<u64> {
        let told = Tool::new(&self.program)
            .arg(&self.script)
            .arg("prepare")
            .arg(model)
            .arg(side.to_string())
            .arg(self.prepared(side))
            .read()?;
        let last = told.lines().last().unwrap_or_default();
        let json: Value =
            serde_json::from_str(last).with_context(|| format!("no count: {told}"))?;
        let products = json["multiply_adds"].as_u64();
        products.with_context(|| format!("no count: {told}"))
    }

    /// Times one runtime.
    pub fn run(&self, name: &str, side: u32, input: &Path, runs: u32) -> Result<Told> {
        let told = Tool::new(&self.program)
            .arg(&self.script)
            .args(["run", name])
            .arg(self.prepared(side))
            .arg(side.to_string())
            .arg(input)
            .arg(runs.to_string())
            .read()?;
        parse(&told)
    }
}

fn make(environment: &Path) -> Result<()> {
    Tool::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(environment)
        .run_quietly()?;
    let install = |packages: &[&str]| {
        Tool::new(environment.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet", "--no-input"])
            .arg("--disable-pip-version-check")
            .args(packages)
            .run_quietly()
    };
    install(&NEEDED)?;
    for packages in WANTED {
        if let Err(error) = install(packages) {
            say::line(packages[0], &format!("left out: {error:#}"));
        }
    }
    Ok(())
}
