//! What a step tells of tracks besides where their vehicles are.

use super::*;

const SIZE: (u32, u32) = (640, 360);

fn blob(x: u64, width: u32) -> Blob {
    let rect = Rect {
        x: x as u32,
        y: 100,
        width,
        height: 50,
    };
    Blob::solid(rect, false)
}

/// Tracks that go on as another one, and that one; boxes are given by frame number, 40 ms apart.
fn merged(frames: u64, boxes: impl Fn(u64) -> Vec<Blob>) -> Vec<(u64, u64)> {
    let mut tracker = Tracker::new(TrackConfig::default());
    let mut merged = Vec::new();
    for frame in 0..frames {
        let step = tracker.step(&boxes(frame), frame, frame * 40, SIZE);
        let gone: Vec<u64> = step.merged.iter().map(|(gone, _)| *gone).collect();
        assert_eq!(step.dropped, gone, "frame {frame}");
        merged.extend(step.merged);
    }
    merged
}

#[test]
fn a_track_that_turns_out_to_be_a_piece_goes_on_as_the_older_one() {
    let boxes = |frame: u64| {
        let x = 40 + 8 * frame;
        match frame {
            0..20 => vec![blob(x, 100)],
            20..26 => vec![blob(x, 100), blob(x + 108, 16)],
            _ => vec![blob(x, 124)],
        }
    };
    assert_eq!(merged(30, boxes), [(1, 0)]);
}

#[test]
fn a_lost_track_goes_on_as_the_one_that_began_in_its_place() {
    let boxes = |frame: u64| match frame {
        0..30 => vec![blob(40 + 8 * frame, 100)],
        30..41 => vec![],
        _ => vec![blob(240 + 8 * (frame - 41), 100)],
    };
    assert_eq!(merged(50, boxes), [(0, 1)]);
}

#[test]
fn a_track_is_ripe_when_it_would_be_a_vehicle() {
    let ripe = |width: u32| {
        let mut tracker = Tracker::new(TrackConfig::default());
        let drive = |frame: u64| {
            tracker.step(&[blob(40 + 8 * frame, width)], frame, frame * 40, SIZE);
            tracker.ripe(0)
        };
        let ripe: Vec<bool> = (0..40).map(drive).collect();
        (ripe[8], ripe[39])
    };
    // It must have gone an eighth of the picture.
    assert_eq!(ripe(80), (false, true));
    assert_eq!(ripe(20), (false, false));
}
