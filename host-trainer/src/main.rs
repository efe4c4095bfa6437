//! `host-trainer`: from folders of pictures to a bundle. Parses the command line and turns
//! errors into one line and an exit code: 2 misuse, 1 failure.

mod arch;
mod augment;
mod candidate;
mod card;
mod check;
mod commands;
mod cost;
mod dataset;
mod device;
mod duplicates;
mod files;
mod loader;
mod metrics;
mod net;
mod onnx;
mod progress;
mod quantise;
mod run;
mod schedule;
mod split;
mod train;
mod train_log;
mod weights;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use commands::{Usage, dataset as dataset_command, evaluate, export};

/// Trains, measures, quantises and exports vehicle-colour networks for edge-agent.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Train(commands::train::Arguments),
    Export(export::Arguments),
    Evaluate(evaluate::Arguments),
    #[command(subcommand)]
    Dataset(dataset_command::Command),
}

fn main() -> ExitCode {
    end_quietly_when_nobody_reads();
    let result = match &Cli::parse().command {
        Command::Train(arguments) => commands::train::run(arguments),
        Command::Export(arguments) => export::run(arguments),
        Command::Evaluate(arguments) => evaluate::run(arguments),
        Command::Dataset(command) => dataset_command::run(command),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("host-trainer: {error:#}");
            ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
        }
    }
}

/// Rust programs ignore SIGPIPE and then panic when `| head` closes the pipe; like any other
/// command, this one ends.
fn end_quietly_when_nobody_reads() {
    // SAFETY: sets a signal's disposition to the system's default before any thread starts.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}
