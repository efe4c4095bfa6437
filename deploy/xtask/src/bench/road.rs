//! The agent, and a drawn road as JPEG frames with a config for it, to time it on.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::setup::{self, Part};
use crate::shell::Tool;
use crate::{say, workspace};

/// About the bit rate of a USB camera's MJPEG.
const QUALITY: &str = "80";

/// The folder of the agent and of the drawn road, built in one go in the profile in which the agent
/// is shipped.
pub fn programs() -> Result<PathBuf> {
    setup::ensure(&[Part::Packages])?;
    let step = say::begin(
        "build",
        "the agent and the drawn road, in the release profile",
    );
    Tool::cargo()
        .args(["build", "--release", "--bin", "edge-agent"])
        .args(["--bin", "road-sim"])
        .run()?;
    step.done();
    Ok(workspace::target().join("release"))
}

/// Lets `road_sim` draw so many seconds of 25 frames, 640 x 360 pixels, into `place`, emptied
/// first. Gives the agent's config and the folder of frames beside it.
pub fn draw(road_sim: &Path, place: &Path, seconds: u32) -> Result<(PathBuf, PathBuf)> {
    let (frames, config) = (place.join("frames"), place.join("agent.toml"));
    fs::create_dir_all(place).with_context(|| format!("cannot create {}", place.display()))?;
    let _ = fs::remove_dir_all(&frames);
    Tool::new(road_sim)
        .args([
            "frames",
            "--jpeg",
            QUALITY,
            "--seconds",
            &seconds.to_string(),
        ])
        .arg("--out")
        .arg(&frames)
        .run_quietly()?;
    // Over and over: who watches says when it is enough.
    let text = "[source]\nkind = \"replay\"\nfolder = \"frames\"\nfps = 25.0\nrepeat = 0\n";
    fs::write(&config, text).with_context(|| format!("cannot write {}", config.display()))?;
    Ok((config, frames))
}
