//! What is said of a sink that fails. Words only.

use std::io;

use super::QUEUE;
use crate::disk;

/// A run of failures begins.
pub fn failed(name: &str, error: &io::Error) -> String {
    let remedy = disk::remedy(error);
    format!(
        "{name}: {error}; {remedy}; until then the last {QUEUE} events are kept in memory and \
         older ones dropped"
    )
}

/// It is over.
pub fn mended(name: &str, lost: u64) -> String {
    format!("{name}: works again; {}", cost(lost))
}

/// The sink ended before it was over; its last call may have failed as well.
pub fn ended(name: &str, why: Option<&io::Error>, lost: u64) -> String {
    let why = why.map(|error| format!("{error}; ")).unwrap_or_default();
    format!("{name}: {why}ended while it failed; {}", cost(lost))
}

fn cost(lost: u64) -> String {
    match lost {
        0 => "no event was lost".into(),
        1 => "1 event was lost".into(),
        lost => format!("{lost} events were lost"),
    }
}
