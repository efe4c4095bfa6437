//! The sections of a report, top to bottom. Shows numbers; computes none.

use maud::{Markup, html};

use super::charts::Charts;
use super::epochs::Epoch;
use super::facts::facts;
use super::gallery::Mistakes;
use super::measured::{Apart, Measured, Measurement};
use super::page::{figure, interval, percent};
use crate::card;
use crate::metrics::{Confusion, TARGET_ACCURACY};
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

fn section(id: &str, body: Markup) -> Markup {
    let heading = CONTENTS.iter().find(|(found, _)| *found == id);
    html! {
        section id=(id) {
            h2 { (heading.map_or(id, |(_, heading)| heading)) }
            (body)
        }
    }
}

fn area(curve: Option<f64>) -> String {
    curve.map_or_else(|| "–".into(), |auc| format!("{auc:.3}"))
}

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
            "The parts were given as folders: whether copies of one photograph are on both sides \
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
                &format!("{} before the temperature {:.2}", percent(before), measured.temperature)))
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

pub(super) fn training(epochs: &[Epoch], charts: &Charts) -> Markup {
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
                }
            }
        },
    )
}

pub(super) fn confusion(measured: &Measured, charts: &Charts) -> Markup {
    let caption = |part: Part| match part {
        Part::Test => "Blue: right, orange: wrong; the deeper, the larger the share of its row.",
        Part::Validation => "These pictures chose the best epoch.",
        Part::Train => {
            "Trained on, here without augmentation; pictures from extra folders are not included."
        }
    };
    section(
        "confusion",
        html! {
            div.charts {
                @for part in [Part::Test, Part::Validation, Part::Train] {
                    (figure(charts.get(&format!("confusion_{}", part.name())), caption(part)))
                }
            }
            @if let Some(judged) = measured.judged() { (pairs(&judged.confusion)) }
        },
    )
}

/// The classes that are most often taken for another, in words.
fn pairs(confusion: &Confusion) -> Markup {
    let mut wrong: Vec<(u32, usize, usize)> = Vec::new();
    for (truth, row) in confusion.counts.iter().enumerate() {
        let others = row
            .iter()
            .enumerate()
            .filter(|(answer, count)| *answer != truth && **count > 0);
        wrong.extend(others.map(|(answer, count)| (*count, truth, answer)));
    }
    wrong.sort_by_key(|(count, truth, answer)| (std::cmp::Reverse(*count), *truth, *answer));
    wrong.truncate(5);
    html! {
        @if !wrong.is_empty() {
            p {
                "Most frequent: "
                @for (index, (count, truth, answer)) in wrong.iter().enumerate() {
                    @if index > 0 { "; " }
                    bdi { (confusion.classes[*truth]) } " taken for "
                    bdi { (confusion.classes[*answer]) } " (" (count) ")"
                }
                "."
            }
        }
    }
}

pub(super) fn classes(measured: &Measured) -> Markup {
    let table = |part: &Measurement| {
        let share = |value: f64| {
            html! {
                td.bar.low[value < 0.7] style=(format!("--share:{:.0}%", 100.0 * value)) {
                    (format!("{value:.3}"))
                }
            }
        };
        let rows = part.confusion.per_class();
        let present: Vec<_> = rows.iter().filter(|row| row.pictures > 0).collect();
        let mean = |of: fn(&crate::metrics::ClassMetrics) -> f64| {
            present.iter().map(|row| of(row)).sum::<f64>() / present.len().max(1) as f64
        };
        html! {
            h3 { "On " (part.pictures()) " " (part.part.name()) " pictures" }
            div.wide { table {
                thead { tr {
                    th { "class" } th { "pictures" } th { "precision" } th { "recall" }
                    th { "specificity" } th { "F1" } th { "AUC" } th.left { "most often taken for" }
                } }
                tbody {
                    @for (index, row) in rows.iter().enumerate() {
                        tr {
                            td.name { bdi { (row.class) } }
                            td { (row.pictures) }
                            @if row.pictures > 0 {
                                (share(row.precision)) (share(row.recall))
                                td { (format!("{:.3}", row.specificity)) }
                                (share(row.f1))
                            } @else { td { "–" } td { "–" } td { "–" } td { "–" } }
                            td { (area(part.roc.classes[index].as_ref().map(|c| c.auc))) }
                            td.text { (taken_for(&part.confusion, index)) }
                        }
                    }
                }
                tfoot { tr {
                    td { "mean" } td { (part.pictures()) }
                    td { (format!("{:.3}", mean(|m| m.precision))) }
                    td { (format!("{:.3}", mean(|m| m.recall))) }
                    td { (format!("{:.3}", mean(|m| m.specificity))) }
                    td { (format!("{:.3}", mean(|m| m.f1))) }
                    td { (area(part.roc.macro_mean.as_ref().map(|curve| curve.auc))) }
                    td {}
                } }
            } }
        }
    };
    section(
        "classes",
        html! { @if let Some(judged) = measured.judged() { (table(judged)) } },
    )
}

fn taken_for(confusion: &Confusion, truth: usize) -> Markup {
    let row = &confusion.counts[truth];
    let others = row
        .iter()
        .enumerate()
        .filter(|(answer, count)| *answer != truth && **count > 0);
    let most = others.max_by_key(|(answer, count)| (**count, std::cmp::Reverse(*answer)));
    html! {
        @if let Some((answer, count)) = most {
            bdi { (confusion.classes[answer]) } span.quiet { " (" (count) ")" }
        }
    }
}

pub(super) fn roc(charts: &Charts) -> Markup {
    section(
        "roc",
        html! {
            p.quiet {
                "Each class against all others, over every threshold of its probability. The small \
                 panel enlarges the upper left corner. Micro counts every pair of picture and \
                 class as one case; macro is the mean of the classes' curves."
            }
            div.charts {
                (figure(charts.get("roc_test"), ""))
                (figure(charts.get("roc_validation"), ""))
            }
        },
    )
}

pub(super) fn calibration(measured: &Measured, charts: &Charts) -> Markup {
    section(
        "calibration",
        html! {
            p {
                "Dividing the network's outputs by the temperature "
                b { (format!("{:.3}", measured.temperature)) }
                ", fitted on the validation pictures, makes a probability mean what it says: on \
                 the dotted line, of the answers with confidence 0.8 eight in ten are right. An \
                 export fits its own temperature the same way and saves it into the bundle."
            }
            div.charts {
                (figure(charts.get("calibration_test"), ""))
                (figure(charts.get("calibration_validation"), "The temperature was fitted on these."))
            }
        },
    )
}

pub(super) fn threshold(measured: &Measured, charts: &Charts) -> Markup {
    let chosen = measured.threshold;
    section(
        "threshold",
        html! {
            p {
                "Recommended: answer “unknown” below "
                b { (format!("{:.2}", chosen.reject_below)) } ". "
                @if chosen.reaches_target() {
                    "It is the smallest threshold, from 0.50, whose answers on the validation \
                     pictures are right " (percent(TARGET_ACCURACY)) " of the time, and at least \
                     half of the pictures get one. "
                } @else {
                    "No threshold that leaves half of the validation pictures an answer makes "
                    (percent(TARGET_ACCURACY)) " of the answers right; this one makes most of \
                    them right, " (percent(chosen.accuracy)) ". "
                }
                "Export it with " code { "--reject-below " (format!("{:.2}", chosen.reject_below)) } "."
            }
            div.charts {
                (figure(charts.get("coverage"),
                    "From right to left, the least sure answers are withheld one by one."))
                div.wide { (decisions(measured)) }
            }
        },
    )
}

/// What some thresholds do on the judged part.
fn decisions(measured: &Measured) -> Markup {
    let Some(judged) = measured.judged() else {
        return html! {};
    };
    let mut thresholds = vec![0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95];
    thresholds.push(measured.threshold.reject_below);
    thresholds.sort_by(f32::total_cmp);
    thresholds.dedup();
    let wrong = |coverage: f64, accuracy: f64| {
        (f64::from(judged.pictures()) * coverage * (1.0 - accuracy)).round()
    };
    html! {
        table {
            thead { tr {
                th { "reject below" } th { "answered" } th { "right" } th { "wrong answers" }
            } }
            tbody {
                @for threshold in thresholds {
                    @let row = crate::metrics::decided(&judged.calibrated, threshold);
                    tr {
                        td { (format!("{threshold:.2}"))
                            @if threshold == measured.threshold.reject_below { b { " recommended" } } }
                        td { (percent(row.coverage)) }
                        td { (percent(row.accuracy)) }
                        td { (wrong(row.coverage, row.accuracy)) }
                    }
                }
            }
        }
        p.quiet.small { "On the " (judged.part.name()) " pictures." }
    }
}

pub(super) fn mistakes(mistakes: &Mistakes) -> Markup {
    section(
        "mistakes",
        html! {
            @if mistakes.all == 0 {
                p { "Every held-out picture was answered right." }
            } @else {
                p {
                    "The " (mistakes.shown.len()) " surest of " (mistakes.all)
                    " wrong answers on validation and test pictures, surest first. Some may be \
                    wrong labels: look whether the picture or the answer is wrong."
                }
            }
            div.gallery {
                @for mistake in &mistakes.shown {
                    figure {
                        div.frame {
                            @if let Some(address) = &mistake.thumbnail {
                                img src=(address) loading="lazy"
                                    alt=(format!("{} answered as {}", mistake.truth, mistake.answer));
                            } @else { span.quiet.small { "picture is gone" } }
                        }
                        figcaption {
                            strong { bdi { (mistake.answer) } } " " (percent(f64::from(mistake.probability)))
                            br;
                            "is in " strong { bdi { (mistake.truth) } } " " (percent(f64::from(mistake.of_truth)))
                            span.path { bdi { (mistake.path) } ", " (mistake.part.name()) }
                        }
                    }
                }
            }
        },
    )
}

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
