//! `edge-agent`: camera frames in, one colour event per vehicle out. Only the command line is
//! here; each command is in the module of its name.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]

mod classify;
mod clock;
mod config;
mod disk;
mod event;
mod gate;
mod lifecycle;
mod pipeline;
mod run;
mod score;
mod sink;
mod source;
mod spool;
#[cfg(test)]
mod testing;
mod track;
mod views;
mod vote;

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
    /// Name the colour of the vehicle in each picture.
    Classify(classify::Args),
    /// Watch a source of frames and write one event per vehicle to standard output.
    Run(run::Args),
    /// Compare events with what truly passed.
    Score(score::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Classify(args) => classify::run(&args),
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
