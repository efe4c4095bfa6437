//! `host-trainer dataset`: what can be said of a folder of pictures before training.

pub mod check;
pub mod split;

/// Check a folder of labelled pictures, or divide one into training, validation and test.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    Check(check::Arguments),
    Split(split::Arguments),
}

/// Runs the command.
pub fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Check(arguments) => check::run(arguments),
        Command::Split(arguments) => split::run(arguments),
    }
}
