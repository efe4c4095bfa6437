//! People on foot and on bicycles, drawn as flat shapes. They are no vehicles: the truth does
//! not list them. Nothing here drives.

use std::f64::consts::TAU;

use fastrand::Rng;
use models::RgbFrame;
use tiny_skia::{
    Color, FillRule, LineCap, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, Transform,
};

use crate::scenario::Scenario;
use crate::scene::SceneSpec;

/// Positions of legs that are drawn.
const PHASES: usize = 8;

/// People a minute.
const PER_MINUTE: f64 = 14.0;

/// One person's way, in units of a 640 by 360 picture.
#[derive(Debug)]
struct Walker {
    start_s: f64,
    end_s: f64,
    /// Column and foot row at the start, and pixels a second.
    from: (f64, f64),
    speed: (f64, f64),
    /// Steps, or turns of the pedals, a second.
    pace: f64,
    phases: Vec<Pixmap>,
}

/// All people of a scene.
#[derive(Debug)]
pub(crate) struct Walkers {
    walkers: Vec<Walker>,
    scale: (f64, f64),
}

/// A person in one frame.
pub(crate) struct Shown<'a> {
    map: &'a Pixmap,
    left: i64,
    /// Row on which the feet are.
    pub foot: f64,
}

impl Walkers {
    /// Plans the people of the scene.
    pub fn plan(spec: &SceneSpec) -> Self {
        let scale = (
            f64::from(spec.width) / 640.0,
            f64::from(spec.height) / 360.0,
        );
        let mut walkers = Vec::new();
        if spec.scene == Scenario::Cyclists {
            let mut rng = Rng::with_seed(spec.seed ^ 0x3a1c_e550);
            let duration_s = spec.duration_ms as f64 / 1000.0;
            let mut at_s = 0.0;
            loop {
                at_s += -(1.0 - rng.f64()).ln() * 60.0 / PER_MINUTE;
                if at_s > duration_s {
                    break;
                }
                walkers.push(Walker::new(&mut rng, at_s, scale));
            }
        }
        Self { walkers, scale }
    }

    /// The people to be seen, in order of setting out.
    pub fn at(&self, time_s: f64) -> impl Iterator<Item = Shown<'_>> {
        let scale = self.scale;
        let out = move |walker: &&Walker| (walker.start_s..walker.end_s).contains(&time_s);
        self.walkers.iter().filter(out).map(move |walker| {
            let since = time_s - walker.start_s;
            let phase = (since * walker.pace * PHASES as f64) as usize % PHASES;
            let map = &walker.phases[phase];
            let x = (walker.from.0 + walker.speed.0 * since) * scale.0;
            let foot = (walker.from.1 + walker.speed.1 * since) * scale.1;
            Shown {
                map,
                left: (x - f64::from(map.width()) / 2.0).round() as i64,
                foot,
            }
        })
    }
}

impl Walker {
    fn new(rng: &mut Rng, start_s: f64, scale: (f64, f64)) -> Self {
        let right = rng.bool();
        let sign = if right { 1.0 } else { -1.0 };
        let edge = if right { -40.0 } else { 680.0 };
        let (cycles, from, speed, metre) = match rng.u8(..10) {
            0..=3 => {
                // On the pavement beyond the road, or on the near verge.
                let (row, metre) = if rng.u8(..4) > 0 {
                    (172.0 + 14.0 * rng.f64(), 29.0)
                } else {
                    (352.0, 46.0)
                };
                let pace = metre * (1.1 + 0.6 * rng.f64());
                (false, (edge, row), (sign * pace, 0.0), metre)
            }
            4 => {
                // Across the road.
                let x = 120.0 + 400.0 * rng.f64();
                (false, (x, 184.0), (4.0 * sign, 22.0), 33.0)
            }
            _ => {
                let (row, metre, sign) = if rng.bool() {
                    (209.0, 29.5, -1.0)
                } else {
                    (330.0, 45.0, 1.0)
                };
                let edge = if sign > 0.0 { -60.0 } else { 700.0 };
                let pace = metre * (3.5 + 2.5 * rng.f64());
                (true, (edge, row), (sign * pace, 0.0), metre)
            }
        };
        let across_s = 760.0 / f64::abs(speed.0);
        let down_s = if speed.1 > 0.0 {
            (352.0 - from.1) / speed.1
        } else {
            f64::INFINITY
        };
        let coat = [30 + rng.u8(..190), 30 + rng.u8(..170), 30 + rng.u8(..190)];
        let facing = if speed.0 < 0.0 { -1.0 } else { 1.0 };
        let size = (metre * scale.0, metre * scale.1);
        let draw = |phase: usize| {
            let turn = TAU * phase as f64 / PHASES as f64;
            person(cycles, turn as f32, facing, size, coat)
        };
        Self {
            start_s,
            end_s: start_s + across_s.min(down_s),
            from,
            speed,
            pace: if cycles { 1.2 } else { 0.9 },
            phases: (0..PHASES).map(draw).collect(),
        }
    }
}

/// A person of 1.75 m in pixels; `size` is a metre across and down.
fn person(cycles: bool, turn: f32, facing: f32, size: (f64, f64), coat: [u8; 3]) -> Pixmap {
    let (wide, high) = if cycles { (2.0, 1.8) } else { (0.9, 1.8) };
    let width = (wide * size.0).ceil().max(4.0) as u32;
    let height = (high * size.1).ceil().max(4.0) as u32;
    let mut map = Pixmap::new(width, height).expect("a person has pixels");
    // Metres, x ahead and y up from the middle of the feet.
    let place = Transform::from_row(
        facing * size.0 as f32,
        0.0,
        0.0,
        -(size.1 as f32),
        width as f32 / 2.0,
        height as f32,
    );
    let dark = [42, 40, 46];
    let mut stroke = |points: &[(f32, f32)], thick: f32, rgb: [u8; 3]| {
        if let Some(path) = line(points) {
            let stroke = Stroke {
                width: thick,
                line_cap: LineCap::Round,
                ..Stroke::default()
            };
            map.stroke_path(&path, &plain(rgb), &stroke, place, None);
        }
    };
    let swing = turn.sin();
    let (hip, neck, head) = if cycles {
        for x in [-0.52, 0.52] {
            let rim: Vec<(f32, f32)> = (0..=16)
                .map(|i| (i as f32 / 16.0 * TAU as f32).sin_cos())
                .map(|(sin, cos)| (x + 0.32 * cos, 0.34 + 0.32 * sin))
                .collect();
            stroke(&rim, 0.04, [28, 28, 30]);
        }
        let frame = [
            (-0.52, 0.34),
            (-0.12, 0.36),
            (0.36, 0.8),
            (-0.2, 0.82),
            (-0.12, 0.36),
        ];
        stroke(&frame, 0.05, [120, 40, 44]);
        stroke(&[(0.52, 0.34), (0.36, 0.95)], 0.05, [120, 40, 44]);
        for half in [0.0, std::f32::consts::PI] {
            let (sin, cos) = (turn + half).sin_cos();
            let foot = (-0.12 + 0.16 * cos, 0.36 + 0.16 * sin);
            stroke(&[(-0.24, 0.95), (0.1, 0.72), foot], 0.13, dark);
        }
        ((-0.24, 0.95), (0.08, 1.4), (0.14, 1.58))
    } else {
        for side in [1.0, -1.0] {
            stroke(&[(0.0, 0.85), (0.3 * swing * side, 0.04)], 0.14, dark);
        }
        ((0.0, 0.85), (0.02, 1.38), (0.03, 1.6))
    };
    stroke(&[hip, neck], 0.3, coat);
    let hand = if cycles {
        (0.4, 0.98)
    } else {
        (0.22 * swing, 0.82)
    };
    stroke(&[neck, hand], 0.1, coat);
    let face = Rect::from_xywh(head.0 - 0.1, head.1 - 0.12, 0.2, 0.24);
    if let Some(face) = face.and_then(PathBuilder::from_oval) {
        let skin = plain([176, 138, 116]);
        map.fill_path(&face, &skin, FillRule::Winding, place, None);
    }
    map
}

fn line(points: &[(f32, f32)]) -> Option<Path> {
    let mut path = PathBuilder::new();
    for (index, (x, y)) in points.iter().enumerate() {
        if index == 0 {
            path.move_to(*x, *y);
        } else {
            path.line_to(*x, *y);
        }
    }
    path.finish()
}

fn plain([r, g, b]: [u8; 3]) -> Paint<'static> {
    let mut paint = Paint {
        anti_alias: true,
        ..Paint::default()
    };
    paint.set_color(Color::from_rgba8(r, g, b, 255));
    paint
}

impl Shown<'_> {
    /// Lays the person over the frame.
    pub fn lay(&self, frame: &mut RgbFrame) {
        let (width, height) = (i64::from(frame.width()), i64::from(frame.height()));
        let top = self.foot.round() as i64 - i64::from(self.map.height());
        for (index, pixel) in self.map.pixels().iter().enumerate() {
            let x = self.left + index as i64 % i64::from(self.map.width());
            let y = top + index as i64 / i64::from(self.map.width());
            if pixel.alpha() == 0 || !(0..width).contains(&x) || !(0..height).contains(&y) {
                continue;
            }
            let at = (y * width + x) as usize * 3;
            let rgb = [pixel.red(), pixel.green(), pixel.blue()];
            let free = 255 - u32::from(pixel.alpha());
            for (value, over) in frame.data_mut()[at..at + 3].iter_mut().zip(rgb) {
                let under = u32::from(*value) * free / 255;
                *value = (under + u32::from(over)).min(255) as u8;
            }
        }
    }
}
