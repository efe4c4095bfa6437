//! A detector's boxes joined over time by overlap, and those that cross a region. Pure.

use serde_json::Value;

/// Least overlap of a box with the one before.
const LEAST_OVERLAP: f64 = 0.25;

/// Frames in which the agent still learns the scene and tells nothing.
const WARM_UP_FRAMES: u64 = 25;

/// Frames that a detector may miss a vehicle.
const MOST_MISSED: u64 = 8;

/// What counts as a crossing: seen in so many frames inside the region, and moved so many pixels.
const LEAST_FRAMES: usize = 15;
const LEAST_WAY_PX: f64 = 70.0;

/// Names of what is a vehicle.
const VEHICLES: [&str; 4] = ["car", "truck", "bus", "van"];

/// A box: left, top, right, bottom.
pub type Box4 = [f64; 4];

/// A vehicle that crossed the region: its boxes by frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Crossing {
    /// Frame and box, in order.
    pub boxes: Vec<(u64, Box4)>,
}

impl Crossing {
    /// First and last frame.
    pub fn span(&self) -> (u64, u64) {
        let frame = |place: Option<&(u64, Box4)>| place.map_or(0, |place| place.0);
        (frame(self.boxes.first()), frame(self.boxes.last()))
    }

    /// Where it is in the frame nearest to that one.
    pub fn near(&self, frame: u64) -> Option<(u64, Box4)> {
        let off = |place: &&(u64, Box4)| place.0.abs_diff(frame);
        self.boxes.iter().min_by_key(off).copied()
    }
}

/// Follows the boxes and gives the vehicles that cross the region.
pub fn crossings(lines: &[Value], region: &[(f64, f64)]) -> Vec<Crossing> {
    let mut open: Vec<Crossing> = Vec::new();
    let mut done = Vec::new();
    for (frame, line) in lines.iter().enumerate() {
        let frame = frame as u64;
        let boxes = vehicles(line);
        let mut pairs = Vec::new();
        for (at, track) in open.iter().enumerate() {
            if let Some((_, last)) = track.boxes.last() {
                for (other, place) in boxes.iter().enumerate() {
                    let overlap = overlap(last, place);
                    if overlap >= LEAST_OVERLAP {
                        pairs.push((overlap, at, other));
                    }
                }
            }
        }
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
        let (mut met, mut used) = (vec![false; open.len()], vec![false; boxes.len()]);
        for (_, at, other) in pairs {
            if !met[at] && !used[other] {
                (met[at], used[other]) = (true, true);
                open[at].boxes.push((frame, boxes[other]));
            }
        }
        for (place, used) in boxes.iter().zip(used) {
            // A second box on a vehicle that another box follows already starts nothing.
            let follows = |track: &Crossing| {
                let last = track.boxes.last();
                last.is_some_and(|(at, last)| *at == frame && overlap(last, place) > 0.4)
            };
            if !used && !open.iter().any(follows) {
                open.push(Crossing {
                    boxes: vec![(frame, *place)],
                });
            }
        }
        let lost = |track: &mut Crossing| track.span().1 + MOST_MISSED < frame;
        done.extend(open.extract_if(.., lost));
    }
    done.extend(open);
    done.into_iter()
        .filter_map(|track| inside(track, region))
        .collect()
}

/// The part of a track inside the region, if it crosses.
fn inside(mut track: Crossing, region: &[(f64, f64)]) -> Option<Crossing> {
    let centre = |place: &Box4| ((place[0] + place[2]) / 2.0, (place[1] + place[3]) / 2.0);
    track
        .boxes
        .retain(|(frame, place)| *frame >= WARM_UP_FRAMES && holds(region, centre(place)));
    let ((x, y), (u, v)) = (
        centre(&track.boxes.first()?.1),
        centre(&track.boxes.last()?.1),
    );
    let crosses = track.boxes.len() >= LEAST_FRAMES && (u - x).hypot(v - y) >= LEAST_WAY_PX;
    crosses.then_some(track)
}

fn vehicles(line: &Value) -> Vec<Box4> {
    let all = line["detections"].as_array().into_iter().flatten();
    all.filter(|seen| {
        seen["name"]
            .as_str()
            .is_some_and(|name| VEHICLES.contains(&name))
    })
    .filter_map(|seen| {
        let side = |key: &str| seen[key].as_f64();
        let (x, y) = (side("x")?, side("y")?);
        Some([x, y, x + side("w")?, y + side("h")?])
    })
    .collect()
}

/// Intersection over union.
pub fn overlap(a: &Box4, b: &Box4) -> f64 {
    let area = |b: &Box4| (b[2] - b[0]).max(0.0) * (b[3] - b[1]).max(0.0);
    let both = [
        a[0].max(b[0]),
        a[1].max(b[1]),
        a[2].min(b[2]),
        a[3].min(b[3]),
    ];
    area(&both) / (area(a) + area(b) - area(&both)).max(1.0)
}

/// Even-odd rule.
fn holds(polygon: &[(f64, f64)], (x, y): (f64, f64)) -> bool {
    let mut odd = false;
    for (at, (ax, ay)) in polygon.iter().enumerate() {
        let (bx, by) = polygon[(at + polygon.len() - 1) % polygon.len()];
        if (*ay > y) != (by > y) && x < (bx - ax) * (y - ay) / (by - ay) + ax {
            odd = !odd;
        }
    }
    odd
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_car_that_drives_through_crosses_and_a_parked_one_does_not() {
        let lines: Vec<Value> = (0..60)
            .map(|frame| {
                let mut seen = vec![
                    json!({"x": 10.0 + 5.0 * frame as f64, "y": 40, "w": 60, "h": 40, "name": "car"}),
                    json!({"x": 10, "y": 120, "w": 60, "h": 40, "name": "car"}),
                    json!({"x": 5.0 * frame as f64, "y": 10, "w": 20, "h": 40, "name": "person"}),
                ];
                if frame % 7 == 3 {
                    seen.remove(0);
                }
                json!({"frame": "a", "detections": seen})
            })
            .collect();
        let region = [(50.0, 0.0), (400.0, 0.0), (400.0, 300.0), (50.0, 300.0)];
        let found = crossings(&lines, &region);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].span(), (WARM_UP_FRAMES, 58));
    }
}
