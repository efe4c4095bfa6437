//! How far along the road a vehicle is at a time: steady, or by a table for one that stops.
//! Distances and times; no vehicle.

/// The time between two entries of a table, seconds.
pub(crate) const STEP_S: f64 = 0.04;

/// A vehicle's way.
#[derive(Clone, Debug)]
pub(crate) enum Course {
    /// Constant speed, pixels a second.
    Steady(f64),
    /// Pixels driven (and pixels aside of the lane, towards the far kerb) every [`STEP_S`].
    Timed(Vec<(f64, f64)>),
}

impl Course {
    /// Pixels that the leading edge is inside the picture `since_s` after the start.
    pub fn driven(&self, since_s: f64) -> f64 {
        match self {
            Self::Steady(speed) => speed * since_s,
            Self::Timed(places) => at(places, since_s, |place| place.0, true),
        }
    }

    /// Pixels aside of the lane, whole.
    pub fn aside(&self, since_s: f64) -> f64 {
        match self {
            Self::Steady(_) => 0.0,
            Self::Timed(places) => at(places, since_s, |place| place.1, false).round(),
        }
    }

    /// Seconds after the start at which that many pixels are driven; a table's end if never.
    pub fn when(&self, driven: f64) -> f64 {
        match self {
            Self::Steady(speed) => driven / speed,
            Self::Timed(places) => {
                let after = places.partition_point(|place| place.0 < driven);
                let Some(high) = places.get(after) else {
                    return places.len().saturating_sub(1) as f64 * STEP_S;
                };
                let Some(low) = after.checked_sub(1).map(|before| places[before]) else {
                    return 0.0;
                };
                let share = (driven - low.0) / (high.0 - low.0).max(1e-9);
                ((after - 1) as f64 + share) * STEP_S
            }
        }
    }

    /// Whether the vehicle is there at all: a table may begin or end inside the picture.
    pub fn present(&self, since_s: f64, way_px: f64) -> bool {
        match self {
            Self::Steady(_) => true,
            Self::Timed(places) => {
                let begins_inside = places.first().is_some_and(|place| place.0 > 0.5);
                let ends_inside = places.last().is_some_and(|place| place.0 < way_px);
                let end_s = places.len().saturating_sub(1) as f64 * STEP_S;
                (since_s >= 0.0 || !begins_inside) && (since_s < end_s || !ends_inside)
            }
        }
    }
}

/// The value of a table between its entries; beyond its ends it goes on if `beyond`.
fn at(
    places: &[(f64, f64)],
    since_s: f64,
    value: impl Fn(&(f64, f64)) -> f64,
    beyond: bool,
) -> f64 {
    let [.., _, last] = places else {
        return places.first().map_or(0.0, value);
    };
    let step = since_s / STEP_S;
    let end = (places.len() - 1) as f64;
    if !beyond && step >= end {
        return value(last);
    }
    let low = step.floor().clamp(0.0, end - 1.0);
    let share = if beyond {
        step - low
    } else {
        (step - low).clamp(0.0, 1.0)
    };
    let low = low as usize;
    let (from, to) = (value(&places[low]), value(&places[low + 1]));
    from + (to - from) * share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_between_and_beyond_its_entries() {
        let course = Course::Timed(vec![(0.0, 0.0), (4.0, 0.0), (4.0, 2.0), (10.0, 3.0)]);
        assert_eq!(course.driven(0.02), 2.0);
        assert_eq!(course.driven(-0.04), -4.0);
        assert_eq!(course.driven(0.16), 16.0);
        assert_eq!(course.aside(0.06), 1.0);
        assert_eq!(course.aside(1.0), 3.0);
        assert!((course.when(7.0) - 0.10).abs() < 1e-9);
        assert!(course.present(9.0, 10.0) && !course.present(9.0, 11.0));
        assert!((Course::Steady(50.0).when(25.0) - 0.5).abs() < 1e-9);
    }
}
