//! Whether a crop's pixels can show a colour at all: is there light, are there edges. Integer
//! sums and plain arithmetic, the same on every machine. Knows nothing of vehicles.

use models::{RgbFrame, RgbView};

use crate::event::Reason;
use crate::vote::VoteConfig;

/// The crop is measured in this many columns, so that neither its size nor sensor noise counts.
const COLUMNS: usize = 24;

/// A picture whose mean brightness is below this, 0 to 255, was taken by night.
const NIGHT_LUMA: u64 = 60;

/// Of the whole picture every so many rows and columns are looked at.
const STRIDE: usize = 8;

/// Under street lamps a camera's 8-bit values are about half of those by day.
const NIGHT_GAIN: f32 = 2.0;

/// What a crop's pixels are like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fitness {
    /// A quarter of the pixels is brighter, 0 to 255. Not the mean, which a black body lowers,
    /// and not the brightest, which may be a headlight.
    pub light: u8,
    /// Height of the steepest steps between neighbouring columns (a twentieth is steeper), as
    /// a share of the crop's range of brightness.
    pub sharpness: f32,
}

impl Fitness {
    /// Measures a crop.
    pub fn of(view: RgbView<'_>) -> Self {
        Self {
            light: upper_quartile(view),
            sharpness: steepness(view),
        }
    }

    /// Why no colour can be told from it.
    pub fn flaw(&self, config: &VoteConfig) -> Option<Reason> {
        if u32::from(self.light) < config.min_light {
            Some(Reason::Dark)
        } else if self.sharpness < config.min_sharpness_share {
            Some(Reason::Blurred)
        } else {
            None
        }
    }
}

/// Whether the whole picture is dark.
pub fn is_dim(picture: RgbView<'_>) -> bool {
    let (mut sum, mut count) = (0u64, 0u64);
    for y in (0..picture.height()).step_by(STRIDE) {
        for pixel in picture.row(y).chunks_exact(3).step_by(STRIDE) {
            sum += u64::from(luma(pixel) >> 8);
            count += 1;
        }
    }
    sum < NIGHT_LUMA * count
}

/// A view by night as it might be in enough light.
pub fn brightened(view: RgbView<'_>) -> RgbFrame {
    let mut frame = view.to_frame();
    for value in frame.data_mut() {
        *value = (f32::from(*value) * NIGHT_GAIN).min(255.0) as u8;
    }
    frame
}

/// BT.601 luma in 256ths.
fn luma(pixel: &[u8]) -> u32 {
    77 * u32::from(pixel[0]) + 150 * u32::from(pixel[1]) + 29 * u32::from(pixel[2])
}

fn upper_quartile(view: RgbView<'_>) -> u8 {
    let mut histogram = [0u32; 256];
    for y in 0..view.height() {
        for pixel in view.row(y).chunks_exact(3) {
            histogram[(luma(pixel) >> 8) as usize & 255] += 1;
        }
    }
    let pixels = view.width() * view.height();
    let mut above = 0;
    for (value, count) in (0..=u8::MAX).zip(&histogram).rev() {
        above += count;
        if above * 4 >= pixels {
            return value;
        }
    }
    0
}

fn steepness(view: RgbView<'_>) -> f32 {
    let (width, height) = (view.width() as usize, view.height() as usize);
    // A column of one pixel would show the sensor's noise.
    let across = COLUMNS.min(width / 2).max(2);
    let down = (across * height / width).max(2);
    let mut cells = vec![(0u64, 0u64); across * down];
    for y in 0..height {
        let row = y * down / height * across;
        for (x, pixel) in view.row(y as u32).chunks_exact(3).enumerate() {
            let cell = &mut cells[row + x * across / width];
            cell.0 += u64::from(luma(pixel));
            cell.1 += 256;
        }
    }
    let mut means: Vec<f32> = cells
        .iter()
        .map(|(sum, count)| *sum as f32 / (*count).max(1) as f32)
        .collect();
    let mut steps: Vec<f32> = means
        .chunks_exact(across)
        .flat_map(|row| row.windows(2).map(|pair| (pair[0] - pair[1]).abs()))
        .collect();
    let range = ranked(&mut means, 0.95) - ranked(&mut means, 0.05);
    ranked(&mut steps, 0.95) / range.max(1.0)
}

/// The value below which the share lies.
fn ranked(values: &mut [f32], share: f32) -> f32 {
    values.sort_by(f32::total_cmp);
    let last = values.len().saturating_sub(1);
    values
        .get((last as f32 * share) as usize)
        .copied()
        .unwrap_or(0.0)
}

#[cfg(test)]
mod tests;
