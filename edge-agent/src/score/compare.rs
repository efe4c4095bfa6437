//! Which event belongs to which vehicle, and what that says of the agent. Pure.

use std::fmt;

use models::Rect;
use serde::{Deserialize, Serialize};

use crate::event::{Direction, Event, UNKNOWN};

/// One vehicle that truly passed. Further fields of the truth are not needed here.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Passage {
    /// Its number.
    pub vehicle: u64,
    /// Its colour.
    pub colour: String,
    /// Where to it drove; without it any direction fits.
    pub direction: Option<Direction>,
    /// First frame that shows it.
    pub first_frame: u64,
    /// Last frame that shows it.
    pub last_frame: u64,
    /// Where it is in some of its frames, in order; without any, time alone decides.
    #[serde(default)]
    pub boxes: Vec<Waypoint>,
}

/// Where a vehicle truly is in one frame.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Waypoint {
    /// The frame's number.
    pub frame: u64,
    /// The pixels it covers.
    #[serde(rename = "box")]
    pub bounds: Rect,
}

/// A colour that was told wrongly.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mistake {
    /// The vehicle's number.
    pub vehicle: u64,
    /// Its colour.
    pub truth: String,
    /// The event's colour.
    pub told: String,
}

/// How events compare with the truth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    /// Vehicles that truly passed.
    pub vehicles: usize,
    /// Events told.
    pub events: usize,
    /// Vehicles with an event.
    pub found: usize,
    /// `found / vehicles`; null without vehicles.
    pub recall: Option<f64>,
    /// Events while no such vehicle was there.
    pub false_events: usize,
    /// Further events of a vehicle that has one.
    pub duplicates: usize,
    /// Found vehicles whose colour was told.
    pub decided: usize,
    /// Found vehicles whose colour is "unknown".
    pub unknown: usize,
    /// Share of the decided colours that are right; null when none was decided.
    pub colour_accuracy: Option<f64>,
    /// The wrong ones.
    pub mistakes: Vec<Mistake>,
}

/// Weight of the overlap in time beside that of the place: vehicles that pass together differ in
/// place, and one that follows another's way differs in time.
const TIME_WEIGHT: f64 = 0.5;

/// Matches each vehicle to at most one event, the greatest overlap in place and time first.
/// Frames are inclusive.
pub fn compare(events: &[Event], truth: &[Passage]) -> Score {
    let mut pairs = Vec::new();
    for (e, event) in events.iter().enumerate() {
        for (p, passage) in truth.iter().enumerate() {
            let (time, place) = (overlap(event, passage), place(event, passage));
            if time > 0.0 && place > 0.0 {
                pairs.push((place + TIME_WEIGHT * time, e, p));
            }
        }
    }
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
    let mut event_of = vec![None; truth.len()];
    let mut used = vec![false; events.len()];
    for (_, e, p) in &pairs {
        if event_of[*p].is_none() && !used[*e] {
            event_of[*p] = Some(*e);
            used[*e] = true;
        }
    }
    let left_over = (0..events.len()).filter(|e| !used[*e]);
    let (duplicates, strays): (Vec<usize>, Vec<usize>) =
        left_over.partition(|e| pairs.iter().any(|(_, event, _)| event == e));
    let mut mistakes = Vec::new();
    let (mut found, mut decided) = (0, 0);
    for (passage, event) in truth.iter().zip(&event_of) {
        let Some(event) = event.and_then(|e: usize| events.get(e)) else {
            continue;
        };
        found += 1;
        if event.colour == UNKNOWN {
            continue;
        }
        decided += 1;
        if event.colour != passage.colour {
            let (truth, told) = (passage.colour.clone(), event.colour.clone());
            mistakes.push(Mistake {
                vehicle: passage.vehicle,
                truth,
                told,
            });
        }
    }
    Score {
        vehicles: truth.len(),
        events: events.len(),
        found,
        recall: share(found, truth.len()),
        false_events: strays.len(),
        duplicates: duplicates.len(),
        decided,
        unknown: found - decided,
        colour_accuracy: share(decided - mistakes.len(), decided),
        mistakes,
    }
}

/// Overlap in time as intersection over union, 0 for another direction.
fn overlap(event: &Event, passage: &Passage) -> f64 {
    let fits = passage
        .direction
        .is_none_or(|direction| direction == event.direction);
    let first = event.first_frame.max(passage.first_frame);
    let last = event.last_frame.min(passage.last_frame);
    if !fits || last < first {
        return 0.0;
    }
    let whole_first = event.first_frame.min(passage.first_frame);
    let whole_last = event.last_frame.max(passage.last_frame);
    (last - first + 1) as f64 / (whole_last - whole_first + 1) as f64
}

/// How well the event's box lies where the vehicle truly is in the event's best frame, as
/// intersection over union; 1 where the truth tells no places.
fn place(event: &Event, passage: &Passage) -> f64 {
    let frame = event.best_frame;
    let after = passage.boxes.partition_point(|point| point.frame < frame);
    let (Some(low), Some(high)) = (
        passage.boxes.get(after.saturating_sub(1)),
        passage.boxes.get(after).or(passage.boxes.last()),
    ) else {
        return 1.0;
    };
    let span = high.frame.saturating_sub(low.frame).max(1) as f64;
    let share = (frame.saturating_sub(low.frame) as f64 / span).min(1.0);
    let edges = |rect: &Rect| [rect.x, rect.y, rect.right(), rect.bottom()].map(f64::from);
    let (from, to) = (edges(&low.bounds), edges(&high.bounds));
    let truth: [f64; 4] = std::array::from_fn(|i| from[i] + (to[i] - from[i]) * share);
    let told = edges(&event.bounds);
    let area = |e: &[f64; 4]| (e[2] - e[0]).max(0.0) * (e[3] - e[1]).max(0.0);
    let shared = area(&[
        truth[0].max(told[0]),
        truth[1].max(told[1]),
        truth[2].min(told[2]),
        truth[3].min(told[3]),
    ]);
    shared / (area(&truth) + area(&told) - shared).max(1.0)
}

fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: Option<f64>| match share {
            Some(share) => format!("{:5.1} %", share * 100.0),
            None => "    –".to_string(),
        };
        let Self {
            vehicles,
            found,
            events,
            decided,
            unknown,
            ..
        } = self;
        let right = decided - self.mistakes.len();
        writeln!(
            f,
            "vehicle recall   {}  ({found} of {vehicles})",
            percent(self.recall)
        )?;
        writeln!(
            f,
            "false events     {:5}    (of {events})",
            self.false_events
        )?;
        writeln!(f, "duplicates       {:5}", self.duplicates)?;
        write!(
            f,
            "colour accuracy  {}  ({right} of {decided} decided; {unknown} unknown)",
            percent(self.colour_accuracy)
        )?;
        for Mistake {
            vehicle,
            truth,
            told,
        } in &self.mistakes
        {
            write!(f, "\n  vehicle {vehicle}: {truth}, told {told}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::an_event;

    fn event(frames: (u64, u64), direction: Direction, colour: &str) -> Event {
        Event {
            first_frame: frames.0,
            last_frame: frames.1,
            direction,
            colour: colour.into(),
            ..an_event(1)
        }
    }

    fn passage(vehicle: u64, frames: (u64, u64), direction: Direction, colour: &str) -> Passage {
        Passage {
            vehicle,
            colour: colour.into(),
            direction: Some(direction),
            first_frame: frames.0,
            last_frame: frames.1,
            boxes: Vec::new(),
        }
    }

    #[test]
    fn vehicles_at_the_same_time_are_told_apart_by_place() {
        let at = |frame, x, y| Waypoint {
            frame,
            bounds: Rect {
                x,
                y,
                width: 100,
                height: 50,
            },
        };
        let mut near = passage(0, (0, 60), Direction::Left, "red");
        near.boxes = vec![at(0, 400, 200), at(60, 100, 200)];
        let mut far = passage(1, (10, 50), Direction::Left, "blue");
        far.boxes = vec![at(10, 400, 100), at(50, 100, 100)];
        let told = |frames, y, colour: &str| Event {
            best_frame: 30,
            bounds: at(30, 250, y).bounds,
            ..event(frames, Direction::Left, colour)
        };
        // By time alone each event would fit the other vehicle better.
        let events = [told((10, 50), 200, "red"), told((0, 60), 100, "blue")];
        let score = compare(&events, &[near.clone(), far.clone()]);
        assert_eq!((score.found, score.mistakes.len()), (2, 0), "{score}");
        // At the right time but elsewhere in the picture it is false.
        let score = compare(&[told((0, 60), 300, "red")], &[near, far]);
        assert_eq!((score.found, score.false_events), (0, 1));
    }

    #[test]
    fn every_kind_of_outcome_is_counted() {
        use Direction::{Left, Right};
        let truth = [
            passage(0, (0, 60), Left, "red"),
            passage(1, (30, 90), Right, "grey"),
            passage(2, (100, 160), Left, "white"),
            passage(3, (200, 260), Left, "blue"),
        ];
        let events = [
            event((2, 58), Left, "red"),
            event((33, 88), Right, "silver"),
            event((101, 140), Left, "unknown"),
            event((141, 158), Left, "white"),
            event((205, 240), Right, "blue"),
        ];
        let score = compare(&events, &truth);
        assert_eq!((score.found, score.recall), (3, Some(0.75)));
        assert_eq!((score.duplicates, score.false_events), (1, 1));
        assert_eq!((score.decided, score.unknown), (2, 1));
        assert_eq!(score.colour_accuracy, Some(0.5));
        assert_eq!(
            score.to_string(),
            "vehicle recall    75.0 %  (3 of 4)\n\
             false events         1    (of 5)\n\
             duplicates           1\n\
             colour accuracy   50.0 %  (1 of 2 decided; 1 unknown)\n  \
             vehicle 1: grey, told silver"
        );
    }

    #[test]
    fn nothing_at_all_is_no_number() {
        let score = compare(&[], &[]);
        assert_eq!((score.recall, score.colour_accuracy), (None, None));
    }
}
