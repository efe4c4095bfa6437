//! Single tracks and what they make of their sightings.

use super::super::Track;
use super::super::boxes::Bounds;
use super::super::parts::Part;

/// A sighting beside other things.
fn beside(left: f32, top: f32, width: f32, height: f32) -> Part {
    Part {
        bounds: Bounds {
            left,
            top,
            right: left + width,
            bottom: top + height,
        },
        widest: width,
        cut: left <= 0.0 || left + width >= 640.0,
        owner: None,
        shared: true,
        clear: [true; 4],
        blob: 0,
    }
}

/// A track of sightings 40 ms apart.
fn track(number: u64, parts: impl Iterator<Item = Part>) -> Track {
    let picture = Bounds {
        left: 0.0,
        top: 0.0,
        right: 640.0,
        bottom: 360.0,
    };
    let mut track: Option<Track> = None;
    for (frame, part) in (0..).zip(parts) {
        match &mut track {
            Some(track) => track.take(&part, &picture, frame, frame * 40),
            None => track = Some(Track::new(number, &part, &picture, frame, frame * 40)),
        }
    }
    track.unwrap()
}

/// It comes out from behind another fast, and then drives on slowly beside it.
#[test]
fn beside_other_things_the_front_shows_the_speed() {
    let fronts = [600, 570, 540]
        .into_iter()
        .chain((0..30).map(|at| 532 - 8 * at));
    let parts = fronts.map(|left| beside(left as f32, 170.0, (640 - left) as f32, 60.0));
    let (dx, _) = track(0, parts).velocity;
    assert!((dx + 0.2).abs() < 0.05, "{dx}");
}

/// For one frame the light of another is taken for a part of it.
#[test]
fn one_that_enters_beside_others_grows_by_steps() {
    let widths = (0..12).map(|at| 20 + 10 * at).chain([280]);
    let parts = widths.map(|width| beside(0.0, 240.0, width as f32, 80.0));
    let track = track(0, parts);
    assert!(track.bounds.right < 160.0, "{:?}", track.bounds);
}

#[test]
fn a_mirror_image_is_a_piece_and_one_in_the_next_lane_is_none() {
    let drive = |number, frames: i32, y: f32, height: f32, shared| {
        let part = move |at: i32| Part {
            shared,
            ..beside(400.0 - 8.0 * at as f32, y, 140.0, height)
        };
        track(number, (0..frames).map(part))
    };
    let vehicle = drive(0, 20, 170.0, 50.0, true);
    let mirror = drive(1, 20, 226.0, 36.0, true);
    assert!(mirror.is_piece_of(&vehicle, 800));
    // What was long seen alone has a place of its own.
    assert!(!drive(1, 40, 226.0, 36.0, false).is_piece_of(&drive(0, 40, 170.0, 50.0, true), 1600));
    // What is lost has no pieces.
    assert!(!mirror.is_piece_of(&drive(0, 12, 170.0, 50.0, true), 800));
}

#[test]
fn a_vehicle_takes_in_the_piece_that_was_seen_before_it() {
    let lamp = track(
        0,
        (0..20).map(|at| beside(404.0 - 8.0 * at as f32, 200.0, 40.0, 16.0)),
    );
    let body = track(
        1,
        (0..20).map(|at| beside(400.0 - 8.0 * at as f32, 170.0, 150.0, 60.0)),
    );
    assert!(body.is_piece_of(&lamp, 800));
}
