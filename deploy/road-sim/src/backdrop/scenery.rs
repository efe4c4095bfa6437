//! What stands in the scene, as flat shapes from back to front. No texture and no shade.

use fastrand::Rng;

use super::canvas::Canvas;
use super::rows;
use crate::scene::Light;

/// Sky, and woods in the distance.
pub(super) fn sky(canvas: &mut Canvas, light: Light) {
    let (upper, lower) = match light {
        Light::Sun => ([126, 170, 222], [196, 216, 234]),
        Light::Overcast => ([196, 202, 210], [216, 219, 222]),
    };
    canvas.gradient((0.0, rows::HORIZON), upper, lower);
    // Distance: blue-green woods above the wall.
    canvas.gradient(
        (rows::HORIZON - 22.0, rows::WALL),
        [128, 146, 140],
        [92, 110, 88],
    );
    for hill in 0..16 {
        let x = hill as f32 * 44.0 - 10.0;
        let rise = 7.0 + 6.0 * (x * 0.37).sin();
        canvas.oval((x, rows::HORIZON - 21.0, 30.0, rise), [124, 143, 137], 255);
    }
    if light == Light::Sun {
        for (x, y, rx) in [(210.0, 10.0, 60.0), (250.0, 16.0, 50.0), (470.0, 7.0, 44.0)] {
            canvas.oval((x, y, rx, 6.0), [246, 248, 250], 120);
        }
    }
}

/// A row of houses with differing fronts.
pub(super) fn houses(canvas: &mut Canvas, rng: &mut Rng) {
    const FRONTS: [[u8; 3]; 6] = [
        [172, 122, 98],
        [204, 190, 164],
        [186, 152, 126],
        [214, 208, 196],
        [158, 142, 128],
        [196, 176, 142],
    ];
    const ROOFS: [[u8; 3]; 3] = [[112, 74, 62], [84, 84, 90], [98, 82, 74]];
    let mut x = -40.0 * rng.f32();
    while x < 640.0 {
        let width = 70.0 + 60.0 * rng.f32();
        let eaves = 34.0 + 16.0 * rng.f32();
        let front = FRONTS[rng.usize(..FRONTS.len())];
        let roof = ROOFS[rng.usize(..ROOFS.len())];
        canvas.rect((x, eaves, width, rows::WALL - eaves), front);
        let ridge = eaves - 20.0 - 8.0 * rng.f32();
        canvas.polygon(
            &[
                (x - 3.0, eaves),
                (x + 10.0, ridge),
                (x + width - 10.0, ridge),
                (x + width + 3.0, eaves),
            ],
            roof,
            255,
        );
        canvas.line(
            &[(x - 3.0, eaves), (x + width + 3.0, eaves)],
            2.0,
            [226, 222, 214],
            255,
        );
        let bays = (width / 26.0) as usize;
        let pitch = width / bays as f32;
        for bay in 0..bays {
            let left = x + pitch * (bay as f32 + 0.5) - 6.0;
            for top in [eaves + 12.0, eaves + 46.0] {
                canvas.rect((left - 1.5, top - 1.5, 15.0, 21.0), [232, 230, 224]);
                canvas.rect((left, top, 12.0, 18.0), [72, 84, 98]);
                canvas.rect((left, top, 12.0, 6.0), [116, 134, 152]);
                canvas.rect((left + 5.4, top, 1.2, 18.0), [226, 224, 218]);
            }
        }
        x += width + if rng.u8(..3) == 0 { 26.0 } else { 0.0 };
    }
}

/// Trees between the houses and the wall.
pub(super) fn trees(canvas: &mut Canvas, rng: &mut Rng) {
    let mut x = 10.0 + 70.0 * rng.f32();
    while x < 640.0 {
        let (y, size) = (84.0 + 12.0 * rng.f32(), 26.0 + 12.0 * rng.f32());
        tree(canvas, rng, x, y, size, rows::WALL);
        x += 110.0 + 120.0 * rng.f32();
    }
}

/// A tree: a trunk down to `foot`, and a crown of leaf clumps, dark below and light above.
fn tree(canvas: &mut Canvas, rng: &mut Rng, x: f32, y: f32, size: f32, foot: f32) {
    canvas.polygon(
        &[
            (x - size * 0.09, foot),
            (x - size * 0.05, y),
            (x + size * 0.05, y),
            (x + size * 0.1, foot),
        ],
        [86, 70, 56],
        255,
    );
    let green = [60 + rng.u8(..26), 92 + rng.u8(..26), 44 + rng.u8(..16)];
    for layer in 0..3 {
        let share = layer as f32 / 2.0;
        let count = 22 - 4 * layer;
        for _ in 0..count {
            let angle = std::f32::consts::TAU * rng.f32();
            let reach = size * rng.f32().sqrt() * (0.9 - 0.25 * share);
            let clump = size * (0.20 + 0.12 * rng.f32());
            let cx = x + angle.cos() * reach * 1.05 - size * 0.12 * share;
            let cy = y - size * (0.25 + 0.22 * share) + angle.sin() * reach * 0.85;
            let bright = 0.62 + 0.30 * share + 0.10 * rng.f32();
            let tone = green.map(|v| (f32::from(v) * bright) as u8);
            canvas.oval((cx, cy, clump, clump * 0.8), tone, 235);
        }
    }
}

/// A brick wall or a hedge behind the pavement.
pub(super) fn wall(canvas: &mut Canvas, rng: &mut Rng) {
    let brick = rng.bool();
    let (upper, lower) = if brick {
        ([150, 108, 90], [122, 86, 72])
    } else {
        ([84, 104, 62], [54, 70, 44])
    };
    canvas.gradient((rows::WALL, rows::PAVEMENT), upper, lower);
    if brick {
        let mut y = rows::WALL + 5.0;
        while y < rows::PAVEMENT {
            canvas.line(&[(0.0, y), (640.0, y)], 0.6, [176, 160, 146], 130);
            y += 5.0;
        }
        canvas.rect((0.0, rows::WALL - 3.0, 640.0, 4.0), [188, 182, 170]);
    } else {
        for _ in 0..420 {
            let (x, y) = (640.0 * rng.f32(), rows::WALL - 3.0 + 30.0 * rng.f32());
            let bright = 0.7 + 0.6 * rng.f32() * (1.0 - (y - rows::WALL) / 60.0);
            let tone = [74.0, 98.0, 54.0].map(|v: f32| (v * bright) as u8);
            canvas.oval((x, y, 4.0 + 4.0 * rng.f32(), 3.0), tone, 200);
        }
    }
    canvas.line(
        &[(0.0, rows::PAVEMENT), (640.0, rows::PAVEMENT)],
        2.0,
        [60, 56, 52],
        150,
    );
}

/// Pavement, kerbs, asphalt and verge.
pub(super) fn ground(canvas: &mut Canvas) {
    canvas.gradient(
        (rows::PAVEMENT, rows::KERB),
        [166, 162, 156],
        [178, 175, 169],
    );
    for y in [166.0, 176.0] {
        canvas.line(&[(0.0, y), (640.0, y)], 0.8, [138, 134, 128], 150);
    }
    for slab in 0..28 {
        let x = slab as f32 * 24.0 - 8.0;
        canvas.line(
            &[(x + 4.0, rows::PAVEMENT), (x - 3.0, rows::KERB)],
            0.8,
            [138, 134, 128],
            150,
        );
    }
    canvas.rect((0.0, rows::KERB, 640.0, 4.0), [196, 193, 187]);
    canvas.rect((0.0, rows::KERB + 4.0, 640.0, 3.0), [120, 117, 113]);
    canvas.gradient(
        (rows::ASPHALT, rows::NEAR_KERB),
        [116, 115, 115],
        [104, 104, 106],
    );
    canvas.rect((0.0, rows::NEAR_KERB - 3.0, 640.0, 4.0), [82, 81, 80]);
    canvas.rect((0.0, rows::NEAR_KERB, 640.0, 6.0), [190, 187, 181]);
    canvas.gradient((rows::VERGE, 360.0), [92, 112, 58], [78, 98, 48]);
}

/// Lines, the hatched strip, a patch and a manhole cover.
pub(super) fn markings(canvas: &mut Canvas) {
    let white = [214, 213, 208];
    canvas.rect((0.0, 204.0, 640.0, 1.8), white);
    canvas.rect((0.0, 336.0, 640.0, 3.0), white);
    // A hatched strip parts the lanes.
    canvas.rect((0.0, 251.0, 640.0, 2.2), white);
    canvas.rect((0.0, 277.0, 640.0, 2.8), white);
    for stripe in 0..12 {
        let x = stripe as f32 * 60.0 - 30.0;
        canvas.polygon(
            &[
                (x, 275.0),
                (x + 9.0, 275.0),
                (x + 41.0, 255.0),
                (x + 33.0, 255.0),
            ],
            white,
            225,
        );
    }
    // A patch and a manhole.
    canvas.polygon(
        &[
            (404.0, 208.0),
            (470.0, 208.0),
            (466.0, 246.0),
            (396.0, 246.0),
        ],
        [92, 92, 94],
        90,
    );
    canvas.oval((232.0, 291.0, 15.0, 4.6), [74, 73, 73], 255);
    canvas.oval((232.0, 290.4, 12.6, 3.6), [92, 91, 90], 255);
}

/// A lamp post, a tree and a bin on the pavement.
pub(super) fn furniture(canvas: &mut Canvas, rng: &mut Rng) {
    let side = if rng.bool() { 1.0 } else { -1.0 };
    let post = 320.0 + side * (90.0 + 130.0 * rng.f32());
    canvas.oval((post + 6.0, 187.0, 12.0, 1.6), [70, 68, 66], 110);
    canvas.polygon(
        &[
            (post - 2.2, 187.0),
            (post - 1.3, 14.0),
            (post + 1.3, 14.0),
            (post + 2.2, 187.0),
        ],
        [92, 96, 100],
        255,
    );
    canvas.line(
        &[(post - 0.9, 186.0), (post - 0.6, 16.0)],
        0.8,
        [150, 154, 158],
        255,
    );
    canvas.line(
        &[(post, 15.0), (post - side * 34.0, 8.0)],
        2.2,
        [92, 96, 100],
        255,
    );
    canvas.oval((post - side * 38.0, 9.0, 11.0, 3.0), [78, 82, 86], 255);
    canvas.oval((post - side * 38.0, 11.0, 9.0, 1.4), [236, 234, 222], 255);
    let trunk = 320.0 - side * (120.0 + 120.0 * rng.f32());
    canvas.oval((trunk + 16.0, 184.0, 26.0, 3.0), [60, 60, 58], 110);
    tree(canvas, rng, trunk, 82.0, 54.0, 184.0);
    let bin = trunk + side * 64.0;
    canvas.oval((bin + 4.0, 184.0, 9.0, 1.6), [60, 60, 58], 110);
    canvas.rect((bin - 5.0, 164.0, 10.0, 20.0), [62, 78, 68]);
    canvas.rect((bin - 6.0, 162.0, 12.0, 3.0), [48, 60, 54]);
}
