//! One run as a comparison sees it: its record, its log, and its report if it has one that is
//! not out of date. Reads; computes only counts.

use std::collections::{BTreeMap, BTreeSet};

use crate::metrics::Confusion;
use crate::report::{self, Answer, Epoch, Summary};
use crate::run::{Run, RunRecord};
use crate::split::{Part, Split};

/// One run of a comparison.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The folder as the reader gave it.
    pub name: String,
    /// What the run says of itself.
    pub record: RunRecord,
    /// Its log.
    pub epochs: Vec<Epoch>,
    /// The numbers of its report.
    pub summary: Option<Summary>,
    /// What the report's answers count, for each part that was not trained on.
    counts: BTreeMap<Part, Confusion>,
    /// The report's answers: for each part the truth and the answer of every picture.
    pictures: BTreeMap<Part, BTreeMap<String, (String, String)>>,
    /// Which picture is in which part, when the run divided them itself.
    split: Option<Split>,
    /// What is missing and how to get it.
    pub warnings: Vec<String>,
}

impl Entry {
    /// Reads a run's folder. Without a report, the validation counts come from the log.
    pub fn read(run: &Run) -> anyhow::Result<Self> {
        let record = run.record()?;
        let mut entry = Self {
            name: run.folder().display().to_string(),
            epochs: report::epochs(run)?,
            summary: None,
            counts: BTreeMap::new(),
            pictures: BTreeMap::new(),
            split: run.split()?,
            warnings: Vec::new(),
            record,
        };
        let summary = Summary::read(run)?;
        let answers = Answer::read(run)?;
        match (summary, answers) {
            (Some(summary), Some(answers)) if summary.best_epoch == entry.record.best_epoch => {
                entry.take(summary, answers);
            }
            (Some(_), _) => entry.fall_back("its report is older than its weights"),
            (None, _) => entry.fall_back("it has no report"),
        }
        Ok(entry)
    }

    fn take(&mut self, summary: Summary, answers: Vec<Answer>) {
        let classes = &self.record.classes;
        let index = |class: &str| classes.iter().position(|known| known == class);
        for answer in answers {
            let counts = self
                .counts
                .entry(answer.part)
                .or_insert_with(|| Confusion::new(classes));
            if let (Some(truth), Some(best)) = (index(&answer.truth), index(&answer.answer)) {
                counts.add(truth, best);
                let pictures = self.pictures.entry(answer.part).or_default();
                pictures.insert(answer.path, (answer.truth, answer.answer));
            }
        }
        self.summary = Some(summary);
    }

    fn fall_back(&mut self, reason: &str) {
        self.warnings.push(format!(
            "{}: {reason}; its validation numbers are those of training and the test pictures are \
             left out. Run `host-trainer report {}`.",
            self.name, self.name
        ));
        let best = self.record.best_epoch;
        let classes = self.record.classes.len();
        let counts = self
            .epochs
            .iter()
            .find(|epoch| epoch.epoch == best)
            .map(|epoch| epoch.valid_confusion.clone())
            .filter(|counts| {
                counts.len() == classes && counts.iter().all(|row| row.len() == classes)
            });
        if let Some(counts) = counts {
            let confusion = Confusion {
                classes: self.record.classes.clone(),
                counts,
            };
            self.counts.insert(Part::Validation, confusion);
        }
    }

    /// Truth against answer on a part; none when it was not measured.
    pub fn confusion(&self, part: Part) -> Option<&Confusion> {
        self.counts.get(&part)
    }

    /// Truth and answer of each picture of a part by its path; none without a report.
    pub fn pictures(&self, part: Part) -> Option<&BTreeMap<String, (String, String)>> {
        self.pictures.get(&part)
    }

    /// Paths of a part's pictures: those that were answered, or else those that the run's split
    /// lists. None when neither is known, or the run has no such part.
    pub fn paths(&self, part: Part) -> Option<BTreeSet<&str>> {
        if let Some(pictures) = self.pictures(part) {
            return Some(pictures.keys().map(String::as_str).collect());
        }
        if part == Part::Validation && self.record.data_val.is_some() {
            return None;
        }
        let paths = self.split.as_ref()?.parts.get(&part)?;
        Some(paths.iter().map(String::as_str).collect())
    }

    /// Parameters of the network, trained or not.
    pub fn parameters(&self) -> usize {
        self.record.arch().parameter_count(false)
    }
}
