//! `cargo xtask board-test`: the agent on an emulated Raspberry Pi 3B with a kernel's own camera and
//! pins. Cars are drawn, go through the camera device to the agent, and its pins are read from
//! outside, by way of QEMU. It proves function; no time that is told means anything for a true board.

mod checks;
mod clips;
mod fast;
mod kit;
mod pi;
mod power;
mod programs;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::setup::{self, Part, loopback};
use crate::workspace;

/// Arguments of `cargo xtask board-test`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The agent for aarch64; without it, it is built
    #[arg(long, value_name = "FILE")]
    agent: Option<PathBuf>,
}

/// Runs the command; false when a check failed.
pub fn run(arguments: &Arguments) -> Result<bool> {
    setup::ensure(&[Part::Packages, Part::Cross, Part::Board, Part::Camera])?;
    let (guest, camera) = loopback::ensure()?;
    let place = workspace::root().join("target/board-test");
    fs::create_dir_all(&place).with_context(|| format!("cannot create {}", place.display()))?;
    let programs = programs::ensure(arguments.agent.as_deref())?;
    let clips = clips::draw(&place)?;
    let mut checks = checks::Checks::new();
    let kit = kit::Kit {
        guest: &guest,
        camera: &camera,
        programs: &programs,
        clips: &clips,
        place: &place,
    };
    fast::run(&kit, &mut checks)?;
    checks.check("power cut", || power::cut(&kit));
    Ok(checks.conclude())
}
