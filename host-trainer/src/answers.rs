//! What a network answers on a labelled dataset, through the agent's own `models::Runner`, and what
//! that makes of it in numbers.

use models::manifest::Measurement;
use models::{PictureError, RgbView, Runner, RunnerError, Scores, picture};

use crate::commands::default_workers;
use crate::dataset::{Dataset, Item};
use crate::loader::in_parallel;
use crate::metrics::{self, Confusion};
use crate::progress;

/// How a runner is asked about one picture.
pub type Classify<'a> = dyn Fn(&mut Runner, RgbView<'_>) -> Result<Scores, RunnerError> + Sync + 'a;

/// Answers on a dataset.
#[derive(Debug)]
pub struct Answers {
    /// Pictures that could be read, in order.
    pub items: Vec<Item>,
    /// Their scores.
    pub scores: Vec<Scores>,
    /// What could not be read.
    pub unreadable: Vec<PictureError>,
}

impl Answers {
    /// Classifies every picture of the dataset, a runner for each thread.
    pub fn of(
        dataset: &Dataset,
        runner: &(dyn Fn() -> anyhow::Result<Runner> + Sync),
        what: &str,
    ) -> anyhow::Result<Self> {
        Self::by(dataset, runner, &|runner, view| runner.classify(view), what)
    }

    /// The same with another way of using the runner.
    pub fn by(
        dataset: &Dataset,
        runner: &(dyn Fn() -> anyhow::Result<Runner> + Sync),
        classify: &Classify<'_>,
        what: &str,
    ) -> anyhow::Result<Self> {
        let bar = progress::bar(dataset.items.len() as u64, what);
        let workers = default_workers();
        let chunk = dataset.items.len().div_ceil(workers).max(1);
        let chunks: Vec<&[Item]> = dataset.items.chunks(chunk).collect();
        let parts = in_parallel(chunks.len(), workers, |index| {
            let mut runner = runner()?;
            let mut answers = Vec::new();
            for item in chunks[index] {
                let frame = picture::read(&dataset.file(item));
                let scores = frame.map(|frame| classify(&mut runner, frame.view()));
                answers.push((item.clone(), scores));
                bar.inc(1);
            }
            anyhow::Ok(answers)
        });
        bar.finish_and_clear();
        let mut all = Self {
            items: Vec::new(),
            scores: Vec::new(),
            unreadable: Vec::new(),
        };
        for part in parts {
            for (item, scores) in part? {
                match scores {
                    Ok(scores) => {
                        all.items.push(item);
                        all.scores.push(scores?);
                    }
                    Err(error) => all.unreadable.push(error),
                }
            }
        }
        Ok(all)
    }

    /// Truth against best answer.
    pub fn confusion(&self, classes: &[String]) -> Confusion {
        let mut confusion = Confusion::new(classes);
        for (item, scores) in self.items.iter().zip(&self.scores) {
            confusion.add(item.class, scores.best_index());
        }
        confusion
    }

    /// The probability of each answer, and whether it is right.
    pub fn sureness(&self) -> Vec<(f32, bool)> {
        let one = |(item, scores): (&Item, &Scores)| {
            let best = scores.best_index();
            (scores.probabilities()[best], item.class == best)
        };
        self.items.iter().zip(&self.scores).map(one).collect()
    }

    /// Share of pictures whose best probability reaches `reject_below`, and the accuracy among
    /// them.
    pub fn decided(&self, reject_below: f32) -> (f64, f64) {
        let decided = metrics::decided(&self.sureness(), reject_below);
        (decided.coverage, decided.accuracy)
    }

    /// The manifest's form.
    pub fn measurement(&self, split: &str, classes: &[String]) -> Measurement {
        let confusion = self.confusion(classes);
        let present = confusion.per_class().into_iter().filter(|m| m.pictures > 0);
        Measurement {
            split: split.into(),
            pictures: confusion.pictures(),
            top1: confusion.accuracy(),
            macro_f1: confusion.macro_f1(),
            recall: present.map(|m| (m.class, m.recall)).collect(),
        }
    }
}
