//! `cargo xtask cross`: the agent in the release profile for a device, without a container; says
//! its size and which C library it needs. What it builds, `cross build --release` builds too.

pub mod glibc;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::say;
use crate::setup::{self, Part, cross};
use crate::target::Target;
use glibc::Version;

/// The C library of the oldest system that the agent is made for: Debian 12, and with it Raspberry
/// Pi OS and Armbian of that name. The linker takes the symbols of the library it finds, so what
/// is built on a newer system may need a newer one; Debian 11 (2.31) would have to be built there.
pub const FLOOR: Version = Version(2, 36);

/// Arguments of `cargo xtask cross`.
#[derive(clap::Args)]
pub struct Arguments {
    /// What to build for
    #[arg(long, value_enum, default_value_t = Target::Aarch64)]
    target: Target,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let agent = build(arguments.target)?;
    look(&agent, arguments.target)?;
    refuse_above(FLOOR, glibc::needed(&agent)?)
}

/// Says what this program needs and how large it is; an error when it does not start.
pub fn look(agent: &Path, target: Target) -> Result<()> {
    let needs = glibc::needed(agent)?;
    let version = cross::program(target, agent).arg("--version").read()?;
    let (version, size) = (version.trim(), size(agent)?);
    say::line("agent", &format!("{version}: {size}, needs glibc {needs}"));
    println!("           {}", agent.display());
    Ok(())
}

/// The agent for this target, built in the release profile; gives its path.
pub fn build(target: Target) -> Result<PathBuf> {
    let parts: &[Part] = match target.is_here() {
        true => &[Part::Packages],
        false => &[Part::Packages, target.part()],
    };
    setup::ensure(parts)?;
    let what = format!("the agent for {target}, in the release profile");
    let step = say::begin("build", &what);
    // Of the default members, not of one package: that would be built with other features.
    let words = ["build", "--release", "--bin", "edge-agent"];
    cross::cargo(target, words[0])?.args(&words[1..]).run()?;
    step.done();
    Ok(target.built().join("release/edge-agent"))
}

/// An error when a program needs a newer C library than it may.
pub fn refuse_above(floor: Version, needs: Version) -> Result<()> {
    if needs > floor {
        bail!(
            "the agent needs glibc {needs}, and devices with {floor} (Debian 12) could not start \
             it: build on Debian 12, or in its container with `cross build --release`"
        );
    }
    Ok(())
}

/// The file's size as people say it.
pub fn size(file: &Path) -> Result<String> {
    let bytes = fs::metadata(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(format!("{:.1} MB", bytes.len() as f64 / 1e6))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    #[test]
    fn a_newer_c_library_than_the_devices_is_refused() {
        refuse_above(FLOOR, Version(2, 35)).unwrap();
        refuse_above(FLOOR, FLOOR).unwrap();
        let told = refuse_above(FLOOR, Version(2, 39)).unwrap_err().to_string();
        assert!(told.contains("needs glibc 2.39"), "{told}");
        assert!(told.contains("cross build --release"), "{told}");
    }

    #[test]
    fn every_cross_builds_in_the_same_container() {
        let table = |file: &str| -> toml::Table {
            let text = fs::read_to_string(workspace::root().join(file)).unwrap();
            toml::from_str(&text).unwrap()
        };
        let workspace = &table("Cargo.toml")["workspace"]["metadata"]["cross"]["target"];
        assert_eq!(workspace, &table("deploy/cross.toml")["target"]);
    }
}
