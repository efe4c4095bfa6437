//! Night: street lamps with pools of light, headlights with their cone on the road, tail lamps.
//! No bodies.

use models::RgbFrame;

use crate::scene::{Lane, SceneSpec};
use crate::truth::Direction;

/// Share of daylight that is left far from a lamp, by channel.
const DARK: [f32; 3] = [0.11, 0.115, 0.14];

/// What a lamp adds straight below it.
const POOL: [f32; 3] = [0.40, 0.37, 0.31];

/// How far a headlight's cone reaches, metres.
const REACH_M: f32 = 9.0;

/// How bright the cone is at its brightest, 8-bit steps.
const BEAM: f32 = 105.0;

/// The cone of one lane's vehicles, as light to add.
#[derive(Debug)]
struct Beam {
    width: i64,
    height: i64,
    light: Vec<u8>,
}

/// All lamps of a scene.
#[derive(Debug)]
pub(crate) struct Lamps {
    beams: [Beam; 2],
}

impl Lamps {
    /// Turns the day's picture, and the light that each lane gets, into night's.
    pub fn darken(spec: &SceneSpec, picture: &mut RgbFrame, lit: &mut [Vec<[u16; 3]>; 2]) -> Self {
        let (across, down) = (640.0 / spec.width as f32, 360.0 / spec.height as f32);
        let width = picture.width() as usize;
        for (index, pixel) in picture.data_mut().chunks_exact_mut(3).enumerate() {
            let x = (index % width) as f32 * across;
            let y = (index / width) as f32 * down;
            let light = lamplight(x, y);
            // Little light, little colour.
            let grey = pixel.iter().map(|v| f32::from(*v)).sum::<f32>() / 3.0;
            for (value, light) in pixel.iter_mut().zip(light) {
                let faded = f32::from(*value) * 0.6 + grey * 0.4;
                *value = (faded * light) as u8;
            }
        }
        for (lane, lit) in spec.lanes().iter().zip(lit) {
            for (column, light) in lit.iter_mut().enumerate() {
                let at = lamplight(column as f32 * across, lane.ground_row * down - 12.0);
                // A lamp above lights roofs and bonnets more than the road's far ends.
                *light = at.map(|share| (share * 1.25 * 256.0) as u16);
            }
        }
        Self {
            beams: spec.lanes().map(|lane| beam(&lane)),
        }
    }

    /// Adds the cone before a vehicle whose leading edge is at the column `front`.
    pub fn shine(&self, frame: &mut RgbFrame, lane: &Lane, front: f64, ground_row: f64) {
        let beam = &self.beams[usize::from(lane.number)];
        let right = lane.direction == Direction::Right;
        let left = if right {
            front as i64
        } else {
            front as i64 - beam.width
        };
        let top = ground_row as i64 - beam.height / 2;
        let (width, height) = (i64::from(frame.width()), i64::from(frame.height()));
        for row in top.max(0)..(top + beam.height).min(height) {
            for column in left.max(0)..(left + beam.width).min(width) {
                let ahead = if right {
                    column - left
                } else {
                    beam.width - 1 - (column - left)
                };
                let light = beam.light[((row - top) * beam.width + ahead) as usize];
                let at = (row * width + column) as usize * 3;
                for (value, share) in frame.data_mut()[at..at + 3].iter_mut().zip([256, 250, 226]) {
                    let add = u16::from(light) * share / 256;
                    *value = (u16::from(*value) + add).min(255) as u8;
                }
            }
        }
    }

    /// Draws the lamps themselves: white ahead, red behind.
    pub fn glow(&self, frame: &mut RgbFrame, lane: &Lane, columns: (f64, f64), ground_row: f64) {
        let metre = f64::from(lane.pixels_per_metre);
        let (front, rear) = match lane.direction {
            Direction::Right => (columns.1 - 0.1 * metre, columns.0 + 0.1 * metre),
            Direction::Left => (columns.0 + 0.1 * metre, columns.1 - 0.1 * metre),
        };
        let row = ground_row - 0.62 * metre;
        spot(frame, (front, row), 0.34 * metre, [255.0, 248.0, 226.0]);
        spot(
            frame,
            (rear, row - 0.12 * metre),
            0.22 * metre,
            [210.0, 24.0, 20.0],
        );
    }
}

/// Light at a place of the 640 by 360 picture, as a share of daylight.
fn lamplight(x: f32, y: f32) -> [f32; 3] {
    let pool: f32 = [90.0f32, 330.0, 570.0]
        .iter()
        .map(|lamp| (-((x - lamp) / 105.0).powi(2) - ((y - 250.0) / 105.0).powi(2)).exp())
        .sum();
    let mut light = DARK;
    for (light, add) in light.iter_mut().zip(POOL) {
        *light += add * pool;
    }
    light
}

fn beam(lane: &Lane) -> Beam {
    let metre = lane.pixels_per_metre;
    // The camera looks down at a flat angle: depth is drawn at a third.
    let depth = metre * 0.33;
    let (width, height) = ((REACH_M * metre) as i64, (5.0 * depth) as i64);
    let mut light = Vec::with_capacity((width * height) as usize);
    for row in 0..height {
        for column in 0..width {
            let ahead = column as f32 / metre;
            let aside = (row - height / 2) as f32 / depth;
            let spread = 0.55 + 0.16 * ahead;
            let across = (-(aside / spread).powi(2)).exp();
            let near = (ahead / 1.2).min(1.0);
            let far = (1.0 - ahead / REACH_M).max(0.0);
            light.push((BEAM * across * near * far) as u8);
        }
    }
    Beam {
        width,
        height,
        light,
    }
}

/// A bright spot with a halo around it.
fn spot(frame: &mut RgbFrame, (x, y): (f64, f64), radius: f64, rgb: [f32; 3]) {
    let (width, height) = (i64::from(frame.width()), i64::from(frame.height()));
    let reach = (radius * 2.0).ceil() as i64;
    let (cx, cy) = (x.round() as i64, y.round() as i64);
    for row in (cy - reach).max(0)..(cy + reach + 1).min(height) {
        for column in (cx - reach).max(0)..(cx + reach + 1).min(width) {
            let (dx, dy) = (column as f64 - x, row as f64 - y);
            let off = (dx * dx + dy * dy) / (radius * radius);
            let share = (-off * 2.0).exp() as f32;
            let at = (row * width + column) as usize * 3;
            for (value, light) in frame.data_mut()[at..at + 3].iter_mut().zip(rgb) {
                *value = (f32::from(*value) + light * share).min(255.0) as u8;
            }
        }
    }
}
