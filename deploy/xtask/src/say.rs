//! What the user reads: one line before a step (what, why), one after (how long).
//! Plain text on stdout, no colours, no cursor movement.

use std::time::{Duration, Instant};

/// A step under way; `done` prints the time it took.
pub struct Step {
    name: &'static str,
    start: Instant,
}

/// Says what is about to run and why.
pub fn begin(name: &'static str, what: &str) -> Step {
    line(name, what);
    Step {
        name,
        start: Instant::now(),
    }
}

/// One line about a step that needs no work.
pub fn line(name: &str, what: &str) {
    println!("{name:<10} {what}");
}

impl Step {
    /// Says that the step is done, and the time it took.
    pub fn done(self) {
        line(
            self.name,
            &format!("done in {}", duration(self.start.elapsed())),
        );
    }
}

/// A duration as people say it: `0.4 s`, `12 s`, `3 min 05 s`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 9.95 {
        format!("{seconds:.1} s")
    } else if seconds < 119.5 {
        format!("{seconds:.0} s")
    } else {
        let whole = seconds.round() as u64;
        format!("{} min {:02} s", whole / 60, whole % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        for (milliseconds, text) in [
            (0, "0.0 s"),
            (420, "0.4 s"),
            (12_300, "12 s"),
            (119_400, "119 s"),
            (119_600, "2 min 00 s"),
            (185_000, "3 min 05 s"),
        ] {
            assert_eq!(duration(Duration::from_millis(milliseconds)), text);
        }
    }
}
