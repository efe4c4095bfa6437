//! Which pictures of a site are learned from, how likely each is drawn, and what is wanted of it.
//! Plain numbers.

use std::collections::{BTreeMap, HashMap};

/// Share of a label's target that is spread over all classes.
const SMOOTHING: f32 = 0.1;
/// The bundle is sure of a picture from this probability on.
const SURE: f32 = 0.8;

/// What a person said of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// A class, by index.
    Class(usize),
    /// There is no vehicle.
    Nothing,
}

/// A picture to learn from.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// Its index.
    pub picture: usize,
    /// The probability that is wanted of each class.
    pub wanted: Vec<f32>,
    /// How likely it is drawn, in any unit.
    pub chance: f64,
}

/// The labelled pictures among `may`, and the other pictures of their vehicles: a vehicle has one
/// colour, unless its labels differ. A class is drawn in proportion to the square root of its
/// pictures. Of what is no vehicle no class is wanted more than another.
pub fn labelled(
    labels: &[Option<Label>],
    vehicles: &[&str],
    may: &[usize],
    classes: usize,
) -> Vec<Chosen> {
    let mut own: BTreeMap<usize, Label> = BTreeMap::new();
    let mut of_vehicle: HashMap<&str, Option<Label>> = HashMap::new();
    for picture in may {
        let Some(label) = labels[*picture] else {
            continue;
        };
        own.insert(*picture, label);
        let told = of_vehicle.entry(vehicles[*picture]).or_insert(Some(label));
        *told = told.filter(|told| *told == label);
    }
    let label = |picture: usize| {
        let vehicles = || of_vehicle.get(vehicles[picture]).copied().flatten();
        own.get(&picture).copied().or_else(vehicles)
    };
    let chosen: Vec<(usize, Label)> = (0..labels.len())
        .filter_map(|picture| Some((picture, label(picture)?)))
        .collect();
    balanced(&chosen, classes)
}

/// The pictures that the bundle is sure of, with its own answers for labels. Of no class more
/// than twice the mean are taken, the surest, or the commonest would take the others over.
pub fn sure(probabilities: &[Vec<f32>], classes: usize) -> Vec<Chosen> {
    let mut by_class: Vec<Vec<(f32, usize)>> = vec![Vec::new(); classes];
    for (picture, row) in probabilities.iter().enumerate() {
        let best = (0..row.len()).max_by(|a, b| row[*a].total_cmp(&row[*b]));
        if let Some(best) = best.filter(|best| row[*best] >= SURE) {
            by_class[best].push((row[best], picture));
        }
    }
    let present = by_class
        .iter()
        .filter(|pictures| !pictures.is_empty())
        .count();
    let all: usize = by_class.iter().map(Vec::len).sum();
    let most = (2 * all).div_ceil(present.max(1));
    let mut chosen = Vec::new();
    for (class, mut pictures) in by_class.into_iter().enumerate() {
        pictures.sort_by(|a, b| b.0.total_cmp(&a.0));
        let taken = pictures.into_iter().take(most);
        chosen.extend(taken.map(|(_, picture)| (picture, Label::Class(class))));
    }
    balanced(&chosen, classes)
}

fn balanced(chosen: &[(usize, Label)], classes: usize) -> Vec<Chosen> {
    let key = |label: Label| match label {
        Label::Class(class) => class,
        Label::Nothing => classes,
    };
    let mut counts: BTreeMap<usize, f64> = BTreeMap::new();
    for (_, label) in chosen {
        *counts.entry(key(*label)).or_default() += 1.0;
    }
    let one = |(picture, label): &(usize, Label)| Chosen {
        picture: *picture,
        wanted: match label {
            Label::Class(class) => {
                let mut wanted = vec![SMOOTHING / classes as f32; classes];
                wanted[*class] += 1.0 - SMOOTHING;
                wanted
            }
            Label::Nothing => vec![1.0 / classes as f32; classes],
        },
        chance: 1.0 / counts[&key(*label)].sqrt(),
    };
    chosen.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_become_targets_and_rare_ones_are_drawn_more_often() {
        let class = |class| Some(Label::Class(class));
        let labels = [
            class(0),
            class(0),
            class(0),
            class(0),
            class(1),
            None,
            Some(Label::Nothing),
        ];
        let alone = ["0", "1", "2", "3", "4", "5", "6"];
        let chosen = labelled(&labels, &alone, &[0, 1, 2, 3, 4, 5, 6], 2);
        assert_eq!(chosen.len(), 6);
        assert_eq!((chosen[0].chance, chosen[4].chance), (0.5, 1.0));
        assert_eq!(chosen[4].wanted, [0.05, 0.95]);
        assert_eq!(chosen[5].wanted, [0.5, 0.5]);
        assert_eq!(labelled(&labels, &alone, &[4, 5], 2).len(), 1);
    }

    #[test]
    fn a_label_is_its_vehicles_unless_another_contradicts_it() {
        let class = |class| Some(Label::Class(class));
        let labels = [class(0), None, class(1), class(1), class(0), None];
        let vehicles = ["a", "a", "a", "b", "c", "c"];
        let of = |may: &[usize]| {
            let chosen = labelled(&labels, &vehicles, may, 2).into_iter();
            let best = |one: &Chosen| usize::from(one.wanted[1] > 0.5);
            let pairs = chosen.map(|one| (one.picture, best(&one)));
            pairs.collect::<Vec<_>>()
        };
        assert_eq!(of(&[0, 3]), [(0, 0), (1, 0), (2, 0), (3, 1)]);
        assert_eq!(of(&[0, 2, 4]), [(0, 0), (2, 1), (4, 0), (5, 0)]);
        assert_eq!(of(&[5]), []);
    }

    #[test]
    fn of_the_commonest_class_only_the_surest_are_taken() {
        let mut rows = vec![vec![0.95, 0.05]; 3];
        rows.extend(vec![vec![0.85, 0.15]; 20]);
        rows.push(vec![0.1, 0.9]);
        rows.push(vec![0.5, 0.5]);
        let chosen = sure(&rows, 2);
        let of = |class: usize| chosen.iter().filter(|c| c.wanted[class] > 0.5).count();
        // 24 in two classes: at most 24 of one.
        assert_eq!((of(0), of(1)), (23, 1));
        let rows: Vec<Vec<f32>> = (0..30)
            .map(|n| match n {
                0..24 => vec![0.85 + 0.001 * n as f32, 0.05, 0.05, 0.05],
                n => {
                    let mut row = vec![0.03; 4];
                    row[1 + n % 3] = 0.91;
                    row
                }
            })
            .collect();
        let chosen = sure(&rows, 4);
        let first: Vec<usize> = chosen
            .iter()
            .filter(|c| c.wanted[0] > 0.5)
            .map(|c| c.picture)
            .collect();
        // 30 in four classes: at most 15 of one, the surest.
        assert_eq!(first.len(), 15);
        assert!(first.iter().all(|picture| *picture >= 9));
    }
}
