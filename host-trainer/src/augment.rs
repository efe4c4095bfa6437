//! Changes a training picture as cameras, weather and viewpoints would, without changing its
//! colour class: geometry, brightness, white balance, haze, shadow, blur, resolution, noise,
//! JPEG, occlusion. No hue or saturation shifts: they move the label. Bytes in, bytes out,
//! before the contract's preprocessing.

use fastrand::Rng;
use models::{RgbFrame, RgbView, picture};

/// How strongly pictures are changed; each probability is 0 to 1.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Augment {
    /// Largest rotation to either side, degrees.
    pub rotate_degrees: f32,
    /// Smallest and largest share of the picture's side that is seen; above 1 zooms out.
    pub zoom: [f32; 2],
    /// Whether the share of the area, not of the side, is evenly spread.
    pub zoom_by_area: bool,
    /// Largest change of the aspect, as a factor either way.
    pub aspect: f32,
    /// Largest shift, as a share of the side.
    pub shift: f32,
    /// Deviation of the logarithm of the gain of all channels: exposure.
    pub exposure: f32,
    /// Deviation of the logarithm of gamma.
    pub gamma: f32,
    /// Deviation of the logarithm of each channel's gain: cheap cameras' white balance.
    pub white_balance: f32,
    /// Probability of haze.
    pub haze: f32,
    /// Probability of a shadow over a part.
    pub shadow: f32,
    /// Probability of a lower resolution, down to 24 pixels across.
    pub low_resolution: f32,
    /// Probability of a blur.
    pub blur: f32,
    /// Probability of sensor noise.
    pub noise: f32,
    /// Probability of JPEG artefacts.
    pub jpeg: f32,
    /// Probability of a covered rectangle: a post, a sign, another car.
    pub occlusion: f32,
}

impl Augment {
    /// What a road camera does to a car.
    pub fn road() -> Self {
        Self {
            rotate_degrees: 12.0,
            zoom: [0.65, 1.15],
            zoom_by_area: false,
            aspect: 1.4,
            shift: 0.08,
            exposure: 0.1,
            gamma: 0.25,
            white_balance: 0.05,
            haze: 0.15,
            shadow: 0.2,
            low_resolution: 0.4,
            blur: 0.2,
            noise: 0.3,
            jpeg: 0.15,
            occlusion: 0.2,
        }
    }

    /// Nothing but random resized crops of 8 to 100 % of the area, their sides up to 4 : 3, and
    /// mirrors: torchvision's `RandomResizedCrop` and `RandomHorizontalFlip`.
    pub fn crops() -> Self {
        Self {
            rotate_degrees: 0.0,
            zoom: [0.08f32.sqrt(), 1.0],
            zoom_by_area: true,
            aspect: 4.0 / 3.0,
            shift: 0.0,
            exposure: 0.0,
            gamma: 0.0,
            white_balance: 0.0,
            haze: 0.0,
            shadow: 0.0,
            low_resolution: 0.0,
            blur: 0.0,
            noise: 0.0,
            jpeg: 0.0,
            occlusion: 0.0,
        }
    }

    /// A changed picture of about `side` x `side` pixels.
    pub fn apply(&self, view: RgbView<'_>, side: u32, rng: &mut Rng) -> RgbFrame {
        let out = if chance(rng, self.low_resolution) {
            24 + rng.u32(0..side.saturating_sub(24).max(1))
        } else {
            side
        };
        let mut frame = self.warp(view, out, rng);
        self.light(&mut frame, rng);
        if chance(rng, self.occlusion) {
            occlude(&mut frame, rng);
        }
        if chance(rng, self.blur) {
            blur(&mut frame);
        }
        if chance(rng, self.noise) {
            noise(&mut frame, 1.0 + 9.0 * rng.f32(), rng);
        }
        if chance(rng, self.jpeg) {
            let coded = picture::jpeg(frame.view(), rng.u8(25..80));
            if let Ok(decoded) = coded.and_then(|bytes| picture::decode(&bytes)) {
                frame = decoded;
            }
        }
        frame
    }

    /// One bilinear sampling of the source under rotation, zoom, aspect, shift and mirror; where
    /// it leaves the picture, the border pixel goes on.
    fn warp(&self, view: RgbView<'_>, out: u32, rng: &mut Rng) -> RgbFrame {
        let (width, height) = (view.width() as f32, view.height() as f32);
        let angle = self.rotate_degrees.to_radians() * signed(rng);
        let between = |low: f32, high: f32, at: f32| low + (high - low) * at;
        let [nearest, farthest] = self.zoom;
        let seen = if self.zoom_by_area {
            between(nearest.powi(2), farthest.powi(2), rng.f32()).sqrt()
        } else {
            between(nearest, farthest, rng.f32())
        };
        let stretch = self.aspect.powf(signed(rng) / 2.0);
        let mirror = if rng.bool() { -1.0 } else { 1.0 };
        let (sin, cos) = angle.sin_cos();
        // Source steps for one output pixel to the right and down.
        let across = seen * stretch / out as f32 * mirror;
        let down = seen / stretch / out as f32;
        let (dx, dy) = (
            [cos * across * width, sin * across * height],
            [-sin * down * width, cos * down * height],
        );
        let room = (1.0 - seen).max(0.0) / 2.0 + self.shift;
        let centre = [
            width * (0.5 + room * signed(rng)),
            height * (0.5 + room * signed(rng)),
        ];
        let half = out as f32 / 2.0 - 0.5;
        // Sampling every second source pixel or fewer would alias: average four samples then.
        let sparse = dx.iter().chain(&dy).fold(0f32, |most, v| most.max(v.abs())) > 1.6;
        let offsets: &[f32] = if sparse { &[-0.25, 0.25] } else { &[0.0] };
        let mut data = Vec::with_capacity(out as usize * out as usize * 3);
        for y in 0..out {
            for x in 0..out {
                let mut sum = [0.0; 3];
                for oy in offsets {
                    for ox in offsets {
                        let (u, v) = (x as f32 - half + ox, y as f32 - half + oy);
                        let sx = centre[0] + u * dx[0] + v * dy[0] - 0.5;
                        let sy = centre[1] + u * dx[1] + v * dy[1] - 0.5;
                        sample(view, sx, sy, &mut sum);
                    }
                }
                let samples = (offsets.len() * offsets.len()) as f32;
                data.extend(sum.map(|value| (value / samples + 0.5) as u8));
            }
        }
        RgbFrame::new(out, out, data).unwrap_or_else(|_| view.to_frame())
    }

    /// Gamma, gain, white balance and haze as one table a channel, then a shadow.
    fn light(&self, frame: &mut RgbFrame, rng: &mut Rng) {
        let gamma = (self.gamma * normal(rng)).exp();
        let gain = (self.exposure * normal(rng)).exp();
        let haze = if chance(rng, self.haze) {
            0.05 + 0.35 * rng.f32()
        } else {
            0.0
        };
        let air = 150.0 + 90.0 * rng.f32();
        let mut tables = [[0u8; 256]; 3];
        for table in &mut tables {
            let channel_gain = gain * (self.white_balance * normal(rng)).exp();
            for (value, entry) in table.iter_mut().enumerate() {
                let lit = 255.0 * (value as f32 / 255.0).powf(gamma) * channel_gain;
                *entry = (lit.min(255.0) * (1.0 - haze) + air * haze + 0.5) as u8;
            }
        }
        let shadow = chance(rng, self.shadow).then(|| {
            // A half plane through a point near the middle, darkened and slightly bluer.
            let angle = std::f32::consts::TAU * rng.f32();
            let dark = 0.4 + 0.5 * rng.f32();
            (
                angle.sin_cos(),
                0.25 + 0.5 * rng.f32(),
                0.25 + 0.5 * rng.f32(),
                dark,
            )
        });
        let (width, height) = (frame.width() as usize, frame.height() as f32);
        for (y, row) in frame.data_mut().chunks_exact_mut(width * 3).enumerate() {
            for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
                for (value, table) in pixel.iter_mut().zip(&tables) {
                    *value = table[usize::from(*value)];
                }
                if let Some(((sin, cos), px, py, dark)) = shadow {
                    let side =
                        (x as f32 / width as f32 - px) * cos + (y as f32 / height - py) * sin;
                    // A soft edge a tenth of the picture wide.
                    let depth = (side * 10.0 + 0.5).clamp(0.0, 1.0);
                    let factor = 1.0 - depth * (1.0 - dark);
                    pixel[0] = (f32::from(pixel[0]) * factor * (1.0 - 0.03 * depth)) as u8;
                    pixel[1] = (f32::from(pixel[1]) * factor) as u8;
                    pixel[2] =
                        (f32::from(pixel[2]) * factor * (1.0 + 0.03 * depth)).min(255.0) as u8;
                }
            }
        }
    }
}

fn chance(rng: &mut Rng, probability: f32) -> bool {
    rng.f32() < probability
}

/// Uniform between -1 and 1.
fn signed(rng: &mut Rng) -> f32 {
    2.0 * rng.f32() - 1.0
}

/// About normal, mean 0, deviation 1, never beyond 3.47: the sum of four uniform numbers.
fn normal(rng: &mut Rng) -> f32 {
    (0..4).map(|_| signed(rng)).sum::<f32>() * 0.866_025_4
}

/// Adds the bilinear sample at (`x`, `y`), pixel centres at whole numbers.
fn sample(view: RgbView<'_>, x: f32, y: f32, sum: &mut [f32; 3]) {
    let x = x.clamp(0.0, (view.width() - 1) as f32);
    let y = y.clamp(0.0, (view.height() - 1) as f32);
    let (left, top) = (x as u32, y as u32);
    let (fx, fy) = (x - left as f32, y - top as f32);
    let right = (left + 1).min(view.width() - 1) as usize * 3;
    let left = left as usize * 3;
    let upper = view.row(top);
    let lower = view.row((top + 1).min(view.height() - 1));
    for (channel, sum) in sum.iter_mut().enumerate() {
        let at = |row: &[u8], column: usize| f32::from(row[column + channel]);
        let above = at(upper, left) * (1.0 - fx) + at(upper, right) * fx;
        let below = at(lower, left) * (1.0 - fx) + at(lower, right) * fx;
        *sum += above * (1.0 - fy) + below * fy;
    }
}

/// Covers a rectangle of up to a third of each side with one neutral tone.
fn occlude(frame: &mut RgbFrame, rng: &mut Rng) {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let (w, h) = (
        1 + rng.usize(0..width.div_ceil(3)),
        1 + rng.usize(0..height.div_ceil(3)),
    );
    let (x, y) = (rng.usize(0..=width - w), rng.usize(0..=height - h));
    let tone = rng.u8(20..200);
    for row in frame.data_mut().chunks_exact_mut(width * 3).skip(y).take(h) {
        row[x * 3..(x + w) * 3].fill(tone);
    }
}

/// The mean of each pixel and its two neighbours, across and then down.
fn blur(frame: &mut RgbFrame) {
    let stride = frame.width() as usize * 3;
    for step in [3, stride] {
        let source = frame.data().to_vec();
        let pixels = source.len();
        for (at, out) in frame.data_mut().iter_mut().enumerate() {
            let inside = if step == 3 {
                (at % stride) >= 3 && (at % stride) < stride - 3
            } else {
                at >= stride && at < pixels - stride
            };
            if inside {
                let sum = u16::from(source[at - step])
                    + u16::from(source[at])
                    + u16::from(source[at + step]);
                *out = (sum / 3) as u8;
            }
        }
    }
}

fn noise(frame: &mut RgbFrame, deviation: f32, rng: &mut Rng) {
    for value in frame.data_mut() {
        // Four uniform bytes from one draw; their sum has a deviation of 147.8.
        let sum: i32 = rng
            .u32(..)
            .to_le_bytes()
            .iter()
            .map(|b| i32::from(*b))
            .sum::<i32>()
            - 510;
        let change = (sum as f32 * deviation / 147.8) as i32;
        *value = (i32::from(*value) + change).clamp(0, 255) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let frame = road_sim::portrait("blue", 3, 100, 80).unwrap();
        let once = |seed| Augment::road().apply(frame.view(), 64, &mut Rng::with_seed(seed));
        assert_eq!(once(5), once(5));
        assert_ne!(once(5), once(6));
    }

    /// The label is the colour: neither hue nor saturation may turn. A plain picture keeps its
    /// order of channels, and a grey one stays about grey.
    #[test]
    fn colours_keep_their_class() {
        let mut rng = Rng::with_seed(1);
        let mean = |frame: &RgbFrame| {
            let mut sum = [0u64; 3];
            frame
                .data()
                .chunks(3)
                .for_each(|p| (0..3).for_each(|c| sum[c] += u64::from(p[c])));
            sum.map(|s| s as f32 / (frame.data().len() / 3) as f32)
        };
        let augment = Augment {
            occlusion: 0.0,
            ..Augment::road()
        };
        for _ in 0..200 {
            let red = RgbFrame::filled(80, 60, [200, 40, 50]).unwrap();
            let [r, g, b] = mean(&augment.apply(red.view(), 48, &mut rng));
            assert!(r > g + 15.0 && r > b + 15.0, "red became {r} {g} {b}");
            let grey = RgbFrame::filled(80, 60, [120; 3]).unwrap();
            let [r, g, b] = mean(&augment.apply(grey.view(), 48, &mut rng));
            let spread = r.max(g).max(b) - r.min(g).min(b);
            assert!(spread < 0.35 * g.max(40.0), "grey became {r} {g} {b}");
        }
    }

    #[test]
    fn without_strength_it_only_mirrors() {
        let frame = road_sim::portrait("green", 9, 64, 64).unwrap();
        let still = Augment {
            rotate_degrees: 0.0,
            zoom: [1.0, 1.0],
            zoom_by_area: false,
            aspect: 1.0,
            shift: 0.0,
            exposure: 0.0,
            gamma: 0.0,
            white_balance: 0.0,
            haze: 0.0,
            shadow: 0.0,
            low_resolution: 0.0,
            blur: 0.0,
            noise: 0.0,
            jpeg: 0.0,
            occlusion: 0.0,
        };
        let view = frame.view();
        for seed in 0..8 {
            let out = still.warp(view, 64, &mut Rng::with_seed(seed));
            let out = out.view();
            let same = (0..64).all(|x| out.pixel(x, 20) == view.pixel(x, 20));
            let mirrored = (0..64).all(|x| out.pixel(x, 20) == view.pixel(63 - x, 20));
            assert!(same || mirrored);
        }
    }
}
