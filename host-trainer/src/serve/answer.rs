//! What is said of one picture, with the same words as `edge-agent classify --json`.

use std::time::Instant;

use models::{Ranked, Runner, Scores, picture};
use serde::Serialize;

use super::problem::Problem;

/// The answer when no class is probable enough.
pub const UNKNOWN: &str = "unknown";

/// The answer for a picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// The best class, or `unknown`.
    pub colour: String,
    /// The best class's probability, 0 to 1, also when the answer is `unknown`.
    pub score: f32,
    /// `unsure` when the answer is `unknown`.
    pub reason: Option<&'static str>,
    /// Every class with its probability, the most probable first.
    pub ranked: Vec<Ranked>,
    /// Pixels across, upright.
    pub width: u32,
    /// Pixels down, upright.
    pub height: u32,
    /// Time for decoding and classifying.
    pub milliseconds: f64,
}

impl Answer {
    /// Decodes and classifies a picture's bytes.
    pub fn of(bytes: &[u8], runner: &mut Runner, reject_below: f32) -> Result<Self, Problem> {
        let start = Instant::now();
        let frame = picture::decode(bytes)?;
        let scores = runner
            .classify(frame.view())
            .map_err(|error| Problem::Failed(error.to_string()))?;
        let milliseconds = start.elapsed().as_secs_f64() * 1e3;
        Ok(Self {
            milliseconds: (milliseconds * 10.0).round() / 10.0,
            ..Self::new(&scores, reject_below, frame.width(), frame.height())
        })
    }

    fn new(scores: &Scores, reject_below: f32, width: u32, height: u32) -> Self {
        let best = scores.best_index();
        let score = scores.probabilities()[best];
        let sure = score >= reject_below;
        Self {
            colour: if sure {
                scores.labels()[best].clone()
            } else {
                UNKNOWN.into()
            },
            score,
            reason: (!sure).then_some("unsure"),
            ranked: scores.top(scores.labels().len()),
            width,
            height,
            milliseconds: 0.0,
        }
    }

    /// Some answer, for tests of what carries answers.
    #[cfg(test)]
    pub fn example() -> Self {
        let labels = ["blue", "red"].map(String::from).into();
        Self::new(&Scores::from_logits(labels, vec![0.0, 3.0], 1.0), 0.5, 4, 3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_the_threshold_it_is_unknown_with_all_its_numbers() {
        let labels: std::sync::Arc<[String]> = ["blue", "red"].map(String::from).into();
        let scores = Scores::from_logits(labels, vec![0.6f32.ln(), 0.4f32.ln()], 1.0);
        let answer = Answer::new(&scores, 0.7, 4, 3);
        assert_eq!(
            (answer.colour.as_str(), answer.reason, answer.score),
            (UNKNOWN, Some("unsure"), scores.probabilities()[0])
        );
        assert_eq!(answer.ranked.len(), 2);
        let answer = Answer::new(&scores, scores.probabilities()[0], 4, 3);
        assert_eq!((answer.colour.as_str(), answer.reason), ("blue", None));
    }
}
