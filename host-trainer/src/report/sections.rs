//! The sections of a report that say what was trained, how, and how good it became; `judgement`
//! has those that say where it errs. Shows numbers; computes none.

use maud::{Markup, html};

use super::charts::Charts;
use super::epochs::Epoch;
use super::facts::facts;
use super::measured::{Apart, Measured};
use super::page::{figure, interval, percent};
use crate::card;
use crate::run::RunRecord;
use crate::split::Part;

/// Identifiers and headings.
pub(super) const CONTENTS: [(&str, &str); 9] = [
    ("training", "Training"),
    ("confusion", "Confusion"),
    ("classes", "Class by class"),
    ("roc", "ROC"),
    ("calibration", "Calibration"),
    ("threshold", "Rejection threshold"),
    ("mistakes", "Surest mistakes"),
    ("recipe", "Recipe and data"),
    ("card", "Model card"),
];

/// A section with its heading.
pub(super) fn section(id: &str, body: Markup) -> Markup {
    let heading = CONTENTS.iter().find(|(found, _)| *found == id);
    html! {
        section id=(id) {
            h2 { (heading.map_or(id, |(_, heading)| heading)) }
            (body)
        }
    }
}

/// An area under a curve, or a dash.
pub(super) fn area(curve: Option<f64>) -> String {
    curve.map_or_else(|| "–".into(), |auc| format!("{auc:.3}"))
}

/// What a reader wants first.
pub(super) fn headline(measured: &Measured) -> Markup {
    let Some(judged) = measured.judged() else {
        return html! {};
    };
    let (before, after) = judged.calibration_errors();
    let decided = measured.decided(judged);
    let right = judged.calibrated.iter().filter(|answer| answer.1).count();
    let apart = match measured.apart {
        Apart::Kept => "Copies and crops of one photograph were kept on one side of the split.",
        Apart::Unknown => {
            "The parts were given as folders or drawn at random: whether copies of one photograph are on both sides \
             was not checked, and if they are, these numbers are too good."
        }
    };
    html! {
        p {
            @if judged.part == Part::Test {
                "The numbers are of " b { (judged.pictures()) " test pictures" }
                " that were neither trained on nor used to choose anything. "
            } @else {
                "The numbers are of " b { (judged.pictures()) " validation pictures" }
                ". There is no test part: the same pictures chose the best epoch, the temperature \
                 and the threshold, so expect slightly less on others. "
            }
            (apart)
        }
        @for note in &measured.notes { p.warning { (note) } }
        div.tiles {
            (tile("accuracy", &percent(judged.confusion.accuracy()),
                &format!("{right} of {}; 95 % interval {}", judged.pictures(), interval(judged.interval()))))
            (tile("macro F1", &format!("{:.3}", judged.confusion.macro_f1()),
                "mean over the classes that have pictures"))
            (tile("macro AUC", &area(judged.roc.macro_mean.as_ref().map(|curve| curve.auc)),
                "mean area under the classes' ROC curves"))
            (tile("calibration error", &percent(after),
                &format!("{} by chance alone; {} before the temperature {:.2}",
                    percent(judged.calibration_error_by_chance()), percent(before), measured.temperature)))
            (tile(&format!("answered at {:.2}", decided.reject_below), &percent(decided.coverage),
                &format!("{} of these answers are right", percent(decided.accuracy))))
        }
        div.wide { (parts(measured)) }
    }
}

fn tile(what: &str, number: &str, more: &str) -> Markup {
    html! { div.tile { span { (what) } b { (number) } span { (more) } } }
}

fn parts(measured: &Measured) -> Markup {
    html! {
        table {
            thead { tr {
                th { "part" } th { "pictures" } th { "accuracy" } th { "95 % interval" }
                th { "macro F1" } th { "macro AUC" } th { "cross entropy" }
                th { "calibration error" }
            } }
            tbody {
                @for part in &measured.parts {
                    tr {
                        td { (part.part.name())
                            @if part.part == Part::Train { span.quiet { ", not augmented" } } }
                        td { (part.pictures()) }
                        td { (percent(part.confusion.accuracy())) }
                        td { (interval(part.interval())) }
                        td { (format!("{:.3}", part.confusion.macro_f1())) }
                        td { (area(part.roc.macro_mean.as_ref().map(|curve| curve.auc))) }
                        td { (format!("{:.3}", part.cross_entropy())) }
                        td { (percent(part.calibration_errors().1)) }
                    }
                }
            }
        }
    }
}

/// Curves over the epochs.
pub(super) fn training(epochs: &[Epoch], best: u32, charts: &Charts) -> Markup {
    let seconds: f64 = epochs.iter().filter_map(|epoch| epoch.seconds).sum();
    section(
        "training",
        html! {
            @if epochs.is_empty() {
                p.quiet { "The run has no log.jsonl, so there are no curves." }
            } @else {
                p.quiet {
                    (epochs.len()) " epochs in " (format!("{:.1}", seconds / 60.0)) " minutes. \
                    Training numbers are of augmented pictures while the weights still moved, so \
                    they may be worse than validation."
                }
                div.charts {
                    (figure(charts.get("loss"), ""))
                    (figure(charts.get("accuracy"), ""))
                    (figure(charts.get("learning_rate"), ""))
                    (epoch_table(epochs, best))
                }
            }
        },
    )
}

/// Ten epochs at most, evenly apart, the best and the last among them.
fn epoch_table(epochs: &[Epoch], best: u32) -> Markup {
    let every = epochs.len().div_ceil(9).max(1);
    let last = epochs.last().map_or(0, |epoch| epoch.epoch);
    let shown = epochs.iter().enumerate().filter(|(index, epoch)| {
        index % every == every - 1 || epoch.epoch == best || epoch.epoch == last
    });
    let number = |value: Option<f64>| value.map_or_else(|| "–".into(), |v| format!("{v:.3}"));
    html! {
        div.wide { table {
            thead { tr {
                th { "epoch" } th { "training loss" } th { "accuracy" } th { "validation loss" }
                th { "accuracy" } th { "macro F1" }
            } }
            tbody {
                @for (_, epoch) in shown {
                    tr {
                        td { (epoch.epoch) @if epoch.epoch == best { b { " best" } } }
                        td { (number(epoch.train_loss)) }
                        td { (number(epoch.train_accuracy)) }
                        td { (number(epoch.valid_loss)) }
                        td { (number(epoch.valid_accuracy)) }
                        td { (number(epoch.valid_macro_f1)) }
                    }
                }
            }
        } }
    }
}

/// Settings and data.
pub(super) fn recipe(measured: &Measured) -> Markup {
    let record = &measured.record;
    section(
        "recipe",
        html! {
            dl.facts {
                @for (name, value) in facts(record) {
                    div { dt { (name) } dd { bdi { (value) } } }
                }
            }
            h3 { "Training pictures of each class, extra folders included" }
            dl.facts {
                @for (class, count) in &record.pictures {
                    div { dt { bdi { (class) } } dd { (count) } }
                }
            }
        },
    )
}

/// What it is for, and what not.
pub(super) fn card(measured: &Measured) -> Markup {
    let record = &measured.record;
    section(
        "card",
        html! {
            p {
                "Names which of " (record.classes.len()) " classes the one vehicle that fills most of \
                a picture belongs to: "
                @for (index, class) in record.classes.iter().enumerate() {
                    @if index > 0 { ", " }
                    bdi { (class) }
                }
                "."
            }
            p {
                (record.model.architecture()) " at " (record.input.width) " × " (record.input.height)
                " pixels, trained on " (record.pictures.values().sum::<u32>())
                " pictures; started from: " bdi { (record.pretrained) } "."
            }
            p {
                "Measured here are the 32-bit weights of the best epoch through the code that the \
                 agent runs on the device. A bundle with 8-bit weights is measured again when it is \
                 exported."
            }
            h3 { "Not for" }
            p { (card::NOT_FOR) }
        },
    )
}

/// Where definitions come from.
pub(super) fn sources(record: &RunRecord) -> Markup {
    html! {
        footer {
            p {
                "Intervals: Wilson 1927. ROC and areas: Fawcett 2006, equal probabilities in one \
                 step. Calibration error: 15 equal bins, Naeini et al. 2015; temperature: Guo et \
                 al. 2017. Coverage: El-Yaniv and Wiener 2010. Macro numbers are means over the \
                 classes that have pictures."
            }
            p { "Written by " (concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")))
                "; trained by " (record.generator) "." }
        }
    }
}
