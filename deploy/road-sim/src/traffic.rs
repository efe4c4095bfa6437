//! Who drives when: all trips of a scene, planned ahead from its seed. Vehicles of a lane keep
//! their distance; each enters and leaves wholly outside the picture. No drawing.

use std::collections::HashMap;
use std::f32::consts::PI;

use fastrand::Rng;
use models::Rect;

use crate::body::Vehicle;
use crate::mesh::Mesh;
use crate::paint::Paint;
use crate::raster::{Extent, Pose};
use crate::scene::{Lane, SceneError, SceneSpec};
use crate::truth::{Direction, Passage};

/// One vehicle's drive through the picture at constant speed.
#[derive(Clone, Debug)]
pub(crate) struct Trip {
    pub vehicle: u32,
    pub colour: String,
    pub lane: Lane,
    /// Decides the vehicle's style and paint.
    pub seed: u64,
    /// When its leading edge reaches the picture, seconds.
    pub start_s: f64,
    /// Pixels a second, positive.
    pub speed: f64,
    /// Its outline about the foot of its middle, pixels.
    pub extent: Extent,
}

/// How the camera sees a vehicle of the lane; the scale is that of the lane.
pub(crate) fn pose(lane: &Lane) -> Pose {
    Pose {
        yaw: if lane.direction == Direction::Right {
            0.0
        } else {
            PI
        },
        elevation: if lane.number == 0 { 0.33 } else { 0.27 },
        // The camera looks a little along the road: fronts of one lane, rears of the other.
        skew: -0.16,
        scale: lane.pixels_per_metre,
        distance: f32::INFINITY,
    }
}

impl Trip {
    /// The vehicle with everything that its seed decides.
    pub fn look(&self) -> Result<Vehicle, SceneError> {
        look(&self.colour, self.seed)
    }

    /// Column of the outline's left edge at `time_s`, in sixteenths of a pixel at the finest.
    pub fn left(&self, time_s: f64, picture_width: u32) -> f64 {
        let driven = self.speed * (time_s - self.start_s);
        let left = match self.lane.direction {
            Direction::Right => driven - f64::from(self.extent.width()),
            Direction::Left => f64::from(picture_width) - driven,
        };
        (left * 16.0).round() / 16.0
    }

    /// When its trailing edge leaves the picture, seconds.
    pub fn end_s(&self, picture_width: u32) -> f64 {
        self.start_s + (f64::from(picture_width) + f64::from(self.extent.width())) / self.speed
    }

    /// The pixels it covers a part of, clipped to the picture, and whether that is all of them.
    pub fn rect(&self, time_s: f64, spec: &SceneSpec) -> Option<(Rect, bool)> {
        let left = self.left(time_s, spec.width);
        let columns = (left.floor(), (left + f64::from(self.extent.width())).ceil());
        let foot = f64::from(self.lane.ground_row);
        let rows = (
            (foot + f64::from(self.extent.top)).floor(),
            (foot + f64::from(self.extent.bottom)).ceil(),
        );
        let (width, height) = (f64::from(spec.width), f64::from(spec.height));
        let clip = |value: f64, end: f64| value.clamp(0.0, end) as u32;
        let (x, right) = (clip(columns.0, width), clip(columns.1, width));
        let (y, bottom) = (clip(rows.0, height), clip(rows.1, height));
        if right <= x || bottom <= y {
            return None;
        }
        let inside = columns.0 >= 0.0 && columns.1 <= width && rows.0 >= 0.0 && rows.1 <= height;
        Some((
            Rect {
                x,
                y,
                width: right - x,
                height: bottom - y,
            },
            inside,
        ))
    }

    /// The trip as ground truth.
    pub fn passage(&self, spec: &SceneSpec) -> Passage {
        let fps = f64::from(spec.fps);
        let shows = |frame: u64| self.rect(frame as f64 / fps, spec).is_some();
        let end = self.end_s(spec.width);
        let mut first_frame = (self.start_s * fps).floor().max(1.0) as u64 - 1;
        while !shows(first_frame) && (first_frame as f64) < end * fps {
            first_frame += 1;
        }
        let mut last_frame = (end * fps).ceil() as u64 + 1;
        while last_frame > first_frame && !shows(last_frame) {
            last_frame -= 1;
        }
        let centre = (self.start_s + end) / 2.0;
        Passage {
            vehicle: self.vehicle,
            colour: self.colour.clone(),
            lane: self.lane.number,
            direction: self.lane.direction,
            first_frame,
            last_frame,
            centre_frame: ((centre * fps).round() as u64).clamp(first_frame, last_frame),
        }
    }
}

fn look(colour: &str, seed: u64) -> Result<Vehicle, SceneError> {
    let paint = Paint::named(colour).ok_or_else(|| SceneError::UnknownColour {
        colour: colour.to_owned(),
    })?;
    Ok(Vehicle::from_seed(paint, seed))
}

/// All trips, in order of entering.
pub(crate) fn plan(spec: &SceneSpec) -> Result<Vec<Trip>, SceneError> {
    let mut rng = Rng::with_seed(spec.seed);
    let mut trips = Vec::new();
    let mut extents = HashMap::new();
    for lane in spec.lanes() {
        trips.extend(plan_lane(spec, lane, &mut rng.fork(), &mut extents)?);
    }
    trips.sort_by(|a, b| a.start_s.total_cmp(&b.start_s));
    for (number, trip) in trips.iter_mut().enumerate() {
        trip.vehicle = number as u32;
    }
    Ok(trips)
}

/// Extents by style, lane and whether there are roof rails: what else a seed decides does not
/// reach the outline, except its scale.
type Extents = HashMap<(usize, u8, bool), Extent>;

fn plan_lane(
    spec: &SceneSpec,
    lane: Lane,
    rng: &mut Rng,
    extents: &mut Extents,
) -> Result<Vec<Trip>, SceneError> {
    let mut trips: Vec<Trip> = Vec::new();
    if spec.vehicles_per_minute == 0.0 {
        return Ok(trips);
    }
    let rate_per_s = f64::from(spec.vehicles_per_minute) / 60.0 / 2.0;
    let across = f64::from(spec.width);
    let duration_s = spec.frame_count().saturating_sub(1) as f64 / f64::from(spec.fps);
    let mut wanted_s = 0.0;
    loop {
        // Arrivals are a Poisson process.
        wanted_s += -(1.0 - rng.f64()).ln() / rate_per_s;
        let colour = spec.colours[rng.usize(..spec.colours.len())].clone();
        let seed = rng.u64(..);
        let vehicle = look(&colour, seed)?;
        let key = (
            std::ptr::from_ref(vehicle.style).addr(),
            lane.number,
            vehicle.roof_rails,
        );
        let mut extent = extents
            .entry(key)
            .or_insert_with(|| Extent::of(&Mesh::of(&vehicle), &pose(&lane)))
            .scaled(vehicle.scale);
        // Whole pixels: a sprite laid between two columns spreads its last one.
        extent.right = extent.left + extent.width().ceil();
        let (slowest, fastest) = lane.pixels_per_second;
        let speed = f64::from(slowest + (fastest - slowest) * rng.f32());
        let gap = f64::from(lane.pixels_per_metre) * (1.2 + 2.5 * rng.f64());
        let mut start_s = wanted_s;
        if let Some(leader) = trips.last() {
            // Speeds are constant, so the distance changes evenly: kept when the follower
            // enters and when the leader has left, it is kept between.
            let length = f64::from(leader.extent.width());
            let behind_at_entry = leader.start_s + (length + gap) / leader.speed;
            let behind_at_exit = leader.end_s(spec.width) - (across - gap) / speed;
            start_s = start_s.max(behind_at_entry).max(behind_at_exit);
        }
        let trip = Trip {
            vehicle: 0,
            colour,
            lane,
            seed,
            start_s,
            speed,
            extent,
        };
        if trip.end_s(spec.width) > duration_s {
            return Ok(trips);
        }
        trips.push(trip);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vehicles_of_a_lane_never_touch_even_in_dense_traffic() {
        let spec = SceneSpec {
            vehicles_per_minute: 60.0,
            duration_ms: 120_000,
            seed: 9,
            ..SceneSpec::default()
        };
        let trips = plan(&spec).unwrap();
        assert!(trips.len() > 60, "{}", trips.len());
        for lane in [0, 1] {
            let lane: Vec<&Trip> = trips.iter().filter(|t| t.lane.number == lane).collect();
            for pair in lane.windows(2) {
                for frame in 0..spec.frame_count() {
                    let time = frame as f64 / 25.0;
                    let boxes = [pair[0], pair[1]].map(|trip| trip.rect(time, &spec));
                    if let [Some((a, _)), Some((b, _))] = boxes {
                        assert!(a.intersection(&b).is_none(), "{a} {b} in frame {frame}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_near_crossing_takes_between_one_and_a_half_and_four_seconds() {
        let spec = SceneSpec {
            duration_ms: 600_000,
            ..SceneSpec::default()
        };
        let trips = plan(&spec).unwrap();
        assert!(trips.len() > 150);
        for trip in trips.iter().filter(|trip| trip.lane.number == 0) {
            let seconds = trip.end_s(spec.width) - trip.start_s;
            assert!((1.5..=4.0).contains(&seconds), "{seconds}");
        }
    }

    #[test]
    fn every_passage_enters_and_leaves_within_the_scene() {
        let spec = SceneSpec {
            seed: 4,
            ..SceneSpec::default()
        };
        for trip in plan(&spec).unwrap() {
            let passage = trip.passage(&spec);
            let rect = |frame: u64| trip.rect(frame as f64 / 25.0, &spec);
            assert!(passage.first_frame < passage.centre_frame);
            assert!(passage.centre_frame < passage.last_frame);
            assert!(passage.last_frame < spec.frame_count());
            assert!(rect(passage.first_frame).is_some_and(|(_, inside)| !inside));
            assert!(rect(passage.last_frame).is_some_and(|(_, inside)| !inside));
            assert!(passage.first_frame == 0 || rect(passage.first_frame - 1).is_none());
            assert!(rect(passage.last_frame + 1).is_none());
            assert!(rect(passage.centre_frame).is_some_and(|(_, inside)| inside));
        }
    }

    #[test]
    fn no_traffic_means_no_trips() {
        let spec = SceneSpec {
            vehicles_per_minute: 0.0,
            ..SceneSpec::default()
        };
        assert!(plan(&spec).unwrap().is_empty());
    }
}
