//! The vote: the scores of a vehicle's views become one colour, or "unknown" with a reason.
//! Pure; which views there are is decided before, what is done about it after.

use std::sync::Arc;

use models::{Ranked, RgbView, Runner, RunnerError, Scores};
use serde::{Deserialize, Serialize};

use crate::config::{BadValue, within};
use crate::event::{Reason, UNKNOWN, rounded};

/// Whatever scores a picture of a vehicle.
pub trait Classify {
    /// Scores one crop.
    fn classify(&mut self, view: RgbView<'_>) -> Result<Scores, RunnerError>;
}

impl Classify for Runner {
    fn classify(&mut self, view: RgbView<'_>) -> Result<Scores, RunnerError> {
        Runner::classify(self, view)
    }
}

/// The `[vote]` table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VoteConfig {
    /// Views of a vehicle that are classified, at most.
    pub views: u32,
    /// In each stretch of time of this length one view is kept.
    pub view_gap_ms: u32,
    /// Margin around a vehicle's box, as a share of its sides.
    pub margin_share: f32,
    /// A vehicle whose best view has a shorter side than this is "small".
    pub min_side_px: u32,
    /// The winning colour's least share of the views' weight; below it they "disagree".
    pub min_agreement_share: f32,
    /// Least probability of a colour that is told; without it the bundle's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reject_below: Option<f32>,
}

impl Default for VoteConfig {
    fn default() -> Self {
        Self {
            views: 5,
            view_gap_ms: 120,
            margin_share: 0.06,
            min_side_px: 20,
            min_agreement_share: 0.5,
            reject_below: None,
        }
    }
}

impl VoteConfig {
    /// Refuses values out of range.
    pub fn check(&self) -> Result<(), BadValue> {
        within("vote.views", self.views, 1, 50)?;
        within("vote.view_gap_ms", self.view_gap_ms, 0, 60_000)?;
        within("vote.margin_share", self.margin_share, 0.0, 1.0)?;
        within("vote.min_side_px", self.min_side_px, 1, 10_000)?;
        within(
            "vote.min_agreement_share",
            self.min_agreement_share,
            0.0,
            1.0,
        )?;
        within(
            "vote.reject_below",
            self.reject_below.unwrap_or(0.0),
            0.0,
            1.0,
        )
    }
}

/// The scores of one view.
#[derive(Clone, Debug)]
pub struct Ballot {
    /// What the network says.
    pub scores: Scores,
    /// How much it counts, above 0.
    pub weight: f32,
}

/// A vehicle's colour.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// A label, or [`UNKNOWN`].
    pub colour: String,
    /// Probability of the likeliest colour.
    pub score: f32,
    /// The three likeliest.
    pub top3: Vec<Ranked>,
    /// Why the colour is unknown.
    pub reason: Option<Reason>,
}

/// Counts the ballots: the weighted mean of log-probabilities, so that one view that rules a
/// colour out weighs more than several that find it possible. `None` without ballots.
/// `side_px` is the shorter side of the best view.
pub fn count(
    ballots: &[Ballot],
    side_px: u32,
    reject_below: f32,
    config: &VoteConfig,
) -> Option<Verdict> {
    let first = ballots.first()?;
    let mut logs = vec![0.0f32; first.scores.labels().len()];
    let mut total = 0.0;
    for ballot in ballots {
        total += ballot.weight;
        for (log, p) in logs.iter_mut().zip(ballot.scores.probabilities()) {
            *log += ballot.weight * p.max(1e-6).ln();
        }
    }
    let labels: Arc<[String]> = first.scores.labels().to_vec().into();
    let logits = logs
        .iter()
        .map(|log| log / total.max(f32::MIN_POSITIVE))
        .collect();
    let joint = Scores::from_logits(labels, logits, 1.0);
    let winner = joint.best_index();
    let agreeing: f32 = ballots
        .iter()
        .filter(|ballot| ballot.scores.best_index() == winner)
        .map(|ballot| ballot.weight)
        .sum();
    let score = joint.probabilities()[winner];
    let reason = if side_px < config.min_side_px {
        Some(Reason::Small)
    } else if agreeing < config.min_agreement_share * total {
        Some(Reason::Disagree)
    } else if score < config.reject_below.unwrap_or(reject_below) {
        Some(Reason::Unsure)
    } else {
        None
    };
    let colour = match reason {
        Some(_) => UNKNOWN.to_string(),
        None => joint.labels()[winner].clone(),
    };
    Some(Verdict {
        colour,
        score: rounded(score),
        top3: top3(&joint),
        reason,
    })
}

/// The three likeliest colours with rounded scores.
pub fn top3(scores: &Scores) -> Vec<Ranked> {
    let mut top = scores.top(3);
    for ranked in &mut top {
        ranked.score = rounded(ranked.score);
    }
    top
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ballot(probabilities: [f32; 3], weight: f32) -> Ballot {
        let labels: Arc<[String]> = ["black", "grey", "red"].map(String::from).into();
        let logits = probabilities.iter().map(|p| p.ln()).collect();
        Ballot {
            scores: Scores::from_logits(labels, logits, 1.0),
            weight,
        }
    }

    fn verdict(ballots: &[Ballot], side_px: u32) -> (String, Option<Reason>) {
        let verdict = count(ballots, side_px, 0.5, &VoteConfig::default()).unwrap();
        assert_eq!(verdict.top3.len(), 3);
        (verdict.colour, verdict.reason)
    }

    #[test]
    fn verdicts() {
        let red = [0.05, 0.05, 0.9];
        let grey = [0.1, 0.8, 0.1];
        let flat = [0.35, 0.33, 0.32];
        let told = |colour: &str| (colour.to_string(), None);
        let unknown = |reason| (UNKNOWN.to_string(), Some(reason));
        for (ballots, side, expected) in [
            (vec![ballot(red, 1.0)], 60, told("red")),
            (
                vec![ballot(red, 1.0), ballot(red, 1.0), ballot(flat, 0.5)],
                60,
                told("red"),
            ),
            (vec![ballot(red, 3.0), ballot(grey, 0.5)], 60, told("red")),
            (vec![ballot(red, 1.0)], 10, unknown(Reason::Small)),
            (vec![ballot(flat, 1.0)], 60, unknown(Reason::Unsure)),
            (
                vec![
                    ballot(red, 1.0),
                    ballot(grey, 1.0),
                    ballot([0.8, 0.1, 0.1], 1.01),
                ],
                60,
                unknown(Reason::Disagree),
            ),
        ] {
            assert_eq!(verdict(&ballots, side), expected, "{ballots:?}");
        }
    }

    #[test]
    fn no_ballots_no_verdict() {
        assert_eq!(count(&[], 60, 0.5, &VoteConfig::default()), None);
    }

    #[test]
    fn the_configured_threshold_wins_over_the_bundles() {
        let config = VoteConfig {
            reject_below: Some(0.95),
            ..VoteConfig::default()
        };
        let verdict = count(&[ballot([0.05, 0.05, 0.9], 1.0)], 60, 0.5, &config).unwrap();
        assert_eq!(verdict.reason, Some(Reason::Unsure));
    }
}
