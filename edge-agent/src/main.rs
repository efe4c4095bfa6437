//! `edge-agent`: camera frames in, one colour event per vehicle out. Only the command line is
//! here; each command is in the module of its name.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]

mod bench;
mod classify;
mod clock;
mod config;
mod decide;
mod decode;
mod devices;
mod event;
mod gate;
mod glance;
mod lane;
mod laps;
mod lifecycle;
mod outbox;
mod pin;
mod pins;
mod pipeline;
mod polygon;
mod roi;
mod run;
mod score;
mod shape;
mod sink;
mod source;
mod stamp;
#[cfg(test)]
mod testing;
mod track;
mod views;
mod vote;
mod watch;

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
    /// Name the colour of the vehicle in each picture.
    Classify(classify::Args),
    /// List the cameras of this machine, and the lines that the config needs for each.
    Devices(devices::Args),
    /// List the chips and lines that pins can be, or try a pin.
    Pins(pins::Args),
    /// Watch a source of frames and write one event per vehicle to standard output.
    Run(run::Args),
    /// Compare events with what truly passed.
    Score(score::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Bench(args) => bench::run(&args),
        Command::Classify(args) => classify::run(&args),
        Command::Devices(args) => devices::run(&args),
        Command::Pins(args) => pins::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Score(args) => score::run(&args),
    };
    result.unwrap_or_else(|error| {
        eprintln!("{error:#}");
        if error.is::<config::ConfigError>() {
            ExitCode::from(EX_CONFIG)
        } else {
            ExitCode::FAILURE
        }
    })
}
