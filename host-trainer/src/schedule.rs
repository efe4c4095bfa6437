//! The learning rate over the steps of a run: a linear warm-up, then half a cosine. Nothing of
//! optimisers.

/// Learning rate by step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// The highest rate, reached when the warm-up ends.
    pub peak: f64,
    /// The last rate as a share of the highest.
    pub final_share: f64,
    /// Steps of the warm-up.
    pub warm_up: u64,
    /// Steps of the whole run, at least 1.
    pub steps: u64,
}

impl Schedule {
    /// The rate of step `step`, counted from 0: rising in equal steps to `peak`, then
    /// `peak · (f + (1 - f)(1 + cos(π t)) / 2)` with t from 0 to 1 and f the final share
    /// (Loshchilov and Hutter 2017, "SGDR").
    pub fn rate(&self, step: u64) -> f64 {
        if step < self.warm_up {
            return self.peak * (step + 1) as f64 / self.warm_up as f64;
        }
        let rest = self.steps.saturating_sub(self.warm_up + 1).max(1);
        let t = ((step - self.warm_up) as f64 / rest as f64).min(1.0);
        let cosine = (1.0 + (std::f64::consts::PI * t).cos()) / 2.0;
        self.peak * (self.final_share + (1.0 - self.final_share) * cosine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_to_the_peak_and_falls_to_the_share() {
        let schedule = Schedule {
            peak: 0.2,
            final_share: 0.01,
            warm_up: 4,
            steps: 104,
        };
        assert_eq!(schedule.rate(0), 0.05);
        assert_eq!(schedule.rate(3), 0.2);
        assert_eq!(schedule.rate(4), 0.2);
        assert!((schedule.rate(103) - 0.002).abs() < 1e-12);
        assert!(
            (1..104)
                .skip(4)
                .all(|step| schedule.rate(step) <= schedule.rate(step - 1))
        );
    }

    #[test]
    fn one_step_is_a_run_too() {
        let schedule = Schedule {
            peak: 1.0,
            final_share: 0.1,
            warm_up: 0,
            steps: 1,
        };
        assert_eq!(schedule.rate(0), 1.0);
    }
}
