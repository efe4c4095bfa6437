//! An event file of any content, as a power cut may leave it: its end is put in order, and what
//! is appended stands in a line of its own.

use std::fs;
use std::time::{Duration, Instant};

use super::log::{EventLog, Limits};
use crate::disk::Disk;
use crate::inputs::scratch;

const LINE: &[u8] = b"{\"sequence\":1}\n";

/// See the head of this file.
pub fn lines_input(bytes: &[u8]) {
    let path = scratch("lines").join("events.jsonl");
    let made = fs::write(&path, bytes);
    assert!(made.is_ok(), "{made:?}");
    let limits = Limits {
        file_bytes: 1 << 30,
        file_age: Duration::MAX,
        total_bytes: 1 << 31,
        sync_every: Duration::ZERO,
    };
    let mut log = EventLog::new(Disk::default(), &path, limits, |_| {});
    let appended = log.append(LINE, Instant::now());
    assert!(appended.is_ok(), "{appended:?}");
    let text = fs::read(&path).unwrap_or_default();
    let kept = text.strip_suffix(LINE);
    assert!(kept.is_some(), "the line is whole");
    let kept = kept.unwrap_or_default();
    assert!(kept.is_empty() || kept.ends_with(b"\n"));
    // Whole lines stay; of the last one all or nothing.
    let whole = bytes.iter().rposition(|byte| *byte == b'\n');
    let whole = whole.map_or(0, |at| at + 1);
    assert!(kept == &bytes[..whole] || kept.strip_suffix(b"\n") == Some(bytes));
}
