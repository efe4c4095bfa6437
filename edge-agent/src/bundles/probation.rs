//! When a new bundle has proved itself. Pure, and on the frames' own clock: time without frames
//! proves nothing.

use crate::event::Reason;

use super::BundleConfig;

/// Vehicles that are enough to judge by.
const ENOUGH: u32 = 10;
/// On a road with fewer vehicles, how many times as long is waited for them. A bundle that ran
/// for so long without an error is good: its golden pictures vouch for its answers.
const PATIENCE: u64 = 6;
/// Longest time between two frames that counts as watching.
const LONGEST_STEP_MS: u64 = 1000;

/// A bundle's probation so far.
#[derive(Debug)]
pub struct Probation {
    needed_ms: u64,
    max_unknown_share: f32,
    watched_ms: u64,
    last_t_ms: Option<u64>,
    named: u32,
    unsure: u32,
}

/// How a probation ends.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The bundle is good.
    Good,
    /// It is not, for this reason.
    Bad(String),
}

impl Probation {
    /// A probation that begins now.
    pub fn new(config: &BundleConfig) -> Self {
        Self {
            needed_ms: u64::from(config.probation_minutes) * 60_000,
            max_unknown_share: config.max_unknown_share,
            watched_ms: 0,
            last_t_ms: None,
            named: 0,
            unsure: 0,
        }
    }

    /// A frame was seen at this time.
    pub fn frame(&mut self, t_ms: u64) {
        let last = self.last_t_ms.replace(t_ms).unwrap_or(t_ms);
        self.watched_ms += t_ms.saturating_sub(last).min(LONGEST_STEP_MS);
    }

    /// A vehicle was classified. Only what the network says counts: a vehicle that was too
    /// small or too dark is not the bundle's fault.
    pub fn vehicle(&mut self, reason: Option<&Reason>) {
        match reason {
            None => self.named += 1,
            Some(Reason::Unsure | Reason::Disagree | Reason::Failed) => self.unsure += 1,
            Some(_) => {}
        }
    }

    /// The verdict, once there is one.
    pub fn verdict(&self) -> Option<Verdict> {
        let vehicles = self.named + self.unsure;
        if self.last_t_ms.is_none() || self.watched_ms < self.needed_ms {
            return None;
        }
        if vehicles < ENOUGH {
            return (self.watched_ms >= PATIENCE * self.needed_ms.max(1)).then_some(Verdict::Good);
        }
        let share = self.unsure as f32 / vehicles as f32;
        Some(if share > self.max_unknown_share {
            Verdict::Bad(format!(
                "it had no colour for {} of {vehicles} vehicles",
                self.unsure
            ))
        } else {
            Verdict::Good
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(minutes: u64, named: u32, unsure: u32, small: u32) -> Option<Verdict> {
        let mut probation = Probation::new(&BundleConfig::default());
        for t_ms in (0..=minutes * 60_000).step_by(500) {
            probation.frame(t_ms);
        }
        (0..named).for_each(|_| probation.vehicle(None));
        (0..unsure).for_each(|_| probation.vehicle(Some(&Reason::Unsure)));
        (0..small).for_each(|_| probation.vehicle(Some(&Reason::Small)));
        probation.verdict()
    }

    #[test]
    fn verdicts() {
        let bad = |text: &str| Some(Verdict::Bad(text.into()));
        for (minutes, named, unsure, small, expected) in [
            (0, 0, 0, 0, None),
            (9, 50, 0, 0, None),
            (9, 0, 50, 0, None),
            (10, 10, 0, 0, Some(Verdict::Good)),
            (10, 9, 0, 0, None),
            (10, 2, 8, 0, Some(Verdict::Good)),
            (10, 1, 9, 0, bad("it had no colour for 9 of 10 vehicles")),
            (10, 0, 0, 50, None),
            (59, 0, 0, 0, None),
            (60, 0, 0, 0, Some(Verdict::Good)),
            (60, 0, 9, 0, Some(Verdict::Good)),
        ] {
            assert_eq!(
                after(minutes, named, unsure, small),
                expected,
                "{minutes} {named} {unsure} {small}"
            );
        }
    }

    #[test]
    fn time_without_frames_proves_nothing() {
        let mut probation = Probation::new(&BundleConfig::default());
        (0..20).for_each(|_| probation.vehicle(None));
        assert_eq!(probation.verdict(), None);
        for t_ms in [0, 3_600_000, 7_200_000, 1000] {
            probation.frame(t_ms);
            assert_eq!(probation.verdict(), None);
        }
    }

    #[test]
    fn without_a_probation_ten_vehicles_or_some_frames_decide() {
        let config = BundleConfig {
            probation_minutes: 0,
            ..BundleConfig::default()
        };
        let mut probation = Probation::new(&config);
        assert_eq!(probation.verdict(), None);
        probation.frame(0);
        assert_eq!(probation.verdict(), None);
        probation.frame(40);
        assert_eq!(probation.verdict(), Some(Verdict::Good));
    }
}
