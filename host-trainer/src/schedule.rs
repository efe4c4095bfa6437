//! The learning rate over the steps of a run: a linear warm-up, then half a cosine. Nothing of
//! optimisers.

use serde::{Deserialize, Serialize};

/// When the rate falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Pace {
    /// A little at every step
    Step,
    /// Once an epoch, as the reference does
    Epoch,
}

/// Learning rate by step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// The highest rate, reached when the warm-up ends.
    pub peak: f64,
    /// The last rate as a share of the highest.
    pub final_share: f64,
    /// Epochs of the warm-up; may be a fraction.
    pub warm_up_epochs: f64,
    /// When it falls.
    pub pace: Pace,
    /// Steps of an epoch, at least 1.
    pub steps_per_epoch: u64,
    /// Epochs of the whole run, at least 1.
    pub epochs: u32,
}

impl Schedule {
    /// The rate of step `step`, counted from 0: rising in equal steps to `peak`, then
    /// `peak · (f + (1 - f)(1 + cos(π t)) / 2)` with f the final share (Loshchilov and Hutter
    /// 2017, "SGDR"). At [`Pace::Step`] t goes from 0 to 1 over the steps that are left; at
    /// [`Pace::Epoch`] it is the epoch, counted from 0, over the number of epochs, so that the
    /// last share is neared and not reached, as in the reference.
    pub fn rate(&self, step: u64) -> f64 {
        let warm_up = (self.warm_up_epochs * self.steps_per_epoch as f64) as u64;
        if step < warm_up {
            return self.peak * (step + 1) as f64 / warm_up as f64;
        }
        let t = match self.pace {
            Pace::Step => {
                let steps = self.steps_per_epoch * u64::from(self.epochs);
                let rest = steps.saturating_sub(warm_up + 1).max(1);
                (step - warm_up) as f64 / rest as f64
            }
            Pace::Epoch => (step / self.steps_per_epoch) as f64 / f64::from(self.epochs),
        };
        let cosine = (1.0 + (std::f64::consts::PI * t.min(1.0)).cos()) / 2.0;
        self.peak * (self.final_share + (1.0 - self.final_share) * cosine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: Schedule = Schedule {
        peak: 0.2,
        final_share: 0.01,
        warm_up_epochs: 0.4,
        pace: Pace::Step,
        steps_per_epoch: 10,
        epochs: 10,
    };

    #[test]
    fn rises_to_the_peak_and_falls_to_the_share() {
        assert_eq!(RUN.rate(0), 0.05);
        assert_eq!(RUN.rate(3), 0.2);
        assert_eq!(RUN.rate(4), 0.2);
        assert!((RUN.rate(99) - 0.002).abs() < 1e-12);
        assert!((5..100).all(|step| RUN.rate(step) <= RUN.rate(step - 1)));
    }

    #[test]
    fn by_epochs_it_is_the_references_formula() {
        let schedule = Schedule {
            warm_up_epochs: 0.0,
            pace: Pace::Epoch,
            ..RUN
        };
        for epoch in 0..10u64 {
            let x = epoch as f64;
            let expected =
                0.2 * ((1.0 + (x * std::f64::consts::PI / 10.0).cos()) / 2.0 * (1.0 - 0.01) + 0.01);
            for step in [0, 9] {
                assert!((schedule.rate(epoch * 10 + step) - expected).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn one_step_is_a_run_too() {
        let schedule = Schedule {
            warm_up_epochs: 0.0,
            steps_per_epoch: 1,
            epochs: 1,
            ..RUN
        };
        assert_eq!(schedule.rate(0), 0.2);
    }
}
