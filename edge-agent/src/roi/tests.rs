//! A drawn place, as a barrier's camera sees it: a car drives in, stands and leaves; lights go
//! on and off; for minutes nothing happens.

use models::RgbFrame;

use super::*;
use crate::testing::{SIZE, Scene};

const PLACE: Rect = Rect {
    x: 60,
    y: 60,
    width: 200,
    height: 120,
};

/// Frames a second.
const FPS: u64 = 10;

fn config() -> RoiConfig {
    RoiConfig {
        rect_px: Some(PLACE),
        max_present_ms: 60_000,
        ..RoiConfig::default()
    }
}

/// Shows pictures one after the other and collects what passed.
struct Watch {
    roi: Roi,
    frame: u64,
    passed: Vec<Subject>,
    dropped: usize,
    sightings: Vec<Sighting>,
}

impl Watch {
    fn new(config: RoiConfig) -> Self {
        assert_eq!(config.check(), Ok(()));
        Self {
            roi: Roi::new(&config),
            frame: 0,
            passed: Vec::new(),
            dropped: 0,
            sightings: Vec::new(),
        }
    }

    /// Shows what `draw` makes of each frame's number for so many seconds.
    fn show(&mut self, seconds: u64, draw: impl Fn(u64) -> RgbFrame) -> &mut Self {
        for step in 0..seconds * FPS {
            let picture = draw(step);
            let moment = Moment {
                picture: picture.view(),
                frame: self.frame,
                t_ms: self.frame * 1000 / FPS,
            };
            let glance = self.roi.look(&moment);
            self.take(glance);
            self.frame += 1;
        }
        self
    }

    fn take(&mut self, glance: Glance) {
        self.passed.extend(glance.passed);
        self.dropped += glance.dropped.len();
        self.sightings.extend(glance.sightings);
    }

    fn empty(&mut self, seconds: u64) -> &mut Self {
        self.show(seconds, |step| Scene::new(step + 1).draw())
    }

    /// A car drives in from the left within two seconds, stands, and leaves to the right.
    fn visit(&mut self, stands: u64, rgb: [u8; 3]) -> &mut Self {
        self.show(2, |step| car(step * 7, rgb, step))
            .show(stands, |step| car(140, rgb, step))
            .show(2, |step| car(140 + (step + 1) * 20, rgb, step))
    }
}

/// A car of 150 pixels whose front is that far in the picture's columns.
fn car(front: u64, rgb: [u8; 3], seed: u64) -> RgbFrame {
    let left = (front as u32 + 80).saturating_sub(150).min(SIZE.0 - 1);
    let right = (front as u32 + 80).min(SIZE.0);
    let rect = Rect {
        x: left,
        y: 85,
        width: (right - left).max(1),
        height: 70,
    };
    Scene::new(seed + 1).car(rect, rgb).draw()
}

/// The road with a lamp over its left end that gives so much more light there.
fn lamp(strength: f32, seed: u64) -> RgbFrame {
    let mut picture = Scene::new(seed + 1).draw();
    for (index, pixel) in picture.data_mut().chunks_exact_mut(3).enumerate() {
        let x = (index as u32 % SIZE.0) as f32;
        let light = 1.0 + strength * (1.0 - x / SIZE.0 as f32);
        for value in pixel {
            *value = (f32::from(*value) * light).min(255.0) as u8;
        }
    }
    picture
}

#[test]
fn a_car_that_drives_in_stands_and_leaves_is_one_presence() {
    // Red, grey not far from the road itself, white, black.
    for rgb in [
        [180, 25, 25],
        [145, 147, 150],
        [235, 235, 235],
        [20, 20, 22],
    ] {
        let mut watch = Watch::new(config());
        watch.empty(5).visit(8, rgb).empty(5).visit(6, rgb).empty(5);
        assert_eq!(watch.passed.len(), 2, "{rgb:?} {:?}", watch.passed);
        assert_eq!(watch.dropped, 0);
        let first = &watch.passed[0];
        // It is in the place from about second 6 to 15.5.
        assert!((5_000..7_500).contains(&first.first_t_ms), "{first:?}");
        assert!((14_500..17_000).contains(&first.last_t_ms), "{first:?}");
        assert_eq!(first.direction, Direction::None);
        assert_eq!((first.number, watch.passed[1].number), (0, 1));
        // Views to judge by are those of the standing car, around it.
        let still: Vec<_> = watch.sightings.iter().filter(|s| !s.cut).collect();
        assert!(still.len() > 80, "{}", still.len());
        let around = Rect {
            x: 70,
            y: 85,
            width: 150,
            height: 70,
        };
        let close = still
            .iter()
            .filter(|s| s.rect.overlap(&around) > 0.7)
            .count();
        assert!(
            close * 5 >= still.len() * 4,
            "{close} of {}: {:?} {rgb:?}",
            still.len(),
            still[30].rect
        );
    }
}

#[test]
fn a_place_that_the_car_fills_sees_it_too() {
    for rgb in [
        [180, 25, 25],
        [145, 147, 150],
        [235, 235, 235],
        [20, 20, 22],
    ] {
        let mut watch = Watch::new(RoiConfig {
            rect_px: Some(Rect {
                x: 72,
                y: 84,
                width: 146,
                height: 72,
            }),
            ..config()
        });
        watch.empty(5).visit(8, rgb).empty(5);
        assert_eq!(watch.passed.len(), 1, "{rgb:?} {:?}", watch.passed);
    }
}

#[test]
fn a_light_that_goes_on_over_a_standing_car_is_no_second_one() {
    let red = [180, 25, 25];
    let mut watch = Watch::new(config());
    let under = |light: f32| {
        move |step: u64| {
            let rect = Rect {
                x: 70,
                y: 85,
                width: 150,
                height: 70,
            };
            Scene::new(step + 1).car(rect, red).light(light).draw()
        }
    };
    watch
        .empty(5)
        .show(5, under(1.0))
        .show(5, under(0.5))
        .show(5, under(1.7));
    watch.show(5, |step| Scene::new(step + 1).light(1.7).draw());
    assert_eq!(
        (watch.passed.len(), watch.dropped),
        (1, 0),
        "{:?}",
        watch.passed
    );
}

#[test]
fn minutes_of_nothing_are_nothing() {
    let mut watch = Watch::new(config());
    watch.empty(150);
    assert_eq!(
        (watch.passed.len(), watch.dropped, watch.sightings.len()),
        (0, 0, 0)
    );
}

#[test]
fn lights_are_nothing() {
    let mut watch = Watch::new(config());
    watch.empty(5);
    // All of it, at once, darker and brighter and back.
    for light in [0.4, 1.0, 1.8, 0.2, 1.0] {
        watch.show(10, |step| Scene::new(step + 1).light(light).draw());
    }
    // A lamp over one end, on and off.
    for strength in [1.0, 0.0, 0.6, 0.0] {
        watch.show(10, |step| lamp(strength, step));
    }
    // Dusk within a minute.
    watch.show(60, |step| {
        let light = 1.0 - step as f32 / (60 * FPS) as f32 * 0.7;
        Scene::new(step + 1).light(light).draw()
    });
    assert_eq!(
        (watch.passed.len(), watch.dropped),
        (0, 0),
        "{:?}",
        watch.passed
    );
    // After all that a car is still a car.
    watch.show(6, |step| {
        Scene::new(step + 1)
            .car(
                Rect {
                    x: 80,
                    y: 85,
                    width: 150,
                    height: 70,
                },
                [180, 25, 25],
            )
            .light(0.3)
            .draw()
    });
    watch.show(3, |step| Scene::new(step + 1).light(0.3).draw());
    assert_eq!(watch.passed.len(), 1);
}

#[test]
fn a_short_visit_is_dropped() {
    let mut watch = Watch::new(RoiConfig {
        min_present_ms: 5000,
        ..config()
    });
    watch.empty(5).visit(1, [180, 25, 25]).empty(5);
    assert_eq!((watch.passed.len(), watch.dropped), (0, 1));
}

#[test]
fn a_moment_of_the_empty_place_does_not_end_a_presence() {
    let red = [180, 25, 25];
    let mut watch = Watch::new(config());
    watch.empty(5).show(3, |step| car(140, red, step));
    watch.show(1, |step| {
        if step < 3 {
            Scene::new(step + 1).draw()
        } else {
            car(140, red, step)
        }
    });
    watch.show(3, |step| car(140, red, step)).empty(3);
    assert_eq!(watch.passed.len(), 1, "{:?}", watch.passed);
}

#[test]
fn what_stays_becomes_part_of_the_place_and_leaves_without_an_event() {
    let mut watch = Watch::new(config());
    watch
        .empty(5)
        .show(90, |step| car(140, [180, 25, 25], step));
    assert_eq!(watch.passed.len(), 1);
    assert!(watch.roi.presence.is_none());
    watch.empty(10);
    assert_eq!(watch.passed.len(), 1, "{:?}", watch.passed);
    assert_eq!(watch.dropped, 0);
    watch.visit(5, [20, 20, 22]).empty(3);
    assert_eq!(watch.passed.len(), 2, "{:?}", watch.passed);
}

#[test]
fn a_car_that_stood_there_from_the_start_leaves_without_an_event() {
    let mut watch = Watch::new(config());
    watch
        .show(5, |step| car(140, [235, 235, 235], step))
        .empty(10);
    assert_eq!((watch.passed.len(), watch.sightings.len()), (0, 0));
    watch.visit(5, [180, 25, 25]).empty(3);
    assert_eq!(watch.passed.len(), 1, "{:?}", watch.passed);
}

#[test]
fn the_end_of_the_frames_ends_a_presence_once() {
    let red = [180, 25, 25];
    let mut watch = Watch::new(config());
    watch.empty(5).show(5, |step| car(140, red, step));
    let glance = watch.roi.finish();
    assert_eq!(glance.passed.len(), 1);
    // The camera comes back: the car still stands there, then leaves, then comes another.
    watch.show(3, |step| car(140, red, step)).empty(5);
    assert_eq!(
        (watch.passed.len(), watch.dropped),
        (0, 0),
        "{:?}",
        watch.passed
    );
    watch.visit(5, [30, 60, 170]).empty(3);
    assert_eq!(watch.passed.len(), 1);
    // The place lies outside such a picture: nothing there, and no harm.
    let small = RgbFrame::filled(40, 40, [9, 9, 9]).unwrap();
    watch.show(2, |_| small.clone());
    assert_eq!(watch.passed.len(), 1);
}

#[test]
fn ranges_are_told() {
    for (text, expected) in [
        (
            "enter_share = 0.2\nleave_share = 0.3",
            "roi.leave_share = 0.3 is out of range; allowed: 0.01 to 0.2",
        ),
        (
            "min_present_ms = 5000\nmax_present_ms = 4000",
            "roi.max_present_ms = 4000 is out of range; allowed: 5000 to 86400000",
        ),
        (
            "rect_px = { x = 0, y = 0, width = 4, height = 40 }",
            "roi.rect_px.width = 4 is out of range; allowed: 16 to 100000",
        ),
    ] {
        let config: RoiConfig = toml::from_str(text).unwrap();
        assert_eq!(config.check().unwrap_err().to_string(), expected);
    }
}
