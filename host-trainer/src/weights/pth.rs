//! Files of `torch.save` that hold a state dict: torchvision's published weights, and what
//! training scripts write. Both of torch's formats; nothing in them is executed.

mod archive;
mod legacy;
mod objects;
mod pickle;
mod state_dict;
mod tensor;

use std::io::{Read, Seek};

use super::Weights;

/// Longest file in the old format, in bytes; it is read as a whole.
const LONGEST_LEGACY: u64 = 1 << 30;

/// Which of torch's formats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Format {
    /// A zip archive: torch 1.6 and later.
    Archive,
    /// Pickles and numbers in a row: before.
    Legacy,
}

impl Format {
    /// The format that a file starts like.
    pub(super) fn of(start: &[u8]) -> Option<Self> {
        if start.starts_with(b"PK\x03\x04") {
            return Some(Self::Archive);
        }
        start.starts_with(legacy::MAGIC).then_some(Self::Legacy)
    }
}

/// Reads the arrays of a state dict; 64-bit integers (step counters) are left out. A wrapping
/// `{"state_dict": …}` or `{"model": …}` and the `module.` of parallel training are taken off.
pub(super) fn read(format: Format, mut reader: impl Read + Seek) -> Result<Weights, String> {
    match format {
        Format::Archive => {
            let mut archive = archive::Archive::open(reader)?;
            let (objects, root) = archive.objects()?;
            state_dict::arrays(&objects, root, &mut |storage| archive.storage(storage))
        }
        Format::Legacy => {
            let mut bytes = Vec::new();
            let length = reader
                .by_ref()
                .take(LONGEST_LEGACY + 1)
                .read_to_end(&mut bytes)
                .map_err(|error| format!("it cannot be read ({error})"))?;
            if length as u64 > LONGEST_LEGACY {
                return Err(format!("it is longer than {LONGEST_LEGACY} bytes"));
            }
            let legacy = legacy::Legacy::open(bytes)?;
            state_dict::arrays(&legacy.objects, legacy.root, &mut |storage| {
                legacy.storage(storage)
            })
        }
    }
}

#[cfg(test)]
mod tests;
