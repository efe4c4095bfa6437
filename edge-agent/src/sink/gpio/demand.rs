//! What is wanted of one pin at a time: a level that stays, and reasons to be on for a while.
//! Pure; drives nothing.

use std::time::Duration;

use crate::pin::Level;

/// What is wanted of a pin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    safe: Level,
    /// The level without a reason to be on.
    resting: Level,
    pulse_until: Option<Duration>,
    hold_until: Option<Duration>,
}

impl Demand {
    /// The safe level until something else is wanted.
    pub fn new(safe: Level) -> Self {
        Self {
            safe,
            resting: safe,
            pulse_until: None,
            hold_until: None,
        }
    }

    /// On for so long, counted from the first pulse of those that overlap.
    pub fn pulse(&mut self, now: Duration, time: Duration) {
        if self.pulse_until.is_none_or(|until| until <= now) {
            self.pulse_until = Some(now + time);
        }
    }

    /// On until so long after the last such call. Of holds of different length each keeps its
    /// own promise, so the later end counts.
    pub fn hold(&mut self, now: Duration, time: Duration) {
        self.hold_until = self.hold_until.max(Some(now + time));
    }

    /// The level, from now on; what was running is over.
    pub fn set(&mut self, level: Level) {
        (self.pulse_until, self.hold_until) = (None, None);
        self.resting = level;
    }

    /// The safe level, from now on; everything wanted before is forgotten.
    pub fn make_safe(&mut self) {
        self.set(self.safe);
    }

    /// The level that is due.
    pub fn level(&self, now: Duration) -> Level {
        match self.on_until() {
            Some(until) if until > now => Level::On,
            _ => self.resting,
        }
    }

    /// When the level changes by itself next.
    pub fn due(&self, now: Duration) -> Option<Duration> {
        self.on_until().filter(|until| *until > now)
    }

    fn on_until(&self) -> Option<Duration> {
        self.pulse_until.max(self.hold_until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    enum Do {
        Pulse(u64),
        Hold(u64),
        Set(Level),
        Safe,
    }
    use Do::*;
    use Level::{Off, On};

    /// When the level changes, as (time, level), with these things done at these times.
    fn changes(safe: Level, acts: &[(u64, Do)]) -> Vec<(u64, Level)> {
        let mut demand = Demand::new(safe);
        let mut seen = vec![(0, safe)];
        for t in 0..1000 {
            for (_, act) in acts.iter().filter(|(at, _)| *at == t) {
                match act {
                    Pulse(time) => demand.pulse(ms(t), ms(*time)),
                    Hold(time) => demand.hold(ms(t), ms(*time)),
                    Set(level) => demand.set(*level),
                    Safe => demand.make_safe(),
                }
            }
            let level = demand.level(ms(t));
            if seen.last().is_some_and(|(_, last)| *last != level) {
                seen.push((t, level));
            }
            // What is announced is what happens.
            if let Some(due) = demand.due(ms(t)) {
                assert_eq!(demand.level(due - ms(1)), On);
                assert_eq!(demand.level(due), demand.resting);
            }
        }
        seen
    }

    #[test]
    fn pulses_holds_and_levels() {
        for (what, acts, expected) in [
            (
                "a pulse",
                vec![(10, Pulse(50))],
                vec![(0, Off), (10, On), (60, Off)],
            ),
            (
                "a pulse within a pulse changes nothing",
                vec![(10, Pulse(50)), (40, Pulse(50)), (59, Pulse(500))],
                vec![(0, Off), (10, On), (60, Off)],
            ),
            (
                "a pulse at the end of a pulse is a new one",
                vec![(10, Pulse(50)), (60, Pulse(50))],
                vec![(0, Off), (10, On), (110, Off)],
            ),
            (
                "a hold is made longer",
                vec![(10, Hold(50)), (40, Hold(50))],
                vec![(0, Off), (10, On), (90, Off)],
            ),
            (
                "a short hold does not end a long one",
                vec![(10, Hold(500)), (20, Hold(5))],
                vec![(0, Off), (10, On), (510, Off)],
            ),
            (
                "a pulse within a hold",
                vec![(10, Hold(50)), (20, Pulse(20)), (45, Pulse(40))],
                vec![(0, Off), (10, On), (85, Off)],
            ),
            (
                "a hold within a pulse",
                vec![(10, Pulse(100)), (20, Hold(20))],
                vec![(0, Off), (10, On), (110, Off)],
            ),
            (
                "a level stays, under pulses too",
                vec![(10, Set(On)), (20, Pulse(20)), (60, Hold(5))],
                vec![(0, Off), (10, On)],
            ),
            (
                "off is off at once, and the pulse does not come back",
                vec![(10, Pulse(100)), (20, Hold(300)), (30, Set(Off))],
                vec![(0, Off), (10, On), (30, Off)],
            ),
            (
                "on within a pulse stays",
                vec![(10, Pulse(10)), (15, Set(On)), (300, Set(Off))],
                vec![(0, Off), (10, On), (300, Off)],
            ),
            (
                "safe ends everything, and new things begin anew",
                vec![(10, Set(On)), (20, Hold(400)), (30, Safe), (50, Pulse(10))],
                vec![(0, Off), (10, On), (30, Off), (50, On), (60, Off)],
            ),
            (
                "a pulse cut off by safe can be followed by another",
                vec![(10, Pulse(100)), (20, Safe), (30, Pulse(100))],
                vec![(0, Off), (10, On), (20, Off), (30, On), (130, Off)],
            ),
        ] {
            assert_eq!(changes(Off, &acts), expected, "{what}");
        }
    }

    #[test]
    fn a_pin_that_is_safe_when_on() {
        let acts = [(10, Set(Off)), (20, Pulse(10)), (50, Safe), (70, Pulse(10))];
        let expected = [(0, On), (10, Off), (20, On), (30, Off), (50, On)];
        assert_eq!(changes(On, &acts), expected);
    }
}
