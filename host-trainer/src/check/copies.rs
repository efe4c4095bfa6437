//! Copies of one photograph: which repeat a picture, which contradict each other's label, and
//! which lie in two parts. Compares digests and fingerprints; reads no file.

use super::survey::Picture;
use crate::duplicates::{NEAR_COLOUR, Nearness, Sets, near_pairs};

/// Sets of pictures, each two or more, by index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copies {
    /// The same bytes.
    pub exact: Vec<Vec<usize>>,
    /// The same photograph in other bytes; the nearest first.
    pub near: Vec<Vec<usize>>,
}

/// How pictures repeat each other.
#[derive(Clone, Debug)]
pub struct Relations {
    /// For each picture the number of the photograph that it shows.
    pub photograph: Vec<usize>,
    /// Within one class of one part.
    pub repeats: Copies,
    /// In several classes: at most one label is right.
    pub contradictions: Copies,
    /// In several parts: what is measured on one was learnt from the other.
    pub leaks: Copies,
}

/// Colours of copies that contradict each other differ by no more than this on average, of 255.
/// Beyond it nearly all are makers' pictures of one car in two paints, each label right. Found
/// by eye on 6,412 photographs.
const SAME_COLOUR: u32 = 10;

/// Relates every picture to every other. `place` gives a picture's part and class.
pub fn relate(
    pictures: &[Picture],
    place: impl Fn(&Picture) -> (usize, usize),
    workers: usize,
) -> Relations {
    let prints: Vec<_> = pictures.iter().map(|picture| picture.print).collect();
    let mut photograph = Sets::new(pictures.len());
    let [mut repeats, mut contradictions, mut leaks] =
        std::array::from_fn(|_| Collector::new(pictures.len()));
    near_pairs(&prints, workers, &mut |i, j, nearness| {
        photograph.join(i, j);
        let exact = pictures[i].digest == pictures[j].digest;
        let ((part, class), (other_part, other_class)) = (place(&pictures[i]), place(&pictures[j]));
        let kind = if exact { None } else { Some(nearness) };
        if class != other_class && nearness.colour <= SAME_COLOUR {
            contradictions.add(i, j, kind);
        }
        if nearness.colour <= NEAR_COLOUR {
            if part != other_part {
                leaks.add(i, j, kind);
            }
            if (part, class) == (other_part, other_class) {
                repeats.add(i, j, kind);
            }
        }
    });
    Relations {
        photograph: photograph.numbers(),
        repeats: repeats.finish(),
        contradictions: contradictions.finish(),
        leaks: leaks.finish(),
    }
}

/// Joins pairs of one kind, never storing them: a thousand copies are a thousand numbers.
struct Collector {
    exact: Sets,
    near: Sets,
    /// The nearest pair that a picture is in.
    nearest: Vec<Option<Nearness>>,
}

impl Collector {
    fn new(count: usize) -> Self {
        Self {
            exact: Sets::new(count),
            near: Sets::new(count),
            nearest: vec![None; count],
        }
    }

    /// Takes a pair; `nearness` is none when the files are the same.
    fn add(&mut self, i: usize, j: usize, nearness: Option<Nearness>) {
        let Some(nearness) = nearness else {
            self.exact.join(i, j);
            return;
        };
        self.near.join(i, j);
        for at in [i, j] {
            let nearest = self.nearest[at].map_or(nearness, |nearest| nearest.min(nearness));
            self.nearest[at] = Some(nearest);
        }
    }

    fn finish(self) -> Copies {
        let mut near = self.near.shared();
        near.sort_by_key(|set| set.iter().filter_map(|at| self.nearest[*at]).min());
        Copies {
            exact: self.exact.shared(),
            near,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duplicates::Fingerprint;
    use models::RgbFrame;

    /// A picture of its own for each seed, with the digest `content`.
    fn picture(file: usize, seed: u64, content: u8) -> Picture {
        let mut rng = fastrand::Rng::with_seed(seed);
        let bytes = (0..17 * 16 * 3).map(|_| rng.u8(..)).collect();
        let frame = RgbFrame::new(17, 16, bytes).unwrap();
        Picture {
            file,
            width: 17,
            height: 16,
            digest: [content; 32],
            print: Fingerprint::of(frame.view()),
            blank: false,
        }
    }

    #[test]
    fn every_relation_is_told_apart() {
        // Part, class, seed, content.
        let rows = [
            (0, 0, 1, 1),
            (0, 0, 1, 1), // exact repeat of 0
            (0, 1, 1, 2), // near contradiction of 0 and 1
            (1, 0, 3, 3),
            (0, 0, 3, 3), // exact leak of 3
            (0, 0, 5, 5),
            (1, 1, 5, 5), // exact contradiction and leak of 5
            (0, 0, 7, 7), // alone
        ];
        let pictures: Vec<_> = (0..)
            .zip(&rows)
            .map(|(n, row)| picture(n, row.2, row.3))
            .collect();
        let place = |picture: &Picture| (rows[picture.file].0, rows[picture.file].1);
        let found = relate(&pictures, place, 2);
        assert_eq!(found.photograph, [0, 0, 0, 3, 3, 5, 5, 7]);
        let sets = |sets: &[&[usize]]| sets.iter().map(|set| set.to_vec()).collect::<Vec<_>>();
        assert_eq!(found.repeats.exact, sets(&[&[0, 1]]));
        assert_eq!(found.repeats.near, sets(&[]));
        assert_eq!(found.contradictions.exact, sets(&[&[5, 6]]));
        assert_eq!(found.contradictions.near, sets(&[&[0, 1, 2]]));
        assert_eq!(found.leaks.exact, sets(&[&[3, 4], &[5, 6]]));
        assert_eq!(found.leaks.near, sets(&[]));
    }
}
