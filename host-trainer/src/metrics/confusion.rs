//! How often each class was answered for each class, and what follows from the counts. Knows
//! no probabilities.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// How often each class was answered for each class: `counts[truth][answer]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    /// Class names, in index order.
    pub classes: Vec<String>,
    /// Pictures, `counts[truth][answer]`.
    pub counts: Vec<Vec<u32>>,
}

/// One class against all others (Powers 2011, "Evaluation: from precision, recall and
/// F-measure to ROC"). Each 0 to 1; 0 where it is a division by zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassMetrics {
    /// The class.
    pub class: String,
    /// Pictures of the class.
    pub pictures: u32,
    /// Share of the answers for this class that are right.
    pub precision: f64,
    /// Share of this class's pictures that are recognised.
    pub recall: f64,
    /// Share of the other classes' pictures not answered as this class.
    pub specificity: f64,
    /// Harmonic mean of precision and recall.
    pub f1: f64,
}

impl Confusion {
    /// No answers yet.
    pub fn new(classes: &[String]) -> Self {
        Self {
            classes: classes.to_vec(),
            counts: vec![vec![0; classes.len()]; classes.len()],
        }
    }

    /// Counts one answer.
    pub fn add(&mut self, truth: usize, answer: usize) {
        self.counts[truth][answer] += 1;
    }

    /// All pictures.
    pub fn pictures(&self) -> u32 {
        self.counts.iter().flatten().sum()
    }

    /// Share of right answers, 0 to 1; 0 without pictures.
    pub fn accuracy(&self) -> f64 {
        let right: u32 = (0..self.classes.len())
            .map(|class| self.counts[class][class])
            .sum();
        share(right, self.pictures())
    }

    /// Each class's metrics, in index order.
    pub fn per_class(&self) -> Vec<ClassMetrics> {
        let all = self.pictures();
        (0..self.classes.len())
            .map(|class| {
                let right = self.counts[class][class];
                let pictures: u32 = self.counts[class].iter().sum();
                let answers: u32 = self.counts.iter().map(|row| row[class]).sum();
                let (precision, recall) = (share(right, answers), share(right, pictures));
                let wrong_answers = answers - right;
                ClassMetrics {
                    class: self.classes[class].clone(),
                    pictures,
                    precision,
                    recall,
                    specificity: share(all - pictures - wrong_answers, all - pictures),
                    f1: match precision + recall {
                        0.0 => 0.0,
                        sum => 2.0 * precision * recall / sum,
                    },
                }
            })
            .collect()
    }

    /// Mean F1 of the classes that have pictures.
    pub fn macro_f1(&self) -> f64 {
        let present: Vec<f64> = self
            .per_class()
            .iter()
            .filter(|m| m.pictures > 0)
            .map(|m| m.f1)
            .collect();
        if present.is_empty() {
            0.0
        } else {
            present.iter().sum::<f64>() / present.len() as f64
        }
    }

    /// A table of the classes' metrics and the confusion matrix, for a terminal.
    pub fn table(&self) -> String {
        let width = self
            .classes
            .iter()
            .map(|c| c.chars().count())
            .max()
            .unwrap_or(0)
            .max(5);
        let mut text = format!("{:width$}  pictures  precision  recall     F1\n", "class");
        for m in self.per_class() {
            let _ = writeln!(
                text,
                "{:width$}  {:8}  {:9.3}  {:6.3}  {:5.3}",
                m.class, m.pictures, m.precision, m.recall, m.f1
            );
        }
        let _ = writeln!(text, "\n{:width$}  answered as", "truth");
        let _ = write!(text, "{:width$}", "");
        for class in &self.classes {
            let _ = write!(text, " {:>6}", class.chars().take(6).collect::<String>());
        }
        for (class, row) in self.classes.iter().zip(&self.counts) {
            let _ = write!(text, "\n{class:width$}");
            for count in row {
                let cell = if *count == 0 {
                    "·".to_string()
                } else {
                    count.to_string()
                };
                let _ = write!(text, " {cell:>6}");
            }
        }
        text.push('\n');
        text
    }
}

pub(super) fn share(part: u32, whole: u32) -> f64 {
    if whole == 0 {
        0.0
    } else {
        f64::from(part) / f64::from(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| name.to_string()).collect()
    }

    /// Truth a: 8 as a, 2 as b. Truth b: 1 as a, 4 as b. Truth c: 5 as c.
    fn example() -> Confusion {
        let mut confusion = Confusion::new(&names(&["a", "b", "c"]));
        for (truth, answer, times) in [(0, 0, 8), (0, 1, 2), (1, 0, 1), (1, 1, 4), (2, 2, 5)] {
            (0..times).for_each(|_| confusion.add(truth, answer));
        }
        confusion
    }

    #[test]
    fn metrics_follow_their_definitions() {
        let confusion = example();
        assert_eq!(confusion.accuracy(), 17.0 / 20.0);
        let b = &confusion.per_class()[1];
        assert_eq!(
            (b.pictures, b.precision, b.recall),
            (5, 4.0 / 6.0, 4.0 / 5.0)
        );
        assert_eq!(b.specificity, 13.0 / 15.0);
        assert!((b.f1 - 8.0 / 11.0).abs() < 1e-12);
    }

    #[test]
    fn classes_without_pictures_do_not_count() {
        let mut confusion = Confusion::new(&names(&["a", "b"]));
        assert_eq!((confusion.accuracy(), confusion.macro_f1()), (0.0, 0.0));
        confusion.add(0, 0);
        assert_eq!((confusion.accuracy(), confusion.macro_f1()), (1.0, 1.0));
    }

    #[test]
    fn the_table_shows_every_count() {
        let table = example().table();
        assert!(
            table.contains("a            10      0.889   0.800  0.842"),
            "{table}"
        );
        assert!(table.contains("b          1      4      ·"), "{table}");
    }
}
