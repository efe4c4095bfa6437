//! The shade that trees throw on the ground, and what it leaves of the light on a vehicle.

use fastrand::Rng;

use crate::field::rough;
use crate::scene::{Light, SceneSpec};
use crate::vector::smoothstep;

/// The shade of trees on the ground.
pub(super) struct Shade {
    /// Middle and half axes, in units of the 640 by 360 picture.
    crowns: Vec<(f32, f32, f32, f32)>,
    seed: u32,
}

impl Shade {
    pub fn new(rng: &mut Rng, spec: &SceneSpec) -> Self {
        let mut crowns = Vec::new();
        if spec.light == Light::Sun {
            let first = 70.0 + 160.0 * rng.f32();
            let second = first + 250.0 + 120.0 * rng.f32();
            for (x, y, size) in [(first, 212.0, 1.0), (second, 316.0, 1.25)] {
                for _ in 0..4 {
                    let (dx, dy) = (rng.f32() - 0.5, rng.f32() - 0.5);
                    let reach = size * (48.0 + 26.0 * rng.f32());
                    crowns.push((x + dx * 120.0, y + dy * 22.0, reach, reach * 0.42));
                }
            }
        }
        Self {
            crowns,
            seed: rng.u32(..),
        }
    }

    /// The share of sunlight lost at a point of the ground, 0 to 1.
    pub fn at(&self, x: f32, y: f32) -> f32 {
        let mut lit = 1.0;
        for (cx, cy, rx, ry) in &self.crowns {
            let reach = ((x - cx) / rx).hypot((y - cy) / ry);
            let ragged = rough(x / 20.0, y / 8.0, self.seed);
            let inside = 1.0 - smoothstep(0.66, 1.14, reach + (ragged - 0.5) * 0.9);
            lit *= 1.0 - inside;
        }
        let gaps = smoothstep(0.52, 0.74, rough(x / 15.0, y / 6.0, self.seed ^ 77));
        (1.0 - lit) * (1.0 - 0.7 * gaps)
    }

    /// The light that a vehicle in each column of the lane gets. Softened: the shade falls on a
    /// body, not on a line.
    pub fn along(&self, spec: &SceneSpec, ground_row: f32) -> Vec<[u16; 3]> {
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
pub(super) fn shaded(lost: f32) -> [f32; 3] {
    [1.0 - 0.38 * lost, 1.0 - 0.36 * lost, 1.0 - 0.31 * lost]
}
