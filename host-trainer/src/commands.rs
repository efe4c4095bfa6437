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

use std::path::Path;

use anyhow::bail;
use models::{Bundle, PictureError};

use crate::arch::Variant;
use crate::unpack;
use crate::weights::pretrained::{self, Pretrained, PretrainedError};

/// Misuse of the command line: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Marks an error as misuse.
pub fn usage(error: impl std::fmt::Display) -> anyhow::Error {
    Usage(error.to_string()).into()
}

/// The weights that `--pretrained` names: imagenet, a file, a bundle's folder, or none.
pub fn pretrained(name: &str, variant: Variant) -> anyhow::Result<Option<Pretrained>> {
    if let Some(folder) = bundle_folder(name) {
        return bundled(folder, variant).map(Some).map_err(usage);
    }
    pretrained::resolve(name, variant).map_err(|error| match error {
        PretrainedError::Weights(error) => usage(error),
        error @ PretrainedError::Unpublished(_) => usage(error),
        error => error.into(),
    })
}

/// The bundle's folder that `--pretrained` names, if it names one. The two words are no folders,
/// whatever lies in the working directory: `./none` is.
pub fn bundle_folder(name: &str) -> Option<&Path> {
    let word = matches!(name, "imagenet" | "none");
    Some(Path::new(name)).filter(|path| !word && path.is_dir())
}

fn bundled(folder: &Path, variant: Variant) -> anyhow::Result<Pretrained> {
    let bundle = Bundle::open(folder)?;
    let (arch, weights) = unpack::network(&bundle)?;
    if arch.variant != variant {
        bail!(
            "{}: its network is a {}; --model is {}",
            folder.display(),
            arch.variant.architecture(),
            variant.architecture()
        );
    }
    Ok(Pretrained {
        weights,
        labels: Some(bundle.manifest().labels.clone()),
        origin: format!("{} {}", bundle.manifest().name, bundle.id()),
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
