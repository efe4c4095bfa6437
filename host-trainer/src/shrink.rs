//! Makes a network narrower, layer by layer, until it costs no more than wanted: NetAdapt (Yang et
//! al. 2018, "NetAdapt: Platform-Aware Neural Network Adaptation for Mobile Applications",
//! algorithm 1). Of all ways to save a round's share of the cost, each narrowing one layer and
//! trained for a few steps, the one that does best on validation pictures is kept.

pub mod meter;
mod narrow;

pub use meter::Meter;
pub use narrow::Slim;

use serde::Serialize;

use crate::arch::{Arch, Dimension, Widths};
use crate::net::Net;
use crate::train::TrainError;
use crate::train::drill::{Drill, Judged};

/// Channels are taken away by so many: the kernels compute eight together.
pub const STEP: usize = 8;
/// The first round saves this share of the cost at the start…
const FIRST_ROUND: f64 = 0.03;
/// … each round this share of what the one before saved (the paper's resource reduction decay), and
/// half as much when no layer alone can save so much.
const DECAY: f64 = 0.98;
/// Below this share of the cost at the start a round is not worth its while.
const LEAST_ROUND: f64 = 0.001;
/// So many ways of a round, those that do best before any training, are trained. The paper trains
/// all; on a processor that takes four times as long.
const TRAINED: usize = 4;

/// What a search ends at, and with what.
#[derive(Clone, Copy, Debug)]
pub struct Goal<'a> {
    /// What is counted.
    pub meter: &'a Meter,
    /// The most that the network may cost, in the meter's unit.
    pub most: f64,
    /// Highest learning rate of the few steps.
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
    /// All that were trained, the one that did best untrained first.
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
    let narrowest = goal.cost(&start.scaled(0.0, STEP).arch.widths, &start)?;
    if narrowest > goal.most {
        return Err(smallest(narrowest));
    }
    let mut now = start;
    let whole = goal.cost(&now.arch.widths, &now)?;
    let (mut cost, mut saving) = (whole, FIRST_ROUND * whole);
    while cost > goal.most {
        let ways = ways(&now, drill, goal, (cost - saving).max(goal.most))?;
        if ways.is_empty() {
            saving /= 2.0;
            if saving < LEAST_ROUND * whole {
                return Err(smallest(cost));
            }
            continue;
        }
        let (mut tried, mut best) = (Vec::new(), None::<(Slim, Way)>);
        for (slim, mut way) in ways.into_iter().take(TRAINED) {
            let (slim, judged) = trained(&slim, drill, goal.lr)?;
            (way.accuracy, way.loss) = (judged.accuracy, judged.loss);
            tried.push(way.clone());
            if best.as_ref().is_none_or(|(_, best)| way.loss < best.loss) {
                best = Some((slim, way));
            }
        }
        if let Some((slim, taken)) = best {
            (now, cost) = (slim, taken.cost);
            listener(&Round { taken, tried });
        }
        saving *= DECAY;
    }
    Ok(now)
}

/// Each way to cost no more than `most` by narrowing one layer, the one that does best untrained
/// first.
fn ways(
    now: &Slim,
    drill: &Drill<'_>,
    goal: &Goal<'_>,
    most: f64,
) -> Result<Vec<(Slim, Way)>, ShrinkError> {
    let mut ways = Vec::new();
    for dimension in Widths::dimensions(now.arch.variant) {
        if dimension.is_squeeze() {
            continue;
        }
        let Some((slim, after)) = goal.narrowed(now, &dimension, most)? else {
            continue;
        };
        let judged = drill.judge(&net(&slim)?)?;
        let way = Way {
            layer: dimension.name(),
            before: now.arch.widths.get(&dimension),
            after,
            cost: goal.cost(&slim.arch.widths, &slim)?,
            accuracy: judged.accuracy,
            loss: judged.loss,
        };
        ways.push((slim, way));
    }
    ways.sort_by(|(_, a), (_, b)| a.loss.total_cmp(&b.loss));
    Ok(ways)
}

impl Goal<'_> {
    /// What the network would cost with these channels.
    fn cost(&self, widths: &Widths, slim: &Slim) -> Result<f64, ShrinkError> {
        let arch = Arch::with(slim.arch.variant, slim.arch.classes, widths);
        self.meter.cost(&arch).map_err(ShrinkError::Meter)
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
            let widths = now.arch.widths.narrowed(dimension, keep);
            if self.cost(&widths, now)? <= most {
                return Ok(Some((now.narrowed(dimension, keep), keep)));
            }
        }
        Ok(None)
    }
}

/// The network after a few steps, and how it does.
fn trained(slim: &Slim, drill: &Drill<'_>, lr: f64) -> Result<(Slim, Judged), ShrinkError> {
    let mut net = net(slim)?;
    drill.train(&mut net, lr)?;
    let judged = drill.judge(&net)?;
    let slim = Slim {
        arch: slim.arch.clone(),
        weights: net.weights(),
    };
    Ok((slim, judged))
}

fn net(slim: &Slim) -> Result<Net, ShrinkError> {
    let mut net = Net::on_processor(&slim.arch);
    let loaded = net.load_all(&slim.weights, "the narrowed network");
    loaded.map_err(|error| ShrinkError::Meter(error.to_string()))?;
    Ok(net)
}
