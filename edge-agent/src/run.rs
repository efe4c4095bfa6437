//! `edge-agent run`: opens what the config names, pushes frames through the pipeline and hands
//! events to the sinks until the source ends or a signal comes. Decides nothing itself.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use models::{Bundle, Runner};

use crate::clock::Pace;
use crate::config::{BadValue, Config, ConfigError};
use crate::lifecycle::Stop;
use crate::pipeline::{Identity, Pipeline};
use crate::sink::jsonl::Jsonl;
use crate::sink::stream::Stream;
use crate::sink::{Outlet, Overflow, Sink, mqtt, say, webhook};
use crate::source::{self, FrameSource};
use crate::vote::Classify;

/// Dropped frames that are told one by one; after that each hundredth.
const DROPS_TOLD: u64 = 10;

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Config file (TOML); without it a minute of the drawn road is watched.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What a run did.
#[derive(Debug, Default, PartialEq)]
struct Counts {
    frames: u64,
    dropped: u64,
    events: u64,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let stop = Stop::on_signals().context("cannot listen for signals")?;
    let path = args
        .config
        .clone()
        .unwrap_or_else(|| PathBuf::from("built-in config"));
    let config = match &args.config {
        Some(path) => Config::read(path)?,
        None => Config::default(),
    };
    let refused = |problem: String| ConfigError::Value {
        path: path.clone(),
        problem,
    };
    let mut source = source::open(&config.source).map_err(|error| refused(error.to_string()))?;
    let bundle = match &config.bundle.path {
        Some(folder) => Bundle::open(folder),
        None => Bundle::shipped(),
    }
    .map_err(|error| refused(format!("bundle.path: {error}")))?;
    let runner = Runner::new(&bundle)?;
    let identity = Identity {
        camera: config.camera.clone(),
        bundle: bundle.id().to_string(),
        reject_below: bundle.manifest().decision.reject_below,
    };
    let mut outlets = outlets(&config, &path)?;
    let mut pipeline = Pipeline::new(identity, &config, runner);
    let begun = Instant::now();
    let pace = config.realtime.then(Pace::default);
    let result = watch(source.as_mut(), &mut pipeline, &mut outlets, pace, &stop);
    // The sinks are emptied even when the run failed: what was decided is not lost.
    let reader_left = outlets[0].closed();
    let tallies: Vec<_> = outlets.into_iter().map(Outlet::finish).collect();
    let counts = result?;
    let seconds = begun.elapsed().as_secs_f64();
    say(&summary(&counts, seconds));
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

/// Standard output first, then what the config names.
fn outlets(config: &Config, path: &Path) -> anyhow::Result<Vec<Outlet>> {
    let overflow = if config.realtime {
        Overflow::Drop
    } else {
        Overflow::Wait
    };
    // Not `io::stdout()`: what that buffers of a failed line could not be told from what is out.
    let stdout = io::stdout().as_fd().try_clone_to_owned();
    let stdout = File::from(stdout.context("cannot use standard output")?);
    let mut sinks: Vec<Box<dyn Sink>> =
        vec![Box::new(Stream::to("standard output".into(), stdout))];
    if let Some(file) = &config.jsonl.path {
        let sink = Jsonl::open(file, &config.jsonl).map_err(|error| ConfigError::Value {
            path: path.to_path_buf(),
            problem: format!("jsonl.path: cannot append to {}: {error}", file.display()),
        })?;
        sinks.push(Box::new(sink));
    }
    let refused = |bad: BadValue| ConfigError::Value {
        path: path.to_path_buf(),
        problem: bad.to_string(),
    };
    if let Some(sink) = mqtt::start(&config.mqtt, &config.camera, say).map_err(refused)? {
        sinks.push(Box::new(sink));
    }
    if let Some(sink) = webhook::start(&config.webhook, say).map_err(refused)? {
        sinks.push(Box::new(sink));
    }
    let start = |sink| Outlet::start(sink, overflow, say);
    sinks
        .into_iter()
        .map(|sink| start(sink).context("cannot start a sink's thread"))
        .collect()
}

/// Pushes frames until the source ends, a signal comes, or nobody listens any more.
fn watch<C: Classify>(
    source: &mut dyn FrameSource,
    pipeline: &mut Pipeline<C>,
    outlets: &mut [Outlet],
    mut pace: Option<Pace>,
    stop: &Stop,
) -> anyhow::Result<Counts> {
    let mut counts = Counts::default();
    while !stop.requested() && !outlets.iter().all(Outlet::closed) {
        let frame = match source.next() {
            Ok(Some(frame)) => frame,
            Ok(None) => break,
            Err(error) => {
                counts.dropped += 1;
                if counts.dropped <= DROPS_TOLD || counts.dropped.is_multiple_of(100) {
                    say(&error.to_string());
                }
                continue;
            }
        };
        if let Some(pace) = &mut pace {
            pace.wait_for(frame.t_ms, stop);
        }
        counts.frames += 1;
        for event in pipeline.push(&frame)? {
            counts.events += 1;
            outlets.iter_mut().for_each(|outlet| outlet.send(&event));
        }
    }
    for event in pipeline.finish()? {
        counts.events += 1;
        outlets.iter_mut().for_each(|outlet| outlet.send(&event));
    }
    Ok(counts)
}

fn summary(counts: &Counts, seconds: f64) -> String {
    let Counts {
        frames,
        dropped,
        events,
    } = counts;
    let rate = *frames as f64 / seconds.max(1e-9);
    let dropped = if *dropped > 0 {
        format!(" ({dropped} dropped)")
    } else {
        String::new()
    };
    format!("{frames} frames{dropped}, {events} vehicles, {rate:.0} frames/s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_tells_drops_only_when_there_are_any() {
        let counts = Counts {
            frames: 500,
            dropped: 0,
            events: 7,
        };
        assert_eq!(
            summary(&counts, 2.0),
            "500 frames, 7 vehicles, 250 frames/s"
        );
        let counts = Counts {
            frames: 500,
            dropped: 2,
            events: 7,
        };
        assert_eq!(
            summary(&counts, 2.0),
            "500 frames (2 dropped), 7 vehicles, 250 frames/s"
        );
    }
}
