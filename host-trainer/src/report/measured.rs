//! A run's best weights measured on its parts, with the temperature and the threshold that its
//! validation pictures ask for. Draws and writes nothing.

use std::path::{Path, PathBuf};

use anyhow::Context;
use models::Scores;

use crate::answers::Answers;
use crate::candidate::{self, Candidate};
use crate::commands::report_unreadable;
use crate::metrics::{
    self, BINS, Bin, Confusion, Interval, Roc, Threshold, expected_calibration_error,
    fit_temperature, reliability, wilson,
};
use crate::run::{Run, RunRecord};
use crate::split::Part;

/// What the network answers on one part, probabilities calibrated.
#[derive(Debug)]
pub struct Measurement {
    /// Which part.
    pub part: Part,
    /// Folder that the items' paths start from.
    pub root: PathBuf,
    /// Items and scores.
    pub answers: Answers,
    /// Pictures of the part that are no longer there.
    pub missing: usize,
    /// Truth against answer.
    pub confusion: Confusion,
    /// Curves of every class.
    pub roc: Roc,
    /// Confidence and rightness of each answer before calibration.
    pub raw: Vec<(f32, bool)>,
    /// The same with calibrated probabilities.
    pub calibrated: Vec<(f32, bool)>,
}

impl Measurement {
    fn of(part: Part, root: PathBuf, answers: Answers, missing: usize, labels: &[String]) -> Self {
        let confusion = answers.confusion(labels);
        Self {
            part,
            root,
            missing,
            raw: confidences(&answers),
            calibrated: Vec::new(),
            roc: Roc::of(labels.len(), &[], &[]),
            answers,
            confusion,
        }
    }

    fn calibrate(&mut self, temperature: f32) {
        let again = |scores: &Scores| {
            Scores::from_logits(
                scores.labels().into(),
                scores.logits().to_vec(),
                temperature,
            )
        };
        self.answers.scores = self.answers.scores.iter().map(again).collect();
        self.calibrated = confidences(&self.answers);
        let rows: Vec<&[f32]> = self
            .answers
            .scores
            .iter()
            .map(Scores::probabilities)
            .collect();
        self.roc = Roc::of(self.confusion.classes.len(), &rows, &self.truths());
    }

    /// Index of each picture's class.
    fn truths(&self) -> Vec<usize> {
        self.answers.items.iter().map(|item| item.class).collect()
    }

    /// How many pictures were answered.
    pub fn pictures(&self) -> u32 {
        self.confusion.pictures()
    }

    /// 95 % interval of the accuracy.
    pub fn interval(&self) -> Interval {
        let right = self.calibrated.iter().filter(|answer| answer.1).count();
        wilson(right as u32, self.pictures())
    }

    /// Mean cross entropy of the calibrated probabilities, in nats.
    pub fn cross_entropy(&self) -> f64 {
        let one = |(scores, truth): (&Scores, usize)| {
            -f64::from(scores.probabilities()[truth].max(f32::MIN_POSITIVE)).ln()
        };
        let scores = self.answers.scores.iter().zip(self.truths());
        scores.map(one).sum::<f64>() / f64::from(self.pictures().max(1))
    }

    /// Reliability bins before and after calibration.
    pub fn bins(&self) -> (Vec<Bin>, Vec<Bin>) {
        (
            reliability(&self.raw, BINS),
            reliability(&self.calibrated, BINS),
        )
    }

    /// Expected calibration error before and after calibration.
    pub fn calibration_errors(&self) -> (f64, f64) {
        let (before, after) = self.bins();
        (
            expected_calibration_error(&before),
            expected_calibration_error(&after),
        )
    }

    /// The calibrated error that chance alone would leave.
    pub fn calibration_error_by_chance(&self) -> f64 {
        metrics::calibration_error_by_chance(&self.bins().1)
    }
}

fn confidences(answers: &Answers) -> Vec<(f32, bool)> {
    let one = |(item, scores): (&crate::dataset::Item, &Scores)| {
        let best = scores.best_index();
        (scores.probabilities()[best], item.class == best)
    };
    answers.items.iter().zip(&answers.scores).map(one).collect()
}

/// Everything that a report says of a run's best weights.
#[derive(Debug)]
pub struct Measured {
    /// What the run says of itself.
    pub record: RunRecord,
    /// Training (when its pictures are there), validation and test (when there is one).
    pub parts: Vec<Measurement>,
    /// Fitted on the validation pictures.
    pub temperature: f32,
    /// Chosen on the validation pictures.
    pub threshold: Threshold,
    /// Whether near-duplicates were kept on one side.
    pub apart: Apart,
    /// What a reader must know of the measuring, in whole sentences.
    pub notes: Vec<String>,
}

/// What is known of near-duplicates across the parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apart {
    /// The trainer divided the pictures by photograph.
    Kept,
    /// The parts were given as folders.
    Unknown,
}

impl Measured {
    /// Measures through `models::Runner`. Errors when pictures of the validation or test part
    /// are gone altogether.
    pub fn of(run: &Run, candidate: &Candidate, moved: Option<&Path>) -> anyhow::Result<Self> {
        let record = candidate.record.clone();
        let split = run.split()?;
        let mut notes = Vec::new();
        let mut parts = Vec::new();
        for part in [Part::Train, Part::Validation, Part::Test] {
            let dataset = match candidate::part(run, &record, part, moved) {
                // A mailed validation folder is reason enough for a report.
                Err(error) if part == Part::Train && record.data_val.is_some() => {
                    notes.push(format!(
                        "The training pictures were not measured: {error:#}."
                    ));
                    continue;
                }
                found => found?,
            };
            let Some(dataset) = dataset else { continue };
            let known = split.as_ref().and_then(|split| split.parts.get(&part));
            let known = known.filter(|_| part != Part::Validation || record.data_val.is_none());
            let missing = known.map_or(0, |paths| paths.len().saturating_sub(dataset.items.len()));
            let what = format!("measuring {}", part.name());
            let answers = Answers::of(&dataset, &|| candidate.runner(1.0), &what)?;
            report_unreadable(&answers.unreadable);
            notes.extend(gaps(part, missing, answers.unreadable.len()));
            let labels = candidate.labels();
            parts.push(Measurement::of(
                part,
                dataset.root,
                answers,
                missing,
                labels,
            ));
        }
        let validation = parts
            .iter()
            .find(|measured| measured.part == Part::Validation && measured.pictures() > 0)
            .context("none of the run's validation pictures can be read")?;
        let rows: Vec<Vec<f32>> = validation
            .answers
            .scores
            .iter()
            .map(|s| s.logits().to_vec())
            .collect();
        let temperature = fit_temperature(&rows, &validation.truths());
        parts
            .iter_mut()
            .for_each(|part| part.calibrate(temperature));
        let chosen = parts
            .iter()
            .find(|part| part.part == Part::Validation)
            .map_or(&[][..], |part| &part.calibrated);
        Ok(Self {
            threshold: metrics::recommend(chosen),
            apart: match (&record.data_val, &split) {
                (None, Some(split)) if split.grouped => Apart::Kept,
                _ => Apart::Unknown,
            },
            record,
            parts,
            temperature,
            notes,
        })
    }

    /// One part, if it was measured.
    pub fn part(&self, part: Part) -> Option<&Measurement> {
        self.parts.iter().find(|measured| measured.part == part)
    }

    /// The part that judges: test, or else validation.
    pub fn judged(&self) -> Option<&Measurement> {
        self.part(Part::Test)
            .or_else(|| self.part(Part::Validation))
    }

    /// The parts that were not trained on.
    pub fn held_out(&self) -> impl Iterator<Item = &Measurement> {
        self.parts
            .iter()
            .filter(|measured| measured.part != Part::Train)
    }

    /// What the recommended threshold does on a part.
    pub fn decided(&self, part: &Measurement) -> Threshold {
        metrics::decided(&part.calibrated, self.threshold.reject_below)
    }
}

fn gaps(part: Part, missing: usize, unreadable: usize) -> Option<String> {
    let are = |count: usize| if count == 1 { "is" } else { "are" };
    let gone = format!("{missing} {} no longer there", are(missing));
    let broken = format!("{unreadable} cannot be read");
    let what = match (missing, unreadable) {
        (0, 0) => return None,
        (_, 0) => gone,
        (0, _) => broken,
        _ => format!("{gone} and {broken}"),
    };
    Some(format!(
        "Of the {} pictures, {what}; the others were measured.",
        part.name()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_told() {
        assert_eq!(gaps(Part::Test, 0, 0), None);
        assert_eq!(
            gaps(Part::Test, 3, 1).unwrap(),
            "Of the test pictures, 3 are no longer there and 1 cannot be read; the others were \
             measured."
        );
    }
}
