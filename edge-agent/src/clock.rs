//! Time: a monotonic clock that tests can replace, and the pace that holds recorded frames back
//! until their time has come. The only place that sleeps.

use std::time::Duration;

use crate::lifecycle::Stop;

/// Longest sleep in one piece, so that a stop is noticed soon.
const NAP: Duration = Duration::from_millis(50);
/// Longest wait for a frame's time in one piece: the watchdog wants a word meanwhile.
const PIECE: Duration = Duration::from_secs(1);

/// Tells the time since some fixed moment, and lets it pass.
pub trait Clock {
    /// The time now; it never goes back.
    fn now(&self) -> Duration;

    /// Waits.
    fn sleep(&self, time: Duration);

    /// Waits until `due`; returns early on a stop.
    fn sleep_until(&self, due: Duration, stop: &Stop) {
        while !stop.requested() {
            let left = due.saturating_sub(self.now());
            if left.is_zero() {
                return;
            }
            self.sleep(left.min(NAP));
        }
    }
}

/// The kernel's monotonic clock, by which drivers stamp frames: it counts from the start of the
/// machine, and setting the wall clock does not move it.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        read(libc::CLOCK_MONOTONIC)
    }

    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

/// The time that a processor has spent on this thread: it stands still while the thread sleeps or
/// others have the processor.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessorClock;

impl Clock for ProcessorClock {
    fn now(&self) -> Duration {
        read(libc::CLOCK_THREAD_CPUTIME_ID)
    }

    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

fn read(clock: libc::clockid_t) -> Duration {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the kernel writes one `timespec`. Both clocks exist on every Linux.
    unsafe { libc::clock_gettime(clock, &raw mut now) };
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Plays a source's own times against a clock.
#[derive(Debug, Default)]
pub struct Pace {
    start: Option<(Duration, u64)>,
}

impl Pace {
    /// Waits until `t_ms` has come, counted from the first call, or for a piece of that time;
    /// whether it has come. Returns early on a stop.
    pub fn wait_for(&mut self, t_ms: u64, clock: &dyn Clock, stop: &Stop) -> bool {
        let now = clock.now();
        let (begun, first_ms) = *self.start.get_or_insert((now, t_ms));
        let due = begun + Duration::from_millis(t_ms.saturating_sub(first_ms));
        clock.sleep_until(due.min(now + PIECE), stop);
        clock.now() >= due
    }
}

/// A clock for tests: time passes only by sleeping.
#[cfg(test)]
#[derive(Debug, Default)]
pub struct SimulatedClock(std::cell::Cell<Duration>);

#[cfg(test)]
impl Clock for SimulatedClock {
    fn now(&self) -> Duration {
        self.0.get()
    }

    fn sleep(&self, time: Duration) {
        self.0.set(self.0.get() + time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_held_back_until_their_time() {
        let clock = SimulatedClock::default();
        clock.sleep(Duration::from_secs(7));
        let mut pace = Pace::default();
        assert!(pace.wait_for(5000, &clock, &Stop::default()));
        assert_eq!(clock.now(), Duration::from_secs(7));
        assert!(pace.wait_for(5080, &clock, &Stop::default()));
        assert_eq!(clock.now(), Duration::from_millis(7080));
        // Late frames are not held back, and do not shift those after them.
        clock.sleep(Duration::from_secs(1));
        assert!(pace.wait_for(5120, &clock, &Stop::default()));
        assert_eq!(clock.now(), Duration::from_millis(8080));
        // A long wait comes in pieces.
        assert!(!pace.wait_for(7600, &clock, &Stop::default()));
        assert_eq!(clock.now(), Duration::from_millis(9080));
        assert!(pace.wait_for(7600, &clock, &Stop::default()));
        assert_eq!(clock.now(), Duration::from_millis(9600));
        let stop = Stop::default();
        stop.request();
        assert!(!pace.wait_for(7700, &clock, &stop));
        assert_eq!(clock.now(), Duration::from_millis(9600));
    }

    #[test]
    fn the_system_s_clock_goes_on() {
        let before = SystemClock.now();
        SystemClock.sleep(Duration::from_millis(2));
        assert!(SystemClock.now() >= before + Duration::from_millis(2));
    }
}
