//! The program that times one network (`models/examples/infer.rs`): built for this machine, and
//! built for the board and run there.

use std::path::PathBuf;

use anyhow::Result;

use super::{Told, parse};
use crate::board::{self, Job};
use crate::say;
use crate::setup::{self, Part, cross, guest};
use crate::shell::Tool;
use crate::target::Target;

const BUILD: [&str; 4] = ["--release", "-p", "models", "--example"];
const NAME: &str = "infer";
/// Seconds after which an emulated processor is given up.
const PATIENCE_S: u32 = 1800;

/// Builds it for this machine.
pub(super) fn build() -> Result<()> {
    let step = say::begin(
        "build",
        "the program that times the network, in the release profile",
    );
    Tool::cargo().arg("build").args(BUILD).arg(NAME).run()?;
    step.done();
    Ok(())
}

/// Builds it for 64-bit ARM, with what the board needs, and gives its file.
pub(super) fn build_for_board() -> Result<PathBuf> {
    setup::ensure(&[Part::Packages, Part::Cross, Part::Board])?;
    let step = say::begin("build", "the program for aarch64, in the release profile");
    let cargo = cross::cargo(Target::Aarch64, "build")?;
    cargo.args(BUILD).arg(NAME).run()?;
    step.done();
    Ok(Target::Aarch64.built().join("release/examples").join(NAME))
}

/// What each line of `script` that calls it told on an emulated `cpu`: a nanosecond is an
/// instruction. `files` lie where the script runs.
pub(super) fn count(cpu: &str, files: &[PathBuf], script: &str) -> Result<Vec<Told>> {
    let guest = guest::ensure()?;
    let step = say::begin("board", &format!("{cpu}: boots, then runs the network"));
    let job = Job {
        cpu,
        files,
        script,
        patience_s: PATIENCE_S,
    };
    let told = board::run_counting(&guest, &job)?;
    step.done();
    let lines = told.lines().filter(|line| line.starts_with('{'));
    lines.map(parse).collect()
}
