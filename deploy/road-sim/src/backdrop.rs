//! The empty road: sky, houses, trees, wall, pavement, asphalt and markings, drawn once, and
//! how much of the light reaches a vehicle in each column of each lane. Nothing that moves.
//!
//! Drawn in units of a 640 by 360 picture and scaled to the picture asked for.

mod canvas;
mod scenery;
mod shade;

use fastrand::Rng;
use models::RgbFrame;

use self::canvas::Canvas;
use self::shade::{Shade, shaded};
use crate::field::{grain, rough};
use crate::scene::{Light, SceneSpec};

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
        let shade = Shade::new(&mut rng.fork(), spec);
        let mut canvas = Canvas::new(spec);
        scenery::sky(&mut canvas, spec.light);
        scenery::houses(&mut canvas, &mut rng);
        scenery::trees(&mut canvas, &mut rng);
        scenery::wall(&mut canvas, &mut rng);
        scenery::ground(&mut canvas);
        scenery::markings(&mut canvas);
        scenery::furniture(&mut canvas, &mut rng);
        let picture = finish(&canvas, spec, &shade, rng.u32(..));
        Self {
            picture,
            lit: spec.lanes().map(|lane| shade.along(spec, lane.ground_row)),
        }
    }
}

/// Adds texture and shade, and drops the coverage, which is full.
fn finish(canvas: &Canvas, spec: &SceneSpec, shade: &Shade, seed: u32) -> RgbFrame {
    let (width, height) = (canvas.map.width(), canvas.map.height());
    let mut data = Vec::with_capacity((width * height * 3) as usize);
    for (index, pixel) in canvas.map.pixels().iter().enumerate() {
        let (column, row) = (index as u32 % width, index as u32 / width);
        let x = column as f32 * 640.0 / spec.width as f32;
        let y = row as f32 * 360.0 / spec.height as f32;
        let amount = texture(x, y, (column, row), seed);
        let warm = if spec.light == Light::Sun {
            [1.05, 1.01, 0.94]
        } else {
            [0.93, 0.94, 0.96]
        };
        let left = if y > rows::PAVEMENT {
            shaded(shade.at(x, y))
        } else {
            [1.0; 3]
        };
        for (channel, value) in [pixel.red(), pixel.green(), pixel.blue()]
            .into_iter()
            .enumerate()
        {
            let value = (f32::from(value) * warm[channel] + amount) * left[channel];
            data.push((value + 0.5).clamp(0.0, 255.0) as u8);
        }
    }
    RgbFrame::new(width, height, data).expect("three bytes were written for each pixel")
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
