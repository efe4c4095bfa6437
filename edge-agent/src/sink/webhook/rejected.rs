//! Events that the server will never take, set aside in a file for somebody to look at. The
//! file is bounded: a full one replaces the one before it.

use std::io;
use std::path::{Path, PathBuf};

use crate::disk::Disk;

/// Size of each of the two files.
const FULL: u64 = 8 << 20;

/// See the head of this file.
#[derive(Debug)]
pub struct Rejected {
    disk: Disk,
    path: PathBuf,
    count: u64,
}

impl Rejected {
    /// Sets aside in `rejected.jsonl` of this folder.
    pub fn new(disk: Disk, folder: &Path) -> Self {
        Self {
            disk,
            path: folder.join("rejected.jsonl"),
            count: 0,
        }
    }

    /// Where they are.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many there were since the start.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Adds an event and the server's answer, and waits until the disk has it.
    pub fn add(&mut self, status: u16, event: &[u8]) -> io::Result<()> {
        let mut line = format!("{{\"status\":{status},\"event\":").into_bytes();
        line.extend_from_slice(event);
        line.extend_from_slice(b"}\n");
        let mut file = self.disk.append_to(&self.path)?;
        if file.len() + line.len() as u64 > FULL {
            let before = self.path.with_file_name("rejected-before.jsonl");
            self.disk.rename(&self.path, &before)?;
            file = self.disk.append_to(&self.path)?;
        }
        file.append(&line)?;
        file.sync()?;
        self.count += 1;
        Ok(())
    }
}
