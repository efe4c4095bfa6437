//! Lanes: polygons in the picture, and which of them a vehicle drove in. Knows places, not
//! pictures and not time.

use std::collections::BTreeSet;

use models::Rect;
use serde::{Deserialize, Serialize};

use crate::config::pair::pairs;
use crate::config::{BadValue, within};
use crate::event::Direction;
use crate::polygon;

/// Most lanes of a camera; also the highest number.
const MOST: u32 = 99;

/// A `[[lane]]` table.
#[derive(schemars::JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaneConfig {
    /// Its number in events and rules.
    pub number: u32,
    /// Its name in events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Corners `[x, y]` in pixels.
    #[serde(deserialize_with = "pairs")]
    pub polygon_px: Vec<[f32; 2]>,
    /// Where to one drives in it; without it no event is told to go the wrong way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
}

/// Refuses lanes that cannot be told apart or have no inside.
pub fn check(lanes: &[LaneConfig]) -> Result<(), BadValue> {
    let (mut numbers, mut names) = (BTreeSet::new(), BTreeSet::new());
    for lane in lanes {
        within("lane.number", lane.number, 1, MOST)?;
        let key = |key: &str| format!("lane {}: {key}", lane.number);
        if !numbers.insert(lane.number) {
            return Err(BadValue::new(
                "lane.number",
                format!("= {} stands twice; give each lane its own", lane.number),
            ));
        }
        if let Some(name) = &lane.name {
            if name.trim().is_empty() {
                let problem = "is empty; leave it out or give the lane a name";
                return Err(BadValue::new(key("name"), problem));
            }
            if !names.insert(name) {
                let problem = format!("= {name:?} stands twice; give each lane its own");
                return Err(BadValue::new(key("name"), problem));
            }
        }
        if lane.direction == Some(Direction::None) {
            let problem = "= \"none\" is no way to drive; allowed: left, right, up, down";
            return Err(BadValue::new(key("direction"), problem));
        }
        polygon::check(&key("polygon_px"), &lane.polygon_px)?;
    }
    Ok(())
}

/// In which lanes a vehicle's foot was seen, one count a lane of the config.
#[derive(Clone, Debug, Default)]
pub struct Footing {
    clear: Vec<u32>,
    flawed: Vec<u32>,
}

impl Footing {
    /// Counts a sighting. Its foot is the middle of the box's lower edge, where the wheels
    /// stand. Where lanes overlap, the first in the config has it. `flawed` marks a box that is
    /// cut by an edge or a guess, whose foot may be elsewhere.
    pub fn count(&mut self, lanes: &[LaneConfig], rect: &Rect, flawed: bool) {
        let x = rect.x as f32 + rect.width as f32 / 2.0;
        // The last row of the box, not the one below it.
        let y = rect.bottom() as f32 - 0.5;
        let held = |lane: &LaneConfig| polygon::contains(&lane.polygon_px, x, y);
        let counts = if flawed {
            &mut self.flawed
        } else {
            &mut self.clear
        };
        counts.resize(lanes.len(), 0);
        if let Some(index) = lanes.iter().position(held) {
            counts[index] += 1;
        }
    }

    /// The lane that held the foot of most clear sightings; of most flawed ones when no clear
    /// one was in a lane. Of equals the first in the config.
    pub fn lane<'a>(&self, lanes: &'a [LaneConfig]) -> Option<&'a LaneConfig> {
        let most = |counts: &[u32]| {
            let largest = counts.iter().copied().max().filter(|count| *count > 0)?;
            counts.iter().position(|count| *count == largest)
        };
        let index = most(&self.clear).or_else(|| most(&self.flawed))?;
        lanes.get(index)
    }
}

impl LaneConfig {
    /// Whether a vehicle that moved there went against the lane's direction; `None` when
    /// either has no direction.
    pub fn wrong_way(&self, moved: Direction) -> Option<bool> {
        let own = self.direction?;
        (moved != Direction::None).then(|| moved == own.opposite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(number: u32, top: f32, bottom: f32) -> LaneConfig {
        LaneConfig {
            number,
            name: None,
            polygon_px: vec![[0.0, top], [300.0, top], [300.0, bottom], [0.0, bottom]],
            direction: None,
        }
    }

    fn foot_at(y: u32) -> Rect {
        Rect {
            x: 100,
            y: y - 30,
            width: 60,
            height: 30,
        }
    }

    #[test]
    fn the_lane_of_most_clear_sightings_is_told() {
        let lanes = [lane(7, 100.0, 150.0), lane(3, 150.0, 200.0)];
        // Rows of (foot, flawed), and the number told.
        for (sightings, expected) in [
            (&[(120, false), (120, false), (180, false)][..], Some(7)),
            (&[(120, false), (180, false), (180, false)], Some(3)),
            // The row just inside the border.
            (&[(150, false)], Some(7)),
            (&[(151, false)], Some(3)),
            // Equal: the first in the config, whatever its number.
            (&[(180, false), (120, false)], Some(7)),
            (&[(180, false), (120, true), (120, true)], Some(3)),
            (&[(50, false), (120, true)], Some(7)),
            (&[(50, false), (250, false), (180, false)], Some(3)),
            (&[(50, false)], None),
            (&[], None),
        ] {
            let mut footing = Footing::default();
            for (foot, flawed) in sightings {
                footing.count(&lanes, &foot_at(*foot), *flawed);
            }
            let told = footing.lane(&lanes).map(|lane| lane.number);
            assert_eq!(told, expected, "{sightings:?}");
        }
    }

    #[test]
    fn without_lanes_there_is_none() {
        let mut footing = Footing::default();
        footing.count(&[], &foot_at(120), false);
        assert_eq!(footing.lane(&[]), None);
    }

    #[test]
    fn only_the_opposite_is_the_wrong_way() {
        use Direction::{Down, Left, None as Nowhere, Right};
        for (own, moved, expected) in [
            (Some(Left), Right, Some(true)),
            (Some(Left), Left, Some(false)),
            (Some(Left), Down, Some(false)),
            (Some(Left), Nowhere, None),
            (None, Right, None),
        ] {
            let lane = LaneConfig {
                direction: own,
                ..lane(1, 0.0, 9.0)
            };
            assert_eq!(lane.wrong_way(moved), expected, "{own:?} {moved:?}");
        }
    }

    #[test]
    fn refusals_name_the_lane() {
        let named = |number, name: &str| LaneConfig {
            name: Some(name.into()),
            ..lane(number, 0.0, 9.0)
        };
        let still = LaneConfig {
            direction: Some(Direction::None),
            ..lane(4, 0.0, 9.0)
        };
        let flat = lane(5, 9.0, 9.0);
        for (lanes, expected) in [
            (
                vec![lane(0, 0.0, 9.0)],
                "lane.number = 0 is out of range; allowed: 1 to 99",
            ),
            (
                vec![lane(2, 0.0, 9.0), lane(2, 9.0, 20.0)],
                "lane.number = 2 stands twice; give each lane its own",
            ),
            (
                vec![named(1, " ")],
                "lane 1: name is empty; leave it out or give the lane a name",
            ),
            (
                vec![named(1, "exit"), named(2, "exit")],
                "lane 2: name = \"exit\" stands twice; give each lane its own",
            ),
            (
                vec![still],
                "lane 4: direction = \"none\" is no way to drive; allowed: left, right, up, down",
            ),
            (
                vec![flat],
                "lane 5: polygon_px has no inside: its corners lie on one line",
            ),
        ] {
            assert_eq!(check(&lanes).unwrap_err().to_string(), expected);
        }
        assert_eq!(check(&[named(1, "in"), named(2, "out")]), Ok(()));
    }
}
