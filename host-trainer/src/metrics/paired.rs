//! How sure a difference is: an interval for a share, and a test for two classifiers that
//! answered the same pictures. No curves.

use serde::Serialize;

/// Where a share probably lies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end, 0 to 1.
    pub low: f64,
    /// Upper end, 0 to 1.
    pub high: f64,
}

/// The 0.975 quantile of the standard normal distribution.
const Z95: f64 = 1.959_963_984_540_054;

/// The 95 % score interval of `right` out of `all` (Wilson 1927, "Probable Inference, the Law of
/// Succession, and Statistical Inference"). 0 to 1 when `all` is 0.
pub fn wilson(right: u32, all: u32) -> Interval {
    if all == 0 {
        return Interval {
            low: 0.0,
            high: 1.0,
        };
    }
    let (n, share) = (f64::from(all), f64::from(right) / f64::from(all));
    let z2 = Z95 * Z95;
    let centre = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z95 / (1.0 + z2 / n) * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    Interval {
        low: (centre - half).max(0.0),
        high: (centre + half).min(1.0),
    }
}

/// Probability of a difference at least this large if both classifiers were equally good: the
/// exact two-sided test of McNemar (1947, "Note on the sampling error of the difference between
/// correlated proportions"), binomial with one half. `only_first` and `only_second` are the
/// pictures that one alone has right. 1 when there are none.
pub fn mcnemar(only_first: u32, only_second: u32) -> f64 {
    let (fewer, all) = (only_first.min(only_second), only_first + only_second);
    // Logarithms: 2^-n is below the smallest number for a few thousand pictures.
    let mut log_term = -f64::from(all) * std::f64::consts::LN_2;
    let mut tail = log_term.exp();
    for k in 1..=fewer {
        log_term += f64::from(all - k + 1).ln() - f64::from(k).ln();
        tail += log_term.exp();
    }
    (2.0 * tail).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_the_published_one() {
        // By hand: n = 10, p = 0.9, z² = 3.8415; centre (0.9 + 0.19207) / 1.38415 = 0.78899,
        // half 1.95996 / 1.38415 · √(0.009 + 0.0096037) = 0.19314.
        let found = wilson(9, 10);
        assert!((found.low - 0.59585).abs() < 1e-4, "{found:?}");
        assert!((found.high - 0.98213).abs() < 1e-4, "{found:?}");
        assert_eq!(wilson(0, 20).low, 0.0);
        assert_eq!(wilson(20, 20).high, 1.0);
        assert_eq!((wilson(0, 0).low, wilson(0, 0).high), (0.0, 1.0));
    }

    #[test]
    fn the_test_is_the_binomial_one() {
        // 2 (C(10,0) + C(10,1) + C(10,2)) / 2^10 = 112 / 1024.
        assert!((mcnemar(2, 8) - 112.0 / 1024.0).abs() < 1e-12);
        assert_eq!(mcnemar(8, 2), mcnemar(2, 8));
        assert_eq!(mcnemar(0, 0), 1.0);
        assert_eq!(mcnemar(5, 5), 1.0);
        assert!((mcnemar(0, 6) - 2.0 / 64.0).abs() < 1e-12);
        let many = mcnemar(4000, 4200);
        assert!((0.02..0.04).contains(&many), "{many}");
    }
}
