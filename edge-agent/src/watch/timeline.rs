//! One line of numbers and times over all openings of a source: numbers count on, times only
//! rise, whatever a source or a clock does.

use std::time::Duration;

/// Where a frame stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its number since the watch began.
    pub index: u64,
    /// Its time, later than that of the frame before.
    pub t_ms: u64,
    /// Numbers between it and the frame before: frames that the source never gave.
    pub skipped: u64,
}

/// Turns each opening's numbers and times into those of the whole watch.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// The number of the opening's frame 0.
    base: u64,
    /// The next number.
    next: u64,
    /// What is added to this opening's times.
    shift_ms: u64,
    /// The last frame's time, and when it was placed.
    last: Option<(u64, Duration)>,
    reopened: bool,
}

impl Timeline {
    /// From here on, frames come from a source that was opened again.
    pub fn reopened(&mut self) {
        self.base = self.next;
        self.reopened = true;
    }

    /// The newest frame's time; 0 before the first one.
    pub fn newest_ms(&self) -> u64 {
        self.last.map_or(0, |(t_ms, _)| t_ms)
    }

    /// The time that a frame would have that came `now`.
    pub fn by_now_ms(&self, now: Duration) -> u64 {
        let (t_ms, placed) = self.last.unwrap_or((0, now));
        t_ms + now.saturating_sub(placed).as_millis() as u64
    }

    /// A frame of the present opening was dropped; how many before it never came.
    pub fn drop(&mut self, index: u64) -> u64 {
        let index = self.base + index;
        let skipped = index.saturating_sub(self.next);
        self.next = self.next.max(index + 1);
        skipped
    }

    /// The place of a frame of the present opening, handed on at `now`.
    pub fn place(&mut self, index: u64, t_ms: u64, now: Duration) -> Place {
        let skipped = self.drop(index);
        let Some((last_ms, last_at)) = self.last else {
            self.last = Some((t_ms, now));
            self.reopened = false;
            return Place {
                index: self.next - 1,
                t_ms,
                skipped,
            };
        };
        if std::mem::take(&mut self.reopened) {
            // A source that begins anew at 0 goes on where the clock says it is by now.
            let gone_ms = now.saturating_sub(last_at).as_millis() as u64;
            self.shift_ms = if t_ms > last_ms {
                0
            } else {
                last_ms + gone_ms.max(1) - t_ms
            };
        }
        let t_ms = (t_ms + self.shift_ms).max(last_ms + 1);
        self.last = Some((t_ms, now));
        Place {
            index: self.next - 1,
            t_ms,
            skipped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn place(index: u64, t_ms: u64, skipped: u64) -> Place {
        Place {
            index,
            t_ms,
            skipped,
        }
    }

    #[test]
    fn a_source_that_was_never_lost_keeps_its_own() {
        let mut line = Timeline::default();
        assert_eq!(line.place(0, 0, at(9)), place(0, 0, 0));
        assert_eq!(line.place(1, 40, at(9)), place(1, 40, 0));
        assert_eq!(line.drop(2), 0);
        assert_eq!(line.place(3, 120, at(9)), place(3, 120, 0));
        // Two frames that the camera counted and never gave.
        assert_eq!(line.place(6, 240, at(9)), place(6, 240, 2));
    }

    #[test]
    fn numbers_count_on_and_times_rise_over_openings() {
        let mut line = Timeline::default();
        line.place(0, 1000, at(1000));
        line.place(1, 1040, at(1040));
        line.reopened();
        // The same clock as before.
        assert_eq!(line.place(0, 3100, at(3100)), place(2, 3100, 0));
        line.reopened();
        // A clock that began anew: 2900 ms passed since the last frame.
        assert_eq!(line.place(0, 0, at(6000)), place(3, 6000, 0));
        assert_eq!(line.place(1, 40, at(6040)), place(4, 6040, 0));
    }

    #[test]
    fn time_goes_on_while_no_frame_comes() {
        let mut line = Timeline::default();
        assert_eq!((line.newest_ms(), line.by_now_ms(at(70))), (0, 0));
        line.place(0, 1000, at(1005));
        assert_eq!((line.newest_ms(), line.by_now_ms(at(3105))), (1000, 3100));
    }

    #[test]
    fn a_clock_that_goes_back_or_stands_still_does_not_take_time_with_it() {
        let mut line = Timeline::default();
        line.place(0, 500, at(0));
        assert_eq!(line.place(1, 500, at(1)), place(1, 501, 0));
        assert_eq!(line.place(2, 3, at(2)), place(2, 502, 0));
        assert_eq!(line.place(3, 540, at(3)), place(3, 540, 0));
    }
}
