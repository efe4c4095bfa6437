//! A moving average of a network's weights, kept beside it while it trains.

use tch::TchError;

use super::flat::{Flat, flatten};
use crate::net::Net;

/// A moving average of the weights and statistics: steadier than the last step's.
#[derive(Debug)]
pub(super) struct Average {
    decay: f64,
    /// Steps averaged.
    pub(super) steps: u64,
    /// The averaged network.
    pub(super) net: Net,
    buffers: Vec<Flat>,
}

impl Average {
    /// Starts at the source's weights. `decay` is the share kept at each step, above 0; buffers
    /// are laid out by `from_epoch`, which must be the source's.
    pub(super) fn new(
        source: &Net,
        decay: f64,
        from_epoch: impl Fn(Option<usize>) -> Option<u32>,
    ) -> Result<Self, TchError> {
        let net = Net::new(source.arch(), source.device());
        let buffers = flatten(&net, from_epoch)?;
        let copies: Vec<_> = net.store().variables().into_iter().collect();
        let sources = source.store().variables();
        tch::no_grad(|| {
            for (name, mut copy) in copies {
                copy.f_copy_(&sources[&name])?;
            }
            Ok::<(), TchError>(())
        })?;
        Ok(Self {
            decay,
            steps: 0,
            net,
            buffers,
        })
    }

    /// Moves towards `source`, the network's buffers in the same order; early steps count for
    /// more, since the average still remembers the start.
    pub(super) fn update(&mut self, source: &[tch::Tensor]) -> Result<(), TchError> {
        self.steps += 1;
        let steps = self.steps as f64;
        let decay = self.decay.min(steps / (steps + 10.0));
        for (flat, source) in self.buffers.iter_mut().zip(source) {
            let _ = flat.buffer.f_lerp_(source, 1.0 - decay)?;
        }
        Ok(())
    }
}
