//! Which views are asked about, and what reasons come of them: drawn pictures and a classifier
//! that counts its calls.

use models::{RgbFrame, RgbView, Scores};

use super::*;
use crate::testing::{NearestColour, Scene};

const BOX: Rect = Rect {
    x: 60,
    y: 60,
    width: 120,
    height: 50,
};

#[derive(Default)]
struct Counting(u32);

impl Classify for Counting {
    fn classify(&mut self, view: RgbView<'_>) -> Result<Scores, RunnerError> {
        self.0 += 1;
        NearestColour.classify(view)
    }
}

fn judging(vote: &str, shape: &str) -> Judging {
    Judging {
        vote: toml::from_str(vote).unwrap(),
        shape: toml::from_str(shape).unwrap(),
        reject_below: 0.5,
    }
}

fn red() -> RgbFrame {
    Scene::new(1).car(BOX, [180, 25, 25]).draw()
}

/// A vehicle seen for 40 ms each in these pictures.
fn seen(pictures: &[RgbFrame], rect: Rect, judging: &Judging) -> Witness {
    let mut witness = None;
    for (frame, picture) in (0..).zip(pictures) {
        let moment = Moment {
            picture: picture.view(),
            frame,
            t_ms: frame * 40,
        };
        let sighting = Sighting {
            track: 0,
            rect,
            cut: false,
            shared: false,
        };
        witness
            .get_or_insert_with(|| Witness::new(&moment, &sighting))
            .see(&moment, &sighting, rect, &[], &judging.vote);
    }
    witness.unwrap()
}

fn blurred() -> RgbFrame {
    // A ramp from dark to bright over the whole box has no edge.
    let mut picture = red();
    let width = picture.width();
    for (index, pixel) in picture.data_mut().chunks_exact_mut(3).enumerate() {
        let x = index as u32 % width;
        pixel.fill((x.clamp(50, 190) - 50) as u8 + 60);
    }
    picture
}

#[test]
fn each_reason_has_its_cause() {
    let night = || Scene::new(1).car(BOX, [180, 25, 25]).light(0.1).draw();
    for (vote, shape, picture, reason, calls) in [
        ("", "", red(), None, 5),
        ("", "max_width_px = 100", red(), Some(Reason::Shape), 1),
        ("min_side_px = 60", "", red(), Some(Reason::Small), 1),
        ("", "", night(), Some(Reason::Dark), 1),
        ("", "", blurred(), Some(Reason::Blurred), 1),
        // Several hold: the first of the list is told.
        (
            "min_side_px = 60",
            "max_width_px = 100",
            night(),
            Some(Reason::Shape),
            1,
        ),
        ("min_side_px = 60", "", night(), Some(Reason::Small), 1),
        // Limits that are switched off.
        ("min_light = 0", "", night(), None, 5),
    ] {
        let judging = judging(vote, shape);
        let mut witness = seen(&vec![picture; 25], BOX, &judging);
        let mut classifier = Counting::default();
        let judged = witness.judge(&mut classifier, &judging).unwrap().unwrap();
        assert_eq!(judged.verdict.reason, reason, "{vote} {shape}");
        assert_eq!(classifier.0, calls, "{vote} {shape}");
    }
}

#[test]
fn dark_views_are_left_out_where_others_are_not() {
    let judging = judging("", "");
    let night = Scene::new(1).car(BOX, [180, 25, 25]).light(0.1).draw();
    // Three of each in turn: each fills its own stretch of time.
    let mut pictures = vec![night; 9];
    pictures.extend(vec![red(); 6]);
    let mut witness = seen(&pictures, BOX, &judging);
    let mut classifier = Counting::default();
    let judged = witness.judge(&mut classifier, &judging).unwrap().unwrap();
    assert_eq!((judged.verdict.colour.as_str(), classifier.0), ("red", 2));
    assert!(judged.frame >= 9);
}

#[test]
fn a_sure_colour_is_told_early_with_few_questions() {
    let judging = judging("early = true\nearly_views = 2\nearly_score = 0.5", "");
    let mut classifier = Counting::default();
    for (frames, firm, calls) in [(3, false, 0), (4, false, 1), (6, false, 1), (7, true, 2)] {
        let mut witness = seen(&vec![red(); frames], BOX, &judging);
        classifier.0 = 0;
        // As in the pipeline: asked again with each frame, answers are kept.
        let judged = witness.judge_early(&mut classifier, &judging).unwrap();
        assert_eq!(judged.is_some(), firm, "after {frames}");
        assert!(
            witness
                .judge_early(&mut classifier, &judging)
                .unwrap()
                .is_none()
        );
        assert_eq!(classifier.0, calls, "after {frames}");
    }
}

#[test]
fn no_more_than_the_kept_views_are_asked_about_early() {
    let judging = judging("early = true\nearly_score = 1.0\nviews = 3", "");
    let mut witness = seen(&vec![red(); 1], BOX, &judging);
    let mut classifier = Counting::default();
    for frame in 1..100u64 {
        let picture = red();
        let moment = Moment {
            picture: picture.view(),
            frame,
            t_ms: frame * 40,
        };
        let sighting = Sighting {
            track: 0,
            // Ever larger: each new view takes an older one's place.
            rect: Rect {
                width: 80 + frame as u32,
                ..BOX
            },
            cut: false,
            shared: false,
        };
        witness.see(&moment, &sighting, sighting.rect, &[], &judging.vote);
        let judged = witness.judge_early(&mut classifier, &judging).unwrap();
        assert!(judged.is_none(), "{judged:?}");
    }
    assert_eq!(classifier.0, 3);
    assert!(witness.judge(&mut classifier, &judging).unwrap().is_some());
    assert!(classifier.0 <= 6, "{}", classifier.0);
}
