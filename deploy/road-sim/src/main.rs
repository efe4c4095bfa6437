//! The program `road-sim`: writes a drawn road's frames with their truth, or pictures to train
//! on. Arguments and exit codes only.

mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use commands::{Misuse, frames, pictures};

/// Draws a road with cars of known colours.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Frames(frames::Arguments),
    Pictures(pictures::Arguments),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Frames(arguments) => frames::run(&arguments),
        Command::Pictures(arguments) => pictures::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("road-sim: {error:#}");
            ExitCode::from(if error.is::<Misuse>() { 2 } else { 1 })
        }
    }
}
