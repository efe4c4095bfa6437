//! The programs that run on the board: the agent, and the camera's other end.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::say;
use crate::setup::cross;
use crate::shell::Tool;
use crate::target::Target;

/// How programs are built for the board.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// As they are shipped.
    Shipped,
    /// As the tests for the board's architecture are: with overflow checks and debug assertions.
    Tests,
}

/// An agent that was built elsewhere, whatever its file is called.
pub fn given(agent: &Path, place: &Path) -> Result<PathBuf> {
    // Relative to where the command was called.
    let agent =
        std::path::absolute(agent).with_context(|| format!("cannot find {}", agent.display()))?;
    if !is_aarch64(&agent)? {
        bail!("{} is no program for aarch64", agent.display());
    }
    let copy = named(place)?;
    fs::copy(&agent, &copy).with_context(|| format!("cannot copy {}", agent.display()))?;
    Ok(copy)
}

/// The agent, built; the folder takes what is made of it.
pub fn agent(profile: Profile, place: &Path) -> Result<PathBuf> {
    let built = built("edge-agent", profile)?;
    if profile == Profile::Shipped {
        return Ok(built);
    }
    // What a debugger reads would fill the board's memory.
    let agent = named(place)?;
    Tool::new(format!("{}strip", cross::tools(Target::Aarch64)))
        .arg(&built)
        .arg("-o")
        .arg(&agent)
        .read()?;
    Ok(agent)
}

/// Where an agent lies under the name that it has on the board.
fn named(place: &Path) -> Result<PathBuf> {
    let folder = place.join("agent");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder.join("edge-agent"))
}

/// The camera's other end.
pub fn companion(profile: Profile) -> Result<PathBuf> {
    built("board-guest", profile)
}

fn built(name: &'static str, profile: Profile) -> Result<PathBuf> {
    let step = say::begin("build", &format!("{name} for aarch64"));
    let (options, folder): (&[&str], _) = match profile {
        Profile::Shipped => (&["--release"], "release"),
        Profile::Tests => (&[], "debug"),
    };
    cross::cargo(Target::Aarch64, "build")?
        .args(options)
        .args(["--bin", name])
        .run()?;
    step.done();
    Ok(Target::Aarch64.built().join(folder).join(name))
}

fn is_aarch64(program: &Path) -> Result<bool> {
    let told = Tool::new("head").args(["-c", "20"]).arg(program);
    let header = told.read_bytes()?;
    // The ELF header's machine, 183 for aarch64, follows 18 bytes of others.
    Ok(header.starts_with(b"\x7fELF") && header.get(18..20) == Some(&[183, 0]))
}
