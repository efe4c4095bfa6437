//! `cargo xtask soak`: the agent through a day of drawn traffic as fast as it goes, with every
//! way out at work: log file, webhook, MQTT where there is a broker, and a page that is looked
//! at. Samples its memory and descriptors, and says whether they stay flat.
//!
//! What depends on frames and events is a full day's: tracks, votes, files that rotate, spools
//! that fill and empty, the page's ledger. What depends on the wall clock passes as often as the
//! run takes minutes, such as MQTT's keep-alive.

mod agent;
mod chart;
mod peer;
mod samples;
mod verdict;
mod visitor;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::folder::Maker;
use crate::shell::Tool;
use crate::{say, workspace};
use agent::Agent;
use peer::Peer;
use samples::{Sample, csv};
use verdict::Verdict;

/// Marks what it makes.
const FOLDER: Maker = Maker("soak");
/// Seconds of drawn road that are played over and over.
const LAP_S: u32 = 600;
/// The smallest pictures in which the agent finds every vehicle of this road, so that most of
/// the time goes into vehicles instead of pixels.
const SIZE_PX: (u32, u32) = (320, 180);
/// About the bit rate of a USB camera's MJPEG.
const QUALITY: &str = "80";
/// Samples in an hour of simulated time.
const SAMPLES_PER_HOUR: f64 = 10.0;
/// Time between two looks at the agent.
const LOOK: Duration = Duration::from_millis(400);
/// A sample comes no sooner after a visit to the whole page: the agent gives back what it had
/// for whoever watched.
const REST: Duration = Duration::from_secs(6);
/// Samples between two visits.
const VISIT_SAMPLES: usize = 3;
/// The webhook's peer is away for half an hour of every six: from the third one on.
const PEER_ROUND_HOURS: f64 = 6.0;
const PEER_AWAY_HOURS: std::ops::Range<f64> = 3.0..3.5;

/// Arguments of `cargo xtask soak`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Hours of simulated time; a day takes some 25 minutes of one core
    #[arg(long, default_value_t = 24.0)]
    hours: f64,
    /// Frames a second of the simulated camera
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(2..=30))]
    fps: u32,
    /// This agent instead of the one that is built here
    #[arg(long, value_name = "FILE")]
    agent: Option<PathBuf>,
    /// Where samples, plot and the agent's files go; what it holds is removed
    #[arg(long, value_name = "DIR", default_value = "target/soak")]
    out: PathBuf,
}

/// Runs the command; false when memory or descriptors grew, or an event was lost.
pub fn run(arguments: &Arguments) -> Result<bool> {
    if !(0.5..=744.0).contains(&arguments.hours) {
        bail!(
            "--hours {} is out of range: give 0.5 to 744",
            arguments.hours
        );
    }
    let out = std::path::absolute(&arguments.out).context("--out")?;
    // Refused before the build, made after it.
    FOLDER.check(&out)?;
    let agent = match &arguments.agent {
        Some(agent) => std::path::absolute(agent).context("--agent")?,
        None => {
            Tool::cargo().args(["build", "--workspace"]).run()?;
            workspace::program("edge-agent")?
        }
    };
    FOLDER.make(&out)?;
    draw(&out, arguments.fps)?;
    let laps = (arguments.hours * 3600.0 / f64::from(LAP_S)).ceil();
    let step = say::begin(
        "soak",
        &format!("{} hours of simulated time", arguments.hours),
    );
    let peer = Peer::start()?;
    let mut agent = Agent::start(&agent, &out, laps as u32, peer.port())?;
    let samples = watch(&mut agent, &peer, arguments.fps)?;
    let told = agent.events()?;
    step.done();
    let verdict = Verdict::of(&samples, told, peer.taken())?;
    write(&out.join("samples.csv"), &csv(&samples))?;
    write(&out.join("soak.svg"), &chart::svg(&samples, &verdict))?;
    println!("{verdict}");
    say::line(
        "files",
        &format!("samples.csv and soak.svg in {}", out.display()),
    );
    Ok(verdict.is_good())
}

/// Samples the agent until it ends.
fn watch(agent: &mut Agent, peer: &Peer, fps: u32) -> Result<Vec<Sample>> {
    let frames_per_hour = f64::from(fps) * 3600.0;
    let mut samples: Vec<Sample> = Vec::new();
    let mut due = 0.0;
    let mut visited = Instant::now();
    while agent.is_running()? {
        // Around its end it may be gone between two questions; what failed is told by its exit.
        if let Ok(look) = visitor::look(agent.port())
            && let Ok(taken) = agent.sample()
        {
            let hours = look.frames / frames_per_hour;
            peer.set_away(PEER_AWAY_HOURS.contains(&(hours % PEER_ROUND_HOURS)));
            if hours >= due && visited.elapsed() >= REST {
                due = hours + 1.0 / SAMPLES_PER_HOUR;
                samples.push(Sample {
                    hours,
                    look,
                    ..taken
                });
                if samples.len().is_multiple_of(VISIT_SAMPLES) {
                    visitor::visit(agent.port());
                    visited = Instant::now();
                }
            }
        }
        sleep(LOOK);
    }
    agent.ended_well()?;
    Ok(samples)
}

fn draw(out: &Path, fps: u32) -> Result<()> {
    let step = say::begin("draw", &format!("{LAP_S} seconds of road"));
    let (width, height) = SIZE_PX;
    Tool::new(workspace::program("road-sim")?)
        .args(["frames", "--jpeg", QUALITY])
        .args(["--seconds", &LAP_S.to_string(), "--fps", &fps.to_string()])
        .args([
            "--width",
            &width.to_string(),
            "--height",
            &height.to_string(),
        ])
        .arg("--out")
        .arg(out.join("frames"))
        .run_quietly()?;
    step.done();
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temp::Temp;

    #[test]
    fn a_config_does_not_make_a_folder_its_own() {
        // The demo writes one, too.
        let temp = Temp::new()
            .file("agent.toml", "")
            .file("runs/1/best.safetensors", "")
            .file("mine.txt", "kept");
        let error = FOLDER.make(temp.path()).unwrap_err().to_string();
        assert!(error.contains("was not made by the soak"), "{error}");
        for file in ["agent.toml", "runs/1/best.safetensors", "mine.txt"] {
            assert!(temp.path().join(file).is_file(), "{file}");
        }
        let demo = Temp::new().file(".made-by-demo", "");
        assert!(FOLDER.make(demo.path()).is_err());
    }

    #[test]
    fn what_an_interrupted_soak_left_is_taken() {
        let temp = Temp::new()
            .file(".made-by-soak", "")
            .file(".frames.unfinished-1/1.jpg", "");
        FOLDER.make(temp.path()).unwrap();
        let left: Vec<_> = fs::read_dir(temp.path()).unwrap().flatten().collect();
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].file_name(), ".made-by-soak");
    }
}
