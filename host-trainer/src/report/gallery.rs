//! The surest wrong answers on pictures that were not trained on, with small copies of the
//! pictures inside the page. Judges no label: a sure mistake may be a wrong folder.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use models::picture;
use models::resample::resize;

use super::measured::Measured;
use crate::commands::default_workers;
use crate::loader::in_parallel;
use crate::split::Part;

/// Mistakes that a page shows at most: what a person looks through, and about a third of a
/// megabyte.
const SHOWN: usize = 48;
/// Longer side of a small copy, in pixels: sharp on a dense screen at half this width.
const SIDE: u32 = 176;
/// JPEG quality of a small copy.
const QUALITY: u8 = 76;

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
            thumbnail: thumbnail(&part.root.join(&item.path)),
        }
    });
    Mistakes { all, shown }
}

/// A small copy of a picture as a `data:` address.
fn thumbnail(path: &std::path::Path) -> Option<String> {
    let frame = picture::read(path).ok()?;
    let longest = frame.width().max(frame.height());
    let small = if longest > SIDE {
        let side = |length: u32| {
            u32::try_from(u64::from(length) * u64::from(SIDE) / u64::from(longest))
                .map_or(1, |s| s.max(1))
        };
        resize(frame.view(), side(frame.width()), side(frame.height()))
    } else {
        frame
    };
    let bytes = picture::jpeg(small.view(), QUALITY).ok()?;
    Some(format!("data:image/jpeg;base64,{}", STANDARD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_copy_is_small_and_keeps_its_shape() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let frame = models::RgbFrame::filled(704, 352, [200, 10, 10]).unwrap();
        std::fs::write(&path, picture::png(frame.view()).unwrap()).unwrap();
        let address = thumbnail(&path).unwrap();
        let bytes = STANDARD.decode(address.split_once(',').unwrap().1).unwrap();
        let small = picture::decode(&bytes).unwrap();
        assert_eq!((small.width(), small.height()), (176, 88));
        assert_eq!(thumbnail(&folder.path().join("gone.png")), None);
    }
}
