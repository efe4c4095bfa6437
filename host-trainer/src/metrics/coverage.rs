//! What rejecting unsure answers buys: accuracy against coverage, and a threshold to recommend.
//! Decides about no picture.

use serde::Serialize;

/// Accuracy that the answers above a recommended threshold shall have.
pub const TARGET_ACCURACY: f64 = 0.95;

/// The surest answers and how many of them are right.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CoveragePoint {
    /// Lowest confidence among them.
    pub threshold: f32,
    /// Their share of all answers, above 0 to 1.
    pub coverage: f64,
    /// Share of them that are right, 0 to 1.
    pub accuracy: f64,
}

/// Accuracy of the surest answers for every coverage there is, smallest coverage first (El-Yaniv
/// and Wiener 2010, "On the Foundations of Noise-free Selective Classification", with accuracy
/// in place of risk). Answers of equal confidence come in together. `answers` holds each
/// answer's confidence and whether it is right.
pub fn coverage_curve(answers: &[(f32, bool)]) -> Vec<CoveragePoint> {
    let mut sorted = answers.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut points = Vec::new();
    let mut right = 0usize;
    for (index, (confidence, is_right)) in sorted.iter().enumerate() {
        right += usize::from(*is_right);
        let taken = index + 1;
        if sorted.get(taken).is_none_or(|next| next.0 != *confidence) {
            points.push(CoveragePoint {
                threshold: *confidence,
                coverage: taken as f64 / sorted.len() as f64,
                accuracy: right as f64 / taken as f64,
            });
        }
    }
    points
}

/// What a threshold does: answers below it become "unknown".
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Threshold {
    /// Lowest confidence that is an answer, 0 to 1.
    pub reject_below: f32,
    /// Share of the pictures that get an answer, 0 to 1.
    pub coverage: f64,
    /// Share of those answers that are right, 0 to 1; 0 when there are none.
    pub accuracy: f64,
}

impl Threshold {
    /// Whether its answers have [`TARGET_ACCURACY`].
    pub fn reaches_target(&self) -> bool {
        self.accuracy >= TARGET_ACCURACY
    }
}

/// What `reject_below` does to these answers (confidence, right).
pub fn decided(answers: &[(f32, bool)], reject_below: f32) -> Threshold {
    let taken = answers.iter().filter(|answer| answer.0 >= reject_below);
    let (count, right) = taken.fold((0u32, 0u32), |(count, right), answer| {
        (count + 1, right + u32::from(answer.1))
    });
    Threshold {
        reject_below,
        coverage: f64::from(count) / answers.len().max(1) as f64,
        accuracy: f64::from(right) / f64::from(count.max(1)),
    }
}

/// The smallest threshold, in hundredths from 0.50, whose answers reach [`TARGET_ACCURACY`] while
/// at least half of the pictures get one. When none does, the one of them with the most accurate
/// answers, the smallest of equals. Below 0.50 the picture is more likely something else than
/// what is answered; a threshold that silences more than half of the pictures buys its accuracy
/// too dearly. 0.50 without answers.
pub fn recommend(answers: &[(f32, bool)]) -> Threshold {
    let lowest = decided(answers, 0.5);
    let mut best = lowest;
    for hundredths in 50u8..100 {
        let threshold = decided(answers, f32::from(hundredths) / 100.0);
        if threshold.coverage < 0.5 {
            break;
        }
        if threshold.reaches_target() {
            return threshold;
        }
        if threshold.accuracy > best.accuracy {
            best = threshold;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accuracy_falls_as_coverage_grows() {
        let answers = [(0.5, false), (0.9, true), (0.7, true), (0.7, false)];
        let points = coverage_curve(&answers);
        let plain: Vec<_> = points
            .iter()
            .map(|p| (p.threshold, p.coverage, p.accuracy))
            .collect();
        assert_eq!(
            plain,
            [(0.9, 0.25, 1.0), (0.7, 0.75, 2.0 / 3.0), (0.5, 1.0, 0.5)]
        );
        assert!(coverage_curve(&[]).is_empty());
    }

    /// `count` answers of this confidence of which `right` are right.
    fn answers(groups: &[(f32, usize, usize)]) -> Vec<(f32, bool)> {
        let group = |(confidence, count, right): &(f32, usize, usize)| {
            (0..*count)
                .map(|n| (*confidence, n < *right))
                .collect::<Vec<_>>()
        };
        groups.iter().flat_map(group).collect()
    }

    #[test]
    fn the_smallest_threshold_that_reaches_the_target_is_recommended() {
        for (groups, expected, coverage, accuracy) in [
            // Good enough as it is: nothing but the improbable is rejected.
            (&[(0.99, 96, 96), (0.4, 4, 0)][..], 0.50, 0.96, 1.0),
            // 96 of 100 above 0.62, 101 of 110 from 0.55.
            (
                &[(0.62, 50, 47), (0.9, 50, 49), (0.55, 10, 5)][..],
                0.56,
                100.0 / 110.0,
                0.96,
            ),
            // The target would silence three in four: the best that half of them allow.
            (
                &[(0.99, 25, 25), (0.8, 35, 28), (0.6, 40, 20)][..],
                0.61,
                0.6,
                53.0 / 60.0,
            ),
            (&[][..], 0.50, 0.0, 0.0),
        ] {
            let found = recommend(&answers(groups));
            assert_eq!(found.reject_below, expected, "{groups:?}");
            assert!((found.coverage - coverage).abs() < 1e-9, "{found:?}");
            assert!((found.accuracy - accuracy).abs() < 1e-9, "{found:?}");
            assert_eq!(found.reaches_target(), accuracy >= 0.95);
        }
    }
}
