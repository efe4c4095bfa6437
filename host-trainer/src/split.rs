//! Divides a dataset into training, validation and test so that near-duplicates stay together:
//! a photograph in training and its copy in test would make the test a memory exercise.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::dataset::{Dataset, Item};

/// A part of a dataset.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Trained on.
    Train,
    /// Chooses the best epoch and the temperature.
    Validation,
    /// Looked at once, for the numbers that are published.
    Test,
}

impl Part {
    /// The word used in manifests and tables.
    pub fn name(self) -> &'static str {
        match self {
            Part::Train => "train",
            Part::Validation => "validation",
            Part::Test => "test",
        }
    }
}

/// Which picture is in which part: `split.json` of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// Whether near-duplicates were kept together.
    #[serde(default)]
    pub grouped: bool,
    /// Paths below the dataset's folder, sorted, for each part.
    pub parts: BTreeMap<Part, Vec<String>>,
}

impl Split {
    /// Divides by group (see `duplicates::groups`): about `validation` and `test` (each 0 to
    /// 0.5) of every class go to those parts, chosen by `seed`. A group that would overfill
    /// them stays in training.
    pub fn by_group(
        dataset: &Dataset,
        groups: &[usize],
        validation: f64,
        test: f64,
        seed: u64,
    ) -> Self {
        let mut members: BTreeMap<usize, Vec<&Item>> = BTreeMap::new();
        for (item, group) in dataset.items.iter().zip(groups) {
            members.entry(*group).or_default().push(item);
        }
        let mut members: Vec<Vec<&Item>> = members.into_values().collect();
        fastrand::Rng::with_seed(seed).shuffle(&mut members);
        let count = |items: &[&Item]| {
            let mut count = vec![0usize; dataset.classes.len()];
            items.iter().for_each(|item| count[item.class] += 1);
            count
        };
        let totals = count(&dataset.items.iter().collect::<Vec<_>>());
        let room = |share: f64| -> Vec<usize> {
            totals
                .iter()
                .map(|total| (*total as f64 * share).round() as usize)
                .collect()
        };
        let mut room = [
            (Part::Test, room(test)),
            (Part::Validation, room(validation)),
        ];
        let mut split = Self {
            grouped: true,
            ..Self::default()
        };
        for group in members {
            let needed = count(&group);
            let fits = room.iter_mut().find(|(_, room)| {
                needed
                    .iter()
                    .zip(room.iter())
                    .all(|(needed, room)| needed <= room)
            });
            let part = match fits {
                Some((part, room)) => {
                    room.iter_mut()
                        .zip(&needed)
                        .for_each(|(room, needed)| *room -= needed);
                    *part
                }
                None => Part::Train,
            };
            let paths = group.iter().map(|item| item.path.clone());
            split.parts.entry(part).or_default().extend(paths);
        }
        split.parts.values_mut().for_each(|paths| paths.sort());
        split
    }

    /// Divides picture by picture: of every class about `validation` and `test` (each 0 to 0.5)
    /// go to those parts, copies or not. What tutorials do, the reference among them, and what
    /// makes their numbers too good: near-duplicates land on both sides.
    pub fn random(dataset: &Dataset, validation: f64, test: f64, seed: u64) -> Self {
        let alone: Vec<usize> = (0..dataset.items.len()).collect();
        Self {
            grouped: false,
            ..Self::by_group(dataset, &alone, validation, test, seed)
        }
    }

    /// The dataset's items that are in `part`.
    pub fn select(&self, dataset: &Dataset, part: Part) -> Dataset {
        let paths = self.parts.get(&part).map(Vec::as_slice).unwrap_or_default();
        let items = dataset
            .items
            .iter()
            .filter(|item| paths.binary_search(&item.path).is_ok())
            .cloned()
            .collect();
        dataset.with(items)
    }

    /// The paths of the parts that are not trained on.
    pub fn held_out(&self) -> BTreeSet<&str> {
        let parts = self.parts.iter();
        let held_out = parts.filter(|(part, _)| **part != Part::Train);
        held_out
            .flat_map(|(_, paths)| paths.iter().map(String::as_str))
            .collect()
    }

    /// Reads a `split.json`. Errors name the file and the reason.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read(path)
            .map_err(|error| format!("cannot read the split {}: {error}", path.display()))?;
        let mut split: Self = serde_json::from_slice(&text)
            .map_err(|error| format!("{} is not a split.json ({error})", path.display()))?;
        split.parts.values_mut().for_each(|paths| paths.sort());
        Ok(split)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dataset(per_class: usize) -> Dataset {
        let classes = vec!["blue".to_string(), "red".to_string()];
        let items = (0..2 * per_class)
            .map(|n| Item {
                path: format!("{n:04}.png"),
                class: n / per_class,
                bytes: 1,
            })
            .collect();
        Dataset {
            root: "x".into(),
            classes,
            items,
        }
    }

    #[test]
    fn groups_stay_together_and_every_picture_has_one_part() {
        let dataset = dataset(100);
        let groups: Vec<usize> = (0..200).map(|n| n / 3).collect();
        let split = Split::by_group(&dataset, &groups, 0.1, 0.2, 7);
        let part_of = |n: usize| {
            let path = &dataset.items[n].path;
            let found: Vec<_> = split
                .parts
                .iter()
                .filter(|(_, p)| p.contains(path))
                .collect();
            assert_eq!(found.len(), 1, "{path}");
            *found[0].0
        };
        for n in 0..200 {
            assert_eq!(part_of(n), part_of(n / 3 * 3), "picture {n}");
        }
    }

    #[test]
    fn at_random_every_class_gets_its_share_and_copies_are_torn_apart() {
        let dataset = dataset(100);
        let split = Split::random(&dataset, 0.3, 0.0, 0);
        let counts = |part| split.select(&dataset, part).counts();
        assert_eq!(counts(Part::Train)["blue"], 70);
        assert_eq!(counts(Part::Train)["red"], 70);
        assert_eq!(counts(Part::Validation)["red"], 30);
        assert!(!split.parts.contains_key(&Part::Test));
        let train = &split.parts[&Part::Train];
        let pairs = dataset.items.chunks(2);
        let torn =
            pairs.filter(|pair| train.contains(&pair[0].path) != train.contains(&pair[1].path));
        assert!(torn.count() > 20);
        assert_eq!(split, Split::random(&dataset, 0.3, 0.0, 0));
        assert_ne!(split, Split::random(&dataset, 0.3, 0.0, 1));
        let all: usize = split.parts.values().map(Vec::len).sum();
        assert_eq!(all, 200);
    }

    #[test]
    fn every_class_gets_about_its_share() {
        let dataset = dataset(100);
        let groups: Vec<usize> = (0..200).collect();
        let split = Split::by_group(&dataset, &groups, 0.1, 0.2, 7);
        for (part, expected) in [(Part::Train, 70), (Part::Validation, 10), (Part::Test, 20)] {
            let counts = split.select(&dataset, part).counts();
            assert_eq!(
                (counts["blue"], counts["red"]),
                (expected, expected),
                "{part:?}"
            );
        }
        assert_eq!(split, Split::by_group(&dataset, &groups, 0.1, 0.2, 7));
        assert_ne!(split, Split::by_group(&dataset, &groups, 0.1, 0.2, 8));
    }
}
