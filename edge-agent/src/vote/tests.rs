//! Verdicts by tables.

use std::sync::Arc;

use super::*;

/// A ballot for black, grey and red.
pub(super) fn ballot(probabilities: [f32; 3], weight: f32) -> Ballot {
    let labels: Arc<[String]> = ["black", "grey", "red"].map(String::from).into();
    let logits = probabilities.iter().map(|p| p.ln()).collect();
    Ballot {
        scores: Scores::from_logits(labels, logits, 1.0),
        weight,
    }
}

const RED: [f32; 3] = [0.05, 0.05, 0.9];
const GREY: [f32; 3] = [0.1, 0.8, 0.1];
const FLAT: [f32; 3] = [0.35, 0.33, 0.32];

fn verdict(ballots: &[Ballot], flaw: Option<Reason>) -> Verdict {
    let verdict = count(ballots, flaw, 0.5, &VoteConfig::default()).unwrap();
    assert_eq!(verdict.top3.len(), 3);
    assert_eq!(verdict.ballots as usize, ballots.len());
    verdict
}

#[test]
fn verdicts() {
    let red = || ballot(RED, 1.0);
    let told = |colour: &str| (colour.to_string(), None);
    let unknown = |reason| (UNKNOWN.to_string(), Some(reason));
    for (ballots, flaw, expected) in [
        (vec![red()], None, told("red")),
        (vec![red(), red(), ballot(FLAT, 0.5)], None, told("red")),
        (vec![ballot(RED, 3.0), ballot(GREY, 0.5)], None, told("red")),
        (vec![ballot(FLAT, 1.0)], None, unknown(Reason::Unsure)),
        (
            vec![red(), ballot(GREY, 1.0), ballot([0.8, 0.1, 0.1], 1.01)],
            None,
            unknown(Reason::Disagree),
        ),
        // A flaw of the views outweighs what the network says of them.
        (vec![red()], Some(Reason::Small), unknown(Reason::Small)),
        (
            vec![ballot(FLAT, 1.0)],
            Some(Reason::Dark),
            unknown(Reason::Dark),
        ),
        // Near-equal colours are not told, whichever leads.
        (
            vec![
                ballot([0.5, 0.49, 0.01], 1.0),
                ballot([0.48, 0.51, 0.01], 1.0),
            ],
            None,
            unknown(Reason::Unsure),
        ),
    ] {
        let verdict = verdict(&ballots, flaw);
        assert_eq!((verdict.colour, verdict.reason), expected, "{ballots:?}");
    }
}

#[test]
fn the_leader_is_told_even_when_a_rival_is_a_little_ahead() {
    let config = VoteConfig {
        reject_below: Some(0.3),
        ..VoteConfig::default()
    };
    let ballots = [
        ballot([0.52, 0.47, 0.01], 1.0),
        ballot([0.45, 0.54, 0.01], 1.0),
    ];
    let verdict = count(&ballots, None, 0.5, &config).unwrap();
    assert_eq!(verdict.colour, "black");
    assert_eq!(verdict.top3[0].colour, "grey");
    assert!(verdict.score < verdict.top3[0].score);
    // The score is the told colour's own; of an unknown colour it is the likeliest one's.
    assert_eq!(verdict.score, verdict.top3[1].score);
    let unknown = count(&ballots, Some(Reason::Dark), 0.5, &config).unwrap();
    assert_eq!(unknown.score, unknown.top3[0].score);
}

#[test]
fn no_ballots_no_verdict() {
    assert_eq!(count(&[], None, 0.5, &VoteConfig::default()), None);
}

#[test]
fn the_configured_threshold_wins_over_the_bundles() {
    let config = VoteConfig {
        reject_below: Some(0.95),
        ..VoteConfig::default()
    };
    let verdict = count(&[ballot(RED, 1.0)], None, 0.5, &config).unwrap();
    assert_eq!(verdict.reason, Some(Reason::Unsure));
}

#[test]
fn a_verdict_is_firm_when_enough_views_are_sure() {
    let config = VoteConfig {
        early_views: 2,
        early_score: 0.85,
        ..VoteConfig::default()
    };
    let red = || ballot(RED, 1.0);
    for (ballots, flaw, firm) in [
        (vec![red()], None, false),
        (vec![red(), red()], None, true),
        (vec![red(), ballot(FLAT, 1.0)], None, false),
        (vec![red(), red()], Some(Reason::Dark), false),
    ] {
        let verdict = verdict(&ballots, flaw);
        assert_eq!(verdict.firm(&config), firm, "{ballots:?}");
    }
}
