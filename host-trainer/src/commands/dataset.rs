//! `host-trainer dataset`: what can be said of a folder of pictures before training.

pub mod check;
pub mod clean;
pub mod cut;
pub mod split;

use std::path::Path;

use super::usage;

/// Check, clean or divide a folder of labelled pictures, or cut pictures out of a camera's frames.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    Check(check::Arguments),
    Clean(clean::Arguments),
    Cut(cut::Arguments),
    Split(split::Arguments),
}

/// Runs the command.
pub fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Check(arguments) => check::run(arguments),
        Command::Clean(arguments) => clean::run(arguments),
        Command::Cut(arguments) => cut::run(arguments),
        Command::Split(arguments) => split::run(arguments),
    }
}

/// Refuses a file whose folder is not there before the work is done that it would hold.
fn has_folder(file: &Path) -> anyhow::Result<()> {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => Err(usage(format!(
            "cannot write {}: there is no folder {}",
            file.display(),
            folder.display()
        ))),
        _ => Ok(()),
    }
}
