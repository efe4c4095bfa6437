//! The gate as a whole on small drawn pictures.

use models::RgbFrame;

use super::*;
use crate::testing::{Scene, noisy_road};

fn gate() -> Gate {
    Gate::new(GateConfig::default())
}

#[test]
fn an_empty_noisy_road_has_no_boxes() {
    let mut gate = gate();
    for frame in 0..200 {
        let picture = noisy_road(frame);
        assert_eq!(
            gate.observe(picture.view(), frame * 40),
            [],
            "frame {frame}"
        );
    }
}

#[test]
fn one_car_is_one_box_where_it_is() {
    let mut gate = gate();
    for frame in 0..60 {
        gate.observe(noisy_road(frame).view(), frame * 40);
    }
    let car = Rect {
        x: 100,
        y: 80,
        width: 80,
        height: 40,
    };
    let picture = Scene::new(60).car(car, [180, 30, 30]).draw();
    let blobs = gate.observe(picture.view(), 2400);
    assert_eq!(blobs.len(), 1, "{blobs:?}");
    assert!(blobs[0].rect.overlap(&car) > 0.8, "{blobs:?}");
}

#[test]
fn a_shadow_is_no_box() {
    let mut gate = gate();
    for frame in 0..60 {
        gate.observe(noisy_road(frame).view(), frame * 40);
    }
    let picture = Scene::new(60)
        .shadow(
            Rect {
                x: 100,
                y: 80,
                width: 80,
                height: 40,
            },
            0.6,
        )
        .draw();
    assert_eq!(gate.observe(picture.view(), 2400), []);
}

#[test]
fn a_change_of_light_is_no_box() {
    let mut gate = gate();
    for frame in 0..60 {
        gate.observe(noisy_road(frame).view(), frame * 40);
    }
    for frame in 60..120 {
        let picture = Scene::new(frame)
            .light(1.0 - (frame - 60) as f32 / 150.0)
            .draw();
        assert_eq!(
            gate.observe(picture.view(), frame * 40),
            [],
            "frame {frame}"
        );
    }
}

#[test]
fn what_is_ignored_is_not_reported() {
    let car = Rect {
        x: 100,
        y: 80,
        width: 80,
        height: 40,
    };
    let mut gate = Gate::new(GateConfig {
        ignore_px: vec![car],
        ..GateConfig::default()
    });
    for frame in 0..60 {
        gate.observe(noisy_road(frame).view(), frame * 40);
    }
    let picture = Scene::new(60).car(car, [180, 30, 30]).draw();
    assert_eq!(gate.observe(picture.view(), 2400), []);
}

#[test]
fn ranges_are_told() {
    let config = GateConfig {
        cell_px: 0,
        ..GateConfig::default()
    };
    assert_eq!(
        config.check().unwrap_err().to_string(),
        "gate.cell_px = 0 is out of range; allowed: 1 to 64"
    );
    let config = GateConfig {
        region_px: vec![[0.0, 0.0]],
        ..GateConfig::default()
    };
    assert!(
        config
            .check()
            .unwrap_err()
            .to_string()
            .contains("at least three")
    );
}

#[test]
fn a_picture_smaller_than_a_cell_has_no_boxes() {
    for (width, height) in [(3, 3), (2, 2), (3, 100), (100, 3)] {
        let mut gate = Gate::new(GateConfig {
            warm_up_ms: 0,
            ..GateConfig::default()
        });
        let picture = RgbFrame::filled(width, height, [20; 3]).unwrap();
        for frame in 0..3 {
            assert_eq!(gate.observe(picture.view(), frame * 40), []);
            gate.hold(&[], &[]);
        }
    }
}

/// A picture with detail everywhere, moved right and down.
fn moved(dx: i32, dy: i32) -> RgbFrame {
    let mut frame = RgbFrame::filled(320, 240, [0; 3]).unwrap();
    for (index, pixel) in frame.data_mut().chunks_exact_mut(3).enumerate() {
        let (x, y) = (index as i32 % 320 - dx, index as i32 / 320 - dy);
        let (across, along) = ((x as f32 / 7.3).sin(), (y as f32 / 5.1).sin());
        pixel.fill((120.0 + 50.0 * across + 40.0 * along) as u8);
    }
    frame
}

#[test]
fn a_picture_of_another_size_with_as_many_cells_is_a_new_scene() {
    let mut gate = gate();
    for frame in 0..60 {
        gate.observe(moved(0, 0).view(), frame * 40);
    }
    assert!(gate.background.learned_ms() > 0.0);
    let upright = RgbFrame::filled(240, 320, [90; 3]).unwrap();
    assert_eq!(gate.observe(upright.view(), 60 * 40), []);
    assert_eq!(gate.background.learned_ms(), 0.0);
}

#[test]
fn a_camera_that_sagged_does_not_sway_for_ever() {
    let mut gate = gate();
    let show = |gate: &mut Gate, frame: u64, picture: &RgbFrame| {
        let blobs = gate.observe(picture.view(), frame * 200);
        assert_eq!(blobs, [], "frame {frame}");
        gate.shift()
    };
    for frame in 0..25 {
        assert_eq!(show(&mut gate, frame, &moved(0, 0)), (0, 0));
    }
    let sagged = moved(3, -2);
    let shifts: Vec<_> = (25..400)
        .map(|frame| show(&mut gate, frame, &sagged))
        .collect();
    let usual = shifts.iter().position(|shift| *shift == (0, 0));
    assert_eq!(usual, Some(60_000 / 200 - 1));
    let (before, after) = shifts.split_at(60_000 / 200 - 1);
    assert!(before.iter().all(|shift| *shift == (3, -2)));
    assert!(after.iter().all(|shift| *shift == (0, 0)));
    assert_eq!(gate.swayed_t_ms, None);
    assert!(gate.background.learned_ms() > 10_000.0);
    // What comes is seen where it is.
    let mut picture = sagged;
    let car = Rect {
        x: 100,
        y: 80,
        width: 80,
        height: 40,
    };
    for y in car.y..car.bottom() {
        let at = ((y * 320 + car.x) * 3) as usize;
        let row = &mut picture.data_mut()[at..at + 240];
        row.as_chunks_mut::<3>().0.fill([180, 25, 25]);
    }
    let blobs = gate.observe(picture.view(), 80_000);
    assert_eq!(blobs.len(), 1, "{blobs:?}");
    assert!(blobs[0].rect.overlap(&car) > 0.7, "{blobs:?}");
}

#[test]
fn a_sagged_camera_s_scene_is_kept_while_a_vehicle_is_there() {
    let mut gate = gate();
    let (usual, sagged) = (moved(0, 0), moved(3, -2));
    let vehicle = Rect {
        x: 100,
        y: 80,
        width: 80,
        height: 40,
    };
    let mut show = |frame: u64, picture: &RgbFrame, held: &[Rect]| {
        gate.observe(picture.view(), frame * 200);
        gate.hold(held, &[]);
        gate.shift()
    };
    for frame in 0..25 {
        show(frame, &usual, &[vehicle]);
    }
    for frame in 25..400 {
        assert_eq!(show(frame, &sagged, &[vehicle]), (3, -2), "frame {frame}");
    }
    show(400, &sagged, &[]);
    assert_eq!(show(401, &sagged, &[vehicle]), (0, 0));
}

#[test]
fn a_camera_that_sways_back_now_and_then_keeps_its_scene() {
    let mut gate = gate();
    let (still, blown) = (moved(0, 0), moved(4, 0));
    for frame in 0..400 {
        let picture = if frame % 50 == 0 { &still } else { &blown };
        gate.observe(picture.view(), frame * 200);
    }
    assert!(gate.background.learned_ms() > 79_000.0);
}
