//! `edge-agent bench`: watches a source as fast as it goes and says where the processor's time and
//! the memory went. Waiting, for a camera or for other programs, does not count; nothing is sent
//! anywhere.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;

use crate::clock::{Clock, ProcessorClock};
use crate::config::ConfigError;
use crate::laps::{Laps, Stage};
use crate::onlooker::Onlooker;
use crate::out;
use crate::plan;
use crate::source::{self, SourceError};

/// Arguments of `bench`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Config file (TOML); without it a minute of the drawn road is watched.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Frames after which it ends; without it at the source's end
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    frames: Option<u64>,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
}

/// How often the memory is looked at, when the number of frames is known.
const LOOKS: u64 = 10;

/// What a stage took.
#[derive(Debug, Serialize)]
struct Spent {
    name: &'static str,
    /// Nanoseconds a frame, on average.
    mean_ns: f64,
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Report {
    frames: u64,
    dropped: u64,
    events: u64,
    frames_per_second: f64,
    stages: Vec<Spent>,
    /// Resident memory, KiB: by frames watched.
    resident_kib: Vec<(u64, u64)>,
    /// The most that it was at any time, start included.
    peak_kib: u64,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let (config, path) = plan::configured(args.config.as_deref())?;
    let mut pipeline = plan::pipeline(&config, &path)?;
    let mut source = source::open(&config.source).map_err(|error| ConfigError::Value {
        path,
        problem: error.to_string(),
    })?;
    let clock = ProcessorClock;
    let mut watch = Stopwatch::new(&clock);
    let (mut frames, mut dropped, mut events) = (0, 0, 0);
    let mut resident_kib = Vec::new();
    let step = args
        .frames
        .map_or(u64::MAX, |frames| (frames / LOOKS).max(1));
    while args.frames.is_none_or(|most| frames < most) {
        if !source.wait()? {
            continue;
        }
        watch.start();
        let frame = match source.next() {
            Ok(Some(frame)) => frame,
            Ok(None) => break,
            Err(SourceError::Lost(loss)) => return Err(SourceError::Lost(loss).into()),
            Err(_) => {
                dropped += 1;
                continue;
            }
        };
        watch.lap(Stage::Decode);
        events += pipeline.push_timed(&frame, &mut watch)?.len() as u64;
        source.recycle(frame);
        frames += 1;
        if frames % step == 0 || frames == 1 {
            resident_kib.push((frames, memory("VmRSS:")));
        }
    }
    watch.start();
    events += pipeline.finish().len() as u64;
    watch.lap(Stage::Classify);
    resident_kib.push((frames, memory("VmRSS:")));
    resident_kib.dedup_by_key(|look| look.0);
    let report = Report {
        frames,
        dropped,
        events,
        frames_per_second: frames as f64 / watch.total().as_secs_f64().max(1e-9),
        stages: watch.stages(frames),
        resident_kib,
        peak_kib: memory("VmHWM:"),
    };
    if args.json {
        out::tell(serde_json::to_string(&report)?)?;
    } else {
        out::tell(&report)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Adds up what stages take.
struct Stopwatch<'a> {
    clock: &'a dyn Clock,
    since: Duration,
    spent: [Duration; Stage::ALL.len()],
}

impl<'a> Stopwatch<'a> {
    fn new(clock: &'a dyn Clock) -> Self {
        Self {
            clock,
            since: clock.now(),
            spent: [Duration::ZERO; Stage::ALL.len()],
        }
    }

    fn start(&mut self) {
        self.since = self.clock.now();
    }

    fn total(&self) -> Duration {
        self.spent.iter().sum()
    }

    fn stages(&self, frames: u64) -> Vec<Spent> {
        let each = |stage: &Stage| Spent {
            name: stage.name(),
            mean_ns: self.spent[*stage as usize].as_nanos() as f64 / frames.max(1) as f64,
        };
        Stage::ALL.iter().map(each).collect()
    }
}

impl Laps for Stopwatch<'_> {
    fn lap(&mut self, stage: Stage) {
        let now = self.clock.now();
        self.spent[stage as usize] += now.saturating_sub(self.since);
        self.since = now;
    }
}

impl Onlooker for Stopwatch<'_> {}

/// What the kernel says of this process's memory under that name, KiB; 0 where it says nothing.
fn memory(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total: f64 = self.stages.iter().map(|stage| stage.mean_ns).sum();
        for Spent { name, mean_ns } in &self.stages {
            let share = 100.0 * mean_ns / total.max(1e-9);
            writeln!(
                f,
                "{name:<10} {:>7.3} ms a frame {share:>5.1} %",
                mean_ns / 1e6
            )?;
        }
        writeln!(
            f,
            "{:<10} {:>7.3} ms a frame, {:.0} frames/s on one core",
            "together",
            total / 1e6,
            self.frames_per_second
        )?;
        let (frames, dropped, events) = (self.frames, self.dropped, self.events);
        writeln!(
            f,
            "frames     {frames} ({dropped} dropped), {events} vehicles"
        )?;
        let looks: Vec<String> = self
            .resident_kib
            .iter()
            .map(|(frames, kib)| format!("{:.1} MiB after {frames}", *kib as f64 / 1024.0))
            .collect();
        let peak = self.peak_kib as f64 / 1024.0;
        write!(f, "memory     {}; at most {peak:.1}", looks.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SimulatedClock;

    #[test]
    fn time_goes_to_the_stage_that_ends() {
        let clock = SimulatedClock::default();
        let mut watch = Stopwatch::new(&clock);
        clock.sleep(Duration::from_millis(7));
        watch.start();
        for (stage, ms) in [(Stage::Decode, 2), (Stage::Gate, 3), (Stage::Gate, 1)] {
            clock.sleep(Duration::from_millis(ms));
            watch.lap(stage);
        }
        assert_eq!(watch.total(), Duration::from_millis(6));
        let stages = watch.stages(2);
        assert_eq!((stages[0].name, stages[0].mean_ns), ("decode", 1e6));
        assert_eq!((stages[1].name, stages[1].mean_ns), ("gate", 2e6));
    }

    #[test]
    fn the_table_adds_up() {
        let report = Report {
            frames: 10,
            dropped: 1,
            events: 2,
            frames_per_second: 250.0,
            stages: vec![
                Spent {
                    name: "decode",
                    mean_ns: 3e6,
                },
                Spent {
                    name: "gate",
                    mean_ns: 1e6,
                },
            ],
            resident_kib: vec![(1, 2048), (10, 3072)],
            peak_kib: 3584,
        };
        assert_eq!(
            report.to_string(),
            "decode       3.000 ms a frame  75.0 %\n\
             gate         1.000 ms a frame  25.0 %\n\
             together     4.000 ms a frame, 250 frames/s on one core\n\
             frames     10 (1 dropped), 2 vehicles\n\
             memory     2.0 MiB after 1, 3.0 MiB after 10; at most 3.5"
        );
    }

    #[test]
    fn this_process_takes_memory() {
        let (now, peak) = (memory("VmRSS:"), memory("VmHWM:"));
        assert!(now > 100 && peak >= now, "{now} {peak}");
    }
}
