//! The programs that run on the board: the agent as it is shipped, and the camera's other end.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::say;
use crate::setup::cross::{self, TARGET};
use crate::shell::Tool;
use crate::workspace;

/// The agent, built as it is shipped; one that is given is taken as it is.
pub fn agent(given: Option<&Path>) -> Result<PathBuf> {
    let Some(given) = given else {
        return built("edge-agent");
    };
    // Relative to where the command was called.
    let given =
        std::path::absolute(given).with_context(|| format!("cannot find {}", given.display()))?;
    if !is_aarch64(&given)? {
        bail!("{} is no program for aarch64", given.display());
    }
    Ok(given)
}

/// The camera's other end.
pub fn companion() -> Result<PathBuf> {
    built("board-guest")
}

fn built(name: &'static str) -> Result<PathBuf> {
    let toolchain = cross::find().context("run `cargo xtask setup --only cross`")?;
    let step = say::begin("build", &format!("{name} for aarch64"));
    cross::cargo(toolchain, "build")
        .args(["--release", "--bin", name])
        .run()?;
    step.done();
    let target = workspace::root().join("target");
    Ok(match toolchain {
        cross::Toolchain::Native => target.join("release"),
        _ => target.join(TARGET).join("release"),
    }
    .join(name))
}

fn is_aarch64(program: &Path) -> Result<bool> {
    let told = Tool::new("head").args(["-c", "20"]).arg(program);
    let header = told.read_bytes()?;
    // The ELF header's machine, 183 for aarch64, follows 18 bytes of others.
    Ok(header.starts_with(b"\x7fELF") && header.get(18..20) == Some(&[183, 0]))
}
