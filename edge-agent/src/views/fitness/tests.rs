//! The two measures, and that their default limits part what the shipped bundle can name from
//! what it only guesses: drawn cars at less and less light, and under more and more blur. The limit
//! for blur is on the safe side: of drawn cars, which it was trained on too, the bundle names some
//! that are refused.

use models::{Bundle, RgbFrame, Runner};
use road_sim::portrait;

use super::*;

/// Drawn cars, each with its colour.
fn cars() -> Vec<(&'static str, RgbFrame)> {
    let colours = road_sim::COLOURS.iter();
    colours
        .flat_map(|colour| (0..3).map(|seed| (*colour, portrait(colour, seed, 120, 64).unwrap())))
        .collect()
}

/// The picture with this share of the light, as a camera with a gamma of two gives it, and with
/// noise of up to four steps.
fn darker(picture: &RgbFrame, share: f32) -> RgbFrame {
    let mut picture = picture.clone();
    let mut state = 0x2545_f491u32;
    for value in picture.data_mut() {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let noise = (state % 9) as f32 - 4.0;
        *value = (f32::from(*value) * share.sqrt() + noise).clamp(0.0, 255.0) as u8;
    }
    picture
}

/// The picture moved over this share of its width while it was taken.
fn moved(picture: &RgbFrame, share: f32) -> RgbFrame {
    let view = picture.view();
    let half = (picture.width() as f32 * share / 2.0) as i64;
    let mut out = picture.clone();
    for y in 0..view.height() {
        for x in 0..view.width() {
            for channel in 0..3 {
                let at = |step: i64| (i64::from(x) + step).clamp(0, i64::from(view.width()) - 1);
                let sum: u32 = (-half..=half)
                    .map(|step| u32::from(view.pixel(at(step) as u32, y)[channel]))
                    .sum();
                let place = ((y * view.width() + x) * 3) as usize + channel;
                out.data_mut()[place] = (sum / (2 * half as u32 + 1)) as u8;
            }
        }
    }
    out
}

/// Shares of the pictures that are refused with the reason, and that are named rightly.
fn measure(change: impl Fn(&RgbFrame) -> RgbFrame, reason: Reason) -> (f32, f32) {
    let mut runner = Runner::new(&Bundle::shipped().unwrap()).unwrap();
    let cars = cars();
    let (mut refused, mut right) = (0, 0);
    for (colour, picture) in &cars {
        let picture = change(picture);
        let flaw = Fitness::of(picture.view()).flaw(&VoteConfig::default());
        refused += usize::from(flaw == Some(reason));
        let scores = runner.classify(picture.view()).unwrap();
        right += usize::from(scores.labels()[scores.best_index()] == *colour);
    }
    let share = |count| count as f32 / cars.len() as f32;
    (share(refused), share(right))
}

#[test]
fn what_is_refused_as_dark_is_what_cannot_be_named() {
    let (by_day, named) = measure(Clone::clone, Reason::Dark);
    assert!(by_day <= 0.03 && named >= 0.8, "{by_day}, {named}");
    let (at_night, named) = measure(|picture| darker(picture, 0.015), Reason::Dark);
    assert!(at_night >= 0.95 && named <= 0.7, "{at_night}, {named}");
}

#[test]
fn what_is_refused_as_blurred_is_what_cannot_be_named() {
    let (still, named) = measure(Clone::clone, Reason::Blurred);
    assert!(still <= 0.03 && named >= 0.8, "{still}, {named}");
    let (fast, _) = measure(|picture| moved(picture, 0.6), Reason::Blurred);
    assert!(fast >= 0.9, "{fast}");
    let (faster, guessed) = measure(|picture| moved(picture, 2.0), Reason::Blurred);
    assert!(
        faster >= 0.99 && guessed < named - 0.1,
        "{faster}, {guessed} of {named}"
    );
}

#[test]
fn headlights_and_black_paint_do_not_decide_the_light() {
    // A fifth of the picture is as bright as can be, the rest is night.
    let mut night = RgbFrame::filled(100, 50, [12, 12, 14]).unwrap();
    night.data_mut()[..100 * 10 * 3].fill(255);
    assert_eq!(Fitness::of(night.view()).light, 12);
    // A black body on a lit road.
    let mut day = RgbFrame::filled(100, 50, [15, 15, 17]).unwrap();
    day.data_mut()[..100 * 15 * 3].fill(110);
    assert_eq!(Fitness::of(day.view()).light, 110);
}

#[test]
fn a_plain_picture_has_no_edges_and_a_split_one_has() {
    let plain = RgbFrame::filled(90, 40, [90, 90, 90]).unwrap();
    assert_eq!(Fitness::of(plain.view()).sharpness, 0.0);
    let mut striped = plain.clone();
    for (index, pixel) in striped.data_mut().chunks_exact_mut(3).enumerate() {
        if index % 90 / 15 % 2 == 0 {
            pixel.fill(200);
        }
    }
    let sharp = Fitness::of(striped.view()).sharpness;
    assert!(sharp > 0.9, "{sharp}");
    assert!(Fitness::of(RgbFrame::filled(1, 1, [0, 0, 0]).unwrap().view()).sharpness == 0.0);
}
