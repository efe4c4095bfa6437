//! Which pictures an epoch sees, in which order, and where their random numbers start from.
//! Reads none.

use std::collections::BTreeMap;

use fastrand::Rng;
use models::Preprocessor;

use crate::augment::{Augment, Changes};

/// Which pictures an epoch sees.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Sampling {
    /// Every picture once
    Shuffled,
    /// As many, drawn with replacement so that every class is equally likely
    Balanced,
}

/// How one epoch's batches are made.
#[derive(Clone, Copy, Debug)]
pub struct EpochPlan<'a> {
    /// How each picture is changed.
    pub augment: &'a Augment,
    /// The contract's preprocessing.
    pub preprocessor: &'a Preprocessor,
    /// Pictures in a batch, at least 1.
    pub batch_size: usize,
    /// Which pictures it sees.
    pub sampling: Sampling,
    /// Threads, at least 1.
    pub workers: usize,
    /// The run's seed.
    pub seed: u64,
    /// The epoch, counted from 0.
    pub epoch: u64,
}

impl EpochPlan<'_> {
    /// The changes of the epoch's picture number `place`: seeded by place, not by picture, for a
    /// balanced epoch may see one twice.
    pub fn changes(&self, place: usize) -> Changes {
        let mut rng = Rng::with_seed(spread(self.seed, self.epoch, place as u64));
        self.augment.draw(self.preprocessor.spec().width, &mut rng)
    }

    /// Indices of the pictures in the order they are seen; `classes` is the class of each.
    pub(super) fn order(&self, classes: &[usize]) -> Vec<usize> {
        let mut rng = Rng::with_seed(spread(self.seed, self.epoch, u64::MAX));
        let mut order: Vec<usize> = (0..classes.len()).collect();
        if self.sampling == Sampling::Balanced {
            let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
            for (index, class) in classes.iter().enumerate() {
                members.entry(*class).or_default().push(index);
            }
            let members: Vec<Vec<usize>> = members.into_values().collect();
            for slot in &mut order {
                let class = &members[rng.usize(0..members.len())];
                *slot = class[rng.usize(0..class.len())];
            }
        }
        rng.shuffle(&mut order);
        order
    }
}

/// Spreads a run's seed, an epoch and a purpose within it over 64 bits (the finaliser of
/// SplitMix64). Purposes up to the number of pictures are those pictures; others count down
/// from `u64::MAX`, which is the order.
pub fn spread(seed: u64, epoch: u64, purpose: u64) -> u64 {
    let mut z = seed ^ epoch.rotate_left(40) ^ purpose.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use models::PreprocessSpec;

    use super::*;

    #[test]
    fn a_balanced_epoch_draws_rare_classes_as_often() {
        let preprocessor = Preprocessor::new(&PreprocessSpec::imagenet(16)).unwrap();
        let augment = Augment::road();
        let classes: Vec<usize> = (0..60).map(|n| usize::from(n % 10 == 0)).collect();
        let mut drawn = [0; 2];
        for epoch in 0..40 {
            let plan = EpochPlan {
                augment: &augment,
                preprocessor: &preprocessor,
                batch_size: 4,
                sampling: Sampling::Balanced,
                workers: 1,
                seed: 3,
                epoch,
            };
            let order = plan.order(&classes);
            assert_eq!(order.len(), classes.len());
            order.iter().for_each(|at| drawn[classes[*at]] += 1);
        }
        let share = f64::from(drawn[0]) / f64::from(drawn[0] + drawn[1]);
        assert!((share - 0.5).abs() < 0.05, "{drawn:?}");
    }
}
