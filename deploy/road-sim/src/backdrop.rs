//! The empty road: sky, houses, trees, wall, pavement, asphalt and markings, drawn once, and
//! how much of the light reaches a vehicle in each column of each lane. Nothing that moves.
//!
//! Drawn in units of a 640 by 360 picture and scaled to the picture asked for.

use fastrand::Rng;
use models::RgbFrame;
use tiny_skia::{
    Color, FillRule, GradientStop, LinearGradient, Paint, PathBuilder, Pixmap, Point, Rect,
    SpreadMode, Stroke, Transform,
};

use crate::field::{grain, rough};
use crate::scene::{Light, SceneSpec};
use crate::vector::smoothstep;

/// Rows of the 640 by 360 picture at which one thing ends and the next begins.
mod rows {
    pub const HORIZON: f32 = 96.0;
    pub const WALL: f32 = 124.0;
    pub const PAVEMENT: f32 = 158.0;
    pub const KERB: f32 = 190.0;
    pub const ASPHALT: f32 = 197.0;
    pub const NEAR_KERB: f32 = 344.0;
    pub const VERGE: f32 = 350.0;
}

/// What stands still.
#[derive(Debug)]
pub(crate) struct Backdrop {
    pub picture: RgbFrame,
    /// For each lane and column the light that a vehicle gets, 256 is all.
    pub lit: [Vec<[u16; 3]>; 2],
}

impl Backdrop {
    /// Draws the scene's backdrop.
    pub fn draw(spec: &SceneSpec) -> Self {
        let mut rng = Rng::with_seed(spec.seed ^ 0x0bac_d209);
        let shade = Shade::new(&mut rng, spec);
        let mut canvas = Canvas::new(spec);
        sky(&mut canvas, spec.light);
        houses(&mut canvas, &mut rng);
        trees(&mut canvas, &mut rng);
        wall(&mut canvas, &mut rng);
        ground(&mut canvas);
        markings(&mut canvas);
        furniture(&mut canvas, &mut rng);
        let picture = canvas.finish(spec, &shade, rng.u32(..));
        Self { picture, lit: spec.lanes().map(|lane| shade.along(spec, lane.ground_row)) }
    }
}

/// The shade of trees on the ground.
struct Shade {
    /// Middle and half axes, in units of the 640 by 360 picture.
    crowns: Vec<(f32, f32, f32, f32)>,
    seed: u32,
}

impl Shade {
    fn new(rng: &mut Rng, spec: &SceneSpec) -> Self {
        let mut crowns = Vec::new();
        if spec.light == Light::Sun {
            let first = 60.0 + 160.0 * rng.f32();
            crowns.push((first, 218.0, 78.0 + 30.0 * rng.f32(), 34.0));
            crowns.push((first + 250.0 + 120.0 * rng.f32(), 318.0, 80.0 + 30.0 * rng.f32(), 46.0));
        }
        Self { crowns, seed: rng.u32(..) }
    }

    /// The share of sunlight lost at a point of the ground, 0 to 1.
    fn at(&self, x: f32, y: f32) -> f32 {
        let mut lit = 1.0;
        for (cx, cy, rx, ry) in &self.crowns {
            let reach = ((x - cx) / rx).hypot((y - cy) / ry);
            let dapple = rough(x / 13.0, y / 5.0, self.seed);
            let inside = 1.0 - smoothstep(0.72, 1.08, reach + (dapple - 0.5) * 0.7);
            let gaps = smoothstep(0.56, 0.68, rough(x / 9.0, y / 4.0, self.seed ^ 77));
            lit *= 1.0 - inside * (1.0 - 0.75 * gaps);
        }
        1.0 - lit
    }

    /// The light that a vehicle in each column of the lane gets. Softened: the shade falls on a
    /// body, not on a line.
    fn along(&self, spec: &SceneSpec, ground_row: f32) -> Vec<[u16; 3]> {
        let (across, down) = (640.0 / spec.width as f32, 360.0 / spec.height as f32);
        (0..spec.width)
            .map(|column| {
                let mut lost = 0.0;
                for dx in -6..=6 {
                    for dy in -2..=2 {
                        let x = (column as f32 + 0.5) * across + dx as f32 * 2.5;
                        lost += self.at(x, ground_row * down + dy as f32 * 5.0);
                    }
                }
                shaded(lost / 65.0).map(|factor| (factor * 256.0) as u16)
            })
            .collect()
    }
}

/// What is left of each channel: skylight is bluer than the sun.
fn shaded(lost: f32) -> [f32; 3] {
    [1.0 - 0.44 * lost, 1.0 - 0.41 * lost, 1.0 - 0.36 * lost]
}

struct Canvas {
    map: Pixmap,
    scale: Transform,
}

impl Canvas {
    fn new(spec: &SceneSpec) -> Self {
        let scale =
            Transform::from_scale(spec.width as f32 / 640.0, spec.height as f32 / 360.0);
        let map = Pixmap::new(spec.width, spec.height);
        // Sizes were checked; one pixel keeps this free of a panic.
        Self { map: map.unwrap_or_else(one_pixel), scale }
    }

    fn fill(&mut self, path: Option<tiny_skia::Path>, paint: &Paint<'_>) {
        if let Some(path) = path {
            self.map.fill_path(&path, paint, FillRule::Winding, self.scale, None);
        }
    }

    fn rect(&mut self, (x, y, width, height): (f32, f32, f32, f32), rgb: [u8; 3]) {
        let path = Rect::from_xywh(x, y, width, height).map(PathBuilder::from_rect);
        self.fill(path, &plain(rgb, 255));
    }

    fn oval(&mut self, (x, y, rx, ry): (f32, f32, f32, f32), rgb: [u8; 3], alpha: u8) {
        let oval = Rect::from_xywh(x - rx, y - ry, 2.0 * rx, 2.0 * ry);
        self.fill(oval.and_then(PathBuilder::from_oval), &plain(rgb, alpha));
    }

    fn polygon(&mut self, points: &[(f32, f32)], rgb: [u8; 3], alpha: u8) {
        let mut path = PathBuilder::new();
        for (index, (x, y)) in points.iter().enumerate() {
            if index == 0 { path.move_to(*x, *y) } else { path.line_to(*x, *y) }
        }
        path.close();
        self.fill(path.finish(), &plain(rgb, alpha));
    }

    fn line(&mut self, points: &[(f32, f32)], width: f32, rgb: [u8; 3], alpha: u8) {
        let mut path = PathBuilder::new();
        for (index, (x, y)) in points.iter().enumerate() {
            if index == 0 { path.move_to(*x, *y) } else { path.line_to(*x, *y) }
        }
        if let Some(path) = path.finish() {
            let stroke = Stroke { width, ..Stroke::default() };
            self.map.stroke_path(&path, &plain(rgb, alpha), &stroke, self.scale, None);
        }
    }

    fn gradient(&mut self, (top, bottom): (f32, f32), upper: [u8; 3], lower: [u8; 3]) {
        let stop = |at, [r, g, b]: [u8; 3]| GradientStop::new(at, Color::from_rgba8(r, g, b, 255));
        let shader = LinearGradient::new(
            Point::from_xy(0.0, top),
            Point::from_xy(0.0, bottom),
            vec![stop(0.0, upper), stop(1.0, lower)],
            SpreadMode::Pad,
            Transform::identity(),
        );
        if let Some(shader) = shader {
            let paint = Paint { shader, anti_alias: true, ..Paint::default() };
            let path = Rect::from_ltrb(0.0, top, 640.0, bottom).map(PathBuilder::from_rect);
            self.fill(path, &paint);
        }
    }

    /// Adds texture and shade, and drops the (full) coverage.
    fn finish(self, spec: &SceneSpec, shade: &Shade, seed: u32) -> RgbFrame {
        let (width, height) = (self.map.width(), self.map.height());
        let mut data = Vec::with_capacity((width * height * 3) as usize);
        for (index, pixel) in self.map.pixels().iter().enumerate() {
            let (column, row) = (index as u32 % width, index as u32 / width);
            let x = column as f32 * 640.0 / spec.width as f32;
            let y = row as f32 * 360.0 / spec.height as f32;
            let amount = texture(x, y, (column, row), seed);
            let warm = if spec.light == Light::Sun { [1.05, 1.01, 0.94] } else { [0.93, 0.94, 0.96] };
            let left = if y > rows::PAVEMENT { shaded(shade.at(x, y)) } else { [1.0; 3] };
            for (channel, value) in [pixel.red(), pixel.green(), pixel.blue()].into_iter().enumerate() {
                let value = (f32::from(value) * warm[channel] + amount) * left[channel];
                data.push((value + 0.5).clamp(0.0, 255.0) as u8);
            }
        }
        match RgbFrame::new(width, height, data) {
            Ok(frame) => frame,
            Err(_) => unreachable!("three bytes were written for each pixel of a checked size"),
        }
    }
}

fn one_pixel() -> Pixmap {
    match Pixmap::new(1, 1) {
        Some(map) => map,
        None => unreachable!("a pixel fits into memory"),
    }
}

fn plain([r, g, b]: [u8; 3], alpha: u8) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color_rgba8(r, g, b, alpha);
    paint
}

/// Brightness that the material's texture adds, 8-bit steps.
fn texture(x: f32, y: f32, (column, row): (u32, u32), seed: u32) -> f32 {
    let blotch = |across: f32, down: f32| rough(x / across, y / down, seed) - 0.5;
    let grain = grain(column, row, seed);
    if y < rows::WALL {
        blotch(5.0, 4.0) * 10.0
    } else if y < rows::PAVEMENT {
        blotch(8.0, 3.0) * 22.0 + grain * 3.0
    } else if y < rows::ASPHALT {
        blotch(30.0, 6.0) * 12.0 + grain * 3.0
    } else if y < rows::NEAR_KERB {
        // Wheels polish two tracks in each lane.
        let tracks: f32 = [222.0, 236.0, 298.0, 320.0]
            .iter()
            .map(|track| (-((y - track) / 4.5f32).powi(2)).exp())
            .sum();
        blotch(90.0, 9.0) * 22.0 + blotch(7.0, 3.0) * 8.0 + grain * 6.0 - tracks * 5.0
    } else if y < rows::VERGE {
        grain * 4.0
    } else {
        blotch(3.0, 5.0) * 46.0 + grain * 10.0
    }
}

fn sky(canvas: &mut Canvas, light: Light) {
    let (upper, lower) = match light {
        Light::Sun => ([126, 170, 222], [196, 216, 234]),
        Light::Overcast => ([196, 202, 210], [216, 219, 222]),
    };
    canvas.gradient((0.0, rows::HORIZON), upper, lower);
    // Distance: blue-green woods above the wall.
    canvas.gradient((rows::HORIZON - 22.0, rows::WALL), [128, 146, 140], [92, 110, 88]);
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

fn houses(canvas: &mut Canvas, rng: &mut Rng) {
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
            &[(x - 3.0, eaves), (x + 10.0, ridge), (x + width - 10.0, ridge), (x + width + 3.0, eaves)],
            roof,
            255,
        );
        canvas.line(&[(x - 3.0, eaves), (x + width + 3.0, eaves)], 2.0, [226, 222, 214], 255);
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

fn trees(canvas: &mut Canvas, rng: &mut Rng) {
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
        &[(x - size * 0.09, foot), (x - size * 0.05, y), (x + size * 0.05, y), (x + size * 0.1, foot)],
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

fn wall(canvas: &mut Canvas, rng: &mut Rng) {
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
    canvas.line(&[(0.0, rows::PAVEMENT), (640.0, rows::PAVEMENT)], 2.0, [60, 56, 52], 150);
}

fn ground(canvas: &mut Canvas) {
    canvas.gradient((rows::PAVEMENT, rows::KERB), [166, 162, 156], [178, 175, 169]);
    for y in [166.0, 176.0] {
        canvas.line(&[(0.0, y), (640.0, y)], 0.8, [138, 134, 128], 150);
    }
    for slab in 0..28 {
        let x = slab as f32 * 24.0 - 8.0;
        canvas.line(&[(x + 4.0, rows::PAVEMENT), (x - 3.0, rows::KERB)], 0.8, [138, 134, 128], 150);
    }
    canvas.rect((0.0, rows::KERB, 640.0, 4.0), [196, 193, 187]);
    canvas.rect((0.0, rows::KERB + 4.0, 640.0, 3.0), [120, 117, 113]);
    canvas.gradient((rows::ASPHALT, rows::NEAR_KERB), [116, 115, 115], [104, 104, 106]);
    canvas.rect((0.0, rows::NEAR_KERB - 3.0, 640.0, 4.0), [82, 81, 80]);
    canvas.rect((0.0, rows::NEAR_KERB, 640.0, 6.0), [190, 187, 181]);
    canvas.gradient((rows::VERGE, 360.0), [92, 112, 58], [78, 98, 48]);
}

fn markings(canvas: &mut Canvas) {
    let white = [214, 213, 208];
    canvas.rect((0.0, 204.0, 640.0, 1.8), white);
    canvas.rect((0.0, 336.0, 640.0, 3.0), white);
    // A hatched strip parts the lanes.
    canvas.rect((0.0, 251.0, 640.0, 2.2), white);
    canvas.rect((0.0, 277.0, 640.0, 2.8), white);
    for stripe in 0..12 {
        let x = stripe as f32 * 60.0 - 30.0;
        canvas.polygon(
            &[(x, 275.0), (x + 9.0, 275.0), (x + 41.0, 255.0), (x + 33.0, 255.0)],
            white,
            225,
        );
    }
    // A patch and a manhole.
    canvas.polygon(&[(404.0, 208.0), (470.0, 208.0), (466.0, 246.0), (396.0, 246.0)], [92, 92, 94], 90);
    canvas.oval((232.0, 291.0, 15.0, 4.6), [74, 73, 73], 255);
    canvas.oval((232.0, 290.4, 12.6, 3.6), [92, 91, 90], 255);
}

fn furniture(canvas: &mut Canvas, rng: &mut Rng) {
    let side = if rng.bool() { 1.0 } else { -1.0 };
    let post = 320.0 + side * (90.0 + 130.0 * rng.f32());
    canvas.oval((post + 6.0, 187.0, 12.0, 1.6), [70, 68, 66], 110);
    canvas.polygon(
        &[(post - 2.2, 187.0), (post - 1.3, 14.0), (post + 1.3, 14.0), (post + 2.2, 187.0)],
        [92, 96, 100],
        255,
    );
    canvas.line(&[(post - 0.9, 186.0), (post - 0.6, 16.0)], 0.8, [150, 154, 158], 255);
    canvas.line(&[(post, 15.0), (post - side * 34.0, 8.0)], 2.2, [92, 96, 100], 255);
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
