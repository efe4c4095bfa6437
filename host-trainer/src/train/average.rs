//! A moving average of a network's weights, kept beside it while it trains.

use tch::Tensor;

use super::TrainError;
use crate::net::Net;

/// A moving average of the weights and statistics: steadier than the last step's.
pub(super) struct Average {
    decay: f64,
    steps: f64,
    net: Option<Net>,
    pairs: Vec<(Tensor, Tensor)>,
}

impl Average {
    pub(super) fn new(source: &Net, decay: f64) -> Result<Self, TrainError> {
        if decay <= 0.0 {
            return Ok(Self {
                decay,
                steps: 0.0,
                net: None,
                pairs: Vec::new(),
            });
        }
        let net = Net::new(source.arch(), source.device());
        let (sources, targets) = (source.store().variables(), net.store().variables());
        let mut pairs = Vec::new();
        for (name, target) in targets {
            let mut target = target.f_detach()?;
            target.f_copy_(&sources[&name].f_detach()?)?;
            pairs.push((target, sources[&name].shallow_clone()));
        }
        Ok(Self {
            decay,
            steps: 0.0,
            net: Some(net),
            pairs,
        })
    }

    /// Moves towards the current weights; early steps count for more, since the average still
    /// remembers the start.
    pub(super) fn update(&mut self) -> Result<(), tch::TchError> {
        self.steps += 1.0;
        let decay = self.decay.min(self.steps / (self.steps + 10.0));
        tch::no_grad(|| {
            for (target, source) in &mut self.pairs {
                let _ = target.f_lerp_(source, 1.0 - decay)?;
            }
            Ok(())
        })
    }

    pub(super) fn net<'a>(&'a self, source: &'a Net) -> &'a Net {
        self.net.as_ref().unwrap_or(source)
    }
}
