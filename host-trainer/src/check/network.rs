//! The network by whose embeddings labels are judged: a run's, or pretrained weights. Trains
//! nothing but a linear probe on what the network sees.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::bail;
use models::{Bundle, PreprocessSpec};

use super::labels::{self, FOLDS, Suspect};
use super::survey::Look;
use crate::arch::{Arch, Variant};
use crate::candidate::Candidate;
use crate::commands::{bundle_folder, pretrained, usage};
use crate::device::{self, Choice};
use crate::net::Net;
use crate::progress;
use crate::run::Run;
use crate::train;
use crate::train::probe;
use crate::unpack;
use crate::weights::Weights;
use crate::weights::pretrained::Pretrained;

/// A network that turns pictures into features.
#[derive(Debug)]
pub struct Network {
    net: Net,
    spec: PreprocessSpec,
    name: String,
}

/// What labels are judged by, row after row.
#[derive(Clone, Debug, Default)]
pub struct Features {
    values: Vec<f32>,
    width: usize,
}

/// What the network's probe says of the labels.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Where the network's weights came from.
    pub network: String,
    /// How many pictures were judged.
    pub pictures: usize,
    /// Classes with too few photographs to be judged.
    pub unjudged: Vec<usize>,
    /// Share of the judged pictures whose label is what the probe, which did not see them,
    /// holds most probable.
    pub agreement: f64,
    /// For each judged class how many of its labels are estimated to be wrong.
    pub wrong: Vec<(usize, f64)>,
    /// The suspects, the surest first.
    pub suspects: Vec<Suspect>,
}

impl Network {
    /// The best weights of a run, with the input that it was trained on.
    pub fn of_run(folder: &Path, choice: Choice) -> anyhow::Result<Self> {
        let run = Run::open(folder).map_err(usage)?;
        let Candidate {
            record, weights, ..
        } = Candidate::of(&run)?;
        let arch = record.arch();
        let name = format!("the best weights of {}", folder.display());
        Self::new(&arch, &weights, record.input, name, choice)
    }

    /// The weights that `name` stands for, of whichever network they fit, on inputs of `side`
    /// pixels; nothing for `none`.
    pub fn pretrained(name: &str, side: u32, choice: Choice) -> anyhow::Result<Option<Self>> {
        let spec = PreprocessSpec::imagenet(side);
        spec.check()
            .map_err(|e| usage(format!("--input-size: {e}")))?;
        if let Some(folder) = bundle_folder(name) {
            let bundle = Bundle::open(folder).map_err(usage)?;
            let (arch, weights) = unpack::network(&bundle).map_err(usage)?;
            return Self::new(&arch, &weights, spec, name.into(), choice).map(Some);
        }
        let Some(Pretrained { weights, .. }) = pretrained(name, Variant::Small)? else {
            return Ok(None);
        };
        let network = |variant| {
            let arch = Arch::fitting(variant, 2, &weights);
            Self::new(&arch, &weights, spec.clone(), name.into(), choice)
        };
        let fitting = Variant::ALL.into_iter().rev().find_map(|v| network(v).ok());
        match fitting {
            Some(network) => Ok(Some(network)),
            None => network(Variant::Small).map(Some),
        }
    }

    fn new(
        arch: &Arch,
        weights: &Weights,
        spec: PreprocessSpec,
        name: String,
        choice: Choice,
    ) -> anyhow::Result<Self> {
        let device = device::choose(choice).map_err(usage)?;
        let mut net = Net::new(arch, device);
        net.load(weights, &name).map_err(usage)?;
        Ok(Self { net, spec, name })
    }

    /// How pictures become inputs.
    pub fn spec(&self) -> &PreprocessSpec {
        &self.spec
    }

    /// Appends the features of pictures: what the network sees, then their colours.
    pub fn add_features(&self, looks: Vec<Look>, into: &mut Features) -> anyhow::Result<()> {
        let (inputs, colours): (Vec<_>, Vec<_>) = looks
            .into_iter()
            .map(|look| ((look.input, 0), look.colours))
            .unzip();
        let side = [self.spec.height, self.spec.width];
        let rows = train::embeddings(&self.net, &inputs, side)?;
        for (row, colours) in rows.into_iter().zip(colours) {
            into.width = row.len() + colours.len();
            into.values.extend(row);
            into.values.extend(colours);
        }
        Ok(())
    }

    /// Judges labels from the features of all pictures. `label` is each picture's class, below
    /// `classes`, and `photograph` tells copies: those never judge each other.
    pub fn judge(
        &self,
        features: &Features,
        label: &[usize],
        photograph: &[usize],
        classes: usize,
    ) -> anyhow::Result<Judged> {
        let enough = |class: &usize| photographs(*class, label, photograph) >= FOLDS;
        let (known, unjudged): (Vec<_>, Vec<_>) = (0..classes).partition(enough);
        if known.len() < 2 {
            bail!(
                "labels cannot be checked: fewer than two classes have the {FOLDS} photographs \
                 that it takes; leave --run and --pretrained out, or add pictures"
            );
        }
        let known_at = |class: usize| known.binary_search(&class).ok();
        let pictures = (0..label.len()).filter_map(|at| Some((at, known_at(label[at])?)));
        let (pictures, class): (Vec<usize>, Vec<usize>) = pictures.unzip();
        let shown: Vec<usize> = pictures.iter().map(|at| photograph[*at]).collect();
        let fold = labels::deal(&shown, &class, known.len(), FOLDS);
        let width = features.width;
        let row = |at: &usize| &features.values[at * width..(at + 1) * width];
        let judged: Vec<f32> = pictures.iter().flat_map(row).copied().collect();
        let samples = probe::Samples {
            features: &judged,
            width,
            class: &class,
            classes: known.len(),
            fold: &fold,
            folds: FOLDS,
        };
        let bar = progress::bar(probe::steps(), "judging labels");
        let rows = probe::out_of_fold(&samples, self.net.device(), &|| bar.inc(1))?;
        bar.finish_and_clear();
        let agreed = rows.iter().zip(&class);
        let agreed = agreed.filter(|(row, class)| row.iter().all(|p| *p <= row[**class]));
        let agreement = agreed.count() as f64 / rows.len().max(1) as f64;
        let mut verdict = labels::judge(&rows, &class, known.len());
        for suspect in &mut verdict.suspects {
            suspect.picture = pictures[suspect.picture];
            suspect.given = known[suspect.given];
            suspect.suggested = known[suspect.suggested];
        }
        Ok(Judged {
            network: self.name.clone(),
            pictures: pictures.len(),
            wrong: known
                .iter()
                .copied()
                .zip(verdict.estimated_wrong())
                .collect(),
            suspects: verdict.suspects,
            unjudged,
            agreement,
        })
    }
}

/// How many photographs a class has: copies count once.
fn photographs(class: usize, label: &[usize], photograph: &[usize]) -> usize {
    let of_class = label.iter().zip(photograph).filter(|(l, _)| **l == class);
    let different: BTreeSet<&usize> = of_class.map(|(_, number)| number).collect();
    different.len()
}
