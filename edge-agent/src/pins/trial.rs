//! `edge-agent pins test NAME`: one pin, switched a few times beside somebody who watches.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use embedded_hal::digital::PinState;

use crate::clock::{Clock, SystemClock};
use crate::config::ConfigError;
use crate::lifecycle::Stop;
use crate::log;
use crate::pin::{Level, PinConfig};
use crate::plan::configured;
use crate::sink::gpio::{Driver, Line, LineError, find};

/// Exit code for misuse of the command line.
const MISUSE: u8 = 2;

/// Arguments of `pins test`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The pin's name in the config.
    name: String,
    /// Config file (TOML) that has the pin.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How often it is switched.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pulses: u32,
    /// For how long each time, and how long between.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    hold_ms: u32,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let stop = Stop::on_signals().context("cannot listen for signals")?;
    let (config, path) = configured(args.config.as_deref())?;
    let Some(pin) = config.pins.iter().find(|pin| pin.name == args.name) else {
        log::error(format_args!("{}", unknown(&args.name, &config.pins)));
        return Ok(ExitCode::from(MISUSE));
    };
    if config.gpio.driver == Driver::None {
        let problem = "gpio.driver = \"none\" switches nothing; leave the key out to try a pin";
        return Err(ConfigError::Value {
            path,
            problem: problem.into(),
        }
        .into());
    }
    let found = find(std::slice::from_ref(pin), &config.gpio, &mut |line| {
        log::warning(format_args!("{line}"));
    });
    let mut found = found.map_err(|problem| ConfigError::Value { path, problem })?;
    let Some(mut found) = found.pop() else {
        bail!("pin {}: has no line", pin.name);
    };
    let line = &mut found.line;
    line.take(pin.safe)
        .map_err(|error| refused(pin, line.called(), &error))?;
    let other = opposite(pin.safe);
    say(&format!(
        "{}, driven by {}: {} now, its safe level",
        line.called(),
        found.driver,
        seen(pin.safe, line.voltage(pin.safe))
    ));
    say(&format!(
        "{} times for {} ms it is {}: what is wired to it must switch each time",
        args.pulses,
        args.hold_ms,
        seen(other, line.voltage(other))
    ));
    let time = Duration::from_millis(args.hold_ms.into());
    for number in 1..=args.pulses {
        if stop.requested() {
            break;
        }
        say(&format!("{number} of {}: {other}", args.pulses));
        put(line, other)?;
        SystemClock.sleep_until(SystemClock.now() + time, &stop);
        put(line, pin.safe)?;
        SystemClock.sleep_until(SystemClock.now() + time, &stop);
    }
    say(&format!(
        "{} again. Nothing switched? Compare line and ground with `edge-agent pins`; switched the \
         wrong way round? Change active_low",
        pin.safe
    ));
    Ok(ExitCode::SUCCESS)
}

/// One line for whoever watches. A reader that went away must not stop a pin half-way.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn put(line: &mut Line, level: Level) -> anyhow::Result<()> {
    let put = line.put(level);
    put.map_err(|error| anyhow::anyhow!("{}: {error}", line.called()))
}

fn opposite(level: Level) -> Level {
    match level {
        Level::Off => Level::On,
        Level::On => Level::Off,
    }
}

fn seen(level: Level, voltage: PinState) -> String {
    let voltage = match voltage {
        PinState::Low => "low",
        PinState::High => "high",
    };
    format!("{level} (the voltage is {voltage})")
}

fn unknown(name: &str, pins: &[PinConfig]) -> String {
    let names: Vec<&str> = pins.iter().map(|pin| &*pin.name).collect();
    if names.is_empty() {
        format!("no pin {name:?}: give a config that has [[pin]] tables, --config FILE")
    } else {
        format!("no pin {name:?}; pins here: {}", names.join(", "))
    }
}

fn refused(pin: &PinConfig, called: &str, error: &LineError) -> anyhow::Error {
    match error {
        LineError::Held { holder } if holder.contains("edge-agent") => anyhow::anyhow!(
            "{called}: held by {holder}, which runs; stop that one first (`systemctl stop \
             edge-agent`), it may be about to switch {}",
            pin.name
        ),
        error => anyhow::anyhow!("{called}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_pin_is_answered_with_those_there_are() {
        let pins: Vec<PinConfig> = ["barrier", "lamp"]
            .map(|name| toml::from_str(&format!("name = {name:?}\nline = 1")).unwrap())
            .into();
        assert_eq!(
            unknown("gate", &pins),
            "no pin \"gate\"; pins here: barrier, lamp"
        );
        assert_eq!(
            unknown("gate", &[]),
            "no pin \"gate\": give a config that has [[pin]] tables, --config FILE"
        );
    }

    #[test]
    fn whoever_holds_the_line_is_named() {
        let pin: PinConfig = toml::from_str("name = \"barrier\"\nline = 17").unwrap();
        let held = |holder: &str| LineError::Held {
            holder: holder.into(),
        };
        let told = |error| refused(&pin, "pin barrier (line 17 of x)", &error).to_string();
        for holder in ["\"edge-agent\"", "another edge-agent"] {
            assert_eq!(
                told(held(holder)),
                format!(
                    "pin barrier (line 17 of x): held by {holder}, which runs; stop that one first \
                     (`systemctl stop edge-agent`), it may be about to switch barrier"
                )
            );
        }
        assert_eq!(
            told(held("\"pigpio\"")),
            "pin barrier (line 17 of x): held by \"pigpio\"; end that program, or take another line"
        );
    }
}
