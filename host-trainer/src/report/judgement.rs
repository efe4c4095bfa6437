//! The sections of a report that say where a network errs and how sure it is. Shows numbers;
//! computes none.

use maud::{Markup, html};

use super::charts::Charts;
use super::gallery::Mistakes;
use super::measured::{Measured, Measurement};
use super::page::{figure, percent};
use super::sections::{area, section};
use crate::metrics::{Confusion, TARGET_ACCURACY};
use crate::split::Part;

/// Which class is taken for which.
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
                @if let Some(judged) = measured.judged() { (pairs(&judged.confusion)) }
            }
        },
    )
}

/// The classes that are most often taken for another.
fn pairs(confusion: &Confusion) -> Markup {
    let mut wrong: Vec<(u32, usize, usize)> = Vec::new();
    for (truth, row) in confusion.counts.iter().enumerate() {
        let counted = row.iter().enumerate();
        let others = counted.filter(|(answer, count)| *answer != truth && **count > 0);
        wrong.extend(others.map(|(answer, count)| (*count, truth, answer)));
    }
    wrong.sort_by_key(|(count, truth, answer)| (std::cmp::Reverse(*count), *truth, *answer));
    wrong.truncate(10);
    let share = |count: u32, truth: usize| {
        f64::from(count) / f64::from(confusion.counts[truth].iter().sum::<u32>().max(1))
    };
    html! {
        @if !wrong.is_empty() {
            div.wide { table {
                thead { tr {
                    th { "most frequent mistakes" } th.left { "answered as" } th { "pictures" }
                    th { "of its class" }
                } }
                tbody {
                    @for (count, truth, answer) in wrong {
                        tr {
                            td.name { bdi { (confusion.classes[truth]) } }
                            td.text { bdi { (confusion.classes[answer]) } }
                            td { (count) }
                            td { (percent(share(count, truth))) }
                        }
                    }
                }
            } }
        }
    }
}

/// Each class's numbers.
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

/// The curves of every class.
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

/// Whether probabilities mean what they say.
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

/// What rejecting unsure answers buys.
pub(super) fn threshold(measured: &Measured, charts: &Charts) -> Markup {
    let chosen = measured.threshold;
    section(
        "threshold",
        html! {
            p {
                "Recommended: answer “unknown” below "
                b { (format!("{:.2}", chosen.reject_below)) } ". "
                @if chosen.coverage < 0.5 {
                    "That is the lowest that is ever recommended, and only "
                    (percent(chosen.coverage)) " of the validation pictures get an answer: the \
                    network is too unsure for any threshold to help. "
                } @else if chosen.reaches_target() {
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

/// The surest wrong answers.
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
                            span.path { (mistake.part.name()) ": " bdi { (mistake.path) } }
                        }
                    }
                }
            }
        },
    )
}
