//! `road-sim frames`: a scene as numbered PNG or JPEG files with `timestamps.jsonl` (one frame a
//! line), or as one file of raw pictures, and with `truth.jsonl` (one passage a line).

use std::path::PathBuf;

use clap::Args;
use road_sim::{Light, Road, Scenario, SceneSpec};
use serde::Serialize;

use super::Misuse;
use super::output::{Output, progress};
use super::yuyv;

/// Write a road's frames with their times and the truth about each passing vehicle
#[derive(Args)]
pub struct Arguments {
    /// Folder to write; new or empty
    #[arg(long)]
    out: PathBuf,
    /// What happens: street, one, many, overlap, queue, night, rain, clouds, trees, shake,
    /// cyclists or parking
    #[arg(long, default_value = "street")]
    scene: Scenario,
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
    /// The truth alone, without pictures
    #[arg(long)]
    truth_only: bool,
    /// Colours to paint vehicles in, parted by commas; all if left out
    #[arg(long, value_delimiter = ',')]
    colours: Vec<String>,
    /// Write JPEG of this quality, 1 to 100, as cameras do; without it PNG
    #[arg(long, value_name = "QUALITY", value_parser = clap::value_parser!(u8).range(1..=100))]
    jpeg: Option<u8>,
    /// Write one file of raw YUYV pictures, `frames.yuyv`, instead; the width must be even
    #[arg(long, conflicts_with_all = ["jpeg", "truth_only"])]
    yuyv: bool,
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
            scene: self.scene,
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
    if arguments.yuyv && arguments.width % 2 == 1 {
        let text = format!(
            "--width {} is odd: YUYV has pixels in pairs",
            arguments.width
        );
        return Err(Misuse(text).into());
    }
    let output = Output::begin(&arguments.out)?;
    let mut timestamps = String::new();
    let mut raw = Vec::new();
    let drawn = if arguments.truth_only {
        0
    } else {
        road.frame_count()
    };
    let bar = progress(drawn, "frames");
    for index in 0..drawn {
        if arguments.yuyv {
            yuyv::append(&road.frame(index).view(), &mut raw);
            bar.inc(1);
            continue;
        }
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
    if arguments.yuyv {
        output.write("frames.yuyv", &raw)?;
    } else if !arguments.truth_only {
        output.write("timestamps.jsonl", timestamps.as_bytes())?;
    }
    output.write("truth.jsonl", truth.as_bytes())?;
    output.finish()?;
    println!(
        "{}: {} frames, {} passages",
        arguments.out.display(),
        drawn,
        road.passages().len()
    );
    Ok(())
}
