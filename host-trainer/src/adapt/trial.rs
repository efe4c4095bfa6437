//! How well a lesson works on vehicles that it did not show: each labelled vehicle is tested by a
//! network that learned from others; without labels, by what was learned from all pictures.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;

use super::memory::Memory;
use super::site::Site;
use super::{Base, Effort, Lesson};
use crate::crops::each_vehicle_first;
use crate::loader::spread;
use crate::metrics::Confusion;
use crate::weights::Weights;

/// Parts that the vehicles are divided into.
pub const FOLDS: usize = 5;

/// Networks that learned, each to be asked what it did not learn.
#[derive(Debug)]
pub struct Learned {
    asked: &'static str,
    networks: Vec<(Weights, Vec<(usize, usize)>)>,
}

/// Answers on what was not learned.
#[derive(Debug)]
pub struct Trial {
    /// Which vehicles were asked for, in words.
    pub asked: &'static str,
    /// The bundle's.
    pub before: Confusion,
    /// The moved networks'.
    pub after: Confusion,
    /// The moved networks' logits, and the truth.
    pub logits: Vec<(Vec<f32>, usize)>,
}

impl Learned {
    /// Learns from at most `most` labelled pictures of all parts but one, to be asked that one, for
    /// each in turn.
    pub fn across(
        base: &Base,
        site: &Site,
        memory: &Memory,
        most: Option<usize>,
        effort: Effort,
    ) -> anyhow::Result<Self> {
        let fold_of = folds(site, effort.seed);
        let fold = |picture: usize| fold_of.get(site.crops[picture].vehicle()).copied();
        let mut networks = Vec::new();
        for held_out in 0..FOLDS {
            let labelled = 0..site.crops.len();
            let mut may: Vec<usize> = labelled
                .filter(|picture| {
                    site.labels[*picture].is_some() && fold(*picture) != Some(held_out)
                })
                .collect();
            Rng::with_seed(spread(effort.seed, held_out as u64, 1)).shuffle(&mut may);
            // As the labelling page shows them.
            each_vehicle_first(&mut may, |picture| site.crops[*picture].vehicle().into());
            may.truncate(most.unwrap_or(usize::MAX));
            let lesson = Lesson {
                labelled: Some(&may),
                effort,
            };
            let asked: Vec<(usize, usize)> = site
                .with_class()
                .into_iter()
                .filter(|(picture, _)| fold(*picture) == Some(held_out))
                .collect();
            networks.push((base.learned(site, memory, &lesson)?, asked));
        }
        Ok(Self {
            asked: "vehicles that were not learned from",
            networks,
        })
    }

    /// Weights that learned from no label, to be asked every labelled picture.
    pub fn without_labels(site: &Site, weights: Weights) -> Self {
        Self {
            asked: "vehicles whose labels were not learned from",
            networks: vec![(weights, site.with_class())],
        }
    }

    /// Asks the networks that are so large a share of the way from the bundle to what was learned.
    pub fn tried(
        &self,
        base: &Base,
        site: &Site,
        classes: &[String],
        share: f32,
    ) -> anyhow::Result<Trial> {
        let net = base.net()?;
        let from = base.moves_from(&net);
        let mut trial = Trial {
            asked: self.asked,
            before: Confusion::new(classes),
            after: Confusion::new(classes),
            logits: Vec::new(),
        };
        for (learned, asked) in &self.networks {
            let pictures: Vec<usize> = asked.iter().map(|(picture, _)| *picture).collect();
            let before = site.logits(&net, from, &pictures)?;
            let after = site.logits(&base.moved(learned, share)?, from, &pictures)?;
            trial.add(asked, &before, after);
        }
        Ok(trial)
    }
}

impl Trial {
    fn add(&mut self, asked: &[(usize, usize)], before: &[Vec<f32>], after: Vec<Vec<f32>>) {
        for (((_, class), before), after) in asked.iter().zip(before).zip(after) {
            self.before.add(*class, best(before));
            self.after.add(*class, best(&after));
            self.logits.push((after, *class));
        }
    }
}

fn best(row: &[f32]) -> usize {
    (0..row.len())
        .max_by(|a, b| row[*a].total_cmp(&row[*b]))
        .unwrap_or(0)
}

/// The part of each labelled vehicle: of each class about as many in each.
fn folds(site: &Site, seed: u64) -> BTreeMap<String, usize> {
    let mut vehicles: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (picture, class) in site.with_class() {
        let vehicle = site.crops[picture].vehicle();
        if seen.insert(vehicle) {
            vehicles.entry(class).or_default().insert(vehicle);
        }
    }
    let mut folds = BTreeMap::new();
    let mut next = 0;
    for (class, vehicles) in vehicles {
        let mut vehicles: Vec<&str> = vehicles.into_iter().collect();
        Rng::with_seed(spread(seed, class as u64, 0)).shuffle(&mut vehicles);
        for vehicle in vehicles {
            folds.insert(vehicle.to_string(), next % FOLDS);
            next += 1;
        }
    }
    folds
}

/// Labelled vehicles.
pub fn vehicles(site: &Site) -> usize {
    let named = site.with_class().into_iter();
    let names: BTreeSet<&str> = named
        .map(|(picture, _)| site.crops[picture].vehicle())
        .collect();
    names.len()
}
