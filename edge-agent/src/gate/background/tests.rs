//! Single cells and small grids seen for a while.

use super::super::cells::Cell;
use super::*;

const CALM: State<'static> = State {
    flooded: false,
    held: &[false; 64],
    swaying: false,
};

const TOLERANCE: Tolerance = Tolerance {
    luma: 10.0,
    chroma: 6.0,
    texture: 6.0,
    shadow_share: 0.4,
    night: None,
};

fn grid(luma: f32, red: f32) -> Cells {
    let cell = Cell {
        luma,
        red,
        blue: 0.0,
        texture: 2.0,
    };
    Cells {
        across: 1,
        down: 1,
        cells: vec![cell],
    }
}

/// What a single cell is called after `road` was seen for a while and then `now`.
fn after_road(now: Cells) -> Seen {
    let mut background = Background::new(TOLERANCE, 10_000.0);
    for frame in 0..100 {
        background.observe(&grid(100.0, 0.0), frame * 40, CALM);
    }
    // One cell alone would be taken for a change of the light of the whole scene.
    background.models[0].judge(&now.cells[0], &TOLERANCE).0
}

#[test]
fn by_night_more_light_is_told_from_other_surfaces_and_nothing_is_a_shadow() {
    let mut background = Background::new(TOLERANCE, 60_000.0);
    let road = |luma: f32, red: f32, texture: f32| {
        let mut grid = grid(luma, red);
        grid.cells[0].texture = texture;
        grid
    };
    for frame in 0..110 {
        background.observe(&road(40.0, 0.0, 4.0), frame * 40, CALM);
    }
    let night = background.night(&background.usual_luma());
    assert!(night.is_some_and(|night| !night.shadows), "{night:?}");
    let tolerance = Tolerance { night, ..TOLERANCE };
    for (luma, red, texture, expected) in [
        (43.0, 0.0, 4.0, Seen::Background),
        (120.0, 4.0, 5.0, Seen::Lit),
        // A warm lamp, a red body, the edge of a body, a dark body.
        (120.0, 14.0, 5.0, Seen::Lit),
        (120.0, 50.0, 4.0, Seen::Foreground),
        (120.0, 0.0, 16.0, Seen::Foreground),
        (20.0, 0.0, 4.0, Seen::Foreground),
    ] {
        let cell = road(luma, red, texture).cells[0];
        let told = background.models[0].judge(&cell, &tolerance).0;
        assert_eq!(told, expected, "luma {luma} red {red} texture {texture}");
    }
    // By day the same is something else.
    let lit = road(120.0, 4.0, 5.0).cells[0];
    let by_day = background.models[0].judge(&lit, &TOLERANCE).0;
    assert_eq!(by_day, Seen::Foreground);
}

#[test]
fn tells_road_shadow_and_car_apart() {
    for (luma, red, expected) in [
        (104.0, 0.0, Seen::Background),
        (60.0, 0.0, Seen::Shadow),
        (20.0, 0.0, Seen::Foreground),
        (60.0, 30.0, Seen::Foreground),
        (112.0, 0.0, Seen::Doubtful),
        (200.0, 0.0, Seen::Foreground),
    ] {
        assert_eq!(
            after_road(grid(luma, red)),
            expected,
            "luma {luma} red {red}"
        );
    }
}

#[test]
fn a_thing_that_stays_becomes_background_and_the_road_is_remembered() {
    let mut background = Background::new(TOLERANCE, 10_000.0);
    let mut t_ms = 0;
    let mut show = |background: &mut Background, red: f32, frames: u32| {
        let mut last = Seen::Background;
        for _ in 0..frames {
            t_ms += 40;
            last = background.observe(&grid(100.0, red), t_ms, CALM)[0];
        }
        last
    };
    show(&mut background, 0.0, 500);
    assert_eq!(
        show(&mut background, 60.0, 25),
        Seen::Foreground,
        "after a second"
    );
    assert_eq!(
        show(&mut background, 60.0, 2000),
        Seen::Background,
        "after 80 seconds"
    );
    // The road comes back: its share has faded, yet it is learned again as fast as any.
    show(&mut background, 0.0, 1);
    assert_eq!(show(&mut background, 0.0, 2000), Seen::Background);
}

#[test]
fn another_exposure_is_not_foreground() {
    let cells: Vec<Cell> = (0..64)
        .map(|i| Cell {
            luma: 60.0 + i as f32,
            red: 0.0,
            blue: 0.0,
            texture: 2.0,
        })
        .collect();
    let bright = cells.iter().map(|cell| cell.in_light(1.4)).collect();
    let mut background = Background::new(TOLERANCE, 10_000.0);
    for frame in 0..50 {
        let grid = Cells {
            across: 8,
            down: 8,
            cells: cells.clone(),
        };
        background.observe(&grid, frame * 40, CALM);
    }
    let seen = background.observe(
        &Cells {
            across: 8,
            down: 8,
            cells: bright,
        },
        2000,
        CALM,
    );
    assert!(seen.iter().all(|seen| *seen == Seen::Background));
}

/// A grid of 8 by 8 road cells, all in that light but for the first row, which shows `first`.
fn road(light: f32, first: f32) -> Cells {
    let cells = (0..64).map(|index| Cell {
        luma: if index < 8 {
            first
        } else {
            (60.0 + index as f32) * light
        },
        texture: 2.0 * light,
        ..Cell::default()
    });
    Cells {
        across: 8,
        down: 8,
        cells: cells.collect(),
    }
}

#[test]
fn light_that_changes_by_small_steps_on_a_part_is_followed_and_a_large_step_is_not() {
    let mut background = Background::new(TOLERANCE, 10_000.0);
    let mut t_ms = 0;
    let mut show = |first: f32| {
        t_ms += 40;
        background.observe(&road(1.0, first), t_ms, CALM)[0]
    };
    for _ in 0..100 {
        show(80.0);
    }
    // Brighter by half within a second: more than is tolerated at once.
    for step in 0..25 {
        let luma = 80.0 + 1.6 * step as f32;
        assert_eq!(show(luma), Seen::Background, "step {step}");
    }
    assert_eq!(show(200.0), Seen::Foreground);
}

#[test]
fn a_frame_after_a_gap_is_one_look() {
    let mut background = Background::new(TOLERANCE, 10_000.0);
    for frame in 0..250 {
        background.observe(&road(1.0, 80.0), frame * 40, CALM);
    }
    let after = 250 * 40 + 3_600_000;
    let seen = background.observe(&road(1.0, 230.0), after, CALM);
    assert_eq!(seen[0], Seen::Foreground);
    // The hour's only look at it did not make it the usual scene.
    let seen = background.observe(&road(1.0, 230.0), after + 40, CALM);
    assert_eq!(seen[0], Seen::Foreground);
}

#[test]
fn what_is_held_stays_and_what_is_adopted_is_scene_at_once() {
    let mut background = Background::new(TOLERANCE, 10_000.0);
    for frame in 0..100 {
        background.observe(&road(1.0, 80.0), frame * 40, CALM);
    }
    let mut held = [false; 64];
    held[..8].fill(true);
    let state = State {
        held: &held,
        ..CALM
    };
    let parked = road(1.0, 230.0);
    for frame in 100..1600 {
        let seen = background.observe(&parked, frame * 40, state);
        assert_eq!(seen[0], Seen::Foreground, "frame {frame}");
    }
    background.adopt(&parked, 0..8);
    let seen = background.observe(&parked, 1600 * 40, CALM);
    assert_eq!(seen[0], Seen::Background);
    // It leaves: the road is still known.
    let seen = background.observe(&road(1.0, 80.0), 1601 * 40, CALM);
    assert_eq!(seen[0], Seen::Background);
}

/// The beam of one vehicle lights most of the road's right part: nothing beside it is darker.
#[test]
fn by_night_a_lamp_makes_nothing_beside_it_foreground() {
    let (across, down) = (40, 30);
    let road = |lit: bool| Cells {
        across,
        down,
        cells: (0..across * down)
            .map(|at| {
                let in_beam = lit && at % across > 24 && at / across > 12;
                Cell {
                    luma: if in_beam { 80.0 } else { 40.0 },
                    texture: 3.0,
                    ..Cell::default()
                }
            })
            .collect(),
    };
    let state = State {
        held: &vec![false; across * down],
        ..CALM
    };
    let mut background = Background::new(TOLERANCE, 60_000.0);
    for frame in 0..400 {
        background.observe(&road(false), frame * 40, state);
    }
    let seen = background.observe(&road(true), 400 * 40, state);
    let count = |what: Seen| seen.iter().filter(|seen| **seen == what).count();
    assert_eq!(count(Seen::Lit), 15 * 17);
    assert_eq!(count(Seen::Background), across * down - 15 * 17);
}
