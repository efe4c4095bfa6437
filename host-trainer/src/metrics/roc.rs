//! Receiver operating characteristic: for every threshold on a class's probability, how many of
//! its pictures are found against how many others are taken for it. No drawing.

/// A curve from (0, 0) to (1, 1).
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// False positive rate and true positive rate, each 0 to 1, never falling.
    pub points: Vec<(f64, f64)>,
    /// Area under the curve, 0 to 1: the chance that a picture of the class gets a higher
    /// probability for it than a picture of another class; equals count half.
    pub auc: f64,
}

impl Curve {
    /// The curve of scores with whether each belongs to a picture of the class (Fawcett 2006,
    /// "An introduction to ROC analysis", algorithm 1: equal scores make one step). None when
    /// all or none do: one of the rates has no meaning then.
    pub fn of(scores: &[(f32, bool)]) -> Option<Self> {
        let positives = scores.iter().filter(|score| score.1).count();
        let negatives = scores.len() - positives;
        if positives == 0 || negatives == 0 {
            return None;
        }
        let mut sorted = scores.to_vec();
        sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut points = vec![(0.0, 0.0)];
        let (mut found, mut wrong) = (0usize, 0usize);
        for (index, (score, positive)) in sorted.iter().enumerate() {
            found += usize::from(*positive);
            wrong += usize::from(!positive);
            if sorted.get(index + 1).is_none_or(|next| next.0 != *score) {
                points.push((
                    wrong as f64 / negatives as f64,
                    found as f64 / positives as f64,
                ));
            }
        }
        Some(Self::through(points))
    }

    /// The mean of curves: at each false positive rate the mean of their true positive rates,
    /// straight lines between their points. Its area is the mean of their areas. None of none.
    fn mean(curves: &[&Curve]) -> Option<Self> {
        if curves.is_empty() {
            return None;
        }
        let mut rates: Vec<f64> = curves
            .iter()
            .flat_map(|curve| curve.points.iter().map(|point| point.0))
            .collect();
        rates.sort_by(f64::total_cmp);
        rates.dedup();
        let mut points = Vec::new();
        for rate in rates {
            let mut sums = (0.0, 0.0);
            for curve in curves {
                let (low, high) = curve.at(rate);
                sums = (sums.0 + low, sums.1 + high);
            }
            let count = curves.len() as f64;
            points.push((rate, sums.0 / count));
            if sums.1 > sums.0 {
                points.push((rate, sums.1 / count));
            }
        }
        Some(Self::through(points))
    }

    /// The lowest and the highest true positive rate at a false positive rate: they differ where
    /// the curve rises straight up.
    fn at(&self, rate: f64) -> (f64, f64) {
        let first = self.points.partition_point(|point| point.0 < rate);
        let past = self.points.partition_point(|point| point.0 <= rate);
        if first < past {
            return (self.points[first].1, self.points[past - 1].1);
        }
        let ((x0, y0), (x1, y1)) = (self.points[first - 1], self.points[first]);
        let y = y0 + (y1 - y0) * (rate - x0) / (x1 - x0);
        (y, y)
    }

    fn through(points: Vec<(f64, f64)>) -> Self {
        let trapezoid = |pair: &[(f64, f64)]| (pair[1].0 - pair[0].0) * (pair[0].1 + pair[1].1);
        let auc = points.windows(2).map(trapezoid).sum::<f64>() / 2.0;
        Self { points, auc }
    }
}

/// The curves of all classes, each against the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Roc {
    /// In index order; none for a class without pictures or with all of them.
    pub classes: Vec<Option<Curve>>,
    /// Every pair of picture and class as one case of "is it this class?", as scikit-learn's
    /// `roc_auc_score(average="micro")` counts. None without pictures.
    pub micro: Option<Curve>,
    /// The mean of the classes' curves that exist, each of equal weight.
    pub macro_mean: Option<Curve>,
}

impl Roc {
    /// Of probabilities (a row of one for each class) and truths (the index of the class).
    pub fn of(classes: usize, probabilities: &[&[f32]], truths: &[usize]) -> Self {
        let cases = |class: usize| {
            let rows = probabilities.iter().zip(truths);
            rows.map(move |(row, truth)| (row[class], *truth == class))
        };
        let each: Vec<Option<Curve>> = (0..classes)
            .map(|class| Curve::of(&cases(class).collect::<Vec<_>>()))
            .collect();
        let pooled: Vec<(f32, bool)> = (0..classes).flat_map(cases).collect();
        let present: Vec<&Curve> = each.iter().flatten().collect();
        Self {
            micro: Curve::of(&pooled),
            macro_mean: Curve::mean(&present),
            classes: each,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_and_areas_by_hand() {
        type Case<'a> = (&'a [(f32, bool)], &'a [(f64, f64)], f64);
        let cases: [Case<'_>; 4] = [
            (
                &[(0.9, true), (0.2, false)],
                &[(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)],
                1.0,
            ),
            (
                &[(0.1, true), (0.2, false)],
                &[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)],
                0.0,
            ),
            // All equal: a coin.
            (
                &[(0.5, true), (0.5, false), (0.5, false)],
                &[(0.0, 0.0), (1.0, 1.0)],
                0.5,
            ),
            // Pairs (0.8, 0.4 | 0.6, 0.4): won, won, lost, tied: 2.5 of 4.
            (
                &[(0.8, true), (0.6, false), (0.4, true), (0.4, false)],
                &[(0.0, 0.0), (0.0, 0.5), (0.5, 0.5), (1.0, 1.0)],
                0.625,
            ),
        ];
        for (scores, points, auc) in cases {
            let curve = Curve::of(scores).unwrap();
            assert_eq!(curve.points, points);
            assert_eq!(curve.auc, auc);
        }
        assert_eq!(Curve::of(&[(0.5, true)]), None);
        assert_eq!(Curve::of(&[]), None);
    }

    #[test]
    fn the_macro_area_is_the_mean_and_an_absent_class_does_not_count() {
        let rows: [&[f32]; 4] = [
            &[0.8, 0.2, 0.0],
            &[0.4, 0.6, 0.0],
            &[0.6, 0.4, 0.0],
            &[0.4, 0.5, 0.1],
        ];
        let roc = Roc::of(3, &rows, &[0, 0, 1, 1]);
        let areas: Vec<Option<f64>> = roc
            .classes
            .iter()
            .map(|c| c.as_ref().map(|c| c.auc))
            .collect();
        // Class 0: 0.8 and 0.4 against 0.6 and 0.4 win 2 and ½ of 4. Class 1: 0.4 and 0.5 against
        // 0.2 and 0.6 win 1 and 1 of 4.
        assert_eq!(areas, [Some(0.625), Some(0.5), None]);
        let mean = roc.macro_mean.unwrap();
        assert!((mean.auc - 0.5625).abs() < 1e-12, "{mean:?}");
        assert_eq!(mean.points.first(), Some(&(0.0, 0.0)));
        assert_eq!(mean.points.last(), Some(&(1.0, 1.0)));
        // Twelve cases, four of them true: 0.8, 0.4, 0.4, 0.5 against 0.2, 0.6, 0.6, 0.4, 0, 0, 0,
        // 0.1 win 8, 5½, 5½ and 6 of 32.
        assert!((roc.micro.unwrap().auc - 25.0 / 32.0).abs() < 1e-12);
    }

    #[test]
    fn no_pictures_have_no_curves() {
        let roc = Roc::of(2, &[], &[]);
        assert_eq!((roc.micro, roc.macro_mean), (None, None));
        assert_eq!(roc.classes, [None, None]);
    }
}
