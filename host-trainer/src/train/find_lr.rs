//! Looks for a learning rate: one short run in which it grows until the loss bursts (Smith 2017,
//! "Cyclical learning rates"). The network is of no further use.

use std::sync::atomic::Ordering;

use fastrand::Rng;

use super::{Job, TrainError, Trainer, batch, spread};
use crate::net::Net;

/// Rates from and to.
const RANGE: [f64; 2] = [1e-6, 1.0];
/// Share of the old mean kept at each step.
const SMOOTHING: f64 = 0.9;
/// The loss has burst when its mean is this often the lowest mean.
const BURST: f64 = 3.0;

/// What was tried.
#[derive(Clone, Debug, PartialEq)]
pub struct RateTrial {
    /// Rates and the smoothed loss after a step with each.
    pub losses: Vec<(f64, f64)>,
    /// A tenth of the rate at the lowest loss: the largest that is safe for a whole run.
    pub suggestion: f64,
}

/// Tries `steps` rates from 1e-6 to 1, or fewer when the loss bursts. `progress` hears of
/// every step. The job's recipe gives everything but the rate.
pub fn find_lr(
    net: &mut Net,
    job: &Job<'_>,
    steps: usize,
    progress: &mut dyn FnMut(),
) -> Result<RateTrial, TrainError> {
    let mut trainer = Trainer::new(net, job)?;
    let recipe = job.recipe;
    let side = [
        job.preprocessor.spec().height,
        job.preprocessor.spec().width,
    ];
    let mut losses: Vec<(f64, f64)> = Vec::new();
    let (mut mean, mut lowest) = (0.0, f64::INFINITY);
    let mut epoch = 0;
    let mut over = false;
    trainer.thaw(0);
    while !over {
        epoch += 1;
        let plan = job.plan(epoch);
        let finished = job.pictures.for_each_batch(&plan, |number, batch| {
            if job.interrupted.load(Ordering::Relaxed) {
                let epoch = epoch as u32;
                return Err(Some(TrainError::Interrupted { epoch }));
            }
            let tried = losses.len();
            let rate = RANGE[0] * (RANGE[1] / RANGE[0]).powf(tried as f64 / (steps - 1) as f64);
            let device = trainer.net.device();
            let mut batch = batch::on_device(&batch, side, device).map_err(torch)?;
            if recipe.mixup > 0.0 {
                let seed = spread(recipe.seed, epoch, u64::MAX - 2 - number as u64);
                batch = batch
                    .mix(recipe.mixup, &mut Rng::with_seed(seed))
                    .map_err(torch)?;
            }
            let pending = trainer.step(batch, rate).map_err(Some)?;
            let loss = pending.loss.f_double_value(&[]).map_err(torch)?;
            progress();
            mean = SMOOTHING * mean + (1.0 - SMOOTHING) * loss;
            // The mean began at 0: undo what is left of it (as Adam does).
            let smooth = mean / (1.0 - SMOOTHING.powi(tried as i32 + 1));
            if !smooth.is_finite() {
                return Err(None);
            }
            losses.push((rate, smooth));
            lowest = lowest.min(smooth);
            if smooth > BURST * lowest || losses.len() == steps {
                return Err(None);
            }
            Ok(())
        });
        match finished {
            Ok(()) => {}
            Err(None) => over = true,
            Err(Some(error)) => return Err(error),
        }
    }
    let best = losses.iter().min_by(|a, b| a.1.total_cmp(&b.1));
    let suggestion = best.map_or(RANGE[0], |(rate, _)| rate / 10.0);
    Ok(RateTrial { losses, suggestion })
}

fn torch(error: tch::TchError) -> Option<TrainError> {
    Some(error.into())
}
