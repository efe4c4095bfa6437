//! `edge-agent run`: puts together what the config names, and hands frames to the pipeline and
//! events to the sinks until the source ends or a signal comes. Decides nothing itself.

mod fallback;
mod road;

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use models::Runner;

use crate::bundles::{self, Counted};
use crate::clock::{Pace, SystemClock};
use crate::config::{BadValue, Config, ConfigError};
use crate::decide::{self, Rules};
use crate::disk;
use crate::event::UNKNOWN;
use crate::keep::{self, Crops};
use crate::lifecycle::heartbeat::Heartbeat;
use crate::lifecycle::{Reload, Stop};
use crate::log;
use crate::outbox::Outbox;
use crate::plan::Plan;
use crate::sink::gpio::Pins;
use crate::sink::jsonl::Jsonl;
use crate::sink::stream::{Pipe, Stream};
use crate::sink::{LAST_GRACE, Outlet, Overflow, RELOAD_GRACE, Sink, mqtt, say, webhook};
use crate::stamp::Stamp;
use crate::watch::{Counts, Watch};
use crate::web::{self, Facts, MakeEye, Web};
use fallback::Fallback;
use road::Road;

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Config file (TOML); without it a minute of the drawn road is watched.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What of a run lasts from one config to the next.
struct Life {
    stop: Stop,
    reload: Reload,
    heartbeat: Heartbeat,
    file: Option<PathBuf>,
    /// Events that were told, which their numbers count.
    told: u64,
    /// Bundles on trial whose start this process has counted.
    counted: Counted,
}

impl Life {
    /// Reads the config again if that was asked for. A wrong one changes nothing.
    fn read_again(&mut self) -> Option<Plan> {
        if !self.reload.take() {
            return None;
        }
        self.heartbeat.reloading();
        let plan = match Plan::read(self.file.as_deref(), &mut self.counted) {
            Ok(plan) => {
                log::notice(format_args!("{} read again", plan.path.display()));
                Some(plan)
            }
            Err(error) => {
                log::error(format_args!("{error}; the config before it goes on"));
                None
            }
        };
        self.heartbeat.reloaded();
        plan
    }
}

/// What a run with one config did.
struct Done {
    counts: Counts,
    vehicles: u64,
    lost: u64,
    next: Option<Plan>,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut life = Life {
        stop: Stop::on_signals().context("cannot listen for signals")?,
        // Without a file there is nothing to read again, and a lost terminal ends the program.
        reload: match &args.config {
            Some(_) => Reload::on_signal().context("cannot listen for signals")?,
            None => Reload::default(),
        },
        heartbeat: Heartbeat::from_environment(),
        file: args.config.clone(),
        told: 0,
        counted: Counted::default(),
    };
    let begun = Instant::now();
    let mut plan = Plan::read(life.file.as_deref(), &mut life.counted)?;
    let mut fallback: Option<Fallback> = None;
    let (mut counts, mut vehicles, mut lost) = (Counts::default(), 0, 0);
    loop {
        let (path, config) = (plan.path.clone(), plan.config.clone());
        match carry_out(plan, &mut life) {
            Ok(done) => {
                counts.add(&done.counts);
                vehicles += done.vehicles;
                lost += done.lost;
                let Some(next) = done.next else {
                    // A start that systemd gives up before its first frame counts.
                    if done.counts.frames > 0 {
                        bundles::ended_well(&config.bundle, &life.counted);
                    }
                    break;
                };
                fallback = Some(Fallback::new(config, path));
                plan = next;
            }
            Err(error) => {
                // Only opening and the first picture can fail so: the config before this one
                // could be opened and fitted its pictures.
                let before = fallback.as_mut().filter(|_| error.is::<ConfigError>());
                let Some(before) = before else {
                    return Err(error);
                };
                let Some(next) = before.instead(error.to_string(), &mut life) else {
                    break;
                };
                plan = next;
            }
        }
    }
    life.heartbeat.stopping();
    log::info(format_args!(
        "{}",
        summary(&counts, vehicles, begun.elapsed())
    ));
    Ok(if lost > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Watches until the end or the next config.
fn carry_out(plan: Plan, life: &mut Life) -> anyhow::Result<Done> {
    let config = plan.config.clone();
    let stop = life.stop.clone();
    let refused = |problem: String| ConfigError::Value {
        path: plan.path.clone(),
        problem,
    };
    let zone = decide::zone(config.time_zone.as_deref());
    let zone = zone.map_err(|bad| refused(bad.to_string()))?;
    let pins = Pins::open(&config.pins, &config.gpio, &config.source, say);
    let pins = pins.map_err(&refused)?;
    // The camera last: it streams from here on, and loading a bundle takes a while.
    let mut watch = Watch::new(&SystemClock, &stop, config.realtime.then(Pace::default));
    let mut opener = config.source.clone();
    let source = watch
        .open(&mut opener, &mut |line| {
            log::warning(format_args!("{line}"))
        })
        .map_err(|error| refused(error.to_string()))?;
    let (keeper, crops) = keep::start(&config.crops)
        .map_err(|error| refused(error.to_string()))?
        .unzip();
    let outbox = Outbox {
        stamp: Stamp::of(config.source.is_live()),
        rules: Rules::new(&config.rules, zone),
        outlets: outlets(&config, &plan.path, crops)?,
    };
    let web = page(&plan, &outbox.outlets).map_err(|error| match error.downcast() {
        Ok(bad) => refused(BadValue::to_string(&bad)).into(),
        Err(error) => error,
    })?;
    let watchpoint = web.as_ref().map(Web::watchpoint);
    let mut road = Road::new(plan, outbox, pins, watchpoint, keeper, life);
    let result = watch.run(source, &mut opener, &mut road);
    // Before the last events: what they want done would be cut off in its first moment.
    road.end_pins();
    road.end_tracks();
    // The sinks are emptied even when the run failed: what was decided is not lost.
    let (outbox, vehicles, next) = road.into_parts();
    let reader_left = outbox.outlets[0].closed();
    let grace = if next.is_some() {
        RELOAD_GRACE
    } else {
        LAST_GRACE
    };
    let tallies = Outlet::finish_all(outbox.outlets, grace);
    Ok(Done {
        counts: result?,
        vehicles,
        lost: tallies
            .iter()
            .skip(usize::from(reader_left))
            .map(|tally| tally.lost)
            .sum(),
        next,
    })
}

/// Standard output first, then what the config names.
fn outlets(config: &Config, path: &Path, crops: Option<Crops>) -> anyhow::Result<Vec<Outlet>> {
    let overflow = if config.realtime || config.source.is_live() {
        Overflow::Drop
    } else {
        Overflow::Wait
    };
    // Not `io::stdout()`: what that buffers of a failed line could not be told from what is out.
    let stdout = io::stdout().as_fd().try_clone_to_owned();
    let stdout = File::from(stdout.context("cannot use standard output")?);
    let mut sinks: Vec<Box<dyn Sink>> =
        vec![Box::new(Stream::to("standard output".into(), Pipe(stdout)))];
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
    sinks.extend(crops.map(|crops| Box::new(crops) as Box<dyn Sink>));
    let start = |sink| Outlet::start(sink, overflow, say);
    sinks
        .into_iter()
        .map(|sink| start(sink).context("cannot start a sink's thread"))
        .collect()
}

/// The page, if the config asks for one.
fn page(plan: &Plan, outlets: &[Outlet]) -> anyhow::Result<Option<Web>> {
    let config = &plan.config;
    if config.http.listen.is_none() {
        return Ok(None);
    }
    let place = config.bundle.clone();
    let make_eye: MakeEye = Box::new(move || {
        let runner = Runner::new(&bundles::look(&place).ok()?.bundle).ok()?;
        Some(Box::new(runner))
    });
    let bundle = &plan.active.bundle;
    let mut colours = bundle.manifest().labels.clone();
    colours.push(UNKNOWN.into());
    let facts = Facts {
        camera: config.camera.clone(),
        bundle: bundle.id().to_string(),
        colours,
        scene: web::scene(config),
        stale: Duration::from_millis(config.http.stale_ms.into()),
        sinks: outlets.iter().map(Outlet::gauge).collect(),
        folders: disk::apart(config.written()),
        most_watchers: config.http.max_watchers as usize,
    };
    Web::start(&config.http, facts, make_eye, say)
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
