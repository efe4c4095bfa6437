//! `cargo xtask bench`: this project's programs timed beside what others would use, on the
//! machine at hand.

mod agent;
mod board;
mod infer;
mod pareto;
mod profile;
mod python;
mod rates;
mod road;
mod start;
mod train;

use anyhow::Result;

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Training: pictures a second, beside torchvision's network in PyTorch
    Train(train::Arguments),
    /// The agent on this machine: frames a second on one core, stage by stage, and its memory
    Agent(agent::Arguments),
    /// The agent's instructions for each frame on emulated ARM processors
    Board(board::Arguments),
    /// The network alone on one thread, beside other runtimes, or its instructions on ARM
    Infer(infer::Arguments),
    /// How small the network may be: accuracy and cost of several widths and sizes of input
    Pareto(pareto::Arguments),
    /// The release profile beside others: size and speed
    Profile(profile::Arguments),
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.what {
        What::Train(arguments) => train::run(arguments),
        What::Agent(arguments) => agent::run(arguments),
        What::Board(arguments) => board::run(arguments),
        What::Infer(arguments) => infer::run(arguments),
        What::Pareto(arguments) => pareto::run(arguments),
        What::Profile(arguments) => profile::run(arguments),
    }
}
