//! What happens to a training picture as cameras, weather and viewpoints would do it, without
//! changing its colour class: geometry, brightness, white balance, haze, shadow, blur, resolution,
//! noise, JPEG, occlusion. No hue or saturation shifts: they move the label. Draws the changes;
//! `pixels` makes them on a processor, `train::resident` on a GPU.

mod pixels;

use fastrand::Rng;

use crate::loader::NO_VEHICLE;

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
    /// Deviation of the logarithm of blue's gain over red's: the daylight that a camera took for
    /// white, from low sun to open shade.
    #[serde(default)]
    pub daylight: f32,
    /// Probability of haze.
    pub haze: f32,
    /// Largest share of the air's light in haze, 0.05 to 1.
    #[serde(default = "thick")]
    pub haze_most: f32,
    /// Smallest share of the range from black to white that a camera with a flat picture leaves,
    /// somewhere within that range; 1 leaves it whole.
    #[serde(default = "whole")]
    pub flat: f32,
    /// Probability that the light stays as it was photographed.
    #[serde(default)]
    pub as_taken: f32,
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
    /// Probability that beyond the picture's border lies road, not its border pixels.
    #[serde(default)]
    pub surroundings: f32,
    /// Probability that an upper corner is seen instead of the picture: what is no vehicle.
    #[serde(default)]
    pub away: f32,
}

/// Augmentations that have a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Named {
    /// What a road camera does to a car
    Road,
    /// The same from high up and far away: steeper, coarser, more of the road around
    Pole,
    /// Mirrors and crops alone, as torchvision makes them
    Crops,
    /// Mirrors alone
    Mirrors,
}

impl Named {
    /// The augmentation.
    pub fn augment(self) -> Augment {
        match self {
            Named::Road => Augment::road(),
            Named::Pole => Augment::pole(),
            Named::Crops => Augment::crops(),
            Named::Mirrors => Augment::mirrors(),
        }
    }
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
            daylight: 0.0,
            haze: 0.15,
            haze_most: thick(),
            flat: whole(),
            as_taken: 0.0,
            shadow: 0.2,
            low_resolution: 0.4,
            blur: 0.2,
            noise: 0.3,
            jpeg: 0.15,
            occlusion: 0.2,
            surroundings: 0.0,
            away: 0.1,
        }
    }

    /// What a camera high on a pole does to a car: seen from above and afar, in any daylight. Black
    /// must not become grey, nor grey silver: exposure and haze vary less than the viewpoint.
    pub fn pole() -> Self {
        Self {
            rotate_degrees: 20.0,
            zoom: [0.6, 1.35],
            aspect: 1.6,
            shift: 0.1,
            exposure: 0.12,
            gamma: 0.2,
            white_balance: 0.04,
            daylight: 0.18,
            haze: 0.2,
            haze_most: 0.25,
            flat: 0.5,
            as_taken: 0.3,
            shadow: 0.3,
            low_resolution: 0.6,
            blur: 0.3,
            jpeg: 0.25,
            occlusion: 0.25,
            surroundings: 0.5,
            ..Self::road()
        }
    }

    /// What one site's camera does to one vehicle from sighting to sighting: its viewpoint and
    /// light are in the pictures already.
    pub fn site() -> Self {
        Self {
            rotate_degrees: 5.0,
            zoom: [0.8, 1.1],
            aspect: 1.15,
            shift: 0.06,
            exposure: 0.06,
            gamma: 0.08,
            white_balance: 0.02,
            shadow: 0.1,
            noise: 0.2,
            jpeg: 0.2,
            occlusion: 0.15,
            ..Self::mirrors()
        }
    }

    /// Nothing but mirrors.
    pub fn mirrors() -> Self {
        Self {
            rotate_degrees: 0.0,
            zoom: [1.0, 1.0],
            zoom_by_area: false,
            aspect: 1.0,
            shift: 0.0,
            exposure: 0.0,
            gamma: 0.0,
            white_balance: 0.0,
            daylight: 0.0,
            haze: 0.0,
            haze_most: thick(),
            flat: whole(),
            as_taken: 0.0,
            shadow: 0.0,
            low_resolution: 0.0,
            blur: 0.0,
            noise: 0.0,
            jpeg: 0.0,
            occlusion: 0.0,
            surroundings: 0.0,
            away: 0.0,
        }
    }

    /// Mirrors and random resized crops of 8 to 100 % of the area, their sides up to 4 : 3:
    /// torchvision's `RandomResizedCrop` and `RandomHorizontalFlip`.
    pub fn crops() -> Self {
        Self {
            zoom: [0.08f32.sqrt(), 1.0],
            zoom_by_area: true,
            aspect: 4.0 / 3.0,
            ..Self::mirrors()
        }
    }

    /// The changes of one picture that becomes `side` x `side` pixels.
    pub fn draw(&self, side: u32, rng: &mut Rng) -> Changes {
        let out = if chance(rng, self.low_resolution) {
            24 + rng.u32(0..side.saturating_sub(24).max(1))
        } else {
            side
        };
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
        let (across, down) = (seen * stretch * mirror, seen / stretch);
        let room = (1.0 - seen).max(0.0) / 2.0 + self.shift;
        let gain = (self.exposure * normal(rng)).exp();
        let daylight = self.daylight / 2.0 * normal(rng);
        let as_taken = chance(rng, self.as_taken);
        let haze = chance(rng, self.haze) && !as_taken;
        let shadow = chance(rng, self.shadow) && !as_taken;
        let occlusion = chance(rng, self.occlusion);
        let away = chance(rng, self.away);
        let gamma = (self.gamma * normal(rng)).exp();
        let gains = [-daylight, 0.0, daylight]
            .map(|lit| gain * (lit + self.white_balance * normal(rng)).exp());
        let hazy = if haze {
            between(0.05, self.haze_most, rng.f32())
        } else {
            0.0
        };
        let air = 150.0 + 90.0 * rng.f32();
        let kept = if as_taken {
            1.0
        } else {
            between(self.flat, 1.0, rng.f32())
        };
        let darkest = 255.0 * (1.0 - kept) * rng.f32();
        // A flat picture of a hazy one is one veil over the picture.
        let added = 1.0 - (1.0 - hazy) * kept;
        let air = if added > 0.0 {
            (air * hazy * kept + darkest) / added
        } else {
            air
        };
        let mut centre = [0.5 + room * signed(rng), 0.5 + room * signed(rng)];
        let (mut right, mut down) = ([cos * across, sin * across], [-sin * down, cos * down]);
        if away {
            let length = between(0.12, 0.24, rng.f32());
            centre = [if rng.bool() { 0.12 } else { 0.88 }, 0.12];
            [right, down] = [right, down].map(|way| way.map(|share| share / seen * length));
        }
        Changes {
            out: out.min(side),
            centre,
            right,
            down,
            away,
            gamma: if as_taken { 1.0 } else { gamma },
            gains: if as_taken { [1.0; 3] } else { gains },
            haze: added,
            air,
            shadow: shadow.then(|| Shadow {
                direction: {
                    let (sin, cos) = (std::f32::consts::TAU * rng.f32()).sin_cos();
                    [cos, sin]
                },
                through: [0.25 + 0.5 * rng.f32(), 0.25 + 0.5 * rng.f32()],
                light: 0.4 + 0.5 * rng.f32(),
            }),
            occlusion: occlusion.then(|| {
                let size = [rng.f32() / 3.0, rng.f32() / 3.0];
                Occlusion {
                    corner: size.map(|length| rng.f32() * (1.0 - length)),
                    size,
                    tone: rng.u8(20..200),
                }
            }),
            blur: chance(rng, self.blur),
            noise: if chance(rng, self.noise) {
                1.0 + 9.0 * rng.f32()
            } else {
                0.0
            },
            jpeg: chance(rng, self.jpeg).then(|| rng.u8(25..80)),
            road: chance(rng, self.surroundings).then(|| rng.u8(50..170)),
            seed: rng.u64(..),
        }
    }
}

/// The changes of one picture. Places and lengths are shares of its sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Changes {
    /// Side of the picture that is made; smaller than the network's input for a low resolution.
    pub out: u32,
    /// Where in the source the middle of the result lies.
    pub centre: [f32; 2],
    /// Whether the result shows no vehicle.
    pub away: bool,
    /// The way in the source from the result's left to its right.
    pub right: [f32; 2],
    /// The way in the source from the result's top to its bottom.
    pub down: [f32; 2],
    /// Exponent of brightness.
    pub gamma: f32,
    /// Factor of each channel, after gamma.
    pub gains: [f32; 3],
    /// Share of light that does not come from the vehicle: air's, or the camera's own; 0 to 1.
    pub haze: f32,
    /// That light's brightness, 0 to 255.
    pub air: f32,
    /// A shadow over a part.
    pub shadow: Option<Shadow>,
    /// A covered part.
    pub occlusion: Option<Occlusion>,
    /// Whether each pixel becomes the mean of its neighbourhood of 3 x 3.
    pub blur: bool,
    /// Deviation of the noise, of 255.
    pub noise: f32,
    /// Quality of the JPEG that it is coded as, 1 to 100.
    pub jpeg: Option<u8>,
    /// Brightness of what lies beyond the source's border, when its border pixels do not go on.
    pub road: Option<u8>,
    /// Where the noise starts from.
    pub seed: u64,
}

impl Changes {
    /// The class of the changed picture, when the source's is `class`.
    pub fn class(&self, class: usize) -> i64 {
        match self.away {
            true => NO_VEHICLE,
            false => class as i64,
        }
    }
}

/// A half plane that is darker and slightly bluer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shadow {
    /// Unit vector into the shadow.
    pub direction: [f32; 2],
    /// A point of its edge, which is a tenth of the picture wide.
    pub through: [f32; 2],
    /// Share of the light that is left.
    pub light: f32,
}

impl Shadow {
    /// How much of red's light is lost beside what all lose, and of blue's gained.
    pub const TINT: f32 = 0.03;
    /// One over the edge's width.
    pub const SHARPNESS: f32 = 10.0;
}

/// A rectangle of one neutral tone: a post, a sign, another car.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Occlusion {
    /// Its left upper corner.
    pub corner: [f32; 2],
    /// Its width and height.
    pub size: [f32; 2],
    /// Its brightness.
    pub tone: u8,
}

/// A range from black to white that is left as it is.
fn whole() -> f32 {
    1.0
}

/// Air that takes two fifths of the light.
fn thick() -> f32 {
    0.4
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
