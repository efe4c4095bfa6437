//! How well a lesson works on vehicles that it did not show: each labelled vehicle is tested by a
//! network that learned from others.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;

use super::memory::Memory;
use super::site::Site;
use super::{Base, Effort, Lesson};
use crate::crops::each_vehicle_first;
use crate::loader::spread;
use crate::metrics::Confusion;

/// Parts that the vehicles are divided into.
pub const FOLDS: usize = 5;

/// Answers on pictures of vehicles that were not learned from.
#[derive(Debug)]
pub struct Trial {
    /// The bundle's.
    pub before: Confusion,
    /// The moved networks'.
    pub after: Confusion,
    /// The moved networks' logits, and the truth.
    pub logits: Vec<(Vec<f32>, usize)>,
}

/// Learns from at most `most` labelled pictures of all parts but one and answers on that one, for
/// each in turn.
pub fn across(
    base: &Base,
    site: &Site,
    memory: &Memory,
    classes: &[String],
    most: Option<usize>,
    effort: Effort,
) -> anyhow::Result<Trial> {
    let fold_of = folds(site, effort.seed);
    let fold = |picture: usize| fold_of.get(site.crops[picture].vehicle()).copied();
    let mut trial = Trial {
        before: Confusion::new(classes),
        after: Confusion::new(classes),
        logits: Vec::new(),
    };
    for held_out in 0..FOLDS {
        let labelled = 0..site.crops.len();
        let mut may: Vec<usize> = labelled
            .filter(|picture| site.labels[*picture].is_some() && fold(*picture) != Some(held_out))
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
        trial.ask(base, site, &asked, &base.moved(site, memory, &lesson)?)?;
    }
    Ok(trial)
}

/// Learns from what the bundle is sure of, and answers on all labelled pictures: no label was
/// learned from.
pub fn without_labels(
    base: &Base,
    site: &Site,
    memory: &Memory,
    classes: &[String],
    effort: Effort,
) -> anyhow::Result<Trial> {
    let mut trial = Trial {
        before: Confusion::new(classes),
        after: Confusion::new(classes),
        logits: Vec::new(),
    };
    let lesson = Lesson {
        labelled: None,
        effort,
    };
    let moved = base.moved(site, memory, &lesson)?;
    trial.ask(base, site, &site.with_class(), &moved)?;
    Ok(trial)
}

impl Trial {
    fn ask(
        &mut self,
        base: &Base,
        site: &Site,
        asked: &[(usize, usize)],
        moved: &crate::net::Net,
    ) -> anyhow::Result<()> {
        let pictures: Vec<usize> = asked.iter().map(|(picture, _)| *picture).collect();
        let net = base.net()?;
        let from = base.moves_from(&net);
        let before = site.logits(&net, from, &pictures)?;
        let after = site.logits(moved, from, &pictures)?;
        for (((_, class), before), after) in asked.iter().zip(&before).zip(after) {
            self.before.add(*class, best(before));
            self.after.add(*class, best(&after));
            self.logits.push((after, *class));
        }
        Ok(())
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
