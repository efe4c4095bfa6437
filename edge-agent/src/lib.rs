//! `edge-agent`: camera frames in, one colour event per vehicle out. Only the command line is
//! here; each command is in the module of its name. A library so that the program and the
//! fuzzer's targets can share it, not for others to build on.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]

mod bench;
mod bundles;
mod check;
mod classify;
mod clock;
mod config;
mod decide;
mod decode;
mod devices;
mod disk;
mod event;
mod gate;
mod gauge;
mod glance;
#[cfg(any(test, feature = "fuzzing"))]
pub mod inputs;
mod keep;
mod lane;
mod laps;
mod lifecycle;
mod log;
mod manual;
mod onlooker;
mod out;
mod outbox;
mod pin;
mod pins;
mod pipeline;
mod plan;
mod polygon;
mod roi;
mod run;
mod score;
mod secret;
mod shape;
mod sink;
mod source;
mod spool;
mod stamp;
#[cfg(test)]
mod testing;
mod track;
mod views;
mod vote;
mod watch;
mod web;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Exit code for a config that cannot be used (sysexits.h).
const EX_CONFIG: u8 = 78;

/// Watches a road and names the colour of each vehicle that passes.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch a source as fast as it goes and say where the time and the memory went.
    Bench(bench::Args),
    /// Install, list, take back and pack bundles.
    Bundle(bundles::command::Args),
    /// Look whether config, bundle, camera, pins, disk and clock are ready for a run.
    Check(check::Args),
    /// Name the colour of the vehicle in each picture.
    Classify(classify::Args),
    /// Print the config's schema or its sample file.
    Config(config::print::Args),
    /// List the cameras of this machine, and the lines that the config needs for each.
    Devices(devices::Args),
    /// Write manual pages and shell completions, for a package.
    #[command(hide = true)]
    Manual(manual::Args),
    /// List the chips and lines that pins can be, or try a pin.
    Pins(pins::Args),
    /// Watch a source of frames and write one event per vehicle to standard output.
    Run(run::Args),
    /// Compare events with what truly passed.
    Score(score::Args),
}

/// The program: does what the command line says.
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Bench(args) => bench::run(&args),
        Command::Bundle(args) => bundles::command::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Classify(args) => classify::run(&args),
        Command::Config(args) => config::print::run(&args),
        Command::Devices(args) => devices::run(&args),
        Command::Manual(args) => manual::run(&args),
        Command::Pins(args) => pins::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Score(args) => score::run(&args),
    };
    result.unwrap_or_else(|error| {
        log::error(format_args!("{}", told(&error)));
        if error.is::<config::ConfigError>() {
            ExitCode::from(EX_CONFIG)
        } else {
            ExitCode::FAILURE
        }
    })
}

/// An error with its causes in one line; a cause that the text before it states already is not
/// repeated.
fn told(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !states(&told, &cause) {
            told = match told.as_str() {
                "" => cause,
                before => format!("{before}: {cause}"),
            };
        }
    }
    told
}

/// Whether the text has the cause in it, and not as a part of other words.
fn states(text: &str, cause: &str) -> bool {
    text.match_indices(cause).any(|(at, _)| {
        let before = text[..at].ends_with(char::is_alphanumeric);
        let after = text[at + cause.len()..].starts_with(char::is_alphanumeric);
        !before && !after
    })
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    #[test]
    fn no_cause_is_told_twice() {
        let cause = std::io::Error::other("the disk is full");
        let error = crate::config::ConfigError::Read {
            path: "x.toml".into(),
            source: cause,
        };
        let told = super::told(&error.into());
        let once = "x.toml: the disk is full; give the path of a TOML file";
        assert_eq!(told, once);
        let error = Err::<(), _>(std::io::Error::other("no")).context("cannot");
        assert_eq!(super::told(&error.unwrap_err()), "cannot: no");
    }
}
