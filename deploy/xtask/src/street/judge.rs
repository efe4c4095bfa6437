//! Events beside the detector's vehicles, matched by time and place. Pure.

use super::tracks::{Box4, Crossing, overlap};
use serde_json::Value;
use std::fmt;

/// Least overlap of an event's box with the vehicle's in that frame.
const LEAST_OVERLAP: f64 = 0.2;

/// The vehicle may have been missed by the detector for so many frames.
const MOST_FRAMES_OFF: u64 = 10;

/// What belongs together.
#[derive(Clone, Debug, PartialEq)]
pub struct Matched {
    /// For each event the vehicle.
    pub vehicle_of: Vec<Option<usize>>,
    /// Vehicles without an event: first frame, last frame, the box between.
    pub missed: Vec<(u64, u64, Option<Box4>)>,
    vehicles: usize,
}

/// Matches each vehicle with at most one event, the best overlap first.
pub fn compare(events: &[Value], crossings: &[Crossing]) -> Matched {
    let mut pairs = Vec::new();
    for (at, event) in events.iter().enumerate() {
        let Some((frame, place)) = best(event) else {
            continue;
        };
        for (vehicle, crossing) in crossings.iter().enumerate() {
            let near = crossing.near(frame);
            if let Some((_, truth)) = near.filter(|near| near.0.abs_diff(frame) <= MOST_FRAMES_OFF)
            {
                let overlap = overlap(&place, &truth);
                if overlap >= LEAST_OVERLAP {
                    pairs.push((overlap, at, vehicle));
                }
            }
        }
    }
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut vehicle_of = vec![None; events.len()];
    let mut found = vec![false; crossings.len()];
    for (_, at, vehicle) in pairs {
        if vehicle_of[at].is_none() && !found[vehicle] {
            vehicle_of[at] = Some(vehicle);
            found[vehicle] = true;
        }
    }
    let missed = crossings
        .iter()
        .zip(found)
        .filter(|(_, found)| !found)
        .map(|(crossing, _)| {
            let (first, last) = crossing.span();
            let middle = crossing.near((first + last) / 2);
            (first, last, middle.map(|(_, place)| place))
        })
        .collect();
    Matched {
        vehicle_of,
        missed,
        vehicles: crossings.len(),
    }
}

/// Frame and box of the event's best view.
pub fn best(event: &Value) -> Option<(u64, Box4)> {
    let side = |key: &str| event["box"][key].as_f64();
    let (x, y) = (side("x")?, side("y")?);
    let place = [x, y, x + side("width")?, y + side("height")?];
    Some((event["best_frame"].as_u64()?, place))
}

impl fmt::Display for Matched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = self.vehicle_of.iter().flatten().count();
        let share = 100.0 * found as f64 / self.vehicles.max(1) as f64;
        write!(
            f,
            "{} vehicles by the detector, {} events; {found} match: {share:.1} %; \
             {} events without a vehicle",
            self.vehicles,
            self.vehicle_of.len(),
            self.vehicle_of.len() - found
        )?;
        for (first, last, place) in &self.missed {
            let place = place.unwrap_or_default().map(f64::round);
            write!(f, "\n  no event: frames {first} to {last}, at {place:?}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn place_and_time_decide() {
        let crossing = |x: f64| Crossing {
            boxes: (0..20).map(|f| (f, [x, 0.0, x + 50.0, 50.0])).collect(),
        };
        let event = |frame: u64, x: u64| {
            let place = json!({"x": x, "y": 2, "width": 50, "height": 50});
            json!({"best_frame": frame, "box": place})
        };
        let events = [event(10, 102), event(10, 300), event(90, 0)];
        let matched = compare(&events, &[crossing(0.0), crossing(100.0)]);
        assert_eq!(matched.vehicle_of, [Some(1), None, None]);
        let told = matched.to_string();
        assert!(
            told.starts_with("2 vehicles by the detector, 3 events; 1 match: 50.0 %; 2 events"),
            "{told}"
        );
        assert!(told.contains("no event: frames 0 to 19, at [0.0, 0.0, 50.0, 50.0]"));
    }
}
