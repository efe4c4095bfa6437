//! The vote: the scores of a vehicle's views become one colour, or "unknown" with a reason.
//! Pure; which views there are is decided before, what is done about it after.

mod poll;

use models::{Ranked, RgbView, Runner, RunnerError, Scores};
use serde::{Deserialize, Serialize};

use crate::config::{BadValue, within};
use crate::event::{Reason, UNKNOWN, rounded};
use poll::Poll;

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
#[derive(schemars::JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// A view of which three quarters of the pixels are darker than this, 0 to 255, is "dark"; so
    /// is one by night whose colour would be another in more light. 0 tells every colour.
    pub min_light: u32,
    /// A view whose steepest edges rise over less than this share of its range of brightness
    /// within a 24th of its width is "blurred".
    pub min_sharpness_share: f32,
    /// The winning colour's least share of the views' weight; below it they "disagree".
    pub min_agreement_share: f32,
    /// The colour that leads keeps the lead until another's probability is so much greater.
    pub hysteresis_share: f32,
    /// Whether a vehicle is told as soon as its colour is sure, before it has passed.
    pub early: bool,
    /// Views that must have been classified for that.
    pub early_views: u32,
    /// Least score for that.
    pub early_score: f32,
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
            // Measured: road-sim's cars at less and less light, and 905 photographs. Below it
            // the network is as sure as ever and mostly wrong; of the photographs 3 are below.
            min_light: 45,
            // Likewise: at this blur one answer in eight is wrong; the least sharp photograph
            // has twice as much.
            min_sharpness_share: 0.12,
            min_agreement_share: 0.5,
            hysteresis_share: 0.1,
            early: false,
            early_views: 3,
            early_score: 0.8,
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
        within("vote.min_light", self.min_light, 0, 255)?;
        within(
            "vote.min_sharpness_share",
            self.min_sharpness_share,
            0.0,
            1.0,
        )?;
        within("vote.hysteresis_share", self.hysteresis_share, 0.0, 1.0)?;
        // Without `early` the defaults of its keys forbid nothing.
        let most = if self.early { self.views } else { 50 };
        within("vote.early_views", self.early_views, 1, most)?;
        within("vote.early_score", self.early_score, 0.0, 1.0)?;
        within(
            "vote.reject_below",
            self.reject_below.unwrap_or(0.0),
            0.0,
            1.0,
        )
    }

    /// Which stretch of `view_gap_ms` that is.
    pub fn slot(&self, t_ms: u64) -> u64 {
        t_ms / u64::from(self.view_gap_ms.max(1))
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
    /// Probability of that colour; of the likeliest when it is unknown.
    pub score: f32,
    /// The three likeliest.
    pub top3: Vec<Ranked>,
    /// Why the colour is unknown.
    pub reason: Option<Reason>,
    /// Views that were counted.
    pub ballots: u32,
}

impl Verdict {
    /// Whether it may be told before the vehicle has passed.
    pub fn firm(&self, config: &VoteConfig) -> bool {
        self.reason.is_none()
            && self.ballots >= config.early_views
            && self.score >= config.early_score
    }
}

/// Counts the ballots, given in the order in which the views were taken. `None` without any.
/// `flaw` is why no colour can be told whatever the ballots say.
pub fn count(
    ballots: &[Ballot],
    flaw: Option<Reason>,
    reject_below: f32,
    config: &VoteConfig,
) -> Option<Verdict> {
    let poll = Poll::of(ballots, config.hysteresis_share)?;
    let joint = poll.joint();
    // Limits are held against what is told: the same digits on every machine.
    let score = rounded(joint.probabilities()[poll.leader()]);
    let reason = flaw.or_else(|| {
        if poll.agreement_share() < config.min_agreement_share {
            Some(Reason::Disagree)
        } else if score < config.reject_below.unwrap_or(reject_below) {
            Some(Reason::Unsure)
        } else {
            None
        }
    });
    let (colour, score) = match reason {
        Some(_) => {
            let likeliest = joint.probabilities()[joint.best_index()];
            (UNKNOWN.to_string(), rounded(likeliest))
        }
        None => (joint.labels()[poll.leader()].clone(), score),
    };
    Some(Verdict {
        colour,
        score,
        top3: top3(&joint),
        reason,
        ballots: poll.ballots(),
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
mod tests;
