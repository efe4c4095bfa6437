//! A drawn road as JPEG frames with a config for the agent, to time it on.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::shell::Tool;

/// About the bit rate of a USB camera's MJPEG.
const QUALITY: &str = "80";

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
