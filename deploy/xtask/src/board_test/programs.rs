//! The programs that run on the board: the agent as it is shipped, and the camera's other end.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::say;
use crate::setup::cross::{self, TARGET};
use crate::shell::Tool;
use crate::workspace;

/// Both, for aarch64.
pub struct Programs {
    /// `edge-agent`.
    pub agent: PathBuf,
    /// `board-guest`.
    pub guest: PathBuf,
}

/// Builds them; an agent that is given is taken as it is.
pub fn ensure(agent: Option<&Path>) -> Result<Programs> {
    let toolchain = cross::find().context("run `cargo xtask setup --only cross`")?;
    let step = say::begin("programs", "what runs on the board, built for aarch64");
    let mut packages = vec!["-p", "board-guest"];
    if agent.is_none() {
        packages.extend(["-p", "edge-agent"]);
    }
    cross::cargo(toolchain, "build")
        .arg("--release")
        .args(packages)
        .run()?;
    let mut built = workspace::root().join("target");
    if toolchain != cross::Toolchain::Native {
        built = built.join(TARGET);
    }
    let built = built.join("release");
    let programs = Programs {
        agent: agent.map_or_else(|| built.join("edge-agent"), Path::to_path_buf),
        guest: built.join("board-guest"),
    };
    for program in [&programs.agent, &programs.guest] {
        if !is_aarch64(program)? {
            bail!("{} is no program for aarch64", program.display());
        }
    }
    step.done();
    Ok(programs)
}

fn is_aarch64(program: &Path) -> Result<bool> {
    let told = Tool::new("head").args(["-c", "20"]).arg(program);
    let header = told.read_bytes()?;
    // The ELF header's machine, 183 for aarch64, follows 18 bytes of others.
    Ok(header.starts_with(b"\x7fELF") && header.get(18..20) == Some(&[183, 0]))
}
