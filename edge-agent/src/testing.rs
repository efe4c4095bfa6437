//! Pictures for unit tests: a small grey road with sensor noise, plain cars, shadows, a change
//! of light; and a classifier that names the nearest plain colour. Compiled for tests only.

use std::sync::Arc;

use models::{Ranked, Rect, RgbFrame, RgbView, RunnerError, Scores};

use crate::event::{Direction, Event};
use crate::vote::Classify;

/// Size of the drawn scenes, pixels.
pub const SIZE: (u32, u32) = (320, 200);

/// A picture in the making.
pub struct Scene {
    frame: RgbFrame,
    random: Random,
    light: f32,
}

/// Chance without a crate: a xorshift generator (Marsaglia 2003). The seed is not 0.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `most`.
    pub fn below(&mut self, most: u32) -> u32 {
        (self.next() >> 33) as u32 % most
    }

    /// A sensor's noise: about normally distributed around zero, deviation about 2.4.
    pub fn noise(&mut self) -> i32 {
        let bytes = self.next().to_le_bytes();
        bytes[..6]
            .iter()
            .map(|byte| i32::from(byte % 4))
            .sum::<i32>()
            - 9
    }
}

impl Scene {
    /// The road as frame `seed` sees it.
    pub fn new(seed: u64) -> Self {
        let mut frame = RgbFrame::filled(SIZE.0, SIZE.1, [110, 112, 115]).unwrap();
        for (index, pixel) in frame.data_mut().chunks_exact_mut(3).enumerate() {
            let (x, y) = (index as u32 % SIZE.0, index as u32 / SIZE.0);
            if y < 40 {
                pixel.copy_from_slice(&[70, 120, 60]);
            } else if (y / 4) % 25 == 20 && (x / 20) % 2 == 0 {
                pixel.copy_from_slice(&[220, 220, 220]);
            }
        }
        Self {
            frame,
            random: Random(seed.wrapping_mul(0x9e37_79b9).max(1)),
            light: 1.0,
        }
    }

    /// Paints a rectangle with a dark window in it.
    pub fn car(mut self, rect: Rect, rgb: [u8; 3]) -> Self {
        self.paint(rect, |_| rgb);
        let window = Rect {
            x: rect.x + rect.width / 4,
            y: rect.y,
            width: rect.width / 2,
            height: rect.height / 3,
        };
        self.paint(window, |_| [30, 32, 36]);
        self
    }

    /// Darkens a rectangle evenly.
    pub fn shadow(mut self, rect: Rect, share: f32) -> Self {
        self.paint(rect, |rgb| rgb.map(|v| (f32::from(v) * share) as u8));
        self
    }

    /// Scales the light of everything.
    pub fn light(mut self, light: f32) -> Self {
        self.light = light;
        self
    }

    fn paint(&mut self, rect: Rect, colour: impl Fn([u8; 3]) -> [u8; 3]) {
        for y in rect.y..rect.bottom().min(SIZE.1) {
            for x in rect.x..rect.right().min(SIZE.0) {
                let at = ((y * SIZE.0 + x) * 3) as usize;
                let data = self.frame.data_mut();
                let rgb = colour([data[at], data[at + 1], data[at + 2]]);
                data[at..at + 3].copy_from_slice(&rgb);
            }
        }
    }

    /// The finished picture, with noise.
    pub fn draw(mut self) -> RgbFrame {
        for value in self.frame.data_mut() {
            let lit = (f32::from(*value) * self.light) as i32;
            *value = (lit + self.random.noise()).clamp(0, 255) as u8;
        }
        self.frame
    }
}

/// The empty road as frame `seed` sees it.
pub fn noisy_road(seed: u64) -> RgbFrame {
    Scene::new(seed).draw()
}

/// Names the plain colour nearest to the mean of the lower middle, where the body is.
pub struct NearestColour;

const PLAIN: [(&str, [f32; 3]); 12] = [
    ("black", [20.0, 20.0, 22.0]),
    ("blue", [30.0, 60.0, 170.0]),
    ("brown", [95.0, 60.0, 35.0]),
    ("green", [30.0, 110.0, 50.0]),
    ("grey", [95.0, 97.0, 100.0]),
    ("orange", [235.0, 120.0, 20.0]),
    ("pink", [235.0, 130.0, 170.0]),
    ("purple", [95.0, 40.0, 130.0]),
    ("red", [180.0, 25.0, 25.0]),
    ("silver", [175.0, 178.0, 182.0]),
    ("white", [240.0, 240.0, 240.0]),
    ("yellow", [240.0, 205.0, 30.0]),
];

impl Classify for NearestColour {
    fn classify(&mut self, view: RgbView<'_>) -> Result<Scores, RunnerError> {
        let mut sum = [0.0f32; 3];
        let mut count = 0.0;
        for y in view.height() / 2..view.height() * 3 / 4 {
            for x in view.width() / 4..view.width() * 3 / 4 {
                for (sum, value) in sum.iter_mut().zip(view.pixel(x, y)) {
                    *sum += f32::from(value);
                }
                count += 1.0;
            }
        }
        let logits = PLAIN
            .iter()
            .map(|(_, rgb)| {
                let off = rgb
                    .iter()
                    .zip(sum)
                    .map(|(want, sum)| (want - sum / count).powi(2));
                -off.sum::<f32>() / 500.0
            })
            .collect();
        let labels: Arc<[String]> = PLAIN.iter().map(|(name, _)| name.to_string()).collect();
        Ok(Scores::from_logits(labels, logits, 1.0))
    }
}

/// An event that differs by its sequence only.
pub fn an_event(sequence: u64) -> Event {
    Event {
        schema: crate::event::SCHEMA,
        id: format!("{sequence:016x}"),
        sequence,
        camera: "test".into(),
        bundle: "plain".into(),
        boot_id: None,
        time: None,
        clock_synced: None,
        first_frame: 10,
        last_frame: 60,
        first_t_ms: 400,
        last_t_ms: 2400,
        lane: None,
        lane_name: None,
        wrong_way: None,
        direction: Direction::Left,
        colour: "red".into(),
        score: 0.9,
        top3: vec![Ranked {
            colour: "red".into(),
            score: 0.9,
        }],
        reason: None,
        early: false,
        bounds: Rect {
            x: 1,
            y: 2,
            width: 30,
            height: 20,
        },
        best_frame: 30,
        frames_seen: 50,
    }
}
