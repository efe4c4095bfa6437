//! What is worth a line in the log: a camera that sends rubbish for months must not fill a disk
//! with the news of it. No times, no output.

use std::collections::BTreeSet;
use std::fmt::Display;

/// Dropped frames that are told one by one; after that the 2nd, 4th, 8th … of as many.
const TOLD_SINGLY: u64 = 4;

/// Different lines that are remembered.
const REMEMBERED: usize = 100;

/// Remembers what was told.
#[derive(Clone, Debug, Default)]
pub struct Complaints {
    dropped: u64,
    told: BTreeSet<String>,
}

impl Complaints {
    /// The line for a dropped frame, if it deserves one.
    pub fn dropped(&mut self, error: &dyn Display) -> Option<String> {
        self.dropped += 1;
        if self.dropped <= TOLD_SINGLY {
            return Some(error.to_string());
        }
        let count = self.dropped;
        count
            .is_power_of_two()
            .then(|| format!("{error} ({count} dropped so far)"))
    }

    /// Whether this line was not told before.
    pub fn is_new(&mut self, line: &str) -> bool {
        self.told.len() < REMEMBERED && self.told.insert(line.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_dropped_frames_are_a_few_lines() {
        let mut complaints = Complaints::default();
        let lines: Vec<String> = (0..1_000_000)
            .filter_map(|_| complaints.dropped(&"bad"))
            .collect();
        assert_eq!(lines.len(), 21);
        assert_eq!(
            lines[..5],
            ["bad", "bad", "bad", "bad", "bad (8 dropped so far)"]
        );
    }

    #[test]
    fn a_line_is_told_once() {
        let mut complaints = Complaints::default();
        assert!(complaints.is_new("a") && complaints.is_new("b"));
        assert!(!complaints.is_new("a"));
    }
}
