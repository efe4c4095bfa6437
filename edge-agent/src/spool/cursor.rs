//! The file that says which records are still needed. A number and its checksum, written over
//! in place; one that does not check says 0: records are then delivered again.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use super::segment::GREATEST;
use crate::disk::Disk;

/// See the head of this file.
#[derive(Debug)]
pub struct Cursor {
    disk: Disk,
    file: File,
    written: u64,
    /// When the number in the file was last known to be right, or first known to be wrong.
    right_at: Option<Instant>,
}

impl Cursor {
    /// Opens the file; makes it when it is missing.
    pub fn open(disk: &Disk, path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        let mut bytes = [0; 12];
        let written = match disk.read_at(&file, &mut bytes, 0) {
            Ok(()) => parse(bytes).unwrap_or(0),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
            // Taken for 0, it would give numbers again that the file still calls forgotten.
            Err(error) => return Err(error),
        };
        Ok(Self {
            disk: disk.clone(),
            file,
            written,
            right_at: None,
        })
    }

    /// The number in the file.
    pub fn value(&self) -> u64 {
        self.written
    }

    /// Writes the number when it is late enough; says when to ask again.
    pub fn tend(
        &mut self,
        value: u64,
        now: Instant,
        every: Duration,
    ) -> io::Result<Option<Duration>> {
        if value == self.written {
            self.right_at = Some(now);
            return Ok(None);
        }
        // It may have become wrong at any time since it was right.
        let since = *self.right_at.get_or_insert(now);
        let late = now.saturating_duration_since(since);
        if late < every {
            return Ok(Some(every - late));
        }
        self.disk.overwrite(&self.file, &format(value))?;
        self.written = value;
        self.right_at = Some(now);
        Ok(None)
    }
}

/// The number as it stands in the file.
pub fn format(value: u64) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&value.to_le_bytes());
    let sum = crc32c::crc32c(&bytes[..8]);
    bytes[8..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

fn parse(bytes: [u8; 12]) -> Option<u64> {
    let (value, _) = bytes.split_first_chunk::<8>()?;
    let value = u64::from_le_bytes(*value);
    (format(value) == bytes && value <= GREATEST).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_number_is_not_believed() {
        let good = format(86_400);
        assert_eq!(parse(good), Some(86_400));
        for at in 0..12 {
            let mut bad = good;
            bad[at] ^= 4;
            assert_eq!(parse(bad), None);
        }
        assert_eq!(parse(format(GREATEST + 1)), None);
        // A file of zeros is what a power cut may leave.
        assert_eq!(parse([0; 12]).unwrap_or(0), 0);
    }

    #[test]
    fn it_is_written_late_and_rarely() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cursor");
        let disk = Disk::default();
        let mut cursor = Cursor::open(&disk, &path).unwrap();
        let every = Duration::from_secs(5);
        let start = Instant::now();
        let mut next = Some(start);
        for ms in (0..60_000).step_by(100) {
            let now = start + Duration::from_millis(ms);
            if next.is_some_and(|at| at <= now) {
                let wait = cursor.tend(ms / 100 + 1, now, every).unwrap();
                next = Some(now + wait.unwrap_or(Duration::from_millis(100)));
            }
        }
        let writes = disk.wear().bytes() / 12;
        assert!((10..=12).contains(&writes), "{writes}");
        assert!(Cursor::open(&disk, &path).unwrap().value() > 500);
    }
}
