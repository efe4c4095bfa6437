//! `cargo xtask board-test`: the agent on an emulated Raspberry Pi 3B with a kernel's own camera and
//! pins. Cars are drawn, go through the camera device to the agent, and its pins are read from
//! outside, by way of QEMU. It proves function; no time that is told means anything for a true board.

mod checks;
mod clips;
mod debian;
mod fast;
mod kit;
mod package;
mod pi;
mod power;
mod programs;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::setup::{self, Part, loopback};
use crate::workspace;

/// Arguments of `cargo xtask board-test`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Also install the package on a Debian with systemd, on a board of its own
    #[arg(long)]
    full: bool,
    /// One part alone
    #[arg(long, value_enum, value_name = "PART", conflicts_with = "full")]
    only: Option<What>,
    /// The agent for aarch64; without it, it is built
    #[arg(long, value_name = "FILE")]
    agent: Option<PathBuf>,
    /// The package; without it, the one in target/debian
    #[arg(long, value_name = "FILE")]
    deb: Option<PathBuf>,
}

/// A part of the test.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// The agent with camera and pins
    Agent,
    /// What a power cut leaves on the card
    Power,
    /// The package, its service, and bundles installed on the device
    Package,
}

/// Runs the command; false when a check failed.
pub fn run(arguments: &Arguments) -> Result<bool> {
    let has = |part| match arguments.only {
        Some(only) => only == part,
        None => part != What::Package || arguments.full,
    };
    let mut parts = vec![Part::Packages, Part::Cross, Part::Board, Part::Camera];
    let mut deb = None;
    if has(What::Package) {
        if !workspace::is_root() {
            bail!("only root can make a card whose files belong to several users: use sudo");
        }
        deb = Some(package::find(arguments.deb.as_deref())?);
        parts.extend([Part::Debian, Part::Service]);
    }
    setup::ensure(&parts)?;
    let (guest, camera) = loopback::ensure()?;
    let place = workspace::root().join("target/board-test");
    fs::create_dir_all(&place).with_context(|| format!("cannot create {}", place.display()))?;
    let kit = kit::Kit {
        guest: &guest,
        camera: &camera,
        companion: &programs::companion()?,
        clips: &clips::draw(&place)?,
        place: &place,
    };
    let mut checks = checks::Checks::new();
    if has(What::Agent) || has(What::Power) {
        let agent = programs::agent(arguments.agent.as_deref())?;
        if has(What::Agent) {
            fast::run(&kit, &agent, &mut checks)?;
        }
        if has(What::Power) {
            checks.check("power cut", || power::cut(&kit, &agent));
        }
    }
    if let Some(deb) = deb {
        package::run(&kit, &deb, &mut checks)?;
    }
    Ok(checks.conclude())
}
