//! The pictures by which a search decides: training pictures that layers are fitted to, and
//! validation pictures that tell what a cut does to the answers.

use crate::loader::{Batch, Input};
use crate::net::{self, Moments, Net};
use crate::train::{self, Job, TrainError};

/// So many training pictures are fitted to.
const FITTED_TO: usize = 1024;
/// So many validation pictures make the sample.
const SAMPLE: usize = 200;

/// Training and validation pictures of a run.
pub struct Evidence<'a> {
    fitted_to: Vec<Batch>,
    validation: &'a [Input],
    sample: Vec<Input>,
    side: [u32; 2],
}

/// How a network does on the validation pictures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// Share of right answers, 0 to 1.
    pub accuracy: f64,
    /// Mean cross entropy, nats.
    pub loss: f64,
}

impl<'a> Evidence<'a> {
    /// Takes some thousand pictures of the job's first epoch, changed as that changes them, or as
    /// many as it has.
    pub fn of(job: &Job<'a>) -> Self {
        let plan = job.plan(1);
        let spec = job.preprocessor.spec();
        let side = [spec.height, spec.width];
        let (mut fitted_to, mut pictures) = (Vec::new(), 0);
        let _ = job.pictures.for_each_batch(&plan, |_, batch| {
            pictures += batch.classes.len();
            fitted_to.push(batch);
            // Ends when there are enough.
            if pictures < FITTED_TO {
                Ok(())
            } else {
                Err(())
            }
        });
        // The pictures are in order of their classes, so that each class has its share.
        let every = (job.valid.len() / SAMPLE).max(1);
        Self {
            fitted_to,
            validation: job.valid,
            sample: job.valid.iter().step_by(every).cloned().collect(),
            side,
        }
    }

    /// What the layers of `net` are given by the training pictures.
    pub fn moments(&self, net: &Net) -> Result<Moments, TrainError> {
        Ok(net::moments(net, &self.fitted_to, self.side)?)
    }

    /// What `net` answers for some two hundred validation pictures.
    pub fn answers(&self, net: &Net) -> Result<Answers, TrainError> {
        self.answers_for(net, &self.sample)
    }

    /// How `net` does on all validation pictures.
    pub fn judge(&self, net: &Net) -> Result<Judged, TrainError> {
        let Answers(rows) = self.answers_for(net, self.validation)?;
        let (mut right, mut loss) = (0, 0.0);
        for (row, (_, truth)) in rows.iter().zip(self.validation) {
            let own = row[*truth];
            right += usize::from(row.iter().all(|other| *other <= own));
            loss -= own;
        }
        let count = rows.len().max(1) as f64;
        Ok(Judged {
            accuracy: f64::from(u32::try_from(right).unwrap_or(u32::MAX)) / count,
            loss: loss / count,
        })
    }

    fn answers_for(&self, net: &Net, pictures: &[Input]) -> Result<Answers, TrainError> {
        let rows = train::logits(net, pictures, self.side)?;
        Ok(Answers(rows.iter().map(|row| log_softmax(row)).collect()))
    }
}

/// Logarithms of the classes' probabilities, picture by picture.
#[derive(Debug)]
pub struct Answers(Vec<Vec<f64>>);

impl Answers {
    /// The mean Kullback-Leibler divergence of these from `reference`, nats.
    pub fn divergence_from(&self, reference: &Self) -> f64 {
        let pictures = reference.0.iter().zip(&self.0);
        let sum: f64 = pictures
            .map(|(reference, own)| {
                let classes = reference.iter().zip(own);
                classes.map(|(p, q)| p.exp() * (p - q)).sum::<f64>()
            })
            .sum();
        sum / self.0.len().max(1) as f64
    }
}

fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let above = |logit: &f32| f64::from(logit - top);
    let sum: f64 = logits.iter().map(|logit| above(logit).exp()).sum();
    logits.iter().map(|logit| above(logit) - sum.ln()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: half ln(half / nine tenths) + half ln(half / one tenth).
    #[test]
    fn divergence_is_the_textbooks() {
        let answers = |probabilities: [f32; 2]| {
            let logits = probabilities.map(|p| p.ln() + 3.0);
            Answers(vec![log_softmax(&logits)])
        };
        let (even, odd) = (answers([0.5, 0.5]), answers([0.9, 0.1]));
        assert!((odd.divergence_from(&even) - 0.510_825_6).abs() < 1e-6);
        assert!(even.divergence_from(&even).abs() < 1e-12);
    }
}
