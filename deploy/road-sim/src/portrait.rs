//! Portraits: one drawn vehicle filling a picture, with chance in everything but its colour.
//! Golden frames free of anyone's rights, and pictures to train on. No road and no movement.

use std::f32::consts::PI;

use fastrand::Rng;
use models::RgbFrame;

use crate::body::Vehicle;
use crate::field::{grain, rough};
use crate::light::Lighting;
use crate::mesh::Mesh;
use crate::noise::SensorNoise;
use crate::paint::Paint;
use crate::raster::{Extent, Pose};
use crate::scene::{Light, SceneError};
use crate::sprite::{Canvas, Sprite};
use crate::vector::{V3, v3};

/// Draws one vehicle of that colour so that it fills the picture but for a margin of a few
/// percent. The seed decides style, paint, pose, light and background; the same arguments give
/// the same bytes. Sides of 32 to 1024 pixels. Errors on another size and on an unknown colour.
pub fn portrait(colour: &str, seed: u64, width: u32, height: u32) -> Result<RgbFrame, SceneError> {
    let paint = Paint::named(colour).ok_or_else(|| SceneError::UnknownColour {
        colour: colour.to_owned(),
    })?;
    if !(32..=1024).contains(&width) || !(32..=1024).contains(&height) {
        return Err(SceneError::PortraitSize { width, height });
    }
    let mut rng = Rng::with_seed(seed);
    let vehicle = Vehicle::from_seed(paint, rng.u64(..));
    let mesh = Mesh::of(&vehicle);
    let (light, sunny) = lighting(&mut rng);
    let facing = if rng.bool() { 0.0 } else { PI };
    let pose = Pose {
        yaw: facing + (rng.f32() - 0.5) * 1.3,
        elevation: 0.08 + 0.42 * rng.f32(),
        skew: 0.0,
        scale: 1.0,
        distance: 9.0 + 10.0 * rng.f32(),
    };
    let free = 1.0 - 2.0 * (0.015 + 0.05 * rng.f32());
    let unit = Extent::of(&mesh, &pose);
    let scale = (width as f32 * free / unit.width()).min(height as f32 * free / unit.height());
    let pose = Pose { scale, ..pose };
    let extent = unit.scaled(scale);
    let canvas = Canvas::around(&extent, 0.0);
    let sprite = Sprite::draw(&vehicle, &mesh, &pose, &light, canvas);

    let spare = |size: u32, used: f32, share: f32| ((size as f32 - used) * share).round() as i64;
    let x = spare(width, extent.width(), 0.35 + 0.3 * rng.f32());
    let y = spare(height, extent.height(), 0.45 + 0.3 * rng.f32());
    let foot = (y as f32 - extent.top) / height as f32;
    let mut picture = background(&mut rng, width, height, foot, sunny);
    lay(&mut picture, (width, height), &sprite, (x, y));
    let mut data: Vec<u8> = picture
        .iter()
        .map(|v| (v + 0.5).clamp(0.0, 255.0) as u8)
        .collect();
    SensorNoise::new(seed, 0.5 + 2.5 * rng.f32()).add(0, width as usize * 3, &mut data);
    RgbFrame::new(width, height, data).map_err(|_| SceneError::PortraitSize { width, height })
}

fn lighting(rng: &mut Rng) -> (Lighting, bool) {
    let sunny = rng.bool();
    let light = Lighting::of(if sunny { Light::Sun } else { Light::Overcast });
    // From the left or the right, from low to high, always from the camera's side.
    let to_sun = v3(
        (rng.f32() - 0.5) * 1.6,
        0.45 + 0.6 * rng.f32(),
        0.2 + 0.6 * rng.f32(),
    );
    (light.varied(to_sun, 0.82 + 0.26 * rng.f32()), sunny)
}

/// Ground below a backcloth of wall, hedge, distance or the road itself, as 8-bit values.
fn background(rng: &mut Rng, width: u32, height: u32, foot: f32, sunny: bool) -> Vec<f32> {
    const GROUNDS: [[f32; 3]; 4] = [
        [112.0, 110.0, 108.0],
        [92.0, 93.0, 96.0],
        [142.0, 136.0, 128.0],
        [128.0, 126.0, 120.0],
    ];
    const CLOTHS: [[f32; 3]; 7] = [
        [78.0, 92.0, 58.0],
        [58.0, 72.0, 48.0],
        [148.0, 112.0, 92.0],
        [168.0, 160.0, 148.0],
        [188.0, 198.0, 208.0],
        [112.0, 110.0, 108.0],
        [92.0, 93.0, 96.0],
    ];
    let ground = GROUNDS[rng.usize(..GROUNDS.len())];
    let cloth = CLOTHS[rng.usize(..CLOTHS.len())];
    let seed = rng.u32(..);
    let line = (foot - 0.10 - 0.45 * rng.f32()) * height as f32;
    let coarse = height as f32 * (0.04 + 0.16 * rng.f32());
    let contrast = 12.0 + 50.0 * rng.f32() * rng.f32();
    let lit = if sunny { 1.12 } else { 0.95 } * (0.8 + 0.4 * rng.f32());
    let mut picture = Vec::with_capacity((width * height * 3) as usize);
    for row in 0..height {
        let depth = (row as f32 - line) / 2.0;
        let blend = (0.5 + depth).clamp(0.0, 1.0);
        for column in 0..width {
            let (x, y) = (column as f32 / coarse, row as f32 / coarse);
            let behind = (rough(x, y, seed) - 0.5) * 2.0 * contrast;
            let below =
                (rough(x * 0.5, y * 1.5, seed ^ 9) - 0.5) * 26.0 + grain(column, row, seed) * 4.0;
            for channel in 0..3 {
                let far = cloth[channel] + behind;
                let near = ground[channel] + below;
                picture.push((far + (near - far) * blend) * lit);
            }
        }
    }
    picture
}

fn lay(picture: &mut [f32], (width, height): (u32, u32), sprite: &Sprite, (x, y): (i64, i64)) {
    for row in 0..sprite.height {
        for column in 0..sprite.width {
            let at_x = x + column as i64 - sprite.origin.0 as i64;
            let at_y = y + row as i64 - sprite.origin.1 as i64;
            if at_x < 0 || at_y < 0 || at_x >= i64::from(width) || at_y >= i64::from(height) {
                continue;
            }
            let cell = row * sprite.width + column;
            let at = (at_y * i64::from(width) + at_x) as usize * 3;
            let cover = f32::from(sprite.cover[cell]) / 255.0;
            let shadow = f32::from(sprite.shadow[cell]) / 255.0;
            let over = sprite.colour[cell].map(f32::from);
            let V3 { x: r, y: g, z: b } = v3(over[0], over[1], over[2]);
            for (value, over) in picture[at..at + 3].iter_mut().zip([r, g, b]) {
                *value = *value * (1.0 - shadow) * (1.0 - cover) + over;
            }
        }
    }
}
