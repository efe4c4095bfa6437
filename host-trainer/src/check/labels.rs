//! Likely wrong labels by confident learning (C. Northcutt, L. Jiang, I. Chuang: Confident
//! Learning: Estimating Uncertainty in Dataset Labels, JAIR 70, 2021): from probabilities that
//! were predicted for each picture by a classifier that did not see it. Pure arithmetic.

/// Parts of the cross-validation.
pub const FOLDS: usize = 5;

/// A picture whose label is probably wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspect {
    /// Index of the picture.
    pub picture: usize,
    /// Its class.
    pub given: usize,
    /// The class that it more probably is.
    pub suggested: usize,
    /// Probability of the given class, 0 to 1.
    pub given_probability: f32,
    /// Probability of the suggested class, 0 to 1.
    pub suggested_probability: f32,
}

/// Assigns each picture one of `folds` so that a photograph's pictures stay together and every
/// class is spread evenly; photographs are dealt largest first. `photograph` and `class` are as
/// long as each other. Same input, same folds.
pub fn deal(photograph: &[usize], class: &[usize], classes: usize, folds: usize) -> Vec<usize> {
    let mut members = std::collections::BTreeMap::<usize, Vec<usize>>::new();
    for (picture, number) in photograph.iter().enumerate() {
        members.entry(*number).or_default().push(picture);
    }
    let mut members: Vec<Vec<usize>> = members.into_values().collect();
    // Neighbours in a folder are often from one source: they are spread too.
    fastrand::Rng::with_seed(0).shuffle(&mut members);
    members.sort_by_key(|pictures| std::cmp::Reverse(pictures.len()));
    let mut held = vec![vec![0usize; folds]; classes];
    let mut fold_of = vec![0; photograph.len()];
    for pictures in members {
        // Of its most frequent class the fold with the fewest; of equals the smallest fold.
        let first = pictures[0];
        let most = |c: &usize| pictures.iter().filter(|p| class[**p] == *c).count();
        let main = pictures.iter().map(|p| class[*p]).max_by_key(most);
        let main = main.unwrap_or(class[first]);
        let size = |fold: usize| held.iter().map(|counts| counts[fold]).sum::<usize>();
        let fold = (0..folds).min_by_key(|fold| (held[main][*fold], size(*fold)));
        let fold = fold.unwrap_or(0);
        for picture in pictures {
            held[class[picture]][fold] += 1;
            fold_of[picture] = fold;
        }
    }
    fold_of
}

/// What confident learning says of a dataset.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The suspects, the surest first.
    pub suspects: Vec<Suspect>,
    /// `wrong[given][suggested]`: how many pictures labelled `given` are estimated to be
    /// `suggested`, the confident joint scaled to the number of pictures of each class.
    pub estimated: Vec<Vec<f64>>,
}

/// Judges labels. `probabilities` has a row for each picture, one number for each class;
/// `given` is each picture's class.
///
/// A picture counts as class `j` when its probability of `j` reaches the mean that pictures
/// labelled `j` get for `j`; of several such classes the most probable. Scaled to the pictures
/// of each class this estimates how many labels are wrong (the paper's confident joint), and of
/// each class as many are suspects: those whose own label is least probable (its "prune by
/// class"). Of 60 labels changed at random among 6,221 the first 100 suspects so ranked held 47
/// to 53 in four draws; ranked by the margin between suggested and given class, 32 and 38 in two.
pub fn judge(probabilities: &[Vec<f32>], given: &[usize], classes: usize) -> Verdict {
    let thresholds = thresholds(probabilities, given, classes);
    let mut joint = vec![vec![0u32; classes]; classes];
    let mut suspects = Vec::new();
    for (picture, (row, given)) in probabilities.iter().zip(given).enumerate() {
        let more = |a: &usize, b: &usize| row[*a].total_cmp(&row[*b]);
        let confident = (0..classes).filter(|class| row[*class] >= thresholds[*class]);
        if let Some(counts_as) = confident.max_by(more) {
            joint[*given][counts_as] += 1;
        }
        let suggested = (0..classes).max_by(more).unwrap_or(*given);
        if row[suggested] > row[*given] {
            suspects.push(Suspect {
                picture,
                given: *given,
                suggested,
                given_probability: row[*given],
                suggested_probability: row[suggested],
            });
        }
    }
    let counts = |class: usize| given.iter().filter(|given| **given == class).count() as f64;
    let estimated = joint.iter().enumerate().map(|(class, row)| {
        let sum = row.iter().map(|n| f64::from(*n)).sum::<f64>().max(1.0);
        let scale = counts(class) / sum;
        row.iter().map(|n| f64::from(*n) * scale).collect()
    });
    let mut verdict = Verdict {
        suspects: Vec::new(),
        estimated: estimated.collect(),
    };
    let mut room: Vec<f64> = verdict
        .estimated_wrong()
        .iter()
        .map(|n| n.round())
        .collect();
    suspects.sort_by(|a, b| {
        let first = a.given_probability.total_cmp(&b.given_probability);
        first.then(a.picture.cmp(&b.picture))
    });
    suspects.retain(|suspect| {
        room[suspect.given] -= 1.0;
        room[suspect.given] >= 0.0
    });
    verdict.suspects = suspects;
    verdict
}

/// For each class the mean probability that pictures labelled so get for it.
fn thresholds(probabilities: &[Vec<f32>], given: &[usize], classes: usize) -> Vec<f32> {
    let mut sums = vec![(0.0f64, 0u32); classes];
    for (row, given) in probabilities.iter().zip(given) {
        let (sum, count) = &mut sums[*given];
        *sum += f64::from(row[*given]);
        *count += 1;
    }
    sums.iter()
        .map(|(sum, count)| match count {
            0 => f32::INFINITY,
            count => (sum / f64::from(*count)) as f32,
        })
        .collect()
}

impl Verdict {
    /// For each class how many of its labels are estimated to be wrong.
    pub fn estimated_wrong(&self) -> Vec<f64> {
        let rows = self.estimated.iter().enumerate();
        rows.map(|(class, row)| row.iter().sum::<f64>() - row[class])
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_keep_photographs_together_and_classes_even() {
        let photograph: Vec<usize> = (0..200).map(|n| n / 2).collect();
        let class: Vec<usize> = (0..200).map(|n| usize::from(n >= 150)).collect();
        let folds = deal(&photograph, &class, 2, FOLDS);
        for (class_wanted, each) in [(0, 30), (1, 10)] {
            for fold in 0..FOLDS {
                let count = (0..200)
                    .filter(|n| class[*n] == class_wanted && folds[*n] == fold)
                    .count();
                assert_eq!(count, each, "class {class_wanted} in fold {fold}");
            }
        }
        assert!((0..200).all(|n| folds[n] == folds[n / 2 * 2]));
        assert_eq!(folds, deal(&photograph, &class, 2, FOLDS));
    }

    /// The thresholds are 0.69 for class 0 and 0.6 for class 1.
    #[test]
    fn the_paper_s_rule_by_hand() {
        let row = |first: f32| vec![first, 1.0 - first];
        let probabilities = [
            row(0.9),
            row(0.9),
            row(0.9),
            row(0.1), // 0.9 for class 1: a suspect
            row(0.2), // labelled 1, right
            row(0.2),
            row(0.8),  // 0.8 for class 0: a suspect of margin 0.6
            row(0.65), // labelled 0, below both thresholds: counts as nothing
            row(0.4),  // labelled 1, 0.6 reaches its own threshold
        ];
        let given = [0, 0, 0, 0, 1, 1, 1, 0, 1];
        let verdict = judge(&probabilities, &given, 2);
        let found: Vec<_> = verdict
            .suspects
            .iter()
            .map(|s| (s.picture, s.given, s.suggested))
            .collect();
        assert_eq!(found, [(3, 0, 1), (6, 1, 0)]);
        // Three of four confident pictures of class 0 count as it: scaled to its five.
        assert_eq!(verdict.estimated, [[3.75, 1.25], [1.0, 3.0]]);
        assert_eq!(verdict.estimated_wrong(), [1.25, 1.0]);
    }

    #[test]
    fn the_least_probable_are_suspects_though_they_reach_no_threshold() {
        // Class 0 keeps 0.9, so that 0.55 for class 1 does not count; but of the four labels
        // of class 0, one is estimated wrong, and the least probable is the one.
        let rows = [
            vec![0.9, 0.1, 0.0],
            vec![0.9, 0.1, 0.0],
            vec![0.3, 0.7, 0.0],
            vec![0.2, 0.45, 0.35],
            vec![0.35, 0.65, 0.0],
        ];
        let verdict = judge(&rows, &[0, 0, 0, 0, 1], 3);
        assert_eq!(verdict.estimated_wrong()[0].round(), 1.0);
        let found: Vec<_> = verdict
            .suspects
            .iter()
            .map(|s| (s.picture, s.suggested))
            .collect();
        assert_eq!(found, [(3, 1)]);
    }

    #[test]
    fn a_class_without_pictures_suggests_itself_to_nobody() {
        let probabilities = [
            vec![0.1, 0.9, 0.0],
            vec![0.2, 0.8, 0.0],
            vec![0.9, 0.1, 0.0],
        ];
        let verdict = judge(&probabilities, &[1, 1, 0], 3);
        assert!(verdict.suspects.is_empty(), "{verdict:?}");
    }
}
