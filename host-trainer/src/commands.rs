//! The commands: each file holds a command's arguments and its `run`.

pub mod adapt;
pub mod compare;
pub mod dataset;
pub mod doctor;
pub mod evaluate;
pub mod export;
pub mod front;
pub mod report;
pub mod serve;
pub mod shrink;
pub mod train;

use models::PictureError;

use crate::arch::Variant;
use crate::weights::pretrained::{self, Pretrained, PretrainedError};

/// Misuse of the command line: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Marks an error as misuse.
pub fn usage(error: impl std::fmt::Display) -> anyhow::Error {
    Usage(error.to_string()).into()
}

/// The weights that `--pretrained` names: imagenet, a file, or none.
pub fn pretrained(name: &str, variant: Variant) -> anyhow::Result<Option<Pretrained>> {
    pretrained::resolve(name, variant).map_err(|error| match error {
        PretrainedError::Weights(error) => usage(error),
        error => error.into(),
    })
}

/// Threads for decoding and augmentation: one for each processor.
pub fn default_workers() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get())
}

/// A line for each of the first ten pictures that could not be read, and how many more.
pub fn report_unreadable(errors: &[PictureError]) {
    for error in errors.iter().take(10) {
        eprintln!("skipped: {error}");
    }
    if errors.len() > 10 {
        eprintln!(
            "skipped: {} more pictures that cannot be read",
            errors.len() - 10
        );
    }
}
