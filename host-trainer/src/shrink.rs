//! Makes a network narrower, layer by layer, until it costs no more than wanted, in rounds as
//! NetAdapt has them (Yang et al. 2018, "NetAdapt: Platform-Aware Neural Network Adaptation for
//! Mobile Applications"): each saves a share of the measured cost. There a round narrows the one
//! layer that does best after a few steps of training. Here the layers after a narrowed one are
//! fitted to what is left (see `net::reconstruct`), so that what a cut costs shows at once; a round
//! narrows several layers a little, and nothing is trained.

mod evidence;
pub mod meter;
mod narrow;

pub use evidence::{Evidence, Judged};
pub use meter::Meter;
pub use narrow::Slim;
#[cfg(test)]
pub use narrow::tests::slim;

use serde::Serialize;

use crate::arch::{Arch, Dimension, Widths};
use crate::net::{Moments, Net};
use crate::train::TrainError;

/// Channels are taken away by so many: the kernels compute eight together.
pub const STEP: usize = 8;
/// A cut takes one channel of so many, at least a step.
const CUT: usize = 10;
/// Each round saves this share of what the one before saved (the paper's resource reduction decay).
const DECAY: f64 = 0.98;

/// What a network may cost.
#[derive(Clone, Debug)]
pub struct Limit {
    /// What is counted.
    pub meter: Meter,
    /// The most that the network may cost, in the meter's unit.
    pub most: f64,
}

/// What a search ends at, and how fast.
#[derive(Clone, Copy, Debug)]
pub struct Goal<'a> {
    /// All of them are kept at the end.
    pub limits: &'a [Limit],
    /// The first round saves this share of the cost.
    pub first_round: f64,
}

/// One layer made narrower.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cut {
    /// Which layer.
    pub layer: String,
    /// Channels before.
    pub before: usize,
    /// Channels after.
    pub after: usize,
    /// How far it alone takes the answers from what they were: mean Kullback-Leibler divergence on
    /// the sample of validation pictures, nats.
    pub divergence: f64,
}

/// A round.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Round {
    /// What was narrowed, the cheapest cut for what it saves first.
    pub cuts: Vec<Cut>,
    /// What the network costs then, by each limit's meter.
    pub costs: Vec<f64>,
    /// Share of right answers on validation pictures, 0 to 1.
    pub accuracy: f64,
    /// Mean cross entropy on them.
    pub loss: f64,
}

/// Why a search ends without a network.
#[derive(Debug, thiserror::Error)]
pub enum ShrinkError {
    /// libtorch failed.
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
    evidence: &Evidence<'_>,
    goal: &Goal<'_>,
    listener: &mut dyn FnMut(&Round),
) -> Result<Slim, ShrinkError> {
    goal.reachable(&goal.costs(&start.scaled(0.0, STEP).arch)?)?;
    let mut now = start;
    let mut costs = goal.costs(&now.arch)?;
    let mut saving = goal.first_round;
    while goal.exceeded(&costs).is_some() {
        let (slim, cuts) = narrowed(&now, evidence, goal, goal.excess(&costs) - saving)?;
        if cuts.is_empty() {
            goal.reachable(&costs)?;
        }
        let Judged { accuracy, loss } = evidence.judge(&net(&slim)?)?;
        now = slim;
        costs = goal.costs(&now.arch)?;
        listener(&Round {
            cuts,
            costs: costs.clone(),
            accuracy,
            loss,
        });
        saving *= DECAY;
    }
    Ok(now)
}

/// The network after the cuts with the smallest price, until it exceeds the limits by `most` or
/// keeps them all.
fn narrowed(
    now: &Slim,
    evidence: &Evidence<'_>,
    goal: &Goal<'_>,
    most: f64,
) -> Result<(Slim, Vec<Cut>), ShrinkError> {
    let (mut slim, mut cuts) = (now.clone(), Vec::new());
    let seen = evidence.moments(&net(now)?)?;
    let offers = offers(now, &seen, evidence, goal)?;
    let mut of_now = Some(seen);
    for (dimension, cut) in offers {
        let costs = goal.costs(&slim.arch)?;
        if goal.excess(&costs) <= most || goal.exceeded(&costs).is_none() {
            break;
        }
        // Those of a network before the last cut have other shapes.
        let seen = match of_now.take() {
            Some(seen) => seen,
            None => evidence.moments(&net(&slim)?)?,
        };
        let rebuilt = slim.rebuilt(&dimension, cut.after, &seen);
        slim = rebuilt.map_err(TrainError::from)?;
        cuts.push(cut);
    }
    Ok((slim, cuts))
}

/// A cut of each layer that saves something, in order of their price: the divergence for what is
/// saved. `seen` is what its layers are given.
fn offers(
    now: &Slim,
    seen: &Moments,
    evidence: &Evidence<'_>,
    goal: &Goal<'_>,
) -> Result<Vec<(Dimension, Cut)>, ShrinkError> {
    let before = evidence.answers(&net(now)?)?;
    let excess = goal.excess(&goal.costs(&now.arch)?);
    let mut offers = Vec::new();
    for dimension in Widths::dimensions(now.arch.variant) {
        let channels = now.arch.widths.get(&dimension);
        let after = (channels - channels.div_ceil(CUT)) / STEP * STEP;
        if dimension.is_squeeze() || after == 0 {
            continue;
        }
        let slim = now.rebuilt(&dimension, after, seen);
        let slim = slim.map_err(TrainError::from)?;
        let saved = excess - goal.excess(&goal.costs(&slim.arch)?);
        if saved <= 0.0 {
            continue;
        }
        let cut = Cut {
            layer: dimension.name(),
            before: channels,
            after,
            divergence: evidence.answers(&net(&slim)?)?.divergence_from(&before),
        };
        offers.push((cut.divergence / saved, dimension, cut));
    }
    offers.sort_by(|(a, ..), (b, ..)| a.total_cmp(b));
    let offers = offers.into_iter();
    Ok(offers.map(|(_, dimension, cut)| (dimension, cut)).collect())
}

impl Goal<'_> {
    /// What a network costs by each limit's meter.
    fn costs(&self, arch: &Arch) -> Result<Vec<f64>, ShrinkError> {
        let costs = self.limits.iter().map(|limit| limit.meter.cost(arch));
        costs.collect::<Result<_, _>>().map_err(ShrinkError::Meter)
    }

    /// One number of several costs: by how much each exceeds its limit, as a logarithm, summed. A
    /// round's share then means the same however many limits are still exceeded.
    fn excess(&self, costs: &[f64]) -> f64 {
        let costs = self.limits.iter().zip(costs);
        costs
            .map(|(limit, cost)| (cost / limit.most).ln().max(0.0))
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
}

fn net(slim: &Slim) -> Result<Net, ShrinkError> {
    let mut net = Net::on_processor(&slim.arch);
    let loaded = net.load_all(&slim.weights, "the narrowed network");
    loaded.map_err(|error| ShrinkError::Meter(error.to_string()))?;
    Ok(net)
}
