//! Who drives when: all trips of a scene, planned ahead from its seed. Vehicles of a lane keep
//! their distance; each enters and leaves wholly outside the picture. No drawing.

use std::collections::HashMap;

use fastrand::Rng;

use super::parking::{Stay, joined};
use super::queue::{self, Wish};
use super::{Course, Trip, look, pose};
use crate::mesh::Mesh;
use crate::raster::Extent;
use crate::scenario::Scenario;
use crate::scene::{Lane, SceneError, SceneSpec};

/// Vehicles that stand for longer than this come and go as two passages.
const LONG_STAY_S: f64 = 100.0;

fn duration_s(spec: &SceneSpec) -> f64 {
    spec.frame_count().saturating_sub(1) as f64 / f64::from(spec.fps)
}

/// All trips, in order of entering.
pub(crate) fn plan(spec: &SceneSpec) -> Result<Vec<Trip>, SceneError> {
    let mut rng = Rng::with_seed(spec.seed);
    let mut trips = Vec::new();
    if spec.vehicles_per_minute == 0.0 {
        return Ok(trips);
    }
    let mut extents = HashMap::new();
    let mut lights = rng.clone();
    let red = queue::red_phases(&mut lights, duration_s(spec));
    for lane in spec.lanes() {
        let mut rng = rng.fork();
        trips.extend(match spec.scene {
            Scenario::Queue => wait_in_lane(spec, lane, &red, &mut rng, &mut extents)?,
            _ => plan_lane(spec, lane, &mut rng, &mut extents)?,
        });
    }
    match spec.scene {
        Scenario::Parking => {
            let mut rng = rng.fork();
            park(spec, &mut trips, &mut rng, &mut extents)?;
        }
        Scenario::One => {
            let first = |a: &Trip, b: &Trip| a.start_s.total_cmp(&b.start_s);
            trips = trips.into_iter().min_by(first).into_iter().collect();
        }
        _ => {}
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
    let across = f64::from(spec.width);
    let mut wanted_s = 0.0;
    loop {
        let Wanted {
            mut trip,
            after_s,
            speed,
        } = wanted(spec, lane, rng, extents)?;
        wanted_s += after_s;
        let gap = f64::from(lane.pixels_per_metre) * (1.2 + 2.5 * rng.f64());
        let mut start_s = wanted_s;
        if let Some(leader) = trips.last() {
            // Speeds are constant, so the distance changes evenly: kept when the follower
            // enters and when the leader has left, it is kept between.
            let length = f64::from(leader.extent.width());
            let behind_at_entry = leader.start_s + leader.course.when(length + gap);
            let behind_at_exit = leader.end_s(spec.width) - (across - gap) / speed;
            start_s = start_s.max(behind_at_entry).max(behind_at_exit);
        }
        trip.start_s = start_s;
        if trip.end_s(spec.width) > duration_s(spec) {
            return Ok(trips);
        }
        trips.push(trip);
    }
}

/// A vehicle that wants to pass: its trip at a steady speed, and how long after the one before.
struct Wanted {
    trip: Trip,
    after_s: f64,
    speed: f64,
}

fn wanted(
    spec: &SceneSpec,
    lane: Lane,
    rng: &mut Rng,
    extents: &mut Extents,
) -> Result<Wanted, SceneError> {
    let per_minute = f64::from(spec.vehicles_per_minute * spec.scene.density());
    let rate_per_s = per_minute / 60.0 / 2.0;
    // Arrivals are a Poisson process.
    let after_s = -(1.0 - rng.f64()).ln() / rate_per_s;
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
    let trip = Trip {
        vehicle: 0,
        colour,
        lane,
        seed,
        start_s: 0.0,
        course: Course::Steady(speed),
        extent,
    };
    Ok(Wanted {
        trip,
        after_s,
        speed,
    })
}

/// A lane with a traffic light. Both lanes have the same phases; each has its line beyond the
/// middle of its way.
fn wait_in_lane(
    spec: &SceneSpec,
    lane: Lane,
    red: &[(f64, f64)],
    rng: &mut Rng,
    extents: &mut Extents,
) -> Result<Vec<Trip>, SceneError> {
    let metre = f64::from(lane.pixels_per_metre);
    let mut trips = Vec::new();
    let mut wishes = Vec::new();
    let mut at_s = 0.0;
    loop {
        let wanted = wanted(spec, lane, rng, extents)?;
        at_s += wanted.after_s;
        if at_s > duration_s(spec) {
            break;
        }
        wishes.push(Wish {
            at_s,
            length_m: f64::from(wanted.trip.extent.width()) / metre,
            speed: wanted.speed / metre,
        });
        trips.push(wanted.trip);
    }
    let end_m = f64::from(spec.width) / metre;
    let driven = queue::drive(&wishes, red, (0.72 * end_m, end_m), metre, duration_s(spec));
    for (trip, (start_s, course)) in trips.iter_mut().zip(&driven) {
        trip.start_s = *start_s;
        trip.course = course.clone();
    }
    trips.truncate(driven.len());
    Ok(trips)
}

/// Some vehicles of the far lane park at its kerb, one after the other; others make room while
/// one pulls in or out.
fn park(
    spec: &SceneSpec,
    trips: &mut Vec<Trip>,
    rng: &mut Rng,
    extents: &mut Extents,
) -> Result<(), SceneError> {
    let [_, lane] = spec.lanes();
    let metre = f64::from(lane.pixels_per_metre);
    let mut parked = Vec::new();
    let mut at_s = 4.0 + 6.0 * rng.f64();
    for number in 0.. {
        let Wanted { trip, speed, .. } = wanted(spec, lane, rng, extents)?;
        let long = number % 3 == 1;
        let stands_s = if long {
            LONG_STAY_S * (1.6 + 0.6 * rng.f64())
        } else {
            15.0 + 45.0 * rng.f64()
        };
        let across = f64::from(spec.width);
        let stay = Stay {
            stop_m: across * (0.5 + 0.3 * rng.f64()) / metre,
            way_m: (across + f64::from(trip.extent.width())) / metre,
            speed: (speed / metre).min(7.0),
            stands_s,
            aside_px: f64::from(lane.ground_row - spec.height as f32 * 212.0 / 360.0),
        };
        let (arriving, leaving) = stay.courses(metre);
        let arrives_s = arriving.when(stay.stop_m * metre - 0.5);
        let leaves_s = at_s + arriving.when(f64::INFINITY);
        let first = Trip {
            start_s: at_s,
            course: arriving,
            ..trip.clone()
        };
        let second = Trip {
            start_s: leaves_s,
            course: leaving,
            ..trip
        };
        let end_s = second.end_s(spec.width);
        if end_s > duration_s(spec) {
            break;
        }
        let busy = [
            (at_s - 4.0, at_s + arrives_s + 2.0),
            (leaves_s - 3.0, end_s + 4.0),
        ];
        trips.retain(|other| {
            let (from, to) = (other.start_s, other.end_s(spec.width));
            let meets = busy.iter().any(|(a, b)| from < *b && to > *a);
            other.lane.number != lane.number || !meets
        });
        if long {
            parked.extend([first, second]);
        } else {
            let course = joined(first.course.clone(), second.course);
            parked.push(Trip { course, ..first });
        }
        at_s = end_s + 5.0 + 15.0 * rng.f64();
    }
    trips.extend(parked);
    Ok(())
}
