//! Which pictures are worth a place: doubtful ones, of every colour, of every day. Plain data; no
//! disk.

use std::collections::BTreeMap;

use models::Ranked;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most pictures of one day.
    pub per_day: usize,
    /// Most pictures in all.
    pub count: usize,
    /// Their size together.
    pub bytes: u64,
}

/// One picture as far as the choice is concerned.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// The event's id.
    pub id: String,
    /// The UTC date of the event; empty for recorded and drawn frames, which have none.
    pub day: String,
    /// The likeliest colour, whether told or not.
    pub colour: String,
    /// How far ahead the likeliest colour is of the next, 0 to 1. Small is doubtful.
    pub margin: f32,
    /// On the disk, with what was told of it.
    pub bytes: u64,
}

impl Kept {
    /// The picture of the event with that id, time and likeliest colours.
    pub fn of(id: &str, time: Option<&str>, top3: &[Ranked], bytes: u64) -> Self {
        let score = |place: usize| top3.get(place).map_or(0.0, |ranked| ranked.score);
        let date = time.and_then(|time| time.split('T').next());
        Self {
            id: id.into(),
            day: date.unwrap_or_default().into(),
            colour: top3
                .first()
                .map_or_else(String::new, |ranked| ranked.colour.clone()),
            margin: score(0) - score(1),
            bytes,
        }
    }
}

/// The place of the next picture to go, so that the limits are kept; none when they are. A day
/// that has too many gives first, then the day that has most, the oldest of equals. Of that day
/// the most frequent colour gives, and of that the surest picture.
pub fn surplus(kept: &[Kept], limits: &Limits) -> Option<usize> {
    let mut days: BTreeMap<&str, usize> = BTreeMap::new();
    for picture in kept {
        *days.entry(&picture.day).or_default() += 1;
    }
    // Of equals the first of this order, which is the oldest: `max_by_key` gives the last.
    let (fullest, count) = days.into_iter().rev().max_by_key(|(_, count)| *count)?;
    let bytes: u64 = kept.iter().map(|picture| picture.bytes).sum();
    let fits = count <= limits.per_day && kept.len() <= limits.count && bytes <= limits.bytes;
    if fits {
        return None;
    }
    let of_day = || kept.iter().enumerate().filter(|(_, k)| k.day == fullest);
    let mut colours: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, picture) in of_day() {
        *colours.entry(&picture.colour).or_default() += 1;
    }
    let (commonest, _) = colours.into_iter().rev().max_by_key(|(_, count)| *count)?;
    let surest = of_day()
        .filter(|(_, picture)| picture.colour == commonest)
        .max_by(|(_, a), (_, b)| a.margin.total_cmp(&b.margin));
    surest.map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        per_day: 4,
        count: 6,
        bytes: 1000,
    };

    fn kept(day: &str, colour: &str, margin: f32) -> Kept {
        Kept {
            id: String::new(),
            day: day.into(),
            colour: colour.into(),
            margin,
            bytes: 100,
        }
    }

    #[test]
    fn of_a_day_the_surest_of_the_most_frequent_colour_goes() {
        let mut day = vec![
            kept("1", "grey", 0.1),
            kept("1", "red", 0.99),
            kept("1", "grey", 0.9),
            kept("1", "grey", 0.5),
        ];
        assert_eq!(surplus(&day, &LIMITS), None);
        day.push(kept("1", "blue", 0.95));
        assert_eq!(surplus(&day, &LIMITS), Some(2));
        // A surer newcomer of that colour goes itself: it is never written.
        day[4] = kept("1", "grey", 0.97);
        assert_eq!(surplus(&day, &LIMITS), Some(4));
    }

    #[test]
    fn in_all_the_fullest_day_gives_and_the_oldest_of_equals() {
        let mut all: Vec<Kept> = ["1", "1", "2", "2", "2", "3", "3"]
            .iter()
            .map(|day| kept(day, "grey", 0.5))
            .collect();
        assert_eq!(
            surplus(&all, &LIMITS).map(|at| all[at].day.clone()),
            Some("2".into())
        );
        all.remove(2);
        all.push(kept("3", "grey", 0.5));
        all[0].day = "3".into();
        all.push(kept("2", "grey", 0.5));
        // Three of day 2, four of day 3, one of day 1.
        assert_eq!(
            surplus(&all, &LIMITS).map(|at| all[at].day.clone()),
            Some("3".into())
        );
        all.pop();
        all[0].day = "2".into();
        // Three of each of days 2 and 3.
        assert_eq!(
            surplus(&all, &LIMITS).map(|at| all[at].day.clone()),
            Some("2".into())
        );
    }

    #[test]
    fn bytes_count_as_well() {
        let mut all = vec![kept("1", "grey", 0.5), kept("2", "grey", 0.5)];
        assert_eq!(surplus(&all, &LIMITS), None);
        all[1].bytes = 901;
        assert!(surplus(&all, &LIMITS).is_some());
    }
}
