//! Vehicle paints: for each colour name the shades that carmakers sell under it, as ranges to
//! draw from. Values are 8-bit sRGB of the paint in even light; no light and no shape here.

use fastrand::Rng;

use crate::vector::{V3, v3};

/// A range of one kind of paint, 8-bit sRGB.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shade {
    /// Darkest member.
    pub dark: [u8; 3],
    /// Lightest member.
    pub light: [u8; 3],
    /// Share of metal flakes, 0 (solid) to 1 (bright metallic): more gives stronger gradients.
    pub metallic: f32,
}

/// The paints that go by one colour name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paint {
    /// The name, one of [`crate::COLOURS`].
    pub colour: &'static str,
    /// Kinds of paint with that name, each as likely as the next.
    pub shades: &'static [Shade],
}

const fn shade(dark: [u8; 3], light: [u8; 3], metallic: f32) -> Shade {
    Shade {
        dark,
        light,
        metallic,
    }
}

/// All paints, in the order of [`crate::COLOURS`].
pub const PAINTS: [Paint; 12] = [
    Paint {
        colour: "black",
        shades: &[
            shade([12, 12, 13], [28, 28, 30], 0.0),
            shade([16, 17, 20], [34, 35, 37], 0.25),
        ],
    },
    Paint {
        colour: "blue",
        shades: &[
            shade([20, 48, 120], [40, 84, 184], 0.5),
            shade([24, 62, 150], [52, 116, 214], 0.2),
            shade([26, 38, 92], [38, 56, 126], 0.35),
            shade([62, 130, 196], [96, 164, 222], 0.3),
        ],
    },
    Paint {
        colour: "brown",
        shades: &[
            shade([70, 44, 28], [108, 70, 44], 0.45),
            shade([92, 62, 40], [132, 94, 64], 0.5),
            shade([62, 38, 30], [88, 54, 42], 0.3),
        ],
    },
    Paint {
        colour: "green",
        shades: &[
            shade([18, 66, 42], [36, 100, 62], 0.3),
            shade([40, 122, 56], [76, 168, 74], 0.1),
            shade([96, 168, 40], [140, 206, 62], 0.2),
            shade([52, 78, 48], [80, 108, 66], 0.3),
        ],
    },
    Paint {
        colour: "grey",
        shades: &[
            shade([78, 80, 83], [104, 106, 109], 0.3),
            shade([66, 69, 73], [92, 95, 99], 0.45),
            shade([100, 102, 104], [120, 121, 122], 0.0),
        ],
    },
    Paint {
        colour: "orange",
        shades: &[
            shade([214, 88, 18], [240, 122, 36], 0.25),
            shade([228, 104, 10], [246, 140, 30], 0.05),
        ],
    },
    Paint {
        colour: "pink",
        shades: &[
            shade([222, 116, 160], [244, 166, 196], 0.1),
            shade([216, 70, 136], [236, 110, 166], 0.2),
        ],
    },
    Paint {
        colour: "purple",
        shades: &[
            shade([74, 34, 108], [110, 60, 150], 0.4),
            shade([96, 48, 132], [140, 84, 178], 0.2),
        ],
    },
    Paint {
        colour: "red",
        shades: &[
            shade([164, 16, 22], [206, 30, 34], 0.05),
            shade([128, 14, 22], [168, 24, 32], 0.4),
            shade([196, 24, 26], [222, 44, 38], 0.0),
        ],
    },
    Paint {
        colour: "silver",
        shades: &[
            shade([150, 152, 155], [172, 174, 177], 1.0),
            shade([146, 149, 154], [166, 170, 176], 1.0),
            shade([154, 152, 148], [174, 172, 167], 0.9),
        ],
    },
    Paint {
        colour: "white",
        shades: &[
            shade([235, 236, 237], [249, 249, 249], 0.0),
            shade([236, 234, 228], [248, 246, 240], 0.1),
            shade([232, 236, 240], [246, 248, 250], 0.1),
        ],
    },
    Paint {
        colour: "yellow",
        shades: &[
            shade([232, 184, 16], [250, 210, 40], 0.05),
            shade([240, 206, 30], [252, 226, 72], 0.0),
        ],
    },
];

/// One vehicle's paint: a draw from a shade.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Coat {
    /// Colour in linear light, 0 to 1.
    pub albedo: V3,
    /// Share of metal flakes, 0 to 1.
    pub metallic: f32,
}

/// The linear light of an 8-bit sRGB value.
pub(crate) fn linear(srgb: f32) -> f32 {
    let value = srgb / 255.0;
    if value <= 0.04045 {
        value / 12.92
    } else {
        ((value + 0.055) / 1.055).powf(2.4)
    }
}

/// The linear light of an 8-bit sRGB colour.
pub(crate) fn linear_rgb(rgb: [f32; 3]) -> V3 {
    v3(linear(rgb[0]), linear(rgb[1]), linear(rgb[2]))
}

impl Paint {
    /// The paint of that name.
    pub fn named(colour: &str) -> Option<&'static Paint> {
        PAINTS.iter().find(|paint| paint.colour == colour)
    }

    pub(crate) fn draw(&self, rng: &mut Rng) -> Coat {
        let shade = &self.shades[rng.usize(..self.shades.len())];
        let lightness = rng.f32();
        let mut rgb = [0.0; 3];
        for (channel, value) in rgb.iter_mut().enumerate() {
            let (dark, light) = (
                f32::from(shade.dark[channel]),
                f32::from(shade.light[channel]),
            );
            // The channels move together; a small part apart, or every vehicle of a shade would
            // lie on one line.
            let apart = (rng.f32() - 0.5) * 0.15;
            *value = dark + (light - dark) * (lightness + apart).clamp(0.0, 1.0);
        }
        Coat {
            albedo: linear_rgb(rgb),
            metallic: shade.metallic,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_paint_for_each_colour_in_the_same_order() {
        assert_eq!(PAINTS.map(|paint| paint.colour), crate::COLOURS);
    }

    #[test]
    fn the_brightness_ladder_does_not_overlap() {
        let ends = |colour: &str| {
            let shades = Paint::named(colour).unwrap().shades;
            let darkest = shades.iter().map(|s| s.dark[1]).min().unwrap();
            let lightest = shades.iter().map(|s| s.light[1]).max().unwrap();
            (darkest, lightest)
        };
        let ladder = ["black", "grey", "silver", "white"].map(ends);
        for pair in ladder.windows(2) {
            assert!(pair[0].1 + 20 < pair[1].0, "{ladder:?}");
        }
    }

    #[test]
    fn draws_stay_inside_their_shades() {
        let mut rng = Rng::with_seed(3);
        for paint in PAINTS {
            for _ in 0..50 {
                let coat = paint.draw(&mut rng);
                assert!(paint.shades.iter().any(|shade| {
                    let dark = linear_rgb(shade.dark.map(f32::from));
                    let light = linear_rgb(shade.light.map(f32::from));
                    let inside = |v: f32, a: f32, b: f32| v >= a - 1e-5 && v <= b + 1e-5;
                    inside(coat.albedo.x, dark.x, light.x)
                        && inside(coat.albedo.y, dark.y, light.y)
                        && inside(coat.albedo.z, dark.z, light.z)
                }));
            }
        }
    }
}
