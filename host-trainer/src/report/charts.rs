//! Which charts a run has, by the names of their files. Draws none itself.

use super::epochs::Epoch;
use super::measured::{Measured, Measurement};
use crate::metrics::coverage_curve;
use crate::plot::{self, Axis, Calibration, Chart, Coverage, Line, Lines, Mark, Scale, Unit};

/// All charts of a run.
#[derive(Debug)]
pub struct Charts {
    /// File name without extension, and chart.
    pub named: Vec<(String, Chart)>,
}

impl Charts {
    /// The chart of a name.
    pub fn get(&self, name: &str) -> Option<&Chart> {
        self.named
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, chart)| chart)
    }
}

/// Draws them.
pub(super) fn all(measured: &Measured, epochs: &[Epoch]) -> Charts {
    let mut named = Vec::new();
    if !epochs.is_empty() {
        named.extend(training(epochs, measured.record.best_epoch));
    }
    let classes = &measured.record.classes;
    for part in &measured.parts {
        let name = part.part.name();
        let of = format!("{name}, {} pictures", part.pictures());
        let matrix = plot::confusion(&format!("Confusion: {of}"), &part.confusion);
        named.push((format!("confusion_{name}"), matrix));
        let roc = plot::roc(&format!("ROC: {of}"), classes, &part.roc);
        named.push((format!("roc_{name}"), roc));
    }
    for part in measured.held_out() {
        named.push((
            format!("calibration_{}", part.part.name()),
            calibration(part),
        ));
    }
    named.push(("coverage".into(), coverage(measured)));
    Charts { named }
}

fn calibration(part: &Measurement) -> Chart {
    let (before, after) = part.bins();
    let (error_before, error_after) = part.calibration_errors();
    let title = format!(
        "Calibration: {}, {} pictures",
        part.part.name(),
        part.pictures()
    );
    let set = |what: &str, error: f64, bins| Calibration {
        name: format!("{what}: error {:.1} %", 100.0 * error),
        bins,
    };
    let sets = [
        set("before the temperature", error_before, &before),
        set("with the temperature", error_after, &after),
    ];
    plot::calibration(&title, &sets)
}

fn coverage(measured: &Measured) -> Chart {
    let set = |part: &Measurement| Coverage {
        name: part.part.name().into(),
        points: coverage_curve(&part.calibrated),
        threshold: measured.decided(part),
    };
    let sets: Vec<Coverage> = measured.held_out().map(set).collect();
    let title = format!(
        "Accuracy and coverage; dots: reject below {:.2}",
        measured.threshold.reject_below
    );
    plot::coverage(&title, &sets)
}

type Number = fn(&Epoch) -> Option<f64>;

fn training(epochs: &[Epoch], best: u32) -> Vec<(String, Chart)> {
    let line = |name: &str, number: Number, faint: bool, pair: usize| Line {
        name: name.into(),
        points: epochs
            .iter()
            .map(|epoch| (f64::from(epoch.epoch), number(epoch).unwrap_or(f64::NAN)))
            .collect(),
        faint,
        pair: Some(pair),
    };
    let chart = |title: &str, y: Axis, lines: Vec<Line>| {
        let marked = epochs.iter().any(|epoch| epoch.epoch == best);
        plot::lines(&Lines {
            title: title.into(),
            x: Axis::new("epoch", Unit::Whole),
            y,
            lines,
            marks: marked
                .then(|| Mark::Upright {
                    x: f64::from(best),
                    label: format!("best: epoch {best}"),
                })
                .into_iter()
                .collect(),
        })
    };
    let loss = chart(
        "Loss",
        Axis::new("cross entropy", Unit::Number),
        vec![
            line("training, augmented", |e| e.train_loss, true, 1),
            line("validation", |e| e.valid_loss, false, 0),
        ],
    );
    let accuracy = chart(
        "Accuracy",
        Axis::new("share of pictures", Unit::Percent),
        vec![
            line("training, augmented", |e| e.train_accuracy, true, 1),
            line("validation", |e| e.valid_accuracy, false, 0),
            line("validation macro F1", |e| e.valid_macro_f1, true, 2),
        ],
    );
    let rates = || {
        epochs
            .iter()
            .filter_map(|epoch| epoch.lr)
            .filter(|rate| *rate > 0.0)
    };
    let (low, high) = (
        rates().fold(f64::INFINITY, f64::min),
        rates().fold(0.0, f64::max),
    );
    let rate = chart(
        "Learning rate",
        Axis {
            // Of a rate that falls to a thousandth, equal steps would hide the end.
            scale: if high > 1000.0 * low {
                Scale::Log
            } else {
                Scale::Linear
            },
            ..Axis::new("at the epoch's end", Unit::Number)
        },
        vec![line("learning rate", |e| e.lr, false, 0)],
    );
    vec![
        ("loss".into(), loss),
        ("accuracy".into(), accuracy),
        ("learning_rate".into(), rate),
    ]
}
