//! How long the stages of frames take, counted in buckets as Prometheus wants them. Written by
//! one thread and read by another without a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::laps::Stage;

/// Upper ends of the buckets, microseconds; above the last there is one more.
pub const ENDS_US: [u64; 11] = [
    500, 1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 125_000, 250_000, 1_000_000,
];

/// Times of one stage.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; ENDS_US.len() + 1],
    sum_ns: AtomicU64,
}

impl Histogram {
    /// Takes a time.
    pub fn add(&self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let index = ENDS_US.iter().position(|end| us <= *end);
        let bucket = &self.buckets[index.unwrap_or(ENDS_US.len())];
        bucket.fetch_add(1, Ordering::Relaxed);
        let ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.sum_ns.fetch_add(ns, Ordering::Relaxed);
    }

    /// Times up to each bucket's end, the last for all times; and their sum in seconds.
    pub fn cumulative(&self) -> ([u64; ENDS_US.len() + 1], f64) {
        let mut so_far = 0;
        let mut counts = [0; ENDS_US.len() + 1];
        for (count, bucket) in counts.iter_mut().zip(&self.buckets) {
            so_far += bucket.load(Ordering::Relaxed);
            *count = so_far;
        }
        (counts, self.sum_ns.load(Ordering::Relaxed) as f64 / 1e9)
    }
}

/// Times of all stages.
#[derive(Debug, Default)]
pub struct Times([Histogram; Stage::ALL.len()]);

impl Times {
    /// Those of one stage.
    pub fn of(&self, stage: Stage) -> &Histogram {
        &self.0[stage as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_is_in_its_bucket_and_in_those_above() {
        let times = Times::default();
        for us in [500, 501, 3000, 9_000_000] {
            times.of(Stage::Gate).add(Duration::from_micros(us));
        }
        let (counts, sum) = times.of(Stage::Gate).cumulative();
        assert_eq!(counts, [1, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 4]);
        assert!((sum - 9.004_001).abs() < 1e-9);
        assert_eq!(times.of(Stage::Decode).cumulative().0[11], 0);
    }
}
