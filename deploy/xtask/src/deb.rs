//! `cargo xtask deb`: the agent as a Debian package with everything that a device needs: service,
//! user, folders, pins, config, manual. What the package does when it is installed stands in
//! `deploy/debian/`.

mod lint;
#[cfg(test)]
mod scripts_tests;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cross::{self, FLOOR, glibc};
use crate::setup::{self, Part};
use crate::shell::Tool;
use crate::target::Target;
use crate::{say, workspace};

/// Arguments of `cargo xtask deb`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The device that the package is for
    #[arg(long, value_enum, default_value_t = Target::Aarch64)]
    target: Target,
    /// Pack this program, such as one that `cross build` made, instead of building one
    #[arg(long, value_name = "FILE")]
    agent: Option<PathBuf>,
    /// Let lintian look at the package, and fail on errors
    #[arg(long)]
    lint: bool,
}

/// How well the package is compressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effort {
    /// To be shipped.
    Small,
    /// To be looked at.
    Fast,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let agent = match &arguments.agent {
        Some(file) => {
            fs::canonicalize(file).with_context(|| format!("cannot read {}", file.display()))?
        }
        None => cross::build(arguments.target)?,
    };
    let package = ship(&agent, arguments.target)?;
    if arguments.lint {
        setup::ensure(&[Part::Package])?;
        lint::check(&package)?;
    }
    Ok(())
}

/// The package of this agent as it is shipped; an error where it would not run on the devices.
pub fn ship(agent: &Path, target: Target) -> Result<PathBuf> {
    setup::ensure(&[Part::Git])?;
    if !target.is_here() {
        cross::refuse_above(FLOOR, glibc::needed(agent)?)?;
    }
    pack(agent, target, Effort::Small)
}

/// The check of `cargo xtask test`: the package of this machine's agent as the tests have built
/// it, looked at by lintian. Whether it installs and runs is seen on the emulated board.
pub fn check() -> Result<()> {
    let target = [Target::Aarch64, Target::X86]
        .into_iter()
        .find(|target| target.is_here())
        .context("this machine's processor has no package of the agent")?;
    Tool::cargo().args(["build", "--workspace"]).run()?;
    let built = workspace::program("edge-agent")?;
    let agent = workspace::root().join("target/debian/edge-agent");
    create(agent.parent().context("no folder")?)?;
    // The release profile leaves no symbols either.
    Tool::new("strip")
        .arg(&built)
        .arg("-o")
        .arg(&agent)
        .read()?;
    let package = pack(&agent, target, Effort::Fast)?;
    lint::check(&package)
}

/// Packs this program with its surroundings; gives the package.
pub fn pack(agent: &Path, target: Target, effort: Effort) -> Result<PathBuf> {
    if workspace::on_path(&["dpkg-deb"]).is_none() {
        bail!("dpkg-deb is not on PATH; it makes the package: install your distribution's dpkg");
    }
    let version = format!("{}-1", env!("CARGO_PKG_VERSION"));
    let name = format!("edge-agent_{version}_{}", target.debian());
    let place = workspace::root().join("target/debian");
    let step = say::begin("package", &format!("{name}.deb"));
    let root = place.join(&name);
    let _ = fs::remove_dir_all(&root);
    create(&root)?;
    // The same sources give the same package.
    let time = Tool::new("git")
        .args(["log", "-1", "--format=%ct"])
        .read()?;
    let time = time.trim();
    tree::lay(&root, agent, target, &version, time)?;
    let package = place.join(format!("{name}.deb"));
    let compression: &[&str] = match effort {
        Effort::Small => &["-Zxz", "-z9"],
        Effort::Fast => &["-Zgzip", "-z1"],
    };
    Tool::new("dpkg-deb")
        .env("SOURCE_DATE_EPOCH", time)
        .arg("--root-owner-group")
        .args(compression)
        .arg("--build")
        .args([&root, &package])
        .read()?;
    let _ = fs::remove_dir_all(&root);
    step.done();
    let sizes = [cross::size(&package)?, cross::size(agent)?];
    say::line(
        "package",
        &format!("{}; the agent in it: {}", sizes[0], sizes[1]),
    );
    println!("           {}", package.display());
    Ok(package)
}

fn create(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))
}
