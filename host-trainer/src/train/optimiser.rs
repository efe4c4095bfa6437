//! The optimisers that a recipe can name.

use serde::{Deserialize, Serialize};
use tch::TchError;
use tch::nn::{self, Optimizer, OptimizerConfig};

use crate::net::{GROUP_NO_DECAY, Net};

/// Optimisers, with PyTorch's own defaults for what is not said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[value(rename_all = "verbatim")]
pub enum Optimiser {
    /// Stochastic gradient descent with momentum 0.9.
    #[value(name = "SGD")]
    Sgd,
    /// Adam (Kingma and Ba 2015); weight decay is added to the gradient.
    Adam,
    /// AdamW (Loshchilov and Hutter 2019): weight decay apart from the gradient.
    AdamW,
}

impl Optimiser {
    /// The name on the command line and in logs.
    pub fn name(self) -> &'static str {
        match self {
            Optimiser::Sgd => "SGD",
            Optimiser::Adam => "Adam",
            Optimiser::AdamW => "AdamW",
        }
    }

    /// An optimiser of the network's tensors. Weight decay applies to kernels alone.
    pub(super) fn build(self, net: &Net, lr: f64, decay: f64) -> Result<Optimizer, TchError> {
        let store = net.store();
        let mut optimiser = match self {
            Optimiser::Sgd => nn::Sgd {
                momentum: 0.9,
                wd: decay,
                ..Default::default()
            }
            .build(store, lr),
            Optimiser::Adam => nn::Adam {
                wd: decay,
                ..Default::default()
            }
            .build(store, lr),
            Optimiser::AdamW => nn::AdamW {
                wd: decay,
                ..Default::default()
            }
            .build(store, lr),
        }?;
        optimiser.set_weight_decay_group(GROUP_NO_DECAY, 0.0);
        Ok(optimiser)
    }
}
