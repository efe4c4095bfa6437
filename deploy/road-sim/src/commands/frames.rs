//! `road-sim frames`: a scene as numbered PNG or JPEG files with `timestamps.jsonl` (one frame a line)
//! and `truth.jsonl` (one passage a line).

use std::path::PathBuf;

use clap::Args;
use road_sim::{Light, Road, SceneSpec};
use serde::Serialize;

use super::Misuse;
use super::output::{Output, progress};

/// Write a road's frames with their times and the truth about each passing vehicle
#[derive(Args)]
pub struct Arguments {
    /// Folder to write; new or empty
    #[arg(long)]
    out: PathBuf,
    /// Decides traffic, paints, scenery and noise
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Length of the scene in seconds
    #[arg(long, default_value_t = 20.0, allow_negative_numbers = true)]
    seconds: f64,
    /// Frames a second
    #[arg(long, default_value_t = 25)]
    fps: u32,
    /// Pixels across
    #[arg(long, default_value_t = 640)]
    width: u32,
    /// Pixels down
    #[arg(long, default_value_t = 360)]
    height: u32,
    /// sun or overcast
    #[arg(long, default_value = "sun")]
    light: Light,
    /// Vehicles that want to pass in a minute, both lanes together
    #[arg(long, default_value_t = 20.0, allow_negative_numbers = true)]
    vehicles_per_minute: f32,
    /// Sensor noise, standard deviation in 8-bit steps
    #[arg(long, default_value_t = 2.0, allow_negative_numbers = true)]
    noise: f32,
    /// Colours to paint vehicles in, parted by commas; all if left out
    #[arg(long, value_delimiter = ',')]
    colours: Vec<String>,
    /// Write JPEG of this quality, 1 to 100, as cameras do; without it PNG
    #[arg(long, value_name = "QUALITY", value_parser = clap::value_parser!(u8).range(1..=100))]
    jpeg: Option<u8>,
}

/// One line of `timestamps.jsonl`.
#[derive(Serialize)]
struct Timestamp<'a> {
    frame: &'a str,
    t_ms: u64,
}

impl Arguments {
    fn spec(&self) -> SceneSpec {
        let default = SceneSpec::default();
        let colours = if self.colours.is_empty() {
            default.colours
        } else {
            self.colours.clone()
        };
        SceneSpec {
            width: self.width,
            height: self.height,
            fps: self.fps,
            seed: self.seed,
            // A float too large or negative saturates and is then refused as a duration.
            duration_ms: (self.seconds * 1000.0).round() as u64,
            vehicles_per_minute: self.vehicles_per_minute,
            light: self.light,
            noise: self.noise,
            colours,
        }
    }
}

/// Writes the scene.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let road = Road::new(arguments.spec()).map_err(Misuse::from)?;
    let output = Output::begin(&arguments.out)?;
    let mut timestamps = String::new();
    let bar = progress(road.frame_count(), "frames");
    for index in 0..road.frame_count() {
        let (ending, bytes) = match arguments.jpeg {
            Some(quality) => (
                "jpg",
                models::picture::jpeg(road.frame(index).view(), quality)?,
            ),
            None => ("png", models::picture::png(road.frame(index).view())?),
        };
        let name = format!("{:06}.{ending}", index + 1);
        output.write(&name, &bytes)?;
        let line = Timestamp {
            frame: &name,
            t_ms: road.frame_time_ms(index),
        };
        timestamps.push_str(&serde_json::to_string(&line)?);
        timestamps.push('\n');
        bar.inc(1);
    }
    bar.finish_and_clear();
    let mut truth = String::new();
    for passage in road.passages() {
        truth.push_str(&serde_json::to_string(passage)?);
        truth.push('\n');
    }
    output.write("timestamps.jsonl", timestamps.as_bytes())?;
    output.write("truth.jsonl", truth.as_bytes())?;
    output.finish()?;
    println!(
        "{}: {} frames, {} passages",
        arguments.out.display(),
        road.frame_count(),
        road.passages().len()
    );
    Ok(())
}
