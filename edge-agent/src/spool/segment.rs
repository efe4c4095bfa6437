//! One file of records: their format, reading them in order, finding where they end.
//!
//! A record is the length of its bytes (4), a CRC-32C of its number and its bytes (4), both
//! little-endian, and the bytes.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::disk::Disk;

/// Bytes before a record's own.
const HEADER: u64 = 8;
/// Greatest number that is believed: no agent gets there, and counting on from it overflows
/// nowhere.
pub const GREATEST: u64 = 1 << 62;

/// The record as it stands in a file.
pub fn encode(number: u64, record: &[u8]) -> io::Result<Vec<u8>> {
    let length = u32::try_from(record.len())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "the record is too long"))?;
    let mut bytes = Vec::with_capacity(record.len() + 8);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&sum(number, record).to_le_bytes());
    bytes.extend_from_slice(record);
    Ok(bytes)
}

fn sum(number: u64, record: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&number.to_le_bytes()), record)
}

/// Where the file of the segment that begins with `first` is.
pub fn path(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:020}.spool"))
}

/// The number in a segment's file name.
pub fn first_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".spool")?;
    let first = digits.parse().ok().filter(|first| *first <= GREATEST)?;
    // Without this a sign would be accepted.
    let plain = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then_some(first)
}

/// Reads a segment's records in their order.
#[derive(Debug)]
pub struct Reader {
    disk: Disk,
    file: File,
    first: u64,
    number: u64,
    at: u64,
}

impl Reader {
    /// Opens the segment that begins with `first`.
    pub fn open(disk: &Disk, folder: &Path, first: u64) -> io::Result<Self> {
        Ok(Self {
            disk: disk.clone(),
            file: disk.open(&path(folder, first))?,
            first,
            number: first,
            at: 0,
        })
    }

    /// The segment's first number.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The number of the record that is read next.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Where in the file that record begins.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// The next record; none where the file ends, or holds no record.
    pub fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let left = self.file.metadata()?.len().saturating_sub(self.at);
        if left < HEADER {
            return Ok(None);
        }
        let mut header = [0; HEADER as usize];
        self.disk.read_at(&self.file, &mut header, self.at)?;
        let [a, b, c, d, e, f, g, h] = header;
        let length = u32::from_le_bytes([a, b, c, d]);
        if length == 0 || u64::from(length) > left - HEADER {
            return Ok(None);
        }
        let mut record = vec![0; length as usize];
        let at = self.at + HEADER;
        self.disk.read_at(&self.file, &mut record, at)?;
        if sum(self.number, &record) != u32::from_le_bytes([e, f, g, h]) {
            return Ok(None);
        }
        self.at += HEADER + u64::from(length);
        self.number += 1;
        Ok(Some(record))
    }
}
