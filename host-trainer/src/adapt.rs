//! A bundle's network moved towards one site: what it learns from, and how well that works on
//! vehicles that it did not learn from. Reads pictures; writes nothing.
//!
//! Everything begins at the bundle's own weights, which are what is deployed: normalisations are
//! folded into them, and stay so. Only the last modules move, by little ([`STEPS`]), and each step
//! also holds them to what the bundle answered on pictures of its own.

mod examples;
pub mod memory;
pub mod site;
pub mod trial;
mod views;

use models::Bundle;
use models::PreprocessSpec;

use crate::arch::Arch;
use crate::net::Net;
use crate::train::tune::{Tuning, tune};
use crate::unpack;
use crate::weights::{self, Weights};
use memory::Memory;
use site::Site;

/// Modules before the classifier that move with it: four blocks and the last convolution.
const MODULES: usize = 5;
/// Steps that it moves for, unless told otherwise.
pub const STEPS: u32 = 120;
/// Pictures of each kind in a step.
const BATCH: usize = 32;
/// Highest learning rate.
const LR: f64 = 7e-4;
/// How strongly weights are held to the bundle's.
const PULL: f64 = 5.0;

/// What is learned from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lesson<'a> {
    /// The site's labelled pictures that may be learned from, by index; none: from what the bundle
    /// itself is sure of.
    pub labelled: Option<&'a [usize]>,
    /// How it is gone about.
    pub effort: Effort,
}

/// How a lesson is gone about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effort {
    /// Steps that the network moves for.
    pub steps: u32,
    /// Where random numbers start from.
    pub seed: u64,
}

/// A bundle's network, ready to be moved.
#[derive(Debug)]
pub struct Base {
    /// The table that it is of.
    pub arch: Arch,
    /// How pictures become inputs.
    pub spec: PreprocessSpec,
    /// Its weights.
    weights: Weights,
    origin: String,
}

impl Base {
    /// Takes the weights out of the bundle. Errors when another program wrote its network.
    pub fn of(bundle: &Bundle) -> anyhow::Result<Self> {
        let (arch, weights) = unpack::network(bundle)?;
        Ok(Self {
            arch,
            spec: bundle.manifest().input.clone(),
            weights,
            origin: bundle.origin().to_string(),
        })
    }

    /// The network as the bundle has it.
    pub fn net(&self) -> anyhow::Result<Net> {
        let mut net = Net::on_processor(&self.arch);
        net.load_all(&self.weights, &self.origin)?;
        Ok(net)
    }

    /// The first module that moves.
    pub fn moves_from(&self, net: &Net) -> usize {
        net.feature_modules().saturating_sub(MODULES)
    }

    /// The weights after a lesson.
    pub fn learned(
        &self,
        site: &Site,
        memory: &Memory,
        lesson: &Lesson<'_>,
    ) -> anyhow::Result<Weights> {
        let mut net = self.net()?;
        let tuning = Tuning {
            from: self.moves_from(&net),
            steps: lesson.effort.steps,
            batch_size: BATCH,
            lr: LR,
            pull: PULL,
            seed: lesson.effort.seed,
        };
        let kinds = [site.examples(lesson), memory.examples()];
        tune(&mut net, &tuning, &kinds)?;
        Ok(net.weights())
    }

    /// The network that is a share, above 0 to 1, of the way from the bundle's weights to those
    /// that were learned: less keeps more of what the bundle knew (Wortsman et al., Robust
    /// fine-tuning of zero-shot models, CVPR 2022).
    pub fn moved(&self, learned: &Weights, share: f32) -> anyhow::Result<Net> {
        let mut weights = learned.clone();
        weights::move_towards(&mut weights, &self.weights, 1.0 - share);
        let mut net = Net::on_processor(&self.arch);
        net.load_all(&weights, &self.origin)?;
        Ok(net)
    }
}
