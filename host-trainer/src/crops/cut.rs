//! Pictures of vehicles, or of places without any, cut out of a camera's frames by a detector's
//! boxes: which boxes are one vehicle, which views of it are taken, where nothing is. Plain
//! numbers; reads and writes no picture.

use fastrand::Rng;
use models::Rect;
use serde::Deserialize;

/// Boxes overlap their vehicle's box in the frame before by more than this share of their union.
const SAME: f32 = 0.3;
/// A vehicle may be missed in so many frames running.
const MISSED: usize = 12;
/// A vehicle is seen in at least so many frames; boxes of fewer are mistakes.
const SEEN: usize = 6;

/// What a detector found in one frame: a line of its file.
#[derive(Clone, Debug, Deserialize)]
pub struct Seen {
    /// The frame's file name.
    pub frame: String,
    /// The boxes; what else is said of them is not looked at.
    pub detections: Vec<Place>,
}

/// A box: left upper corner and size, pixels.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Place {
    /// From the left.
    pub x: f32,
    /// From the top.
    pub y: f32,
    /// Width.
    pub w: f32,
    /// Height.
    pub h: f32,
}

impl Place {
    fn shared(&self, other: &Self) -> f32 {
        let across = (self.x + self.w).min(other.x + other.w) - self.x.max(other.x);
        let down = (self.y + self.h).min(other.y + other.h) - self.y.max(other.y);
        across.max(0.0) * down.max(0.0)
    }

    fn overlap(&self, other: &Self) -> f32 {
        let shared = self.shared(other);
        shared / (self.w * self.h + other.w * other.h - shared).max(1e-6)
    }

    /// The pixels it covers, inside a picture of `width` x `height`, with `margin` (a share of its
    /// sides) around it; none outside.
    pub fn pixels(&self, margin: f32, width: u32, height: u32) -> Option<Rect> {
        let (dx, dy) = (self.w * margin, self.h * margin);
        let within = |value: f32, most: u32| value.round().clamp(0.0, most as f32) as u32;
        let (x, y) = (within(self.x - dx, width), within(self.y - dy, height));
        let right = within(self.x + self.w + dx, width);
        let bottom = within(self.y + self.h + dy, height);
        (right > x && bottom > y).then(|| Rect {
            x,
            y,
            width: right - x,
            height: bottom - y,
        })
    }
}

/// One vehicle: index of the frame and box, in order.
pub type Vehicle = Vec<(usize, Place)>;

/// The vehicles whose boxes are at least `least_px` on both sides.
pub fn vehicles(frames: &[Seen], least_px: f32) -> Vec<Vehicle> {
    let mut vehicles: Vec<Vehicle> = Vec::new();
    for (index, seen) in frames.iter().enumerate() {
        let mut open: Vec<Place> = seen.detections.clone();
        open.retain(|place| place.w.min(place.h) >= least_px);
        for vehicle in &mut vehicles {
            let Some((last, before)) = vehicle.last().copied() else {
                continue;
            };
            let best = (0..open.len()).max_by(|a, b| {
                open[*a]
                    .overlap(&before)
                    .total_cmp(&open[*b].overlap(&before))
            });
            if let Some(best) = best
                && index - last <= MISSED
                && open[best].overlap(&before) > SAME
            {
                vehicle.push((index, open.swap_remove(best)));
            }
        }
        vehicles.extend(open.into_iter().map(|place| vec![(index, place)]));
    }
    vehicles.retain(|vehicle| vehicle.len() >= SEEN);
    vehicles
}

/// At most `count` views of a vehicle, spread evenly over the larger half of its boxes.
pub fn views(vehicle: &Vehicle, count: usize) -> Vehicle {
    let mut large = vehicle.clone();
    large.sort_by(|(_, a), (_, b)| (b.w * b.h).total_cmp(&(a.w * a.h)));
    large.truncate(vehicle.len().div_ceil(2));
    large.sort_by_key(|(frame, _)| *frame);
    let count = count.min(large.len());
    (0..count)
        .map(|n| large[(2 * n + 1) * large.len() / (2 * count)])
        .collect()
}

/// Places of the boxes' sizes that no box of that frame touches, drawn by `rng`: at most `count`,
/// fewer where frames are full.
pub fn beside(
    frames: &[Seen],
    size: (u32, u32),
    least_px: f32,
    count: usize,
    rng: &mut Rng,
) -> Vehicle {
    let mut found = Vehicle::new();
    let sizes: Vec<(usize, Place)> = frames
        .iter()
        .enumerate()
        .flat_map(|(index, seen)| seen.detections.iter().map(move |place| (index, *place)))
        .filter(|(_, place)| place.w.min(place.h) >= least_px)
        .collect();
    if sizes.is_empty() {
        return found;
    }
    for _ in 0..20 * count {
        let (frame, Place { w, h, .. }) = sizes[rng.usize(0..sizes.len())];
        let (wide, high) = (size.0 as f32 - w, size.1 as f32 - h);
        if wide <= 0.0 || high <= 0.0 {
            continue;
        }
        let (x, y) = (wide * rng.f32(), high * rng.f32());
        let place = Place { x, y, w, h };
        if frames[frame]
            .detections
            .iter()
            .all(|other| other.shared(&place) == 0.0)
        {
            found.push((frame, place));
        }
        if found.len() == count {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(x: f32, w: f32) -> Place {
        Place {
            x,
            y: 50.0,
            w,
            h: w,
        }
    }

    /// Two vehicles, one of which is missed for a while, and a box seen once.
    fn frames() -> Vec<Seen> {
        let seen = |n: usize| {
            let mut detections = vec![place(10.0 + n as f32, 40.0 + n as f32)];
            if !(8..14).contains(&n) {
                detections.push(place(300.0, 50.0));
            }
            if n == 3 {
                detections.push(place(200.0, 60.0));
            }
            detections.push(place(150.0, 10.0));
            Seen {
                frame: format!("{n}.jpg"),
                detections,
            }
        };
        (0..24).map(seen).collect()
    }

    #[test]
    fn boxes_that_overlap_from_frame_to_frame_are_one_vehicle() {
        let found = vehicles(&frames(), 32.0);
        assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [24, 18]);
    }

    #[test]
    fn views_are_large_and_apart() {
        let vehicle = vehicles(&frames(), 32.0).remove(0);
        let taken: Vec<usize> = views(&vehicle, 3).iter().map(|(frame, _)| *frame).collect();
        assert_eq!(taken, [14, 18, 22]);
        assert_eq!(views(&vehicle, 100).len(), 12);
    }

    #[test]
    fn beside_vehicles_there_are_none() {
        let frames = frames();
        let found = beside(&frames, (400, 200), 32.0, 50, &mut Rng::with_seed(1));
        assert_eq!(found.len(), 50);
        for (frame, place) in found {
            assert!(
                frames[frame]
                    .detections
                    .iter()
                    .all(|other| other.shared(&place) == 0.0)
            );
            assert!(place.pixels(0.0, 400, 200).is_some());
        }
    }

    #[test]
    fn a_box_with_its_margin_stays_in_the_picture() {
        let rect = place(-5.0, 40.0).pixels(0.1, 100, 80).unwrap();
        assert_eq!(
            rect,
            Rect {
                x: 0,
                y: 46,
                width: 39,
                height: 34
            }
        );
        assert_eq!(place(120.0, 10.0).pixels(0.0, 100, 80), None);
    }
}
