//! Several runs side by side: what differs in their making, what they reach, and whether the
//! difference is more than chance. Measures no network: it reads what runs and reports wrote.

mod entry;
mod page;
mod pairing;
mod table;

use anyhow::Context;

pub use entry::Entry;
pub use page::page;

use crate::metrics::{Confusion, wilson};
use crate::report::{facts, interval, percent};
use crate::split::Part;

/// One row of a table: a name and a value for each run.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What it is.
    pub name: String,
    /// For each run.
    pub values: Vec<String>,
}

/// Runs side by side.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The runs' names.
    pub names: Vec<String>,
    /// What a reader must know first, in whole sentences.
    pub warnings: Vec<String>,
    /// Networks and what they reach.
    pub overview: Vec<Row>,
    /// Settings in which not all agree.
    pub differences: Vec<Row>,
    /// Recall of each class on [`Comparison::recall_part`].
    pub recall: Vec<Row>,
    /// The part that recall is of.
    pub recall_part: Part,
    /// Whether the runs differ by more than chance, in whole sentences.
    pub verdicts: Vec<String>,
}

/// What stands where there is no number.
const NONE: &str = "–";

impl Comparison {
    /// Compares runs, at least two. The first is what the others are held against.
    pub fn of(entries: &[Entry]) -> anyhow::Result<Self> {
        let (first, others) = entries
            .split_first()
            .context("there is nothing to compare")?;
        let mut verdicts = Vec::new();
        for other in others {
            for part in [Part::Validation, Part::Test] {
                verdicts.extend(pairing::verdict(first, other, part));
            }
        }
        if others.len() > 1 && verdicts.iter().any(|verdict| verdict.contains("p = ")) {
            verdicts.push(
                "With several comparisons, one in twenty falls below p = 0.05 by chance alone."
                    .into(),
            );
        }
        let everywhere = |part| entries.iter().all(|entry| entry.confusion(part).is_some());
        let recall_part = if everywhere(Part::Test) {
            Part::Test
        } else {
            Part::Validation
        };
        Ok(Self {
            names: entries.iter().map(|entry| entry.name.clone()).collect(),
            warnings: entries
                .iter()
                .flat_map(|entry| entry.warnings.clone())
                .chain(
                    others
                        .iter()
                        .filter_map(|other| pairing::apart(first, other)),
                )
                .collect(),
            overview: overview(entries),
            differences: differences(entries),
            recall: recall(entries, recall_part),
            recall_part,
            verdicts,
        })
    }

    /// For a terminal.
    pub fn text(&self) -> String {
        table::text(self)
    }
}

fn row(name: &str, entries: &[Entry], value: impl Fn(&Entry) -> Option<String>) -> Row {
    Row {
        name: name.into(),
        values: entries
            .iter()
            .map(|entry| value(entry).unwrap_or_else(|| NONE.into()))
            .collect(),
    }
}

fn overview(entries: &[Entry]) -> Vec<Row> {
    let mut rows = vec![
        row("network", entries, |e| {
            Some(e.record.model.architecture().into())
        }),
        row("parameters", entries, |e| Some(e.parameters().to_string())),
        row("input", entries, |e| {
            Some(format!(
                "{} x {}",
                e.record.input.width, e.record.input.height
            ))
        }),
        row("classes", entries, |e| {
            Some(e.record.classes.len().to_string())
        }),
        row("training pictures", entries, |e| {
            Some(e.record.pictures.values().sum::<u32>().to_string())
        }),
        row("best epoch", entries, |e| {
            Some(format!(
                "{} of {}",
                e.record.best_epoch, e.record.recipe.epochs
            ))
        }),
        row("minutes", entries, |e| {
            let seconds: f64 = e.epochs.iter().filter_map(|epoch| epoch.seconds).sum();
            (seconds > 0.0).then(|| format!("{:.1}", seconds / 60.0))
        }),
    ];
    for part in [Part::Validation, Part::Test] {
        let named = |what: &str| format!("{} {what}", part.name());
        let of = |value: fn(&Confusion) -> String| {
            move |entry: &Entry| {
                entry
                    .confusion(part)
                    .filter(|c| c.pictures() > 0)
                    .map(value)
            }
        };
        rows.push(row(
            &named("pictures"),
            entries,
            of(|c| c.pictures().to_string()),
        ));
        rows.push(row(
            &named("accuracy"),
            entries,
            of(|c| percent(c.accuracy())),
        ));
        rows.push(row(
            &named("95 % interval"),
            entries,
            of(|c| {
                let right: u32 = (0..c.classes.len())
                    .map(|class| c.counts[class][class])
                    .sum();
                interval(wilson(right, c.pictures()))
            }),
        ));
        rows.push(row(
            &named("macro F1"),
            entries,
            of(|c| format!("{:.4}", c.macro_f1())),
        ));
    }
    rows.push(row("temperature", entries, |e| {
        e.summary.as_ref().map(|s| format!("{:.3}", s.temperature))
    }));
    rows.push(row("reject below", entries, |e| {
        e.summary.as_ref().map(|s| format!("{:.2}", s.reject_below))
    }));
    rows
}

/// Every setting that is not the same in all runs.
fn differences(entries: &[Entry]) -> Vec<Row> {
    let all: Vec<Vec<(String, String)>> = entries.iter().map(|e| facts(&e.record)).collect();
    let mut names: Vec<&String> = Vec::new();
    for (name, _) in all.iter().flatten() {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let value = |facts: &[(String, String)], name: &str| {
        let found = facts.iter().find(|(found, _)| found == name);
        found.map_or_else(|| NONE.to_string(), |(_, value)| value.clone())
    };
    let row = |name: &&String| Row {
        name: name.to_string(),
        values: all.iter().map(|facts| value(facts, name)).collect(),
    };
    let differs = |row: &Row| row.values.iter().any(|value| *value != row.values[0]);
    let shortened = |row: Row| Row {
        values: row.values.iter().map(|value| short(value)).collect(),
        ..row
    };
    names
        .iter()
        .map(row)
        .filter(differs)
        .map(shortened)
        .collect()
}

/// The text with the digests in it cut to what tells them apart.
fn short(text: &str) -> String {
    let digest = |word: &str| word.len() == 64 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let words = text.split_inclusive(|c: char| !c.is_alphanumeric());
    let cut = |word: &str| match digest(word) {
        true => format!("{}…", &word[..12]),
        false => word.to_string(),
    };
    words.map(cut).collect()
}

fn recall(entries: &[Entry], part: Part) -> Vec<Row> {
    let mut classes: Vec<&String> = entries.iter().flat_map(|e| &e.record.classes).collect();
    classes.sort();
    classes.dedup();
    let of = |entry: &Entry, class: &str| {
        let metrics = entry.confusion(part)?.per_class();
        let found = metrics
            .into_iter()
            .find(|m| m.class == class && m.pictures > 0)?;
        Some(format!("{:.3} of {}", found.recall, found.pictures))
    };
    classes
        .iter()
        .map(|class| row(class, entries, |entry| of(entry, class)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_cut_and_nothing_else() {
        let digest = "0123456789abcdef".repeat(4);
        assert_eq!(
            short(&format!("small.safetensors sha256:{digest}")),
            "small.safetensors sha256:0123456789ab…"
        );
        assert_eq!(short("/data/cars, 0.5"), "/data/cars, 0.5");
    }
}
