//! `answers.jsonl`: what a run answers on every picture that it did not train on. One JSON
//! object a line; nothing is judged here.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::measured::Measured;
use crate::run::Run;
use crate::split::Part;

/// The file's name in a run folder.
pub const ANSWERS: &str = "answers.jsonl";

/// One line: a picture and what is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Which part it belongs to.
    pub part: Part,
    /// Its path below the dataset's folder.
    pub path: String,
    /// Its class by the folder it is in.
    pub truth: String,
    /// The most probable class.
    pub answer: String,
    /// Every class's calibrated probability, to six decimals.
    pub probabilities: BTreeMap<String, f32>,
}

impl Answer {
    /// Whether it was taken for another class.
    pub fn is_wrong(&self) -> bool {
        self.truth != self.answer
    }

    /// The probability of what it was taken for; 0 when there is none.
    pub fn score(&self) -> f32 {
        let score = self.probabilities.get(&self.answer);
        score.copied().unwrap_or_default()
    }

    /// Where a run keeps them.
    pub fn file(run: &Run) -> PathBuf {
        run.folder().join(ANSWERS)
    }

    /// The file's bytes.
    pub(super) fn lines(measured: &Measured) -> anyhow::Result<Vec<u8>> {
        let classes = &measured.record.classes;
        let mut bytes = Vec::new();
        for part in measured.held_out() {
            for (item, scores) in part.answers.items.iter().zip(&part.answers.scores) {
                let rounded = scores
                    .probabilities()
                    .iter()
                    .map(|p| (p * 1e6).round() / 1e6);
                let line = Answer {
                    part: part.part,
                    path: item.path.clone(),
                    truth: classes[item.class].clone(),
                    answer: classes[scores.best_index()].clone(),
                    probabilities: classes.iter().cloned().zip(rounded).collect(),
                };
                serde_json::to_writer(&mut bytes, &line)?;
                bytes.write_all(b"\n")?;
            }
        }
        Ok(bytes)
    }

    /// Reads a run's answers; none when it has no report yet.
    pub fn read(run: &Run) -> anyhow::Result<Option<Vec<Self>>> {
        let path = Self::file(run);
        if !path.exists() {
            return Ok(None);
        }
        let failed = || format!("{} is not a report's {ANSWERS}", path.display());
        let file = std::fs::File::open(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let mut answers = Vec::new();
        for line in BufReader::new(file).lines() {
            let line = line.with_context(|| format!("cannot read {}", path.display()))?;
            answers.push(serde_json::from_str(&line).with_context(failed)?);
        }
        Ok(Some(answers))
    }
}
