//! The surest wrong answers on pictures that were not trained on, with small copies of the
//! pictures inside the page. Judges no label: a sure mistake may be a wrong folder.

use super::measured::Measured;
use crate::commands::default_workers;
use crate::loader::in_parallel;
use crate::split::Part;
use crate::thumbnail;

/// Mistakes that a page shows at most: what a person looks through, and about a third of a
/// megabyte.
const SHOWN: usize = 48;

/// One wrong answer.
#[derive(Debug)]
pub struct Mistake {
    /// Which part the picture is of.
    pub part: Part,
    /// Its path below the dataset's folder.
    pub path: String,
    /// The folder it is in.
    pub truth: String,
    /// What was answered.
    pub answer: String,
    /// Probability of the answer.
    pub probability: f32,
    /// Probability of the truth.
    pub of_truth: f32,
    /// A small copy as a `data:` address; none when the picture is gone.
    pub thumbnail: Option<String>,
}

/// The mistakes of a run, surest first.
#[derive(Debug)]
pub struct Mistakes {
    /// All there are.
    pub all: usize,
    /// Those that are shown.
    pub shown: Vec<Mistake>,
}

/// Finds the surest mistakes and makes their small copies.
pub(super) fn mistakes(measured: &Measured) -> Mistakes {
    let mut wrong = Vec::new();
    for part in measured.held_out() {
        let answers = part.answers.items.iter().zip(&part.answers.scores);
        wrong.extend(
            answers
                .filter(|(item, scores)| item.class != scores.best_index())
                .map(|(item, scores)| (part, item, scores)),
        );
    }
    let all = wrong.len();
    wrong.sort_by(|a, b| {
        let probability = |s: &models::Scores| s.probabilities()[s.best_index()];
        probability(b.2)
            .total_cmp(&probability(a.2))
            .then_with(|| a.1.cmp(b.1))
    });
    wrong.truncate(SHOWN);
    let classes = &measured.record.classes;
    let shown = in_parallel(wrong.len(), default_workers(), |index| {
        let (part, item, scores) = wrong[index];
        let best = scores.best_index();
        Mistake {
            part: part.part,
            path: item.path.clone(),
            truth: classes[item.class].clone(),
            answer: classes[best].clone(),
            probability: scores.probabilities()[best],
            of_truth: scores.probabilities()[item.class],
            thumbnail: thumbnail::address(&part.root.join(&item.path)),
        }
    });
    Mistakes { all, shown }
}
