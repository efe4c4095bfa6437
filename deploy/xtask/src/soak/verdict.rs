//! Whether memory and descriptors stay flat: a line through the samples after a warm-up, and
//! limits. Pure.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;

use anyhow::{Context, Result};

use super::samples::Sample;

/// Most that resident memory may rise in a simulated day.
const RISE_MIB_A_DAY: f64 = 1.0;
/// What it may rise at least, however short the run: it comes and goes in steps of that size.
const STEP_MIB: f64 = 0.25;
/// This part of the run is warm-up, such as the page's memory of its last events.
const WARM_UP_SHARE: f64 = 0.125;
/// Descriptors come and go with connections; their usual number changes by no more.
const DESCRIPTORS: f64 = 1.0;

/// A straight line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Its value at hour 0.
    pub at_zero: f64,
    /// Its rise in an hour.
    pub an_hour: f64,
    /// Standard error of that rise.
    pub error: f64,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The line through resident memory, MiB.
    pub memory: Line,
    /// The hours that count.
    pub hours: RangeInclusive<f64>,
    /// Medians of the first and of the last quarter of the hours that count.
    descriptors: (f64, f64),
    threads: (f64, f64),
    told: usize,
    missing: usize,
}

impl Verdict {
    /// Judges the samples, and whether the peer has each event that was told.
    pub fn of(samples: &[Sample], told: BTreeSet<String>, taken: BTreeSet<String>) -> Result<Self> {
        let last = samples.last().map_or(0.0, |sample| sample.hours);
        let from = last * WARM_UP_SHARE;
        let counted = samples.iter().filter(|sample| sample.hours >= from);
        let counted: Vec<Sample> = counted.cloned().collect();
        let memory: Vec<(f64, f64)> = counted
            .iter()
            .map(|sample| (sample.hours, sample.resident_kib as f64 / 1024.0))
            .collect();
        Ok(Self {
            memory: fit(&memory).context("the agent ended before it was sampled often enough")?,
            hours: from..=last,
            descriptors: ends(&counted, |sample| sample.descriptors),
            threads: ends(&counted, |sample| sample.threads),
            missing: told.difference(&taken).count(),
            told: told.len(),
        })
    }

    /// Whether all limits are kept.
    pub fn is_good(&self) -> bool {
        let flat = |(first, last): (f64, f64)| last - first <= DESCRIPTORS;
        self.memory_is_flat()
            && flat(self.descriptors)
            && flat(self.threads)
            && self.missing == 0
            && self.told > 0
    }

    fn memory_is_flat(&self) -> bool {
        let days = (self.hours.end() - self.hours.start()) / 24.0;
        self.memory.an_hour * 24.0 * days <= (RISE_MIB_A_DAY * days).max(STEP_MIB)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (self.hours.start(), self.hours.end());
        let at = |hours: f64| self.memory.at_zero + self.memory.an_hour * hours;
        writeln!(
            f,
            "memory      {:.1} MiB after {from:.1} h, {:.1} MiB after {to:.1} h: {:+.2} ± {:.2} MiB \
             a day (limit {RISE_MIB_A_DAY}, or {STEP_MIB} in all)",
            at(*from),
            at(*to),
            self.memory.an_hour * 24.0,
            self.memory.error * 24.0
        )?;
        let (first, last) = self.descriptors;
        writeln!(f, "descriptors {first} at first, {last} at last")?;
        let (first, last) = self.threads;
        writeln!(f, "threads     {first} at first, {last} at last")?;
        writeln!(
            f,
            "events      {} told, {} of them not at the webhook",
            self.told, self.missing
        )?;
        write!(
            f,
            "verdict     {}",
            if self.is_good() { "flat" } else { "NOT FLAT" }
        )
    }
}

/// The line of least squares; the error is that of independent points.
fn fit(points: &[(f64, f64)]) -> Option<Line> {
    let count = points.len() as f64;
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (mean_x, mean_y) = (mean(&|point| point.0), mean(&|point| point.1));
    let spread = mean(&|point| (point.0 - mean_x).powi(2));
    let joint = mean(&|point| (point.0 - mean_x) * (point.1 - mean_y));
    let an_hour = joint / spread;
    let at_zero = mean_y - an_hour * mean_x;
    let left = mean(&|point| (point.1 - at_zero - an_hour * point.0).powi(2));
    (points.len() > 2 && an_hour.is_finite()).then_some(Line {
        at_zero,
        an_hour,
        error: (left / spread / (count - 2.0)).sqrt(),
    })
}

/// Medians of the first and the last quarter.
fn ends(samples: &[Sample], of: fn(&Sample) -> u64) -> (f64, f64) {
    let quarter = samples.len().div_ceil(4);
    let median = |part: &[Sample]| {
        let mut numbers: Vec<u64> = part.iter().map(of).collect();
        numbers.sort_unstable();
        numbers
            .get(numbers.len() / 2)
            .map_or(0.0, |number| *number as f64)
    };
    (
        median(&samples[..quarter]),
        median(&samples[samples.len() - quarter..]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A day in which memory and descriptors grow by so much, after a warm-up that grows fast.
    fn day(mib: f64, descriptors: f64) -> Vec<Sample> {
        (0..240)
            .map(|tenth| {
                let hours = f64::from(tenth) / 10.0;
                let warm = hours.min(2.0) * 5.0;
                let jitter = f64::from(tenth % 3) * 0.1;
                Sample {
                    hours,
                    resident_kib: ((30.0 + warm + jitter + mib * hours / 24.0) * 1024.0) as u64,
                    descriptors: (20.0 + descriptors * hours / 24.0) as u64,
                    threads: 7,
                    ..Sample::default()
                }
            })
            .collect()
    }

    fn good(samples: &[Sample]) -> bool {
        let told = BTreeSet::from(["a".to_string()]);
        Verdict::of(samples, told.clone(), told).unwrap().is_good()
    }

    #[test]
    fn what_grows_is_found_whatever_the_warm_up_did() {
        assert!(good(&day(0.0, 0.0)));
        assert!(good(&day(0.8, 0.0)));
        assert!(!good(&day(1.5, 0.0)));
        assert!(good(&day(0.0, 1.0)));
        assert!(!good(&day(0.0, 5.0)));
        let hour = &day(1.5, 0.0)[100..110];
        assert!(good(hour), "a step within an hour is no slope");
    }

    #[test]
    fn a_lost_event_is_told() {
        let told = BTreeSet::from(["a".to_string(), "b".to_string()]);
        let taken = BTreeSet::from(["a".to_string(), "c".to_string()]);
        let verdict = Verdict::of(&day(0.0, 0.0), told, taken).unwrap();
        assert!(!verdict.is_good());
        let text = verdict.to_string();
        assert!(
            text.contains("2 told, 1 of them not at the webhook"),
            "{text}"
        );
        assert!(text.ends_with("NOT FLAT"), "{text}");
    }

    #[test]
    fn too_few_samples_are_no_verdict() {
        let told = BTreeSet::new();
        assert!(Verdict::of(&[], told.clone(), told.clone()).is_err());
        assert!(Verdict::of(&day(0.0, 0.0)[..2], told.clone(), told).is_err());
    }

    #[test]
    fn a_line_goes_through_its_points() {
        let line = fit(&[(1.0, 5.0), (2.0, 7.0), (3.0, 9.0)]).unwrap();
        assert_eq!((line.at_zero, line.an_hour, line.error), (3.0, 2.0, 0.0));
        // By hand: residuals 1, -2, 1 around 2 x + 3, spread 2/3.
        let line = fit(&[(1.0, 6.0), (2.0, 5.0), (3.0, 10.0)]).unwrap();
        assert!((line.error - 3.0_f64.sqrt()).abs() < 1e-9, "{line:?}");
    }
}
