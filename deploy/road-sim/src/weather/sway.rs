//! A camera on a mast in the wind: the picture moves by some pixels and fractions of them.

use models::RgbFrame;

use super::waves;
use crate::scenario::Scenario;
use crate::scene::SceneSpec;

/// The sway of one scene.
#[derive(Debug)]
pub(crate) struct Sway {
    seed: u64,
    reach_px: f64,
}

impl Sway {
    /// None but in a scene with wind.
    pub fn of(spec: &SceneSpec) -> Option<Self> {
        let unit = f64::from(spec.width) / 640.0;
        (spec.scene == Scenario::Shake).then(|| Self {
            seed: spec.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            reach_px: 3.0 * unit,
        })
    }

    /// By how much the picture is moved, pixels right and down.
    pub fn offset(&self, time_s: f64) -> (f64, f64) {
        let gust = 0.55 + 0.45 * waves(time_s, 11.0, self.seed ^ 5);
        let x = waves(time_s, 0.9, self.seed) * gust * self.reach_px;
        let y = waves(time_s, 0.7, self.seed.rotate_left(21)) * gust * self.reach_px * 0.6;
        (x, y)
    }

    /// Moves the picture, mixing neighbours by parts of pixels; the edge is repeated.
    pub fn apply(&self, frame: &mut RgbFrame, time_s: f64) {
        let (x, y) = self.offset(time_s);
        let (left, top) = ((-x).floor(), (-y).floor());
        let part = |value: f64, whole: f64| ((value - whole) * 16.0) as u32;
        let (u, v) = (part(-x, left), part(-y, top));
        let (left, top) = (left as i64, top as i64);
        let (width, height) = (i64::from(frame.width()), i64::from(frame.height()));
        let row_bytes = width as usize * 3;
        let from = frame.data_mut().to_vec();
        let line = |y: i64| {
            let y = y.clamp(0, height - 1) as usize;
            &from[y * row_bytes..(y + 1) * row_bytes]
        };
        let weights = [(16 - u) * (16 - v), u * (16 - v), (16 - u) * v, u * v].map(|w| w as u16);
        // Columns whose four neighbours all lie in the picture are mixed row by row at once.
        let first = (-left).max(0);
        let last = (width - 1 - left).min(width);
        for (y, out) in (0..height).zip(frame.data_mut().chunks_exact_mut(row_bytes)) {
            let (upper, lower) = (line(y + top), line(y + top + 1));
            let inner = &mut out[first as usize * 3..last as usize * 3];
            let start = (first + left) as usize * 3;
            let count = inner.len();
            let a = &upper[start..start + count];
            let b = &upper[start + 3..start + 3 + count];
            let c = &lower[start..start + count];
            let d = &lower[start + 3..start + 3 + count];
            for i in 0..count {
                let sum = u16::from(a[i]) * weights[0]
                    + u16::from(b[i]) * weights[1]
                    + u16::from(c[i]) * weights[2]
                    + u16::from(d[i]) * weights[3];
                inner[i] = (sum >> 8) as u8;
            }
            for x in (0..first).chain(last..width) {
                let near = (x + left).clamp(0, width - 1) as usize * 3;
                out[x as usize * 3..x as usize * 3 + 3].copy_from_slice(&upper[near..near + 3]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_moves_by_what_is_said() {
        let sway = Sway::of(&SceneSpec {
            scene: Scenario::Shake,
            ..SceneSpec::default()
        })
        .unwrap();
        let time = (0..500).map(|i| f64::from(i) * 0.04);
        let (time, (x, y)) = time
            .map(|time| (time, sway.offset(time)))
            .max_by(|a, b| a.1.0.total_cmp(&b.1.0))
            .unwrap();
        assert!(x > 1.0, "{x}");
        let mut frame = RgbFrame::filled(64, 48, [0, 0, 0]).unwrap();
        let at = (20 * 64 + 30) * 3;
        frame.data_mut()[at..at + 3].copy_from_slice(&[250, 250, 250]);
        sway.apply(&mut frame, time);
        let (mut sum, mut across, mut down) = (0.0, 0.0, 0.0);
        for (index, pixel) in frame.data_mut().chunks_exact(3).enumerate() {
            let weight = f64::from(pixel[0]);
            sum += weight;
            across += weight * (index % 64) as f64;
            down += weight * (index / 64) as f64;
        }
        assert!((across / sum - 30.0 - x).abs() < 0.2, "{}", across / sum);
        assert!((down / sum - 20.0 - y).abs() < 0.2, "{}", down / sum);
    }
}
