//! The road against its own truth: frames, rectangles and passages must agree.

use models::{Rect, RgbFrame};
use road_sim::{COLOURS, Direction, Light, Road, SceneSpec, portrait};

fn quiet(seed: u64, light: Light) -> SceneSpec {
    SceneSpec {
        seed,
        light,
        noise: 0.0,
        duration_ms: 30_000,
        ..SceneSpec::default()
    }
}

/// Mean of each channel over the middle of the vehicle's flank: below the windows, above the
/// wheels' middle.
fn flank(frame: &RgbFrame, rect: Rect) -> [f64; 3] {
    let band = Rect {
        x: rect.x + rect.width * 3 / 10,
        y: rect.y + rect.height * 58 / 100,
        width: rect.width * 4 / 10,
        height: rect.height * 20 / 100,
    };
    let view = frame.view().crop(band).unwrap();
    let mut sums = [0.0; 3];
    for y in 0..view.height() {
        for x in 0..view.width() {
            for (sum, value) in sums.iter_mut().zip(view.pixel(x, y)) {
                *sum += f64::from(value);
            }
        }
    }
    sums.map(|sum| sum / f64::from(view.width() * view.height()))
}

fn luma([r, g, b]: [f64; 3]) -> f64 {
    0.299 * r + 0.587 * g + 0.114 * b
}

/// Mean flank colours of all near vehicles painted in `colour`, each at its middle frame.
fn flanks(colour: &str, light: Light) -> Vec<[f64; 3]> {
    let spec = SceneSpec {
        colours: vec![colour.into()],
        ..quiet(11, light)
    };
    let road = Road::new(spec).unwrap();
    let near: Vec<_> = road
        .passages()
        .iter()
        .filter(|passage| passage.lane == 0)
        .collect();
    assert!(!near.is_empty());
    near.iter()
        .map(|passage| {
            let seen = road.visible(passage.centre_frame);
            let vehicle = seen.iter().find(|v| v.vehicle == passage.vehicle).unwrap();
            flank(&road.frame(passage.centre_frame), vehicle.rect)
        })
        .collect()
}

#[test]
fn the_same_scene_gives_the_same_bytes_in_any_order() {
    let spec = SceneSpec {
        duration_ms: 20_000,
        ..SceneSpec::default()
    };
    let forwards = Road::new(spec.clone()).unwrap();
    let backwards = Road::new(spec.clone()).unwrap();
    let frames = [0, 120, 121, 333, 499];
    let drawn: Vec<RgbFrame> = frames.iter().map(|index| forwards.frame(*index)).collect();
    for (index, frame) in frames.iter().zip(&drawn).rev() {
        assert!(backwards.frame(*index) == *frame, "frame {index}");
    }
    assert_eq!(forwards.passages(), backwards.passages());
    let other = Road::new(SceneSpec { seed: 2, ..spec }).unwrap();
    assert!(other.frame(0) != drawn[0]);
    assert_ne!(other.passages(), forwards.passages());
}

#[test]
fn outside_the_rectangles_there_is_nothing_but_shadow() {
    for light in [Light::Sun, Light::Overcast] {
        let road = Road::new(quiet(5, light)).unwrap();
        for index in (0..road.frame_count()).step_by(17) {
            let frame = road.frame(index);
            let rects: Vec<Rect> = road.visible(index).iter().map(|v| v.rect).collect();
            for y in 0..frame.height() {
                for x in 0..frame.width() {
                    let at = Rect {
                        x,
                        y,
                        width: 1,
                        height: 1,
                    };
                    if rects.iter().any(|rect| rect.intersection(&at).is_some()) {
                        continue;
                    }
                    let (shown, empty) = (
                        frame.view().pixel(x, y),
                        road.background().view().pixel(x, y),
                    );
                    let darker = shown.iter().zip(empty).all(|(a, b)| *a <= b);
                    assert!(
                        darker,
                        "frame {index} at {x},{y}: {shown:?} on {empty:?}, outside {rects:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn rectangles_are_tight() {
    let spec = SceneSpec {
        colours: vec!["yellow".into()],
        ..quiet(8, Light::Overcast)
    };
    let road = Road::new(spec).unwrap();
    let mut checked = 0;
    for passage in road.passages() {
        let frame = road.frame(passage.centre_frame);
        let seen = road.visible(passage.centre_frame);
        let vehicle = seen.iter().find(|v| v.vehicle == passage.vehicle).unwrap();
        if vehicle.hidden > 0.0 {
            continue;
        }
        let rect = vehicle.rect;
        assert!(vehicle.fully_inside);
        let view = frame.view();
        let is_body = |x: u32, y: u32| {
            let [r, _, b] = view.pixel(x, y).map(i32::from);
            r - b > 60
        };
        let columns = |x: &u32| (rect.y..rect.bottom()).any(|y| is_body(*x, y));
        let left = (rect.x..rect.right()).find(columns).unwrap();
        let right = (rect.x..rect.right()).rev().find(columns).unwrap() + 1;
        let top = (rect.y..rect.bottom())
            .find(|y| (rect.x..rect.right()).any(|x| is_body(x, *y)))
            .unwrap();
        // Lamps, plastic and shaded edges are not yellow.
        assert!(
            left - rect.x <= 8 && rect.right() - right <= 8,
            "{left} {right} in {rect}"
        );
        assert!(top - rect.y <= 8, "{top} in {rect}");
        checked += 1;
    }
    assert!(checked >= 3, "{checked}");
}

#[test]
fn a_vehicle_differs_from_the_empty_road() {
    for light in [Light::Sun, Light::Overcast] {
        for colour in COLOURS {
            let spec = SceneSpec {
                colours: vec![colour.into()],
                ..quiet(11, light)
            };
            let road = Road::new(spec).unwrap();
            for passage in road.passages() {
                let index = passage.centre_frame;
                let seen = road.visible(index);
                let vehicle = seen.iter().find(|v| v.vehicle == passage.vehicle).unwrap();
                assert_eq!(vehicle.colour, colour);
                if vehicle.hidden > 0.0 {
                    continue;
                }
                let frame = road.frame(index);
                let (shown, empty) = (
                    frame.view().crop(vehicle.rect).unwrap(),
                    road.background().view(),
                );
                let mut difference = 0.0;
                for y in 0..shown.height() {
                    for x in 0..shown.width() {
                        let behind = empty.pixel(vehicle.rect.x + x, vehicle.rect.y + y);
                        for (a, b) in shown.pixel(x, y).iter().zip(behind) {
                            difference += f64::from(a.abs_diff(b));
                        }
                    }
                }
                difference /= vehicle.rect.area() as f64 * 3.0;
                assert!(difference > 15.0, "{colour} {light:?}: {difference}");
            }
        }
    }
}

#[test]
fn the_brightness_ladder_holds_in_every_light() {
    for light in [Light::Sun, Light::Overcast] {
        let ladder = ["black", "grey", "silver", "white"].map(|colour| {
            let all = flanks(colour, light);
            all.iter().map(|mean| luma(*mean)).sum::<f64>() / all.len() as f64
        });
        for pair in ladder.windows(2) {
            assert!(pair[1] - pair[0] > 25.0, "{light:?}: {ladder:?}");
        }
    }
}

#[test]
fn chromatic_flanks_have_the_hue_of_their_name() {
    type Rule = fn([f64; 3]) -> bool;
    let rules: [(&str, Rule); 8] = [
        ("blue", |[r, g, b]| b > g + 8.0 && b > r + 20.0),
        ("brown", |[r, g, b]| r > g + 12.0 && g > b && r < 170.0),
        ("green", |[r, g, b]| g > r + 5.0 && g > b + 5.0),
        ("orange", |[r, g, b]| r > g + 50.0 && g > b + 30.0),
        ("pink", |[r, g, b]| r > b + 20.0 && b > g + 15.0),
        ("purple", |[r, g, b]| b > r && r > g + 15.0),
        ("red", |[r, g, b]| r > g + 70.0 && (g - b).abs() < 20.0),
        ("yellow", |[r, g, b]| r > g && g > b + 80.0),
    ];
    for light in [Light::Sun, Light::Overcast] {
        for (colour, rule) in rules {
            for mean in flanks(colour, light) {
                assert!(rule(mean), "{colour} {light:?}: {mean:?}");
            }
        }
    }
}

#[test]
fn passages_come_in_order_and_drive_the_way_they_say() {
    let road = Road::new(quiet(3, Light::Sun)).unwrap();
    let passages = road.passages();
    assert!(passages.len() > 4);
    assert!(
        passages
            .windows(2)
            .all(|pair| pair[0].vehicle + 1 == pair[1].vehicle)
    );
    assert!(
        passages
            .windows(2)
            .all(|pair| pair[0].first_frame <= pair[1].first_frame)
    );
    for passage in passages {
        let middle = |frame: u64| {
            let seen = road.visible(frame);
            let rect = seen
                .iter()
                .find(|v| v.vehicle == passage.vehicle)
                .unwrap()
                .rect;
            f64::from(rect.x) + f64::from(rect.width) / 2.0
        };
        let (first, centre, last) = (
            middle(passage.first_frame),
            middle(passage.centre_frame),
            middle(passage.last_frame),
        );
        assert!((centre - 320.0).abs() < 12.0, "{centre}");
        match passage.direction {
            Direction::Right => assert!(first < centre && centre < last && passage.lane == 0),
            Direction::Left => assert!(first > centre && centre > last && passage.lane == 1),
        }
    }
    assert!(road.visible(0).is_empty());
    assert!(road.visible(road.frame_count() - 1).is_empty());
}

#[test]
fn a_frame_past_the_end_shows_the_empty_road() {
    let road = Road::new(quiet(3, Light::Sun)).unwrap();
    assert!(road.visible(road.frame_count() + 1000).is_empty());
    assert!(road.frame(road.frame_count() + 1000) == *road.background());
}

#[test]
fn other_sizes_are_the_same_scene() {
    for (width, height) in [(160, 90), (1280, 720), (400, 360)] {
        let road = Road::new(SceneSpec {
            width,
            height,
            ..quiet(3, Light::Sun)
        })
        .unwrap();
        let passage = &road.passages()[0];
        let frame = road.frame(passage.centre_frame);
        assert_eq!((frame.width(), frame.height()), (width, height));
        let seen = road.visible(passage.centre_frame);
        assert!(
            seen.iter()
                .any(|v| v.vehicle == passage.vehicle && v.fully_inside)
        );
    }
}

#[test]
fn portraits_are_pure_and_every_colour_has_one() {
    for colour in COLOURS {
        let first = portrait(colour, 7, 128, 96).unwrap();
        assert_eq!((first.width(), first.height()), (128, 96));
        assert!(first == portrait(colour, 7, 128, 96).unwrap(), "{colour}");
        assert!(first != portrait(colour, 8, 128, 96).unwrap(), "{colour}");
    }
    assert_eq!(
        portrait("red", 1, 20, 96).unwrap_err().to_string(),
        "a portrait of 20x96 pixels cannot be drawn: use 32 to 1024 a side"
    );
    assert!(
        portrait("beige", 1, 64, 64)
            .unwrap_err()
            .to_string()
            .contains("\"beige\"")
    );
}
