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
mod report;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::deb;
use crate::setup::{self, Part, loopback};
use crate::target::Target;
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
    /// The package; without it, one is made of the agent
    #[arg(long, value_name = "FILE")]
    deb: Option<PathBuf>,
    /// Write what was measured here, as a table in Markdown; it is printed anyway
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
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

/// What the parts of `cargo xtask test`'s step `board` need.
pub const NEEDS: &[Part] = &[Part::Packages, Part::Cross, Part::Board, Part::Camera];

/// Runs the command; false when a check failed.
pub fn run(arguments: &Arguments) -> Result<bool> {
    let has = |part| match arguments.only {
        Some(only) => only == part,
        None => part != What::Package || arguments.full,
    };
    let mut parts = NEEDS.to_vec();
    if has(What::Package) {
        if !workspace::is_root() {
            bail!("only root can make a card whose files belong to several users: use sudo");
        }
        parts.extend([Part::Debian, Part::Service]);
    }
    // Relative to where the command was called, and refused before minutes are spent.
    let absolute = |path: &Option<PathBuf>| path.as_deref().map(std::path::absolute).transpose();
    let out = absolute(&arguments.out).context("--out")?;
    let deb = absolute(&arguments.deb).context("--deb")?;
    if let Some(deb) = deb.as_ref().filter(|deb| !deb.is_file()) {
        bail!("no package {}", deb.display());
    }
    setup::ensure(&parts)?;
    let mut checks = checks::Checks::new();
    let mut report = report::Report::default();
    on_boards(programs::Profile::Shipped, |kit| {
        let agent = || match &arguments.agent {
            Some(agent) => programs::given(agent, kit.place),
            None => programs::agent(programs::Profile::Shipped, kit.place),
        };
        if has(What::Agent) || has(What::Power) {
            let agent = agent()?;
            if has(What::Agent) {
                fast::run(kit, &agent, &mut checks, &mut report)?;
            }
            if has(What::Power) {
                checks.check("power cut", || power::cut(kit, &agent));
            }
        }
        if has(What::Package) {
            let deb = match deb {
                Some(deb) => deb,
                None => deb::ship(&agent()?, Target::Aarch64)?,
            };
            package::run(kit, &deb, &mut checks, &mut report)?;
        }
        Ok(())
    })?;
    report.tell(out.as_deref())?;
    Ok(checks.conclude())
}

/// The step `board` of `cargo xtask test`: agent and power cut, with an agent in the profile in which
/// the step before built it.
pub fn check() -> Result<()> {
    let mut checks = checks::Checks::new();
    on_boards(programs::Profile::Tests, |kit| {
        let agent = programs::agent(programs::Profile::Tests, kit.place)?;
        fast::run(kit, &agent, &mut checks, &mut report::Report::default())?;
        checks.check("power cut", || power::cut(kit, &agent));
        Ok(())
    })?;
    if !checks.conclude() {
        bail!("not all went well on the emulated board, above");
    }
    Ok(())
}

/// Does something with what boards are made of; the set-up must be there.
fn on_boards(
    profile: programs::Profile,
    act: impl FnOnce(&kit::Kit<'_>) -> Result<()>,
) -> Result<()> {
    let (guest, camera) = loopback::ensure()?;
    let place = workspace::root().join("target/board-test");
    fs::create_dir_all(&place).with_context(|| format!("cannot create {}", place.display()))?;
    act(&kit::Kit {
        guest: &guest,
        camera: &camera,
        companion: &programs::companion(profile)?,
        clips: &clips::draw(&place)?,
        place: &place,
    })
}
