//! What the network says of one picture: a logit and a probability for each label.
//! No thresholds beyond the one a caller passes in, no voting over time.

use std::sync::Arc;

/// One label with its probability.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Ranked {
    /// The label.
    pub colour: String,
    /// Its calibrated probability, 0 to 1.
    pub score: f32,
}

/// Logits and calibrated probabilities, in the bundle's label order.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    labels: Arc<[String]>,
    logits: Vec<f32>,
    probabilities: Vec<f32>,
}

impl Scores {
    /// Softmax of `logits / temperature` (Guo et al. 2017, "On Calibration of Modern Neural
    /// Networks"). The probabilities sum to 1.
    ///
    /// # Panics
    /// When there is not exactly one logit a label, or no label.
    pub fn from_logits(labels: Arc<[String]>, logits: Vec<f32>, temperature: f32) -> Self {
        assert!(!labels.is_empty() && labels.len() == logits.len());
        let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weights: Vec<f32> = logits
            .iter()
            .map(|logit| ((logit - largest) / temperature).exp())
            .collect();
        let total: f32 = weights.iter().sum();
        let probabilities = weights.iter().map(|weight| weight / total).collect();
        Self {
            labels,
            logits,
            probabilities,
        }
    }

    /// The labels, in the bundle's order.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The network's raw outputs.
    pub fn logits(&self) -> &[f32] {
        &self.logits
    }

    /// Calibrated probabilities, 0 to 1.
    pub fn probabilities(&self) -> &[f32] {
        &self.probabilities
    }

    /// Index of the most probable label; the first of equals.
    pub fn best_index(&self) -> usize {
        let mut best = 0;
        for (index, p) in self.probabilities.iter().enumerate() {
            if *p > self.probabilities[best] {
                best = index;
            }
        }
        best
    }

    /// The `n` most probable labels, best first; equals keep the label order.
    pub fn top(&self, n: usize) -> Vec<Ranked> {
        let mut order: Vec<usize> = (0..self.labels.len()).collect();
        order.sort_by(|a, b| self.probabilities[*b].total_cmp(&self.probabilities[*a]));
        order
            .into_iter()
            .take(n)
            .map(|i| Ranked {
                colour: self.labels[i].clone(),
                score: self.probabilities[i],
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Arc<[String]> {
        ["black", "blue", "red"].map(String::from).into()
    }

    #[test]
    fn probabilities_follow_the_softmax() {
        let scores = Scores::from_logits(labels(), vec![0.0, 0.0, 2f32.ln()], 1.0);
        assert!((scores.probabilities()[2] - 0.5).abs() < 1e-6);
        assert_eq!(scores.best_index(), 2);
        assert_eq!(scores.top(2)[1].colour, "black");
    }

    #[test]
    fn a_higher_temperature_is_less_sure() {
        let sure = Scores::from_logits(labels(), vec![0.0, 1.0, 5.0], 1.0);
        let unsure = Scores::from_logits(labels(), vec![0.0, 1.0, 5.0], 3.0);
        assert!(unsure.top(1)[0].score < sure.top(1)[0].score);
        assert_eq!(unsure.best_index(), sure.best_index());
    }

    #[test]
    fn huge_logits_stay_finite() {
        let scores = Scores::from_logits(labels(), vec![1e30, -1e30, 0.0], 1.0);
        assert_eq!(scores.probabilities(), &[1.0, 0.0, 0.0]);
    }
}
