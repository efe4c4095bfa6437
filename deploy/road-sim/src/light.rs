//! Light on a surface: sky, sun, ground and what a polished surface mirrors of them, and the
//! camera's tone curve. No shapes.

use crate::material::Surface;
use crate::scene::Light;
use crate::vector::{V3, smoothstep, v3};

/// The light of a scene, linear.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lighting {
    /// Light on a surface that faces up, and on one that faces down.
    sky: V3,
    ground: V3,
    /// Light of the sun on a surface that faces it, and its direction.
    sun: V3,
    pub to_sun: V3,
    /// Mirror images: overhead, above the horizon, trees and houses at the horizon, road.
    zenith: V3,
    haze: V3,
    skyline: V3,
    road: V3,
}

impl Lighting {
    /// The usual light of that name.
    pub fn of(light: Light) -> Self {
        let to_sun = v3(-0.42, 0.80, 0.43).unit();
        match light {
            Light::Sun => Self {
                sky: v3(0.50, 0.55, 0.64),
                ground: v3(0.34, 0.33, 0.31),
                sun: v3(0.80, 0.75, 0.66),
                to_sun,
                zenith: v3(0.40, 0.55, 0.85),
                haze: v3(0.86, 0.90, 0.96),
                skyline: v3(0.10, 0.12, 0.08),
                road: v3(0.22, 0.21, 0.20),
            },
            Light::Overcast => Self {
                sky: v3(1.06, 1.08, 1.11),
                ground: v3(0.42, 0.42, 0.42),
                sun: V3::default(),
                to_sun,
                zenith: v3(0.92, 0.95, 1.0),
                haze: v3(0.78, 0.80, 0.84),
                skyline: v3(0.11, 0.12, 0.11),
                road: v3(0.15, 0.15, 0.16),
            },
        }
    }

    /// The same light with the sun elsewhere and all of it stronger or weaker.
    pub fn varied(self, to_sun: V3, strength: f32) -> Self {
        Self {
            to_sun: to_sun.unit(),
            sky: self.sky * strength,
            ground: self.ground * strength,
            sun: self.sun * strength,
            ..self
        }
    }

    /// Whether a sun shines.
    pub fn has_sun(&self) -> bool {
        self.sun != V3::default()
    }

    /// What a mirror shows in that direction; `blur` 0 is polished, 1 is brushed.
    fn mirrored(&self, direction: V3, blur: f32) -> V3 {
        let y = direction.y;
        let soft = 0.03 + 0.35 * blur;
        let above = self.haze.mix(self.zenith, smoothstep(0.1, 0.9, y));
        // The skyline's height differs with the direction, as trees and houses do.
        let height = 0.16 + 0.05 * (direction.x * 7.0).sin();
        let far = self
            .skyline
            .mix(above, smoothstep(height - soft, height + soft, y));
        self.road.mix(far, smoothstep(-soft, soft * 0.5, y))
    }

    /// Light that leaves the surface towards the camera, linear. `normal` and `to_camera` are
    /// directions in the scene.
    pub fn on(&self, surface: &Surface, normal: V3, to_camera: V3) -> V3 {
        let facing = normal.dot(to_camera).clamp(0.0, 1.0);
        let up = 0.5 + 0.5 * normal.y;
        let ambient = self.ground.mix(self.sky, up);
        let towards_sun = normal.dot(self.to_sun).max(0.0);
        let falling = ambient + self.sun * towards_sun;
        let flakes = surface.metallic;
        // Flakes lie parallel to the surface: bright when seen straight on, dark at an angle.
        let flop = 1.0 - flakes * 0.28 + flakes * 0.34 * facing * facing;
        let mut out = surface.albedo.tint(falling) * (flop * surface.open);
        if surface.mirror > 0.0 {
            let reflected = normal * (2.0 * normal.dot(to_camera)) - to_camera;
            let fresnel = surface.mirror + (0.55 - surface.mirror) * (1.0 - facing).powi(5);
            out = out + self.mirrored(reflected, 0.0) * (fresnel * surface.open.min(1.0));
            if flakes > 0.0 {
                let sheen = self.mirrored(reflected, 1.0).mix(self.haze, 0.35);
                out = out + surface.albedo.tint(sheen) * (0.22 * flakes * surface.open);
            }
            let glint = reflected.dot(self.to_sun).max(0.0);
            let shine = glint.powi(90) * 2.2 + glint.powi(14) * 0.35 * flakes;
            out = out + self.sun * (shine * surface.mirror * 4.0 * surface.open.min(1.0));
        }
        out
    }
}

/// Linear light to a camera's 8-bit value: straight up to bright tones, then a soft shoulder.
pub(crate) fn tone(linear: f32) -> f32 {
    const KNEE: f32 = 0.72;
    let value = linear.max(0.0);
    let value = if value <= KNEE {
        value
    } else {
        KNEE + (1.0 - KNEE) * (1.0 - (-(value - KNEE) / (1.0 - KNEE)).exp())
    };
    let encoded = if value <= 0.003_130_8 {
        value * 12.92
    } else {
        1.055 * value.powf(1.0 / 2.4) - 0.055
    };
    encoded * 255.0
}
