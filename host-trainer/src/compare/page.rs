//! A comparison as a page that needs nothing but itself, with the runs' validation curves over
//! each other. Decides nothing.

use maud::{Markup, html};

use super::{Comparison, Entry, Row};
use crate::plot::{self, Axis, Line, Lines, Unit};
use crate::report::{Epoch, shell};

/// The page as a file.
pub fn page(comparison: &Comparison, entries: &[Entry]) -> String {
    let title = format!("{} training runs compared", entries.len());
    let recall = format!("Recall on {} pictures", comparison.recall_part.name());
    let body = html! {
        header { h1 { (title) } }
        @for warning in &comparison.warnings { p.warning { (warning) } }
        (table(comparison, &comparison.overview, "run"))
        h2 { "Beyond chance?" }
        @for verdict in &comparison.verdicts { p { (verdict) } }
        @if comparison.verdicts.is_empty() {
            p.quiet { "At least two runs need a report before their answers can be held against \
                       each other." }
        }
        h2 { "Validation over the epochs" }
        div.charts {
            (curves(entries, "Validation accuracy", Axis::new("share of pictures", Unit::Percent),
                |epoch| epoch.valid_accuracy))
            (curves(entries, "Validation loss", Axis::new("cross entropy", Unit::Number),
                |epoch| epoch.valid_loss))
        }
        h2 { "What differs" }
        @if comparison.differences.is_empty() {
            p { "The recipes and the data are the same." }
        } @else {
            (table(comparison, &comparison.differences, "setting"))
        }
        h2 { (recall) }
        (table(comparison, &comparison.recall, "class"))
        footer {
            p { "Intervals: Wilson 1927. Test: McNemar 1947, exact and two-sided, on the pictures \
                 that both runs answered." }
        }
    };
    shell(&title, &body)
}

fn table(comparison: &Comparison, rows: &[Row], corner: &str) -> Markup {
    html! {
        div.wide { table {
            thead { tr {
                th { (corner) }
                @for name in &comparison.names { th { bdi { (name) } } }
            } }
            tbody {
                @for row in rows {
                    tr {
                        td.name { bdi { (row.name) } }
                        @for value in &row.values { td { bdi { (value) } } }
                    }
                }
            }
        } }
    }
}

fn curves(entries: &[Entry], title: &str, y: Axis, number: fn(&Epoch) -> Option<f64>) -> Markup {
    let line = |entry: &Entry| Line {
        name: entry.name.clone(),
        points: entry
            .epochs
            .iter()
            .map(|epoch| (f64::from(epoch.epoch), number(epoch).unwrap_or(f64::NAN)))
            .collect(),
        ..Line::default()
    };
    let chart = plot::lines(&Lines {
        title: title.into(),
        x: Axis::new("epoch", Unit::Whole),
        y,
        lines: entries.iter().map(line).collect(),
        marks: Vec::new(),
    });
    html! { figure { div.plot { (chart.inline()) } } }
}
