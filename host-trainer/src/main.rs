//! `host-trainer`: from folders of pictures to a bundle. Parses the command line and turns
//! errors into one line and an exit code: 2 misuse, 1 failure.

mod adapt;
mod answers;
mod arch;
mod augment;
mod cache;
mod candidate;
mod card;
mod check;
mod commands;
mod compare;
mod cost;
mod crops;
mod dataset;
mod device;
mod duplicates;
mod epoch_logs;
mod files;
mod gate;
mod loader;
mod machine;
mod metrics;
mod net;
mod onnx;
mod plot;
mod progress;
mod quantise;
mod report;
mod run;
mod schedule;
mod serve;
mod shrink;
mod split;
mod thumbnail;
mod train;
mod train_log;
mod unpack;
mod weights;

use std::env;
use std::os::unix::process::CommandExt;
use std::process::{self, ExitCode};

use clap::{Parser, Subcommand};

use commands::Usage;

/// Trains, measures, quantises and exports vehicle-colour networks for edge-agent.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Doctor(commands::doctor::Arguments),
    #[command(subcommand)]
    Dataset(commands::dataset::Command),
    Train(Box<commands::train::Arguments>),
    Shrink(commands::shrink::Arguments),
    Front(commands::front::Arguments),
    Report(commands::report::Arguments),
    Compare(commands::compare::Arguments),
    Export(commands::export::Arguments),
    Adapt(commands::adapt::Arguments),
    Evaluate(commands::evaluate::Arguments),
    Serve(commands::serve::Arguments),
}

impl Command {
    /// Whether libtorch's threads have work.
    fn computes(&self) -> bool {
        !matches!(
            self,
            Self::Report(_) | Self::Compare(_) | Self::Front(_) | Self::Serve(_)
        )
    }
}

/// The exit code of a program that a signal ended, as shells have it for Ctrl-C.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    end_quietly_when_nobody_reads();
    let command = Cli::parse().command;
    if command.computes() {
        start_with_settings();
    }
    let result = match &command {
        Command::Doctor(arguments) => commands::doctor::run(arguments),
        Command::Dataset(command) => commands::dataset::run(command),
        Command::Train(arguments) => commands::train::run(arguments),
        Command::Shrink(arguments) => commands::shrink::run(arguments),
        Command::Front(arguments) => commands::front::run(arguments),
        Command::Report(arguments) => commands::report::run(arguments),
        Command::Compare(arguments) => commands::compare::run(arguments),
        Command::Export(arguments) => commands::export::run(arguments),
        Command::Adapt(arguments) => commands::adapt::run(arguments),
        Command::Evaluate(arguments) => commands::evaluate::run(arguments),
        Command::Serve(arguments) => commands::serve::run(arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("host-trainer: {error:#}");
            let interrupted = matches!(
                error.downcast_ref(),
                Some(train::TrainError::Interrupted { .. })
            );
            ExitCode::from(match () {
                () if error.is::<Usage>() => 2,
                () if interrupted => INTERRUPTED,
                () => 1,
            })
        }
    }
}

/// What OpenMP and the C library read when they are loaded, before any code of ours. OpenMP's idle
/// threads spin while they wait, which beside other work on the same processors makes everything
/// many times slower. The C library gives each large tensor's memory back to the kernel and has it
/// cleared anew for the next one: keeping it makes training on a processor 1.1 (MobileNetV3-small)
/// to 1.4 times (EfficientNet-Lite0) as fast. Another C library than glibc reads nothing of it.
const LOADER_SETTINGS: [(&str, &str); 2] = [
    ("OMP_WAIT_POLICY", "passive"),
    (
        "GLIBC_TUNABLES",
        "glibc.malloc.mmap_threshold=1073741824:glibc.malloc.trim_threshold=8589934592",
    ),
];

/// Starts this program itself again with those of the settings that the user has not made.
fn start_with_settings() {
    let missing = || {
        let settings = LOADER_SETTINGS.into_iter();
        settings.filter(|(name, _)| env::var_os(name).is_none())
    };
    if missing().next().is_some() {
        let mut arguments = env::args_os();
        let name = arguments.next().unwrap_or_else(|| "host-trainer".into());
        // It returns only when it failed, and then all is as it was, only slower.
        let _ = process::Command::new("/proc/self/exe")
            .arg0(name)
            .args(arguments)
            .envs(missing())
            .exec();
    }
}

/// Rust programs ignore SIGPIPE and then panic when `| head` closes the pipe; like any other
/// command, this one ends.
fn end_quietly_when_nobody_reads() {
    // SAFETY: sets a signal's disposition to the system's default before any thread starts.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}
