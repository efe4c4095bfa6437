//! `edge-agent run`: puts together what the config names, and hands frames to the pipeline and
//! events to the sinks until the source ends or a signal comes. Decides nothing itself.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use models::{Bundle, Runner};

use crate::clock::{Pace, SystemClock};
use crate::config::{Config, ConfigError};
use crate::decide::{self, Action, Rules};
use crate::event::Event;
use crate::lifecycle::Stop;
use crate::outbox::Outbox;
use crate::pipeline::{Identity, Pipeline};
use crate::sink::gpio::Pins;
use crate::sink::jsonl::Jsonl;
use crate::sink::{Outlet, Overflow, Sink};
use crate::source::Frame;
use crate::stamp::Stamp;
use crate::vote::Classify;
use crate::watch::{Counts, Viewer, Watch};

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Config file (TOML); without it a minute of the drawn road is watched.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let stop = Stop::on_signals().context("cannot listen for signals")?;
    let (config, path) = configured(args.config.as_deref())?;
    let pipeline = pipeline(&config, &path)?;
    let zone = decide::zone(config.time_zone.as_deref());
    let zone = zone.map_err(|bad| refused(&path, bad.to_string()))?;
    let pins = Pins::open(&config.pins, &config.gpio, &config.source, tell);
    let pins = pins.map_err(|problem| refused(&path, problem))?;
    // The camera last: it streams from here on, and loading a bundle takes a while.
    let mut watch = Watch::new(&SystemClock, &stop, config.realtime.then(Pace::default));
    let mut opener = config.source.clone();
    let source = watch
        .open(&mut opener, &mut tell)
        .map_err(|error| refused(&path, error.to_string()))?;
    let mut road = Road {
        pipeline,
        outbox: Outbox {
            stamp: Stamp::of(config.source.is_live()),
            rules: Rules::new(&config.rules, zone),
            outlets: outlets(&config, &path)?,
        },
        pins,
        newest_t_ms: 0,
        vehicles: 0,
    };
    let begun = Instant::now();
    let result = watch.run(source, &mut opener, &mut road);
    // Before the last events: what they want done would be cut off in its first moment.
    road.pins.end();
    let result = result.and_then(|counts| road.end_tracks().map(|()| counts));
    // The sinks are emptied even when the run failed: what was decided is not lost.
    let reader_left = road.outbox.outlets[0].closed();
    let tallies: Vec<_> = road
        .outbox
        .outlets
        .into_iter()
        .map(Outlet::finish)
        .collect();
    let counts = result?;
    eprintln!("{}", summary(&counts, road.vehicles, begun.elapsed()));
    let lost: u64 = tallies
        .iter()
        .skip(usize::from(reader_left))
        .map(|tally| tally.lost)
        .sum();
    Ok(if lost > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// The config in `file`, or the built-in one, and what to call it.
pub fn configured(file: Option<&Path>) -> Result<(Config, PathBuf), ConfigError> {
    Ok(match file {
        Some(file) => (Config::read(file)?, file.to_path_buf()),
        None => (Config::default(), PathBuf::from("built-in config")),
    })
}

/// The pipeline that the config read from `path` asks for.
pub fn pipeline(config: &Config, path: &Path) -> anyhow::Result<Pipeline<Runner>> {
    let bundle = match &config.bundle.path {
        Some(folder) => Bundle::open(folder),
        None => Bundle::shipped(),
    }
    .map_err(|error| refused(path, format!("bundle.path: {error}")))?;
    let checked = config.check_rules(Some(&bundle.manifest().labels));
    checked.map_err(|bad| refused(path, bad.to_string()))?;
    let identity = Identity {
        camera: config.camera.clone(),
        bundle: bundle.id().to_string(),
        reject_below: bundle.manifest().decision.reject_below,
    };
    Ok(Pipeline::new(identity, config, Runner::new(&bundle)?))
}

fn refused(path: &Path, problem: String) -> ConfigError {
    ConfigError::Value {
        path: path.to_path_buf(),
        problem,
    }
}

/// Standard output first, then the file if there is one.
fn outlets(config: &Config, path: &Path) -> anyhow::Result<Vec<Outlet>> {
    let overflow = if config.realtime || config.source.is_live() {
        Overflow::Drop
    } else {
        Overflow::Wait
    };
    let mut sinks: Vec<Box<dyn Sink>> =
        vec![Box::new(Jsonl::to("standard output".into(), io::stdout()))];
    if let Some(file) = &config.jsonl.path {
        let sink = Jsonl::append(file).map_err(|error| ConfigError::Value {
            path: path.to_path_buf(),
            problem: format!("jsonl.path: cannot append to {}: {error}", file.display()),
        })?;
        sinks.push(Box::new(sink));
    }
    let start = |sink| Outlet::start(sink, overflow, tell);
    sinks
        .into_iter()
        .map(|sink| start(sink).context("cannot start a sink's thread"))
        .collect()
}

/// Frames in, events out.
struct Road<C> {
    pipeline: Pipeline<C>,
    outbox: Outbox,
    pins: Pins,
    newest_t_ms: u64,
    vehicles: u64,
}

impl<C: Classify> Road<C> {
    fn send(&mut self, events: Vec<Event>) {
        for event in events {
            self.vehicles += 1;
            for action in self.outbox.tell(event, self.newest_t_ms) {
                match action {
                    Action::Log { text } => tell(&text),
                    pin => self.pins.act(&pin),
                }
            }
        }
    }

    /// Tells the events of the vehicles that are still in the picture.
    fn end_tracks(&mut self) -> anyhow::Result<()> {
        let events = self.pipeline.finish()?;
        self.send(events);
        Ok(())
    }
}

impl<C: Classify> Viewer for Road<C> {
    fn frame(&mut self, frame: &Frame) -> anyhow::Result<()> {
        self.pins.alive();
        self.newest_t_ms = frame.t_ms;
        let events = self.pipeline.push(frame)?;
        self.send(events);
        Ok(())
    }

    fn lost(&mut self) -> anyhow::Result<()> {
        self.pins.lost();
        self.end_tracks()
    }

    fn is_done(&self) -> bool {
        self.outbox.closed()
    }

    fn tell(&mut self, line: &str) {
        tell(line);
    }
}

fn tell(line: &str) {
    eprintln!("{line}");
}

fn summary(counts: &Counts, vehicles: u64, time: Duration) -> String {
    let Counts {
        frames,
        dropped,
        losses,
        busy,
    } = counts;
    let rate = *frames as f64 / time.as_secs_f64().max(1e-9);
    let each_ms = busy.as_secs_f64() * 1000.0 / (*frames).max(1) as f64;
    let dropped = if *dropped > 0 {
        format!(" ({dropped} dropped)")
    } else {
        String::new()
    };
    let losses = match losses {
        0 => String::new(),
        1 => ", camera lost once".into(),
        n => format!(", camera lost {n} times"),
    };
    format!(
        "{frames} frames{dropped}, {vehicles} vehicles, {rate:.0} frames/s, {each_ms:.1} ms a frame{losses}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_tells_drops_and_losses_only_when_there_are_any() {
        let counts = Counts {
            frames: 500,
            busy: Duration::from_millis(1200),
            ..Counts::default()
        };
        let time = Duration::from_secs(2);
        assert_eq!(
            summary(&counts, 7, time),
            "500 frames, 7 vehicles, 250 frames/s, 2.4 ms a frame"
        );
        let counts = Counts {
            dropped: 2,
            losses: 3,
            ..counts
        };
        assert_eq!(
            summary(&counts, 7, time),
            "500 frames (2 dropped), 7 vehicles, 250 frames/s, 2.4 ms a frame, camera lost 3 times"
        );
    }
}
