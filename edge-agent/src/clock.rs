//! Pace: holds recorded frames back until their time has come. The only place that waits and
//! the only one that reads a clock for it.

use std::time::{Duration, Instant};

use crate::lifecycle::Stop;

/// Longest sleep in one piece, so that a stop is noticed soon.
const NAP: Duration = Duration::from_millis(50);

/// Plays a source's own times against the monotonic clock.
#[derive(Debug, Default)]
pub struct Pace {
    start: Option<(Instant, u64)>,
}

impl Pace {
    /// Sleeps until `t_ms` has come, counted from the first call; returns early on a stop.
    pub fn wait_for(&mut self, t_ms: u64, stop: &Stop) {
        let (begun, first_ms) = *self.start.get_or_insert_with(|| (Instant::now(), t_ms));
        let due = Duration::from_millis(t_ms.saturating_sub(first_ms));
        while !stop.requested() {
            let left = due.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(NAP));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_held_back_until_their_time() {
        let mut pace = Pace::default();
        let begun = Instant::now();
        pace.wait_for(5000, &Stop::default());
        assert!(begun.elapsed() < Duration::from_millis(50));
        pace.wait_for(5080, &Stop::default());
        assert!(begun.elapsed() >= Duration::from_millis(80));
    }
}
