//! One vehicle's trip: where it is at a time, and what of that is ground truth. Who drives when
//! is planned in `plan`. No drawing.

mod course;
mod parking;
mod plan;
mod queue;

use std::f32::consts::PI;

use models::Rect;

use crate::body::Vehicle;
use crate::paint::Paint;
use crate::raster::{Extent, Pose};
use crate::scene::{Lane, SceneError, SceneSpec};
use crate::truth::{Direction, Passage, Waypoint};
pub(crate) use course::Course;
pub(crate) use plan::plan;

/// Places a second that the truth states.
const WAYPOINTS_A_SECOND: u64 = 5;

/// One vehicle's drive through the picture.
#[derive(Clone, Debug)]
pub(crate) struct Trip {
    pub vehicle: u32,
    pub colour: String,
    pub lane: Lane,
    /// Decides the vehicle's style and paint.
    pub seed: u64,
    /// When its leading edge reaches the picture, or when it sets off inside, seconds.
    pub start_s: f64,
    /// How it moves from then on.
    pub course: Course,
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
        let driven = self.course.driven(time_s - self.start_s);
        let left = match self.lane.direction {
            Direction::Right => driven - f64::from(self.extent.width()),
            Direction::Left => f64::from(picture_width) - driven,
        };
        (left * 16.0).round() / 16.0
    }

    /// The row on which its middle stands, and so how near it is.
    pub fn ground_row(&self, time_s: f64) -> f64 {
        f64::from(self.lane.ground_row) - self.course.aside(time_s - self.start_s)
    }

    /// When its trailing edge leaves the picture, seconds; of one that stays, when it sets off.
    pub fn end_s(&self, picture_width: u32) -> f64 {
        self.start_s + self.course.when(self.way_px(picture_width))
    }

    /// Whether this trip has the vehicle now: one that parks is on another trip afterwards.
    pub fn present(&self, time_s: f64, picture_width: u32) -> bool {
        let way = self.way_px(picture_width);
        self.course.present(time_s - self.start_s, way)
    }

    /// Pixels from entering to having left.
    fn way_px(&self, picture_width: u32) -> f64 {
        f64::from(picture_width) + f64::from(self.extent.width())
    }

    /// The pixels it covers a part of, clipped to the picture, and whether that is all of them.
    pub fn rect(&self, time_s: f64, spec: &SceneSpec) -> Option<(Rect, bool)> {
        if !self.present(time_s, spec.width) {
            return None;
        }
        let left = self.left(time_s, spec.width);
        let columns = (left.floor(), (left + f64::from(self.extent.width())).ceil());
        let foot = self.ground_row(time_s);
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
        let half_way = self.course.when(self.way_px(spec.width) / 2.0);
        let centre = self.start_s + half_way;
        let every = (u64::from(spec.fps) / WAYPOINTS_A_SECOND).max(1);
        let boxes = (first_frame..=last_frame)
            .filter(|frame| (frame - first_frame).is_multiple_of(every) || *frame == last_frame)
            .filter_map(|frame| {
                let (bounds, _) = self.rect(frame as f64 / fps, spec)?;
                Some(Waypoint { frame, bounds })
            })
            .collect();
        Passage {
            boxes,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

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

    #[test]
    fn a_red_light_makes_vehicles_stand_in_the_picture() {
        let spec = SceneSpec {
            scene: Scenario::Queue,
            duration_ms: 180_000,
            ..SceneSpec::default()
        };
        let trips = plan(&spec).unwrap();
        assert!(trips.len() > 10, "{}", trips.len());
        let stands = |trip: &Trip, second: u32| {
            let place = |t| trip.rect(t, &spec).map(|(rect, _)| rect);
            let t = f64::from(second);
            place(t).is_some() && place(t) == place(t + 10.0)
        };
        let standing = trips
            .iter()
            .filter(|trip| (0..160).any(|second| stands(trip, second)));
        assert!(standing.count() >= 4);
    }

    #[test]
    fn a_vehicle_that_stays_for_minutes_comes_and_goes_as_two_trips() {
        let spec = SceneSpec {
            scene: Scenario::Parking,
            duration_ms: 600_000,
            ..SceneSpec::default()
        };
        let trips = plan(&spec).unwrap();
        let end = |trip: &Trip| trip.end_s(spec.width);
        let pairs = trips.iter().flat_map(|a| trips.iter().map(move |b| (a, b)));
        let same = |(a, b): &(&Trip, &Trip)| {
            a.vehicle != b.vehicle && a.seed == b.seed && (end(a) - b.start_s).abs() < 0.05
        };
        let (arriving, leaving) = pairs.into_iter().find(same).unwrap();
        let t = leaving.start_s;
        assert!(arriving.rect(t - 0.1, &spec).is_some());
        assert!(arriving.rect(t + 0.1, &spec).is_none());
        assert!(leaving.rect(t - 0.1, &spec).is_none());
        assert!(leaving.rect(t + 0.1, &spec).is_some());
        assert!(end(arriving) - arriving.start_s > 150.0);
    }
}
