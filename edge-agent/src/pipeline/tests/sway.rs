//! A camera whose picture is moved against the usual one.

use models::RgbFrame;

use super::*;

/// A picture with detail everywhere, moved right and down by `shift`, and a car whose left edge is
/// there when it is not moved.
fn picture(shift: (i32, i32), car: Option<i32>) -> RgbFrame {
    let mut frame = RgbFrame::filled(320, 240, [0; 3]).unwrap();
    for (index, pixel) in frame.data_mut().chunks_exact_mut(3).enumerate() {
        let (x, y) = (index as i32 % 320 - shift.0, index as i32 / 320 - shift.1);
        let in_car = |left: i32| (left..left + 80).contains(&x) && (96..144).contains(&y);
        if car.is_some_and(in_car) {
            pixel.copy_from_slice(&[180, 25, 25]);
        } else {
            let (across, along) = ((x as f32 / 7.3).sin(), (y as f32 / 5.1).sin());
            pixel.fill((120.0 + 50.0 * across + 40.0 * along) as u8);
        }
    }
    frame
}

#[test]
fn an_event_s_box_is_where_the_frame_shows_the_vehicle() {
    let config = Config::default();
    for shift in [(0, 0), (7, -6), (-5, 6)] {
        let mut pipeline = Pipeline::new(identity(), &config, NearestColour);
        let mut told = Vec::new();
        let left = |frame: u64| 8 * (frame as i32 - 40) - 80;
        for index in 0..110u64 {
            let image = match index {
                0..30 => picture((0, 0), None),
                30..40 => picture(shift, None),
                _ => picture(shift, Some(left(index))),
            };
            let frame = Frame {
                image,
                index,
                t_ms: index * 40,
            };
            told.extend(pipeline.push(&frame).unwrap());
        }
        told.extend(pipeline.finish());
        let [event] = &told[..] else {
            panic!("{shift:?}: {told:?}");
        };
        assert_eq!(event.colour, "red", "{shift:?}");
        let bounds = &event.bounds;
        let middle = (
            (bounds.x + bounds.width / 2) as i32,
            (bounds.y + bounds.height / 2) as i32,
        );
        let truth = (left(event.best_frame) + 40 + shift.0, 120 + shift.1);
        // A cell is four pixels wide.
        let off = (middle.0.abs_diff(truth.0), middle.1.abs_diff(truth.1));
        assert!(off.0 <= 3 && off.1 <= 3, "{shift:?}: {off:?}, {event:?}");
    }
}
