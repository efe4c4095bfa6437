//! Whether a probability of 0.8 is right eight times in ten: reliability bins, the expected
//! calibration error, and the temperature that mends it. Changes no network.

use serde::Serialize;

/// Bins of a reliability diagram, as in Guo et al. 2017, "On Calibration of Modern Neural
/// Networks".
pub const BINS: usize = 15;

/// Answers of similar confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bin {
    /// Lowest confidence, not included (0 is included in the first bin).
    pub above: f64,
    /// Highest confidence, included.
    pub up_to: f64,
    /// Answers in the bin.
    pub answers: u32,
    /// Their mean confidence, 0 to 1; 0 without answers.
    pub confidence: f64,
    /// Share of them that are right, 0 to 1; 0 without answers.
    pub accuracy: f64,
}

/// Bins of equal width over confidences 0 to 1. `answers` holds the confidence of each answer
/// (its class's probability) and whether it is right. `bins` is at least 1.
pub fn reliability(answers: &[(f32, bool)], bins: usize) -> Vec<Bin> {
    let mut sums = vec![(0u32, 0f64, 0u32); bins];
    for (confidence, right) in answers {
        let confidence = f64::from(*confidence);
        let index = (confidence * bins as f64).ceil() as usize;
        let (count, sum, correct) = &mut sums[index.clamp(1, bins) - 1];
        *count += 1;
        *sum += confidence;
        *correct += u32::from(*right);
    }
    let edge = |index: usize| index as f64 / bins as f64;
    let bin = |(index, (answers, confidence, right)): (usize, (u32, f64, u32))| Bin {
        above: edge(index),
        up_to: edge(index + 1),
        answers,
        confidence: confidence / f64::from(answers.max(1)),
        accuracy: f64::from(right) / f64::from(answers.max(1)),
    };
    sums.into_iter().enumerate().map(bin).collect()
}

/// Expected calibration error: the gap between confidence and accuracy in each bin, weighted by
/// its answers (Naeini et al. 2015, "Obtaining Well Calibrated Probabilities Using Bayesian
/// Binning"). 0 to 1; 0 without answers.
pub fn expected_calibration_error(bins: &[Bin]) -> f64 {
    let all: u32 = bins.iter().map(|bin| bin.answers).sum();
    let gap = |bin: &Bin| f64::from(bin.answers) * (bin.accuracy - bin.confidence).abs();
    bins.iter().map(gap).sum::<f64>() / f64::from(all.max(1))
}

/// The calibration error that bins of these sizes and confidences have on average if every
/// probability is right: what so few answers leave to chance. In a bin the right answers are then
/// binomial, and their mean distance from what is expected is De Moivre's (Diaconis and Zabell
/// 1991, "Closed Form Summation for Classical Distributions"). 0 to 1; 0 without answers.
pub fn calibration_error_by_chance(bins: &[Bin]) -> f64 {
    let all: u32 = bins.iter().map(|bin| bin.answers).sum();
    let distances = bins
        .iter()
        .map(|bin| binomial_mean_distance(bin.answers, bin.confidence));
    distances.sum::<f64>() / f64::from(all.max(1))
}

/// Mean distance of a binomial number from its mean: `2 k C(n, k) p^k (1 - p)^(n - k + 1)` with
/// `k` the first whole number above `n p`.
fn binomial_mean_distance(n: u32, p: f64) -> f64 {
    if p <= 0.0 || p >= 1.0 {
        return 0.0;
    }
    let k = (f64::from(n) * p).floor() as u32 + 1;
    if k > n {
        return 0.0;
    }
    // Logarithms: the coefficient leaves the range of floats from a thousand answers on.
    let coefficient: f64 = (1..=k)
        .map(|i| (f64::from(n - k + i) / f64::from(i)).ln())
        .sum();
    let (k, left) = (f64::from(k), f64::from(n - k + 1));
    (coefficient + (2.0 * k).ln() + k * p.ln() + left * (1.0 - p).ln()).exp()
}

/// The temperature that makes `softmax(logits / temperature)` most probable given the truth
/// (Guo et al. 2017). Found by golden-section search of the mean negative log likelihood
/// between 0.25 and 4; 1 without samples. `logits` holds one row of scores for each truth.
pub fn fit_temperature(logits: &[Vec<f32>], truths: &[usize]) -> f32 {
    if truths.is_empty() {
        return 1.0;
    }
    let loss = |log_temperature: f64| -> f64 {
        let temperature = log_temperature.exp();
        let one = |(row, truth): (&Vec<f32>, &usize)| {
            let scaled: Vec<f64> = row.iter().map(|v| f64::from(*v) / temperature).collect();
            let top = scaled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            top + scaled.iter().map(|v| (v - top).exp()).sum::<f64>().ln() - scaled[*truth]
        };
        logits.iter().zip(truths).map(one).sum()
    };
    let ratio = (5f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (0.25f64.ln(), 4f64.ln());
    for _ in 0..40 {
        let (a, b) = (high - ratio * (high - low), low + ratio * (high - low));
        if loss(a) < loss(b) { high = b } else { low = a }
    }
    ((low + high) / 2.0).exp() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_what_their_edges_say() {
        let answers = [
            (0.0, false),
            (0.5, true),
            (0.51, false),
            (0.75, true),
            (1.0, true),
        ];
        let bins = reliability(&answers, 4);
        let counts: Vec<u32> = bins.iter().map(|bin| bin.answers).collect();
        assert_eq!(counts, [1, 1, 2, 1]);
        assert_eq!((bins[2].above, bins[2].up_to), (0.5, 0.75));
        assert!((bins[2].confidence - 0.63).abs() < 1e-6);
        assert_eq!(bins[2].accuracy, 0.5);
    }

    #[test]
    fn the_error_is_the_mean_gap() {
        // Four answers at 0.75 of which two are right (gap 0.25), one at 1 that is right (gap 0):
        // 4/5 of 0.25.
        let answers = [
            (0.75, true),
            (0.75, true),
            (0.75, false),
            (0.75, false),
            (1.0, true),
        ];
        let error = expected_calibration_error(&reliability(&answers, 10));
        assert!((error - 0.2).abs() < 1e-9, "{error}");
        assert_eq!(expected_calibration_error(&reliability(&[], 10)), 0.0);
    }

    #[test]
    fn chance_alone_makes_an_error() {
        // One answer at 0.5 is half away from it whatever it is; of two, one is right half the
        // time, else they are one away together: also 0.5.
        assert!((binomial_mean_distance(1, 0.5) - 0.5).abs() < 1e-12);
        assert!((binomial_mean_distance(2, 0.5) - 0.5).abs() < 1e-12);
        // Three at 0.9: 0.729 three, 0.243 two, 0.027 one, 0.001 none, beside 2.7.
        let three = 0.729 * 0.3 + 0.243 * 0.7 + 0.027 * 1.7 + 0.001 * 2.7;
        assert!((binomial_mean_distance(3, 0.9) - three).abs() < 1e-12);
        // Many come close to a normal distribution's deviation times the root of 2 / pi.
        let normal = (2.0 / std::f64::consts::PI * 100_000.0 * 0.16).sqrt();
        assert!((binomial_mean_distance(100_000, 0.8) / normal - 1.0).abs() < 1e-3);
        assert_eq!(binomial_mean_distance(5, 1.0), 0.0);
        assert_eq!(binomial_mean_distance(5, 0.0), 0.0);
        assert_eq!(binomial_mean_distance(0, 0.5), 0.0);
        // Two bins, one of them certain.
        let answers = [(0.5, true), (0.5, false), (1.0, true), (1.0, true)];
        let chance = calibration_error_by_chance(&reliability(&answers, 10));
        assert!((chance - 0.125).abs() < 1e-9, "{chance}");
        assert_eq!(calibration_error_by_chance(&[]), 0.0);
    }

    #[test]
    fn the_temperature_undoes_a_scale() {
        // Answers right three times in four with log odds ln 3 are calibrated; tripled logits
        // want the temperature 3.
        let logits: Vec<Vec<f32>> = (0..400).map(|_| vec![3.0 * 3f32.ln(), 0.0]).collect();
        let truths: Vec<usize> = (0..400).map(|n| usize::from(n % 4 == 0)).collect();
        assert!((fit_temperature(&logits, &truths) - 3.0).abs() < 0.01);
        assert_eq!(fit_temperature(&[], &[]), 1.0);
    }
}
