//! What the board's camera sees: drawn clips, each with one vehicle of a known colour on the same
//! road, and the road while it is empty.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::say;
use crate::shell::Tool;
use crate::workspace;

/// Pixels across and down.
pub const SIZE: (u32, u32) = (320, 180);
/// Frames a second: an emulated board keeps up with it beside other work.
pub const FPS: u32 = 10;
/// The colours, each in a file of its name, such as `red.yuyv`.
pub const COLOURS: [&str; 5] = ["red", "blue", "green", "yellow", "white"];
/// The empty road.
pub const ROAD: &str = "road";

/// Draws them; the files.
pub fn draw(place: &Path) -> Result<Vec<PathBuf>> {
    let step = say::begin("clips", "cars for the board's camera");
    Tool::cargo()
        .args(["build", "--quiet", "--workspace", "--bin", "road-sim"])
        .run()?;
    let folder = place.join("clips");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let one = COLOURS.iter().map(|colour| (*colour, "7", "one", "20"));
    let mut files = Vec::new();
    for (name, seconds, scene, traffic) in one.chain([(ROAD, "3", "street", "0")]) {
        let drawn = folder.join(name);
        let colour = if name == ROAD { "red" } else { name };
        Tool::new(workspace::program("road-sim")?)
            .args(["frames", "--yuyv", "--scene", scene, "--colours", colour])
            .args(["--seconds", seconds, "--vehicles-per-minute", traffic])
            .args(["--width", &SIZE.0.to_string()])
            .args(["--height", &SIZE.1.to_string()])
            .args(["--fps", &FPS.to_string(), "--out"])
            .arg(&drawn)
            .read()?;
        let file = folder.join(format!("{name}.yuyv"));
        fs::rename(drawn.join("frames.yuyv"), &file)
            .with_context(|| format!("road-sim wrote no {}", file.display()))?;
        files.push(file);
    }
    step.done();
    Ok(files)
}
