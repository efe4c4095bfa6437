//! The frame of a page that needs nothing but itself, and the order of a report's sections.
//! Everything it is given is escaped by the templates; it runs no script.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::charts::Charts;
use super::epochs::Epoch;
use super::gallery::Mistakes;
use super::measured::Measured;
use super::{judgement, sections};
use crate::metrics::Interval;
use crate::plot::Chart;
use crate::run::Run;

const STYLE: &str = include_str!("page.css");
/// Forbids a browser every request and every script, whatever a name smuggles in.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// A whole page around `body`.
pub fn shell(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main { (body) } }
        }
    };
    page.into_string() + "\n"
}

/// A share as percent with one decimal.
pub fn percent(share: f64) -> String {
    format!("{:.1}\u{a0}%", 100.0 * share)
}

/// An interval of shares as percent.
pub fn interval(interval: Interval) -> String {
    format!(
        "{:.1} to {:.1}\u{a0}%",
        100.0 * interval.low,
        100.0 * interval.high
    )
}

/// A chart with what a reader should see in it.
pub(super) fn figure(chart: Option<&Chart>, caption: &str) -> Markup {
    html! {
        @if let Some(chart) = chart {
            figure {
                div.plot { (chart.inline()) }
                @if !caption.is_empty() { figcaption { (caption) } }
            }
        }
    }
}

/// The report as a file.
pub(super) fn report(
    run: &Run,
    measured: &Measured,
    epochs: &[Epoch],
    charts: &Charts,
    mistakes: &Mistakes,
) -> String {
    let record = &measured.record;
    let name = run.folder().file_name().map_or_else(
        || run.folder().display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    );
    let title = format!("Training run {name}");
    let date = jiff::Timestamp::now()
        .strftime("%-d %B %Y, %H:%M UTC")
        .to_string();
    let body = html! {
        header {
            h1 { (title) }
            p.quiet {
                (record.model.architecture()) ", input " (record.input.width) " × "
                (record.input.height) " pixels, " (record.classes.len())
                " classes, best epoch " (record.best_epoch) " of " (record.recipe.epochs)
                ". Measured on " (date) "."
            }
            nav {
                @for (id, heading) in sections::CONTENTS { a href={ "#" (id) } { (heading) } }
            }
        }
        (sections::headline(measured))
        (sections::training(epochs, record.best_epoch, charts))
        (judgement::confusion(measured, charts))
        (judgement::classes(measured))
        (judgement::roc(charts))
        (judgement::calibration(measured, charts))
        (judgement::threshold(measured, charts))
        (judgement::mistakes(mistakes))
        (sections::recipe(measured))
        (sections::card(measured))
        (sections::sources(record))
    };
    shell(&title, &body)
}
