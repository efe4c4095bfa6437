//! Makes a network narrower, layer by layer, until it costs no more than wanted: NetAdapt (Yang et
//! al. 2018, "NetAdapt: Platform-Aware Neural Network Adaptation for Mobile Applications",
//! algorithm 1). Of all ways to save a round's share of the cost, each narrowing one layer and
//! trained for a few steps, the one that does best on validation pictures is kept.

pub mod meter;
mod narrow;

pub use meter::Meter;
pub use narrow::Slim;

use serde::Serialize;

use crate::arch::{Dimension, Widths};
use crate::net::Net;
use crate::train::TrainError;
use crate::train::drill::{Drill, Judged};

/// Channels are taken away by so many: the kernels compute eight together.
pub const STEP: usize = 8;
/// The first round saves this share of the cost at the start…
const FIRST_ROUND: f64 = 0.06;
/// … and each round this share of what the one before saved (the paper's resource reduction decay).
const DECAY: f64 = 0.97;

/// What a search ends at, and with what.
#[derive(Clone, Copy, Debug)]
pub struct Goal<'a> {
    /// What is counted.
    pub meter: &'a Meter,
    /// The most that the network may cost, in the meter's unit.
    pub most: f64,
    /// Learning rate of the few steps.
    pub lr: f64,
}

/// One way to save a round's share.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Way {
    /// Which layer.
    pub layer: String,
    /// Channels before.
    pub before: usize,
    /// Channels after.
    pub after: usize,
    /// The network's cost then.
    pub cost: f64,
    /// Share of right answers on validation pictures, 0 to 1.
    pub accuracy: f64,
    /// Mean cross entropy on them.
    pub loss: f64,
}

/// A round: the way taken, and all that were tried.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Round {
    /// What was done.
    pub taken: Way,
    /// In the order of the layers.
    pub tried: Vec<Way>,
}

/// Why a search ends without a network.
#[derive(Debug, thiserror::Error)]
pub enum ShrinkError {
    /// Training failed.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The cost cannot be told.
    #[error("cannot measure the network: {0}")]
    Meter(String),
    /// There is not so much to take away.
    #[error(
        "{most} {unit} cannot be reached: with {STEP} channels in every layer the network costs {least:.3}; give a larger target or a smaller --input-size"
    )]
    Smallest {
        /// What the narrowest network costs, or the one that no layer could be taken from.
        least: f64,
        /// What was wanted.
        most: f64,
        /// The unit.
        unit: &'static str,
    },
}

/// Narrows `start` until the goal is met, telling the listener of every round.
pub fn search(
    start: Slim,
    drill: &Drill<'_>,
    goal: &Goal<'_>,
    listener: &mut dyn FnMut(&Round),
) -> Result<Slim, ShrinkError> {
    let smallest = |least| ShrinkError::Smallest {
        least,
        most: goal.most,
        unit: goal.meter.unit(),
    };
    let narrowest = goal.cost(&start.scaled(0.0, STEP))?;
    if narrowest > goal.most {
        return Err(smallest(narrowest));
    }
    let mut now = start;
    let mut cost = goal.cost(&now)?;
    let mut saving = FIRST_ROUND * cost;
    while cost > goal.most {
        let most = (cost - saving).max(goal.most);
        let (mut tried, mut best) = (Vec::new(), None::<(Judged, Slim, Way)>);
        for dimension in Widths::dimensions(now.arch.variant) {
            if dimension.is_squeeze() {
                continue;
            }
            let Some((slim, after)) = goal.narrowed(&now, &dimension, most)? else {
                continue;
            };
            let before = now.arch.widths.get(&dimension);
            let (slim, judged) = trained(&slim, drill, goal.lr)?;
            let way = Way {
                layer: dimension.name(),
                before,
                after,
                cost: goal.cost(&slim)?,
                accuracy: judged.accuracy,
                loss: judged.loss,
            };
            tried.push(way.clone());
            if best
                .as_ref()
                .is_none_or(|(least, ..)| judged.loss < least.loss)
            {
                best = Some((judged, slim, way));
            }
        }
        let Some((_, slim, taken)) = best else {
            return Err(smallest(cost));
        };
        (now, cost) = (slim, taken.cost);
        saving *= DECAY;
        listener(&Round { taken, tried });
    }
    Ok(now)
}

impl Goal<'_> {
    fn cost(&self, slim: &Slim) -> Result<f64, ShrinkError> {
        self.meter.cost(&slim.arch).map_err(ShrinkError::Meter)
    }

    /// The network with as many channels along `dimension` as cost no more than `most`, and how
    /// many these are; none when even one step of channels costs more.
    fn narrowed(
        &self,
        now: &Slim,
        dimension: &Dimension,
        most: f64,
    ) -> Result<Option<(Slim, usize)>, ShrinkError> {
        let channels = now.arch.widths.get(dimension);
        // Half is as much as one round may take from a layer.
        let least = (channels / 2).next_multiple_of(STEP);
        let steps = (least..channels)
            .rev()
            .filter(|keep| keep.is_multiple_of(STEP));
        for keep in steps {
            let slim = now.narrowed(dimension, keep);
            if self.cost(&slim)? <= most {
                return Ok(Some((slim, keep)));
            }
        }
        Ok(None)
    }
}

/// The network after a few steps, and how it does.
pub fn trained(slim: &Slim, drill: &Drill<'_>, lr: f64) -> Result<(Slim, Judged), ShrinkError> {
    let mut net = Net::on_processor(&slim.arch);
    let loaded = net.load_all(&slim.weights, "the narrowed network");
    loaded.map_err(|error| ShrinkError::Meter(error.to_string()))?;
    drill.train(&mut net, lr)?;
    let judged = drill.judge(&net)?;
    let slim = Slim {
        arch: slim.arch.clone(),
        weights: net.weights(),
    };
    Ok((slim, judged))
}
