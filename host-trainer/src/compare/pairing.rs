//! Whether two runs answered the same pictures, and if so, whether one is better by more than
//! chance. Refuses to compare what is not the same.

use std::collections::BTreeMap;

use super::entry::Entry;
use crate::metrics::mcnemar;
use crate::split::Part;

type Pictures = BTreeMap<String, (String, String)>;

/// Below this probability a difference counts as more than chance.
const SIGNIFICANT: f64 = 0.05;

/// Pictures that one, the other, or both have right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Shared {
    pictures: u32,
    only_first: u32,
    only_second: u32,
}

impl Shared {
    /// Pictures of the same path and truth.
    fn of(first: &Pictures, second: &Pictures) -> Self {
        let mut shared = Self::default();
        for (path, (truth, answer)) in first {
            let Some((same, other)) = second.get(path) else {
                continue;
            };
            if same != truth {
                continue;
            }
            shared.pictures += 1;
            match (answer == truth, other == truth) {
                (true, false) => shared.only_first += 1,
                (false, true) => shared.only_second += 1,
                _ => {}
            }
        }
        shared
    }
}

/// Whether equal paths of the part are the same pictures: they start from the same folder, or
/// the runs were trained on files of the same names and lengths.
fn same_data(first: &Entry, second: &Entry, part: Part) -> bool {
    let folder = |entry: &Entry| match (&entry.record.data_val, part) {
        (Some(folder), Part::Validation) => folder.clone(),
        _ => entry.record.data_train.clone(),
    };
    folder(first) == folder(second) || first.record.dataset_sha256 == second.record.dataset_sha256
}

/// A warning when the runs' pictures are not the same, so that no one compares their numbers.
pub(super) fn apart(first: &Entry, second: &Entry) -> Option<String> {
    let parts = [Part::Validation, Part::Test];
    let differing: Vec<&str> = parts
        .into_iter()
        .filter(|part| {
            let paths = (first.paths(*part), second.paths(*part));
            match paths {
                // Folders that were given, and no report that lists what is in them.
                (None, None) => false,
                (one, two) => one != two || !same_data(first, second, *part),
            }
        })
        .map(Part::name)
        .collect();
    (!differing.is_empty()).then(|| {
        format!(
            "{} and {} were not measured on the same {} pictures: their accuracies must not be \
             compared with each other.",
            first.name,
            second.name,
            differing.join(" and ")
        )
    })
}

/// What can be said of the two runs on a part; none when one of them was not measured on it.
pub(super) fn verdict(first: &Entry, second: &Entry, part: Part) -> Option<String> {
    let (one, two) = (first.pictures(part)?, second.pictures(part)?);
    let names = format!("{} and {}, {}", first.name, second.name, part.name());
    if !same_data(first, second, part) {
        return Some(format!(
            "{names}: their pictures are of different datasets; nothing can be tested."
        ));
    }
    let shared = Shared::of(one, two);
    let all = shared.pictures as usize;
    let which = if all == one.len() && all == two.len() {
        format!("the same {all} pictures")
    } else if all == 0 {
        return Some(format!(
            "{names}: no picture is shared ({} and {}); nothing can be tested.",
            one.len(),
            two.len()
        ));
    } else {
        format!(
            "the splits differ; both held out {all} pictures (of {} and {}), and on these",
            one.len(),
            two.len()
        )
    };
    Some(format!(
        "{names}: {which}{}",
        outcome(first, second, shared)
    ))
}

fn outcome(first: &Entry, second: &Entry, shared: Shared) -> String {
    let Shared {
        only_first,
        only_second,
        ..
    } = shared;
    let p = mcnemar(only_first, only_second);
    let p_text = if p < 0.0001 {
        "p < 0.0001".to_string()
    } else {
        format!("p = {p:.4}")
    };
    let better = if only_first > only_second {
        &first.name
    } else {
        &second.name
    };
    let conclusion = if p < SIGNIFICANT {
        format!("{better} is better by more than chance")
    } else {
        "no difference beyond chance".into()
    };
    format!(
        ": {only_first} right for {} alone, {only_second} for {} alone: {conclusion} ({p_text}, \
         exact McNemar).",
        first.name, second.name
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pictures_with_the_same_truth_are_shared() {
        let pictures = |list: &[(&str, &str, &str)]| -> Pictures {
            let one = |(path, truth, answer): &(&str, &str, &str)| {
                (path.to_string(), (truth.to_string(), answer.to_string()))
            };
            list.iter().map(one).collect()
        };
        let first = pictures(&[
            ("a", "red", "red"),
            ("b", "red", "blue"),
            ("c", "blue", "blue"),
            ("d", "blue", "red"),
            ("e", "red", "red"),
        ]);
        let second = pictures(&[
            ("a", "red", "blue"),
            ("b", "red", "red"),
            ("c", "blue", "blue"),
            ("d", "pink", "pink"),
            ("x", "red", "red"),
        ]);
        let expected = Shared {
            pictures: 3,
            only_first: 1,
            only_second: 1,
        };
        assert_eq!(Shared::of(&first, &second), expected);
    }
}
