//! Makes a network narrower, layer by layer, until it costs no more than wanted: NetAdapt (Yang et
//! al. 2018, "NetAdapt: Platform-Aware Neural Network Adaptation for Mobile Applications",
//! algorithm 1). Of all ways to save a round's share of the cost, each narrowing one layer and
//! trained for a few steps, the one that does best on validation pictures is kept. Unlike there,
//! the layers after a narrowed one are fitted to what is left before any training: see
//! `reconstruct`.

pub mod meter;
mod moments;
mod narrow;
mod reconstruct;

pub use meter::Meter;
use moments::moments;
pub use narrow::Slim;

use serde::Serialize;

use crate::arch::{Arch, Dimension, Widths};
use crate::net::Net;
use crate::train::TrainError;
use crate::train::drill::{Drill, Judged};

/// Channels are taken away by so many: the kernels compute eight together.
pub const STEP: usize = 8;
/// Each round saves this share of what the one before saved (the paper's resource reduction decay),
/// and half as much when no layer alone can save so much.
const DECAY: f64 = 0.98;
/// Below this share of the cost at the start a round is not worth its while.
const LEAST_ROUND: f64 = 0.001;
/// So many ways of a round, those that do best before any training, are trained. The paper trains
/// all; on a processor that takes four times as long.
const TRAINED: usize = 4;

/// What a network may cost.
#[derive(Clone, Debug)]
pub struct Limit {
    /// What is counted.
    pub meter: Meter,
    /// The most that the network may cost, in the meter's unit.
    pub most: f64,
}

/// What a search ends at, and with what.
#[derive(Clone, Copy, Debug)]
pub struct Goal<'a> {
    /// All of them are kept at the end.
    pub limits: &'a [Limit],
    /// The first round saves this share of what the network costs at the start.
    pub first_round: f64,
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
    /// What the network costs then, by each limit's meter.
    pub costs: Vec<f64>,
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
    goal.reachable(&goal.costs(&start.scaled(0.0, STEP).arch)?)?;
    let mut now = start;
    let mut costs = goal.costs(&now.arch)?;
    let whole = goal.together(&costs);
    let mut saving = goal.first_round * whole;
    while goal.exceeded(&costs).is_some() {
        let ways = ways(&now, drill, goal, goal.together(&costs) - saving)?;
        if ways.is_empty() {
            saving /= 2.0;
            if saving < LEAST_ROUND * whole {
                goal.reachable(&costs)?;
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
            now = slim;
            costs.clone_from(&taken.costs);
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
    let moments = moments(&net(now)?, drill.inputs()).map_err(TrainError::from)?;
    for dimension in Widths::dimensions(now.arch.variant) {
        if dimension.is_squeeze() {
            continue;
        }
        let Some(after) = goal.channels(now, &dimension, most)? else {
            continue;
        };
        let slim = now
            .rebuilt(&dimension, after, &moments)
            .map_err(TrainError::from)?;
        let judged = drill.judge_by_sample(&net(&slim)?)?;
        let way = Way {
            layer: dimension.name(),
            before: now.arch.widths.get(&dimension),
            after,
            costs: goal.costs(&slim.arch)?,
            accuracy: judged.accuracy,
            loss: judged.loss,
        };
        ways.push((slim, way));
    }
    ways.sort_by(|(_, a), (_, b)| a.loss.total_cmp(&b.loss));
    Ok(ways)
}

impl Goal<'_> {
    /// What a network costs by each limit's meter.
    fn costs(&self, arch: &Arch) -> Result<Vec<f64>, ShrinkError> {
        let costs = self.limits.iter().map(|limit| limit.meter.cost(arch));
        costs.collect::<Result<_, _>>().map_err(ShrinkError::Meter)
    }

    /// One number of several costs: each as a multiple of its limit, and no less than the limit,
    /// since there nothing more is to be saved.
    fn together(&self, costs: &[f64]) -> f64 {
        let costs = self.limits.iter().zip(costs);
        costs
            .map(|(limit, cost)| (cost / limit.most).max(1.0))
            .sum()
    }

    /// The first limit that is exceeded, and what the network costs there.
    fn exceeded(&self, costs: &[f64]) -> Option<(&Limit, f64)> {
        let mut costs = self.limits.iter().zip(costs.iter().copied());
        costs.find(|(limit, cost)| *cost > limit.most)
    }

    /// An error when a network that cannot be made narrower exceeds a limit.
    fn reachable(&self, costs: &[f64]) -> Result<(), ShrinkError> {
        match self.exceeded(costs) {
            None => Ok(()),
            Some((limit, least)) => Err(ShrinkError::Smallest {
                least,
                most: limit.most,
                unit: limit.meter.unit(),
            }),
        }
    }

    /// As many channels along `dimension` as cost no more than `most` together or keep all limits;
    /// none when even half as many cost more.
    fn channels(
        &self,
        now: &Slim,
        dimension: &Dimension,
        most: f64,
    ) -> Result<Option<usize>, ShrinkError> {
        let channels = now.arch.widths.get(dimension);
        // Half is as much as one round may take from a layer.
        let least = (channels / 2).next_multiple_of(STEP);
        let steps = (least..channels)
            .rev()
            .filter(|keep| keep.is_multiple_of(STEP));
        for keep in steps {
            let widths = now.arch.widths.narrowed(dimension, keep);
            let arch = Arch::with(now.arch.variant, now.arch.classes, &widths);
            let costs = self.costs(&arch)?;
            if self.together(&costs) <= most || self.exceeded(&costs).is_none() {
                return Ok(Some(keep));
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
