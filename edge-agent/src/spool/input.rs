//! A spool's folder of any content, as a power cut or a failing card may leave it: it opens,
//! gives out what it has in order, and works on.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Limits, Spool, cursor, segment};
use crate::disk::Disk;
use crate::inputs::{Dish, scratch};

/// Small, so that a few records fill segments and spool.
const LIMITS: Limits = Limits {
    total_bytes: 2048,
    sync_every: Duration::ZERO,
    cursor_every: Duration::ZERO,
};
const MOST_SEGMENTS: usize = 8;
const APPENDED: u64 = 12;

/// The cursor (whether there is one and whether its checksum is right, 1 byte; number, 8 bytes)
/// stands before the segments, each: first number (8 bytes), whether the rest is records to be
/// encoded, of one length byte each (1 byte), how much it is (2 bytes), and that.
pub fn spool(bytes: &[u8]) {
    let folder = scratch("spool");
    let made = fill(&folder, Dish(bytes));
    assert!(made.is_ok(), "{made:?}");
    let Ok(mut spool) = Spool::open(&Disk::default(), &folder, LIMITS) else {
        return;
    };
    let next = spool.next;
    if next > segment::GREATEST - APPENDED {
        return; // No agent gets there; see `GREATEST`.
    }
    let old = drain(&mut spool);
    spool.rewind();
    let record = |number: u64| format!("record {number}").into_bytes();
    for number in 0..APPENDED {
        spool.append(&record(number), Instant::now());
    }
    let new = drain(&mut spool);
    let kept = spool.counts().waiting;
    assert!(new.len() as u64 >= APPENDED.min(kept));
    let last = new.last();
    assert_eq!(last, Some(&(next + APPENDED - 1, record(APPENDED - 1))));
    // What was there before is what was read before.
    for found in new.iter().filter(|found| found.0 < next) {
        assert!(old.contains(found), "{found:?} is new beside {old:?}");
    }
    let finished = spool.finish(Instant::now());
    assert!(finished.is_ok(), "{finished:?}");
    drop(spool);
    let spool = Spool::open(&Disk::default(), &folder, LIMITS);
    let Ok(mut spool) = spool else {
        assert!(spool.is_ok(), "{spool:?}");
        return;
    };
    assert_eq!(spool.next, next + APPENDED);
    let again = drain(&mut spool);
    assert_eq!(again, new);
    for (number, _) in again {
        spool.acknowledge(number);
    }
    assert_eq!(spool.counts().waiting, 0);
}

/// Everything that waits; its numbers rise.
fn drain(spool: &mut Spool) -> Vec<(u64, Vec<u8>)> {
    let found: Vec<_> = std::iter::from_fn(|| spool.next()).collect();
    assert!(found.is_sorted_by(|a, b| a.0 < b.0));
    found
}

fn fill(folder: &Path, mut dish: Dish<'_>) -> std::io::Result<()> {
    let kind = dish.number(1);
    let number = dish.number(8);
    let mut written = cursor::format(number).to_vec();
    written[11] ^= (kind >> 1 & 1) as u8;
    if kind & 1 == 1 {
        fs::write(folder.join("cursor"), written)?;
    }
    for _ in 0..MOST_SEGMENTS {
        if dish.0.is_empty() {
            break;
        }
        let first = dish.number(8);
        let encoded = dish.number(1) & 1 == 1;
        let length = dish.number(2) as usize;
        let mut content = dish.bytes(length);
        let mut text = Vec::new();
        let mut number = first;
        while encoded && let Some((length, rest)) = content.split_first() {
            let (record, rest) = rest.split_at(usize::from(*length).min(rest.len()));
            text.extend(segment::encode(number, record)?);
            number = number.wrapping_add(1);
            content = rest;
        }
        text.extend_from_slice(content);
        fs::write(segment::path(folder, first), text)?;
    }
    Ok(())
}
