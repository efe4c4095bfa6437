//! Rain: streaks that are elsewhere in every frame, and a wet road, darker, with dim mirror
//! images of what stands on it.

use fastrand::Rng;
use models::RgbFrame;

use crate::scene::SceneSpec;

/// Streaks in one frame of 640 by 360 pixels.
const STREAKS: usize = 220;

/// Share of light that a wet road mirrors straight below a vehicle.
pub(crate) const MIRRORED: f32 = 0.22;

/// The rain of one scene.
#[derive(Debug)]
pub(crate) struct Rain {
    seed: u64,
}

impl Rain {
    /// Rain that the scene's seed decides.
    pub fn new(spec: &SceneSpec) -> Self {
        Self {
            seed: spec.seed ^ 0x7a14_0bad,
        }
    }

    /// Draws the streaks of the frame `index`.
    pub fn apply(&self, frame: &mut RgbFrame, index: u64) {
        let mut rng = Rng::with_seed(self.seed.wrapping_add(index.wrapping_mul(0x51_7cc1)));
        let (width, height) = (frame.width() as i64, frame.height() as i64);
        let unit = height as f32 / 360.0;
        for _ in 0..STREAKS {
            let (x, y) = (rng.i64(0..width), rng.i64(-20..height));
            let length = ((8.0 + 16.0 * rng.f32()) * unit) as i64;
            let strength = 24 + rng.i32(0..40);
            for step in 0..length {
                let (x, y) = (x - step / 6, y + step);
                if !(0..width).contains(&x) || !(0..height).contains(&y) {
                    continue;
                }
                let at = (y * width + x) as usize * 3;
                for value in &mut frame.data_mut()[at..at + 3] {
                    let v = i32::from(*value);
                    *value = (v + (214 - v) * strength / 256) as u8;
                }
            }
        }
    }
}

/// Makes the ground below `from_row` wet: darker, with the picture above it in it.
pub(crate) fn wet(picture: &mut RgbFrame, from_row: u32) {
    let dry = picture.clone();
    let width = picture.width();
    for y in from_row..picture.height() {
        let above = from_row.saturating_sub((y - from_row) + 1);
        let fades = 0.30 - 0.20 * (y - from_row) as f32 / (picture.height() - from_row) as f32;
        for x in 0..width {
            let (ground, mirror) = (dry.view().pixel(x, y), dry.view().pixel(x, above));
            let at = (y * width + x) as usize * 3;
            for channel in 0..3 {
                let value = f32::from(ground[channel]) * 0.66 * (1.0 - fades)
                    + f32::from(mirror[channel]) * fades;
                picture.data_mut()[at + channel] = value as u8;
            }
        }
    }
}
