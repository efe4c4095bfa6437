//! Makes the changes of a picture on a processor. Bytes in, bytes out, before the contract's
//! preprocessing.

use fastrand::Rng;
use models::{RgbFrame, RgbView, picture};

use super::{Changes, Occlusion, Shadow};

impl Changes {
    /// The changed picture, `out` x `out` pixels.
    pub fn apply(&self, view: RgbView<'_>) -> RgbFrame {
        let mut frame = self.warp(view);
        self.light(&mut frame);
        if let Some(occlusion) = self.occlusion {
            occlude(&mut frame, occlusion);
        }
        if self.blur {
            blur(&mut frame);
        }
        if self.noise > 0.0 {
            noise(&mut frame, self.noise, &mut Rng::with_seed(self.seed));
        }
        if let Some(quality) = self.jpeg {
            let coded = picture::jpeg(frame.view(), quality);
            if let Ok(decoded) = coded.and_then(|bytes| picture::decode(&bytes)) {
                frame = decoded;
            }
        }
        frame
    }

    /// One bilinear sampling of the source under rotation, zoom, aspect, shift and mirror; where
    /// it leaves the picture, the border pixel goes on or the road begins.
    fn warp(&self, view: RgbView<'_>) -> RgbFrame {
        let size = [view.width() as f32, view.height() as f32];
        // Source steps for one output pixel to the right and down.
        let step = |way: [f32; 2]| [0, 1].map(|axis| way[axis] * size[axis] / self.out as f32);
        let (dx, dy) = (step(self.right), step(self.down));
        let centre = [0, 1].map(|axis| self.centre[axis] * size[axis]);
        let half = self.out as f32 / 2.0 - 0.5;
        // Sampling every second source pixel or fewer would alias: average four samples then.
        let sparse = dx.iter().chain(&dy).fold(0f32, |most, v| most.max(v.abs())) > 1.6;
        let offsets: &[f32] = if sparse { &[-0.25, 0.25] } else { &[0.0] };
        let mut data = Vec::with_capacity(self.out as usize * self.out as usize * 3);
        for y in 0..self.out {
            for x in 0..self.out {
                let mut sum = [0.0; 3];
                for oy in offsets {
                    for ox in offsets {
                        let (u, v) = (x as f32 - half + ox, y as f32 - half + oy);
                        let sx = centre[0] + u * dx[0] + v * dy[0] - 0.5;
                        let sy = centre[1] + u * dx[1] + v * dy[1] - 0.5;
                        match self.road.filter(|_| beyond(view, sx, sy)) {
                            Some(tone) => sum.iter_mut().for_each(|v| *v += f32::from(tone)),
                            None => sample(view, sx, sy, &mut sum),
                        }
                    }
                }
                let samples = (offsets.len() * offsets.len()) as f32;
                data.extend(sum.map(|value| (value / samples + 0.5) as u8));
            }
        }
        RgbFrame::new(self.out, self.out, data).unwrap_or_else(|_| view.to_frame())
    }

    /// Gamma, gains and haze as one table a channel, then a shadow.
    fn light(&self, frame: &mut RgbFrame) {
        let mut tables = [[0u8; 256]; 3];
        for (table, gain) in tables.iter_mut().zip(self.gains) {
            for (value, entry) in table.iter_mut().enumerate() {
                let lit = 255.0 * (value as f32 / 255.0).powf(self.gamma) * gain;
                *entry = (lit.min(255.0) * (1.0 - self.haze) + self.air * self.haze + 0.5) as u8;
            }
        }
        let (width, height) = (frame.width() as usize, frame.height() as f32);
        for (y, row) in frame.data_mut().chunks_exact_mut(width * 3).enumerate() {
            for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
                for (value, table) in pixel.iter_mut().zip(&tables) {
                    *value = table[usize::from(*value)];
                }
                if let Some(shadow) = self.shadow {
                    let at = [x as f32 / width as f32, y as f32 / height];
                    shade(pixel, shadow, at);
                }
            }
        }
    }
}

fn shade(pixel: &mut [u8], shadow: Shadow, at: [f32; 2]) {
    let [across, down] =
        [0, 1].map(|axis| (at[axis] - shadow.through[axis]) * shadow.direction[axis]);
    let depth = ((across + down) * Shadow::SHARPNESS + 0.5).clamp(0.0, 1.0);
    let factor = 1.0 - depth * (1.0 - shadow.light);
    let tint = Shadow::TINT * depth;
    for (value, tint) in pixel.iter_mut().zip([1.0 - tint, 1.0, 1.0 + tint]) {
        *value = (f32::from(*value) * factor * tint).min(255.0) as u8;
    }
}

/// Whether (`x`, `y`), pixel centres at whole numbers, lies outside the picture.
fn beyond(view: RgbView<'_>, x: f32, y: f32) -> bool {
    let outside = |at: f32, length: u32| at < -0.5 || at > length as f32 - 0.5;
    outside(x, view.width()) || outside(y, view.height())
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

fn occlude(frame: &mut RgbFrame, occlusion: Occlusion) {
    let size = [frame.width() as usize, frame.height() as usize];
    let pixels = |share: f32, axis: usize| (share * size[axis] as f32) as usize;
    let [x, y] = [0, 1].map(|axis| pixels(occlusion.corner[axis], axis));
    let [w, h] = [0, 1].map(|axis| pixels(occlusion.size[axis], axis).max(1));
    let rows = frame.data_mut().chunks_exact_mut(size[0] * 3);
    for row in rows.skip(y).take(h) {
        row[x * 3..(x + w).min(size[0]) * 3].fill(occlusion.tone);
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
    use fastrand::Rng;

    use super::*;
    use crate::augment::Augment;

    fn changed(augment: &Augment, frame: &RgbFrame, side: u32, rng: &mut Rng) -> RgbFrame {
        augment.draw(side, rng).apply(frame.view())
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let frame = road_sim::portrait("blue", 3, 100, 80).unwrap();
        let once = |seed| changed(&Augment::road(), &frame, 64, &mut Rng::with_seed(seed));
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
            let [r, g, b] = mean(&changed(&augment, &red, 48, &mut rng));
            assert!(r > g + 15.0 && r > b + 15.0, "red became {r} {g} {b}");
            let grey = RgbFrame::filled(80, 60, [120; 3]).unwrap();
            let [r, g, b] = mean(&changed(&augment, &grey, 48, &mut rng));
            let spread = r.max(g).max(b) - r.min(g).min(b);
            assert!(spread < 0.35 * g.max(40.0), "grey became {r} {g} {b}");
        }
    }

    #[test]
    fn without_strength_it_only_mirrors() {
        let frame = road_sim::portrait("green", 9, 64, 64).unwrap();
        let view = frame.view();
        for seed in 0..8 {
            let out = changed(&Augment::mirrors(), &frame, 64, &mut Rng::with_seed(seed));
            let out = out.view();
            let same = (0..64).all(|x| out.pixel(x, 20) == view.pixel(x, 20));
            let mirrored = (0..64).all(|x| out.pixel(x, 20) == view.pixel(63 - x, 20));
            assert!(same || mirrored);
        }
    }
}
