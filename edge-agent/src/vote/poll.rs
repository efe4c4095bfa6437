//! The running count of one vehicle's ballots: who leads, by how much, and how many agree.
//! Knows probabilities and weights; what is made of them stands in the parent.

use std::sync::Arc;

use models::Scores;

use super::Ballot;

/// The ballots counted so far, in the order in which the views were taken.
#[derive(Clone, Debug)]
pub struct Poll {
    hysteresis_share: f32,
    labels: Arc<[String]>,
    /// For each label the weighted sum of its log-probabilities.
    logs: Vec<f32>,
    /// For each label the weight of the ballots whose likeliest it is.
    firsts: Vec<f32>,
    total: f32,
    leader: usize,
    ballots: u32,
}

impl Poll {
    /// Counts ballots in the order of time; `None` without any.
    pub fn of(ballots: &[Ballot], hysteresis_share: f32) -> Option<Self> {
        let (first, rest) = ballots.split_first()?;
        let labels: Arc<[String]> = first.scores.labels().to_vec().into();
        let mut poll = Self {
            hysteresis_share,
            logs: vec![0.0; labels.len()],
            firsts: vec![0.0; labels.len()],
            labels,
            total: 0.0,
            leader: first.scores.best_index(),
            ballots: 0,
        };
        poll.add(first);
        rest.iter().for_each(|ballot| poll.add(ballot));
        Some(poll)
    }

    /// Counts one more ballot. The leader keeps the lead until the joint probability of another
    /// label is at least `hysteresis_share` above the leader's own.
    fn add(&mut self, ballot: &Ballot) {
        self.ballots += 1;
        self.total += ballot.weight;
        self.firsts[ballot.scores.best_index()] += ballot.weight;
        for (log, p) in self.logs.iter_mut().zip(ballot.scores.probabilities()) {
            *log += ballot.weight * p.max(1e-6).ln();
        }
        let joint = self.joint();
        let best = joint.best_index();
        let lead = joint.probabilities()[best] - joint.probabilities()[self.leader];
        if lead >= self.hysteresis_share {
            self.leader = best;
        }
    }

    /// What all ballots say together: the weighted mean of log-probabilities, so that one view
    /// that rules a colour out weighs more than several that find it possible.
    pub fn joint(&self) -> Scores {
        let total = self.total.max(f32::MIN_POSITIVE);
        let logits = self.logs.iter().map(|log| log / total).collect();
        Scores::from_logits(self.labels.clone(), logits, 1.0)
    }

    /// Index of the label that leads.
    pub fn leader(&self) -> usize {
        self.leader
    }

    /// Share of the weight whose ballots name the leader first.
    pub fn agreement_share(&self) -> f32 {
        self.firsts[self.leader] / self.total.max(f32::MIN_POSITIVE)
    }

    /// Ballots counted.
    pub fn ballots(&self) -> u32 {
        self.ballots
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::ballot;
    use super::*;

    /// Who leads after each ballot.
    fn leaders(ballots: &[[f32; 3]], hysteresis_share: f32) -> String {
        let ballots: Vec<Ballot> = ballots.iter().map(|p| ballot(*p, 1.0)).collect();
        (1..=ballots.len())
            .map(|count| {
                let poll = Poll::of(&ballots[..count], hysteresis_share).unwrap();
                ["b", "g", "r"][poll.leader()]
            })
            .collect()
    }

    #[test]
    fn the_lead_changes_only_when_a_rival_is_clearly_ahead() {
        let black = [0.55, 0.44, 0.01];
        let grey = [0.44, 0.55, 0.01];
        let surely_grey = [0.10, 0.89, 0.01];
        for (ballots, hysteresis_share, expected) in [
            // Near-equal colours in turn: without hysteresis the lead flips with each surplus.
            (&[black, grey, grey, black, black][..], 0.0, "bbgbb"),
            (&[black, grey, grey, black, black], 0.1, "bbbbb"),
            (&[grey, black, black, grey], 0.1, "gggg"),
            // A rival that is clearly ahead takes over, and then has the same protection.
            (&[black, surely_grey], 0.1, "bg"),
            (&[black, surely_grey, black, black, black], 0.1, "bgggg"),
            (
                &[black, surely_grey, black, black, black, black],
                0.0,
                "bggggg",
            ),
            // The larger the share, the longer it takes.
            (&[black, grey, surely_grey], 0.2, "bbg"),
            (&[black, grey, surely_grey], 0.5, "bbb"),
        ] {
            let told = leaders(ballots, hysteresis_share);
            assert_eq!(told, expected, "{ballots:?} at {hysteresis_share}");
        }
    }

    #[test]
    fn agreement_is_the_share_of_the_weight() {
        let ballots = [
            ballot([0.9, 0.05, 0.05], 3.0),
            ballot([0.05, 0.9, 0.05], 1.0),
        ];
        let poll = Poll::of(&ballots, 0.1).unwrap();
        assert_eq!((poll.leader(), poll.ballots()), (0, 2));
        assert!((poll.agreement_share() - 0.75).abs() < 1e-6);
        assert!(Poll::of(&[], 0.1).is_none());
    }
}
