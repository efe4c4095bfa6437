//! Tests of tracking on boxes written down by hand.

use models::Rect;

use super::boxes::Bounds;
use super::*;
use crate::event::Direction;
use crate::gate::Blob;

const SIZE: (u32, u32) = (640, 360);

fn blob(x: i32, y: u32, width: u32, height: u32) -> Option<Blob> {
    let (left, right) = (x.max(0), (x + width as i32).min(SIZE.0 as i32));
    let rect = Rect {
        x: left as u32,
        y,
        width: (right - left).max(0) as u32,
        height,
    };
    let cut = x <= 0 || x + width as i32 >= SIZE.0 as i32;
    (right - left >= 4).then(|| Blob::solid(rect, cut))
}

/// Runs boxes given by frame number, 40 ms apart; the vehicles that passed.
fn passed(frames: u64, boxes: impl Fn(u64) -> Vec<Blob>) -> Vec<Track> {
    passed_of([24, 18], frames, boxes)
}

/// The same where what is smaller is no vehicle.
fn passed_of(
    min_vehicle_px: [u32; 2],
    frames: u64,
    boxes: impl Fn(u64) -> Vec<Blob>,
) -> Vec<Track> {
    let mut tracker = Tracker::new(TrackConfig {
        min_vehicle_px,
        ..TrackConfig::default()
    });
    let mut passed = Vec::new();
    for frame in 0..frames {
        passed.extend(tracker.step(&boxes(frame), frame, frame * 40, SIZE).passed);
    }
    passed.extend(tracker.finish().passed);
    passed.sort_by_key(|track| track.number);
    passed
}

fn car(frame: u64, start: i32, speed: i32, y: u32) -> Option<Blob> {
    blob(start + speed * frame as i32, y, 90, 50)
}

/// Both in one box.
fn together(a: Blob, b: Blob) -> Blob {
    let union = Bounds::of(&a.rect).union(&Bounds::of(&b.rect));
    Blob {
        rect: union.to_rect(SIZE.0, SIZE.1).unwrap(),
        cells: [a.cells, b.cells].concat(),
        cut: a.cut || b.cut,
        cell_px: 4,
        widest_px: union.width() as u32,
    }
}

#[test]
fn one_vehicle_across_the_picture_is_one_track() {
    let tracks = passed(120, |frame| car(frame, -90, 8, 100).into_iter().collect());
    assert_eq!(tracks.len(), 1);
    assert_eq!(tracks[0].direction(), Direction::Right);
    assert!(tracks[0].hits > 80, "{}", tracks[0].hits);
}

#[test]
fn following_and_oncoming_vehicles_are_told_apart() {
    let tracks = passed(200, |frame| {
        [
            car(frame, -90, 8, 100),
            car(frame, -290, 8, 100),
            car(frame, 640, -9, 220),
        ]
        .into_iter()
        .flatten()
        .collect()
    });
    let directions: Vec<Direction> = tracks.iter().map(Track::direction).collect();
    assert_eq!(
        directions,
        [Direction::Right, Direction::Left, Direction::Right]
    );
}

#[test]
fn a_vehicle_not_seen_for_some_frames_stays_one() {
    let tracks = passed(120, |frame| {
        if (40..50).contains(&frame) {
            vec![]
        } else {
            car(frame, -90, 8, 100).into_iter().collect()
        }
    });
    assert_eq!(tracks.len(), 1);
}

#[test]
fn a_box_that_breaks_in_two_for_a_while_stays_one_vehicle() {
    let tracks = passed(120, |frame| {
        let x = -90 + 8 * frame as i32;
        if (40..60).contains(&frame) {
            [blob(x, 100, 40, 50), blob(x + 48, 100, 42, 50)]
                .into_iter()
                .flatten()
                .collect()
        } else {
            blob(x, 100, 90, 50).into_iter().collect()
        }
    });
    assert_eq!(tracks.len(), 1);
}

/// A vehicle at night: while it enters, its beam on the road makes its box long for two frames.
#[test]
fn a_vehicle_whose_beam_entered_before_it_is_one() {
    let tracks = passed(160, |frame| {
        let beam = match frame {
            11 => 80,
            12 => 180,
            13 => 300,
            _ => 0,
        };
        let front = 640 - 6 * frame as i32 - beam;
        blob(
            front,
            100,
            (150 + beam) as u32,
            if beam > 0 { 90 } else { 50 },
        )
        .into_iter()
        .collect()
    });
    assert_eq!(tracks.len(), 1, "{tracks:?}");
    assert_eq!(tracks[0].direction(), Direction::Left);
    assert!(tracks[0].first_frame < 5, "{}", tracks[0].first_frame);
}

#[test]
fn an_edge_that_moves_alone_across_the_way_is_growth() {
    use super::motion::motion_across;
    let free = |by: f32| (by, false);
    // A reflection below: the lower edge alone.
    assert_eq!(motion_across(free(0.0), free(40.0)), 0.0);
    assert_eq!(motion_across(free(-30.0), free(4.0)), 4.0);
    // Both, as far as cells of the gate show it.
    assert_eq!(motion_across(free(4.0), free(8.0)), 6.0);
    // What an edge of the picture clips shows nothing.
    assert_eq!(motion_across((0.0, true), free(12.0)), 12.0);
}

/// Its beam made it seem long and fast; then it is lost, and goes on where it was.
#[test]
fn a_vehicle_that_is_lost_and_begins_anew_is_told_once() {
    let tracks = passed(120, |frame| {
        let at = frame as i32;
        let seen = match frame {
            0..16 => blob(640 - 20 * at, 100, 640, 50),
            16 => blob(320, 100, 300, 50),
            17..27 => None,
            _ => blob(340 - 6 * (at - 27), 100, 180, 50),
        };
        seen.into_iter().collect()
    });
    assert_eq!(tracks.len(), 1, "{tracks:?}");
    assert_eq!(tracks[0].first_frame, 1);
}

#[test]
fn a_vehicle_that_enters_in_pieces_is_one() {
    let tracks = passed(120, |frame| {
        let x = -90 + 8 * frame as i32;
        if frame < 20 {
            [blob(x, 100, 35, 50), blob(x + 50, 100, 40, 50)]
                .into_iter()
                .flatten()
                .collect()
        } else {
            blob(x, 100, 90, 50).into_iter().collect()
        }
    });
    assert_eq!(tracks.len(), 1, "{tracks:?}");
}

#[test]
fn vehicles_that_meet_in_one_box_come_out_as_two() {
    let tracks = passed(120, |frame| {
        let right = car(frame, -90, 8, 100);
        let left = car(frame, 640, -8, 130);
        match (right, left) {
            (Some(a), Some(b)) if a.rect.intersection(&b.rect).is_some() => {
                vec![together(a, b)]
            }
            (a, b) => a.into_iter().chain(b).collect(),
        }
    });
    let directions: Vec<Direction> = tracks.iter().map(Track::direction).collect();
    assert_eq!(directions.len(), 2, "{tracks:?}");
    assert!(directions.contains(&Direction::Left) && directions.contains(&Direction::Right));
}

#[test]
fn what_flickers_stands_or_trembles_is_no_vehicle() {
    assert!(
        passed(100, |frame| if frame % 2 == 0 {
            blob(100, 100, 60, 40).into_iter().collect()
        } else {
            vec![]
        })
        .is_empty()
    );
    assert!(passed(100, |_| blob(100, 100, 60, 40).into_iter().collect()).is_empty());
    assert!(
        passed(100, |f| blob(100 + (f % 3) as i32 * 8, 100, 60, 40)
            .into_iter()
            .collect())
        .is_empty()
    );
}

#[test]
fn the_number_of_tracks_is_bounded() {
    let mut tracker = Tracker::new(TrackConfig {
        max_tracks: 3,
        ..TrackConfig::default()
    });
    for frame in 0..5 {
        let blobs: Vec<Blob> = (0..8)
            .filter_map(|i| blob(10 + 70 * i, 10, 50, 30))
            .collect();
        let step = tracker.step(&blobs, frame, frame * 40, SIZE);
        assert_eq!(step.sightings.len(), 3);
    }
}

#[test]
fn a_vehicle_that_stops_and_goes_on_is_one_and_is_held() {
    let mut held = 0;
    let mut tracker = Tracker::new(TrackConfig::default());
    let mut passed = Vec::new();
    for frame in 0..1000u64 {
        let driven = if frame < 40 {
            frame
        } else {
            frame.saturating_sub(800).max(40)
        };
        let blobs: Vec<Blob> = car(driven, -90, 8, 100).into_iter().collect();
        let step = tracker.step(&blobs, frame, frame * 40, SIZE);
        held += step.held.len();
        assert_eq!(step.given_up, []);
        passed.extend(step.passed);
    }
    assert_eq!(passed.len(), 1);
    assert!(held > 850, "{held}");
}

#[test]
fn a_vehicle_that_stands_too_long_is_told_and_becomes_scene() {
    let mut tracker = Tracker::new(TrackConfig {
        max_still_ms: 10_000,
        ..TrackConfig::default()
    });
    let mut steps = Vec::new();
    for frame in 0..400u64 {
        let blobs: Vec<Blob> = car(frame.min(40), -90, 8, 100).into_iter().collect();
        steps.push(tracker.step(&blobs, frame, frame * 40, SIZE));
    }
    let told: usize = steps.iter().map(|step| step.passed.len()).sum();
    assert_eq!(told, 1);
    let at = steps.iter().position(|step| !step.given_up.is_empty());
    assert!(at.is_some_and(|at| (285..300).contains(&at)), "{at:?}");
}

#[test]
fn what_is_smaller_than_a_vehicle_gives_no_event() {
    let narrow = |frame: u64| blob(4 * frame as i32, 100, 20, 50).into_iter().collect();
    assert_eq!(passed(150, narrow).len(), 0);
}

fn assert_one_each_way(tracks: &[Track]) {
    let directions: Vec<Direction> = tracks.iter().map(Track::direction).collect();
    assert_eq!(
        directions,
        [Direction::Right, Direction::Left],
        "{tracks:?}"
    );
}

#[test]
fn one_that_enters_where_another_leaves_is_another() {
    let tracks = passed(200, |frame| {
        // The near one leaves on the right while a far one enters there, their blobs joined.
        let near = blob(300 + 8 * frame as i32, 236, 200, 88);
        let far = blob(640 - 6 * (frame as i32 - 22), 180, 120, 60).filter(|_| frame >= 22);
        match (near, far) {
            (Some(a), Some(b)) => {
                vec![together(a, b)]
            }
            (a, b) => a.into_iter().chain(b).collect(),
        }
    });
    assert_one_each_way(&tracks);
}

/// Its mirror image on the wet road reaches the lower edge of the picture all the way.
#[test]
fn one_that_the_lower_edge_cuts_leaves_where_another_enters() {
    let tracks = passed(150, |frame| {
        let x = -200 + 11 * frame as i32;
        let near = blob(x, 228, 200, 132).map(|blob| Blob { cut: true, ..blob });
        let far = blob(640 - 11 * (frame as i32 - 60), 180, 150, 100).filter(|_| frame >= 60);
        match (near, far) {
            (Some(a), Some(b)) if a.rect.intersection(&b.rect).is_some() => {
                vec![together(a, b)]
            }
            (a, b) => a.into_iter().chain(b).collect(),
        }
    });
    assert_one_each_way(&tracks);
}

/// By night its front looks like the lit road: while it leaves, its box ends short of the edge.
#[test]
fn one_that_fades_at_the_edge_keeps_its_size() {
    let tracks = passed_of([70, 36], 120, |frame| {
        let left = 640 - 8 * frame as i32;
        let right = left + 90;
        let shown = blob(left.max(4), 100, (right - left.max(4)).max(0) as u32, 50);
        shown.into_iter().collect()
    });
    assert_eq!(tracks.len(), 1, "{tracks:?}");
    let (width, _) = tracks[0].size_px();
    assert!((85.0..=95.0).contains(&width), "{width}");
}

#[test]
fn a_mirror_image_that_comes_and_goes_gives_no_speed_across_the_way() {
    let tracks = passed(60, |frame| {
        let x = 8 * frame as i32;
        let (top, bottom) = match frame {
            58 => (140, 244),
            59 => (128, 252),
            _ => (136, 240),
        };
        blob(x, top, 90, bottom - top).into_iter().collect()
    });
    let (dx, dy) = tracks[0].velocity;
    assert!((dx - 0.2).abs() < 0.03 && dy.abs() < 0.02, "{dx} {dy}");
}

/// Riders whose wheels touch are one box as long as a car; each alone is no vehicle.
#[test]
fn people_side_by_side_are_no_vehicle() {
    let group = |widest_px| {
        let boxes = move |frame: u64| {
            let group = blob(4 + 8 * frame as i32, 100, 150, 80);
            group
                .map(|blob| Blob { widest_px, ..blob })
                .into_iter()
                .collect()
        };
        passed_of([92, 36], 90, boxes).len()
    };
    assert_eq!((group(150), group(74)), (1, 0));
}

/// What is behind the place where it waits hides its roof.
#[test]
fn a_waiting_vehicle_that_seems_to_be_two_is_one() {
    let boxes = |frame: u64| {
        let waits = (40..400).contains(&frame);
        let driven = frame.min(40) + frame.saturating_sub(400);
        let car = blob(4 + 8 * driven as i32, 100, 150, 60);
        let widest_px = if waits { 60 } else { 150 };
        car.map(|blob| Blob { widest_px, ..blob })
            .into_iter()
            .collect()
    };
    assert_eq!(passed_of([92, 36], 450, boxes).len(), 1);
}
