//! Scores summed up by scene: the markdown table and the limits. Pure.

use super::cases::Case;
use serde_json::Value;

/// Least share of the vehicles that have an event.
const RECALL: f64 = 0.97;
/// The same for one scene alone, which may miss one vehicle.
const SCENE_RECALL: f64 = 0.90;
/// Greatest share of the events that are false or told twice.
const SURPLUS: f64 = 0.02;
/// Least share of the told colours that are right.
const COLOUR: f64 = 0.95;

/// Numbers of one or several runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    frames: u64,
    vehicles: u64,
    events: u64,
    found: u64,
    wrong: u64,
    duplicates: u64,
    unknown: u64,
    decided: u64,
    mistakes: u64,
}

impl Counts {
    /// Reads a score of that many frames.
    pub fn of(score: &Value, frames: u64) -> Option<Self> {
        let number = |key: &str| score[key].as_u64();
        Some(Self {
            frames,
            vehicles: number("vehicles")?,
            events: number("events")?,
            found: number("found")?,
            wrong: number("false_events")?,
            duplicates: number("duplicates")?,
            unknown: number("unknown")?,
            decided: number("decided")?,
            mistakes: score["mistakes"].as_array()?.len() as u64,
        })
    }

    /// Adds another run.
    pub fn add(&mut self, other: &Self) {
        self.frames += other.frames;
        self.vehicles += other.vehicles;
        self.events += other.events;
        self.found += other.found;
        self.wrong += other.wrong;
        self.duplicates += other.duplicates;
        self.unknown += other.unknown;
        self.decided += other.decided;
        self.mistakes += other.mistakes;
    }

    fn recall(&self) -> Option<f64> {
        share(self.found, self.vehicles)
    }

    fn colour(&self) -> Option<f64> {
        share(self.decided - self.mistakes, self.decided)
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// A scene's line.
#[derive(Clone, Debug)]
pub struct Row {
    name: String,
    empty: bool,
    /// What was counted.
    pub counts: Counts,
}

impl Row {
    /// Nothing counted yet.
    pub fn new(case: &Case) -> Self {
        Self {
            name: case.name.clone(),
            empty: case.is_empty(),
            counts: Counts::default(),
        }
    }
}

/// The table with its total.
pub fn markdown(rows: &[Row]) -> String {
    let mut text = String::from(
        "| Scene | Frames | Vehicles | Recall | False | Twice | Unknown | Colour |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for row in rows {
        text.push_str(&line(&row.name, &row.counts));
    }
    text.push_str(&line("**all**", &total(rows)));
    text
}

fn line(name: &str, counts: &Counts) -> String {
    let shown = |share: Option<f64>| share.map_or("–".into(), |share| format!("{share:.3}"));
    let Counts {
        frames,
        vehicles,
        wrong,
        duplicates,
        unknown,
        ..
    } = counts;
    let (recall, colour) = (shown(counts.recall()), shown(counts.colour()));
    format!(
        "| {name} | {frames} | {vehicles} | {recall} | {wrong} | {duplicates} | {unknown} | {colour} |\n"
    )
}

fn total(rows: &[Row]) -> Counts {
    let mut total = Counts::default();
    for row in rows {
        total.add(&row.counts);
    }
    total
}

/// What falls short of its limit.
pub fn missed(rows: &[Row]) -> Vec<String> {
    let mut missed = Vec::new();
    let mut least = |what: String, value: Option<f64>, limit: f64| {
        if let Some(value) = value.filter(|value| *value < limit) {
            missed.push(format!("{what} {value:.3}, at least {limit}"));
        }
    };
    let all = total(rows);
    least("recall".into(), all.recall(), RECALL);
    least("colour".into(), all.colour(), COLOUR);
    for row in rows {
        let spared = (row.counts.found + 1).min(row.counts.vehicles);
        let recall = share(spared, row.counts.vehicles);
        least(format!("recall of {}", row.name), recall, SCENE_RECALL);
    }
    let surplus = all.wrong + all.duplicates;
    if surplus as f64 > SURPLUS * all.events as f64 {
        let events = all.events;
        missed.push(format!(
            "{surplus} of {events} events are false or told twice, at most {SURPLUS} of them"
        ));
    }
    for row in rows.iter().filter(|row| row.empty && row.counts.events > 0) {
        missed.push(format!(
            "{} events in {}, none allowed",
            row.counts.events, row.name
        ));
    }
    missed
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(name: &str, vehicles: u64, found: u64, wrong: u64, mistakes: usize) -> Row {
        let score = json!({
            "vehicles": vehicles, "events": found + wrong, "found": found, "false_events": wrong,
            "duplicates": 0, "unknown": 1, "decided": found.saturating_sub(1),
            "mistakes": vec![json!({}); mistakes],
        });
        Row {
            name: name.into(),
            empty: vehicles == 0,
            counts: Counts::of(&score, 100).unwrap(),
        }
    }

    #[test]
    fn the_table_has_a_total() {
        let text = markdown(&[row("street", 50, 49, 1, 2), row("empty", 0, 0, 0, 0)]);
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "| street | 100 | 50 | 0.980 | 1 | 0 | 1 | 0.958 |",
                "| empty | 100 | 0 | – | 0 | 0 | 1 | – |",
                "| **all** | 200 | 50 | 0.980 | 1 | 0 | 2 | 0.958 |",
            ]
        );
    }

    #[test]
    fn every_limit_is_told() {
        assert_eq!(missed(&[row("a", 100, 98, 1, 4)]), [""; 0]);
        assert_eq!(
            missed(&[row("a", 100, 80, 3, 10), row("b", 0, 0, 1, 0)]),
            [
                "recall 0.800, at least 0.97",
                "colour 0.873, at least 0.95",
                "recall of a 0.810, at least 0.9",
                "4 of 84 events are false or told twice, at most 0.02 of them",
                "1 events in b, none allowed",
            ]
        );
        // One vehicle of few is spared.
        assert_eq!(
            missed(&[row("a", 100, 100, 0, 0), row("b", 4, 3, 0, 0)]),
            [""; 0]
        );
    }
}
