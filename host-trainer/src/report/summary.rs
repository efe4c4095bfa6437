//! `report.json`: the numbers of a report, for programs. No curves and no pictures.

use std::path::PathBuf;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::measured::{Measured, Measurement};
use crate::run::Run;
use crate::split::Part;

/// The numbers of a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The program that measured.
    pub generator: String,
    /// The epoch whose weights were measured.
    pub best_epoch: u32,
    /// What logits are divided by, fitted on the validation pictures.
    pub temperature: f32,
    /// Probability under which the answer should be "unknown", chosen on the validation pictures.
    pub reject_below: f32,
    /// The parts that were measured.
    pub parts: Vec<PartSummary>,
}

/// The numbers of one part. Shares are 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartSummary {
    /// Which part.
    pub part: Part,
    /// Pictures that were answered.
    pub pictures: u32,
    /// Pictures of the part that are no longer there.
    pub missing: usize,
    /// Pictures that cannot be read.
    pub unreadable: usize,
    /// Share of right answers.
    pub accuracy: f64,
    /// Lower and upper end of its 95 % interval (Wilson).
    pub accuracy_interval: [f64; 2],
    /// Mean F1 of the classes that have pictures.
    pub macro_f1: f64,
    /// Mean cross entropy, nats.
    pub cross_entropy: f64,
    /// Area under the micro-averaged curve.
    pub auc_micro: Option<f64>,
    /// Mean area under the classes' curves.
    pub auc_macro: Option<f64>,
    /// Expected calibration error before the temperature.
    pub calibration_error_before: f64,
    /// Expected calibration error with the temperature.
    pub calibration_error: f64,
    /// What it would be on average if every probability were right.
    #[serde(default)]
    pub calibration_error_by_chance: Option<f64>,
    /// Share of the pictures that `reject_below` leaves an answer.
    pub coverage: f64,
    /// Share of those answers that are right.
    pub accuracy_of_decided: f64,
}

impl Summary {
    /// Where a run keeps it.
    pub fn file(run: &Run) -> PathBuf {
        run.folder().join("report.json")
    }

    /// The numbers of a measured run.
    pub(super) fn of(measured: &Measured) -> Self {
        let part = |part: &Measurement| {
            let interval = part.interval();
            let (before, after) = part.calibration_errors();
            let decided = measured.decided(part);
            PartSummary {
                part: part.part,
                pictures: part.pictures(),
                missing: part.missing,
                unreadable: part.answers.unreadable.len(),
                accuracy: part.confusion.accuracy(),
                accuracy_interval: [interval.low, interval.high],
                macro_f1: part.confusion.macro_f1(),
                cross_entropy: part.cross_entropy(),
                auc_micro: part.roc.micro.as_ref().map(|curve| curve.auc),
                auc_macro: part.roc.macro_mean.as_ref().map(|curve| curve.auc),
                calibration_error_before: before,
                calibration_error: after,
                calibration_error_by_chance: Some(part.calibration_error_by_chance()),
                coverage: decided.coverage,
                accuracy_of_decided: decided.accuracy,
            }
        };
        Self {
            generator: concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).into(),
            best_epoch: measured.record.best_epoch,
            temperature: measured.temperature,
            reject_below: measured.threshold.reject_below,
            parts: measured.parts.iter().map(part).collect(),
        }
    }

    /// Reads a run's numbers; none when it has no report yet.
    pub fn read(run: &Run) -> anyhow::Result<Option<Self>> {
        let path = Self::file(run);
        if !path.exists() {
            return Ok(None);
        }
        let text =
            std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let summary = serde_json::from_slice(&text);
        summary
            .map(Some)
            .with_context(|| format!("{} is not this version's report.json", path.display()))
    }
}
