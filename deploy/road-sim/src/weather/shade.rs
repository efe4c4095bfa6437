//! Shade that moves: clouds that take the sun away from one side to the other, and the shade of
//! a tree that sways on the road.

use models::RgbFrame;

use super::waves;
use crate::field::{rough, smooth};
use crate::scenario::Scenario;
use crate::scene::SceneSpec;
use crate::vector::smoothstep;

/// Room around the picture for a shade map that moves, pixels of a 640 by 360 picture.
const ROOM: f32 = 24.0;

/// Size of clouds and how far they drift in a second, pixels of a 640 by 360 picture.
const CLOUD_SIZE: f32 = 1600.0;
const CLOUD_SPEED: f32 = 250.0;

/// How much of the light is left at full shade.
const UNDER_CLOUD: f32 = 0.58;
const UNDER_TREE: f32 = 0.55;

/// The moving shade of one scene.
#[derive(Debug)]
pub(crate) struct MovingShade {
    seed: u64,
    unit: (f32, f32),
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Clouds,
    /// Light left, 256 is all, of a picture larger by the room on each side.
    Tree {
        map: Vec<u16>,
        stride: usize,
        room: (i64, i64),
    },
}

impl MovingShade {
    /// None but in a scene with clouds or a tree.
    pub fn of(spec: &SceneSpec) -> Option<Self> {
        let unit = (spec.width as f32 / 640.0, spec.height as f32 / 360.0);
        let kind = match spec.scene {
            Scenario::Clouds => Kind::Clouds,
            Scenario::Trees => tree(spec, unit),
            _ => return None,
        };
        let seed = spec.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Some(Self { seed, unit, kind })
    }

    /// Takes its light from the frame.
    pub fn apply(&self, frame: &mut RgbFrame, time_s: f64) {
        match &self.kind {
            Kind::Clouds => self.clouds(frame, time_s),
            Kind::Tree { map, stride, room } => {
                let x = 7.0 * waves(time_s, 3.1, self.seed) * f64::from(self.unit.0);
                let y = 2.5 * waves(time_s, 2.3, self.seed ^ 77) * f64::from(self.unit.1);
                let (dx, dy) = (room.0 + x.round() as i64, room.1 + y.round() as i64);
                let width = frame.width() as usize;
                for (row, line) in frame.data_mut().chunks_exact_mut(width * 3).enumerate() {
                    let start = (row as i64 + dy) as usize * stride + dx as usize;
                    let left = &map[start..start + width];
                    for (pixel, left) in line.chunks_exact_mut(3).zip(left) {
                        for value in pixel {
                            *value = ((u16::from(*value) * left) >> 8).min(255) as u8;
                        }
                    }
                }
            }
        }
    }

    fn clouds(&self, frame: &mut RgbFrame, time_s: f64) {
        let width = frame.width() as usize;
        let drift = time_s as f32 * CLOUD_SPEED / CLOUD_SIZE;
        let seed = self.seed as u32;
        let left: Vec<u16> = (0..width)
            .flat_map(|column| {
                let across = column as f32 / self.unit.0 / CLOUD_SIZE;
                let cover = smoothstep(0.3, 0.7, smooth(across + drift, 0.5, seed));
                // The camera's exposure follows a little.
                let light = 1.04 - (1.04 - UNDER_CLOUD) * cover;
                // What the sky alone lights is a little bluer.
                [1.0, 1.005, 1.03].map(|blue: f32| {
                    let tint = 1.0 + (blue - 1.0) * cover;
                    (light * tint * 256.0) as u16
                })
            })
            .collect();
        for line in frame.data_mut().chunks_exact_mut(width * 3) {
            for (value, left) in line.iter_mut().zip(&left) {
                *value = ((u32::from(*value) * u32::from(*left)) >> 8).min(255) as u8;
            }
        }
    }
}

fn tree(spec: &SceneSpec, unit: (f32, f32)) -> Kind {
    let seed = (spec.seed as u32).wrapping_mul(0x85eb_ca6b);
    let room = ((ROOM * unit.0) as i64, (ROOM * unit.1) as i64);
    let stride = spec.width as usize + 2 * room.0 as usize;
    let rows = spec.height as usize + 2 * room.1 as usize;
    let mut map = Vec::with_capacity(stride * rows);
    for row in 0..rows {
        for column in 0..stride {
            let x = column as f32 / unit.0 - ROOM;
            let y = row as f32 / unit.1 - ROOM;
            // Two crowns: one over the far lane, a larger one over the near lane.
            let crown = |cx: f32, cy: f32, rx: f32, ry: f32| {
                let reach = ((x - cx) / rx).hypot((y - cy) / ry);
                let ragged = rough(x / 20.0, y / 8.0, seed) - 0.5;
                1.0 - smoothstep(0.66, 1.14, reach + ragged * 0.9)
            };
            let shift = smooth(0.5, 3.5, seed) * 120.0;
            let lost = crown(120.0 + shift, 214.0, 110.0, 30.0).max(crown(
                330.0 + shift,
                304.0,
                150.0,
                42.0,
            ));
            let gaps = smoothstep(0.52, 0.74, rough(x / 15.0, y / 6.0, seed ^ 77));
            let lost = lost * (1.0 - 0.7 * gaps);
            map.push(((1.0 - (1.0 - UNDER_TREE) * lost) * 256.0) as u16);
        }
    }
    Kind::Tree { map, stride, room }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_light_changes_over_time_and_only_there() {
        for (scene, row) in [(Scenario::Clouds, 10), (Scenario::Trees, 214)] {
            let spec = SceneSpec {
                scene,
                ..SceneSpec::default()
            };
            let shade = MovingShade::of(&spec).unwrap();
            let at = |time: f64| {
                let mut frame = RgbFrame::filled(640, 360, [200, 200, 200]).unwrap();
                shade.apply(&mut frame, time);
                let values = (0..640).map(|x| u32::from(frame.view().pixel(x, row)[1]));
                values.collect::<Vec<u32>>()
            };
            let series: Vec<Vec<u32>> = (0..40).map(|i| at(f64::from(i) * 0.5)).collect();
            let all = || series.iter().flatten();
            assert!(*all().min().unwrap() < 140, "{scene:?}");
            assert!(*all().max().unwrap() >= 195, "{scene:?}");
            assert!(series.windows(2).any(|pair| pair[0] != pair[1]));
        }
        assert!(MovingShade::of(&SceneSpec::default()).is_none());
    }
}
