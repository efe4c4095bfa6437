//! `edge-agent check`: looks whether a run can begin, one line for each thing that it needs.
//! Changes nothing: no start of a bundle on trial is counted, no event is written.

mod camera;
mod peers;
mod pins;
mod places;
mod row;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::bundles::{self, Found};
use crate::config::Config;
use crate::out;
use crate::stamp::{Reading, Stamp};
use row::{Row, State};

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Config file (TOML); without it the built-in config is looked at.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Earlier times are those of a device without a battery for its clock: this program did not
/// exist then.
const EARLIEST_S: i64 = 1_767_225_600; // 2026-01-01T00:00:00Z

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let name = args.config.as_ref().map(|path| path.display().to_string());
    let name = name.unwrap_or_else(|| "built-in".into());
    let read = match &args.config {
        Some(path) => Config::read(path),
        None => Ok(Config::default()),
    };
    let config = match read {
        Ok(config) => config,
        Err(error) => {
            let advice = "correct the file; `edge-agent config --default` explains every key";
            out::tell(Row::fail("config", error.to_string(), advice))?;
            return Ok(ExitCode::from(crate::EX_CONFIG));
        }
    };
    let (row, labels) = bundle(&config);
    let mut rows = vec![Row::ok("config", name), row];
    let rules = labels.map_or(Ok(()), |labels| config.check_rules(Some(&labels)));
    if let Err(bad) = rules {
        let advice = "a run would refuse this config";
        rows.push(Row::fail("rules", bad.to_string(), advice));
    }
    rows.extend(camera::rows(&config));
    rows.extend(pins::rows(&config.pins, &config.gpio));
    rows.extend(places::rows(&config));
    rows.extend(peers::rows(&config));
    rows.push(match Stamp::of(true).read() {
        Some(reading) => clock(&reading),
        None => Row::ok("clock", "not needed"),
    });
    for row in &rows {
        out::tell(row)?;
    }
    // As a run would end.
    Ok(match rows.iter().map(|row| row.state).max() {
        Some(State::Fail) => ExitCode::from(crate::EX_CONFIG),
        Some(State::Lack) => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    })
}

/// Opens the bundle and replays its golden pictures; with the row come its labels.
fn bundle(config: &Config) -> (Row, Option<Vec<String>>) {
    let advice = "install another with `edge-agent bundle install`, or take the key away";
    match bundles::look(&config.bundle) {
        Ok(Found { bundle, problem }) => {
            let manifest = bundle.manifest();
            let what = format!(
                "{} {} ({}), {} golden pictures answered as at export",
                manifest.name,
                manifest.version,
                bundle.id(),
                manifest.golden.len()
            );
            let row = match problem {
                None => Row::ok("bundle", what),
                Some(problem) => {
                    let told = format!("{problem}; {what} is used instead");
                    Row::warn("bundle", told, "install a bundle again")
                }
            };
            (row, Some(manifest.labels.clone()))
        }
        Err(error) => (Row::fail("bundle", error.to_string(), advice), None),
    }
}

fn clock(reading: &Reading) -> Row {
    let told = format!("{:.0}", reading.time);
    if reading.time.as_second() < EARLIEST_S {
        let advice = "give the device a time server or a clock with a battery";
        return Row::warn("clock", format!("it shows {told}"), advice);
    }
    match reading.synced {
        true => Row::ok("clock", format!("{told}, synchronised")),
        false => Row::warn(
            "clock",
            format!("{told}, not synchronised"),
            "start a time service such as systemd-timesyncd; events say clock_synced false",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks() {
        for (time, synced, told) in [
            (
                "2026-11-26T08:00:00Z",
                true,
                "ok   clock: 2026-11-26T08:00:00Z, synchronised",
            ),
            (
                "2026-11-26T08:00:00Z",
                false,
                "warn clock: 2026-11-26T08:00:00Z, not synchronised; start a time service such as systemd-timesyncd; events say clock_synced false",
            ),
            (
                "1970-01-01T00:03:00Z",
                true,
                "warn clock: it shows 1970-01-01T00:03:00Z; give the device a time server or a clock with a battery",
            ),
        ] {
            let reading = Reading {
                time: time.parse().unwrap(),
                synced,
                known: synced,
            };
            assert_eq!(clock(&reading).to_string(), told);
        }
    }
}
