//! Body styles: the measures of a hatchback, saloon, estate, SUV, van and pickup as plain
//! numbers, and a vehicle's own choice among them. Metres; no mesh and no colour here.
//!
//! Along the vehicle, x runs from the front bumper (0) to the rear; y up from the ground.

use fastrand::Rng;

use crate::paint::{Coat, Paint};
use crate::vector::V3;

/// The measures of one body style, metres.
#[derive(Debug)]
pub(crate) struct Style {
    pub length: f32,
    /// Without mirrors.
    pub width: f32,
    /// Lower edge of the body.
    pub clearance: f32,
    pub wheel_radius: f32,
    /// Front and rear axle.
    pub axles: [f32; 2],
    /// Upper outline seen from the side: (x, y), x rising from 0 to `length`.
    pub outline: &'static [(f32, f32)],
    /// Lower edge of the side windows, at the front and at the rear.
    pub belt: (f32, f32),
    /// Windscreen: lower edge, upper edge.
    pub windscreen: (f32, f32),
    /// Rear window: upper edge, lower edge; equal where there is none.
    pub rear_window: (f32, f32),
    /// Side windows: foremost and rearmost point of the glass.
    pub side_glass: (f32, f32),
    /// Pillars that stand across the side windows.
    pub pillars: &'static [f32],
    /// Joints between doors.
    pub joints: &'static [f32],
    /// Inward lean of the sides above the belt, metres for each metre up.
    pub lean: f32,
    /// Plastic round arches and sills.
    pub cladding: bool,
    /// An open load bed: foremost and rearmost point; equal where there is none.
    pub bed: (f32, f32),
}

/// All styles.
pub(crate) static STYLES: [Style; 6] = [
    // Hatchback.
    Style {
        length: 4.1,
        width: 1.78,
        clearance: 0.2,
        wheel_radius: 0.315,
        axles: [0.82, 3.4],
        outline: &[
            (0.0, 0.60),
            (0.10, 0.74),
            (0.50, 0.88),
            (1.02, 0.97),
            (1.78, 1.40),
            (2.25, 1.48),
            (3.05, 1.46),
            (3.60, 1.38),
            (3.96, 1.00),
            (4.06, 0.92),
            (4.10, 0.78),
        ],
        belt: (0.93, 1.00),
        windscreen: (1.04, 1.80),
        rear_window: (3.60, 3.95),
        side_glass: (1.22, 3.62),
        pillars: &[2.30, 3.20],
        joints: &[1.20, 2.28, 3.16],
        lean: 0.26,
        cladding: false,
        bed: (0.0, 0.0),
    },
    // Saloon.
    Style {
        length: 4.68,
        width: 1.83,
        clearance: 0.19,
        wheel_radius: 0.325,
        axles: [0.88, 3.70],
        outline: &[
            (0.0, 0.57),
            (0.10, 0.70),
            (0.55, 0.84),
            (1.25, 0.94),
            (2.10, 1.37),
            (2.62, 1.44),
            (3.20, 1.41),
            (3.55, 1.33),
            (4.12, 1.03),
            (4.55, 0.99),
            (4.66, 0.90),
            (4.68, 0.76),
        ],
        belt: (0.91, 0.99),
        windscreen: (1.28, 2.12),
        rear_window: (3.55, 4.08),
        side_glass: (1.48, 3.86),
        pillars: &[2.62, 3.52],
        joints: &[1.42, 2.60, 3.50],
        lean: 0.28,
        cladding: false,
        bed: (0.0, 0.0),
    },
    // Estate.
    Style {
        length: 4.66,
        width: 1.82,
        clearance: 0.2,
        wheel_radius: 0.325,
        axles: [0.88, 3.66],
        outline: &[
            (0.0, 0.58),
            (0.10, 0.71),
            (0.55, 0.85),
            (1.20, 0.95),
            (2.00, 1.38),
            (2.50, 1.46),
            (3.90, 1.44),
            (4.18, 1.38),
            (4.54, 1.00),
            (4.64, 0.92),
            (4.66, 0.76),
        ],
        belt: (0.92, 0.99),
        windscreen: (1.22, 2.02),
        rear_window: (4.18, 4.53),
        side_glass: (1.42, 4.26),
        pillars: &[2.52, 3.46],
        joints: &[1.38, 2.50, 3.44],
        lean: 0.25,
        cladding: false,
        bed: (0.0, 0.0),
    },
    // SUV.
    Style {
        length: 4.5,
        width: 1.88,
        clearance: 0.27,
        wheel_radius: 0.365,
        axles: [0.88, 3.56],
        outline: &[
            (0.0, 0.72),
            (0.08, 0.90),
            (0.45, 1.04),
            (1.08, 1.11),
            (1.74, 1.56),
            (2.20, 1.66),
            (3.60, 1.64),
            (4.02, 1.57),
            (4.34, 1.16),
            (4.47, 1.04),
            (4.50, 0.85),
        ],
        belt: (1.07, 1.15),
        windscreen: (1.10, 1.76),
        rear_window: (4.02, 4.33),
        side_glass: (1.30, 4.08),
        pillars: &[2.34, 3.30],
        joints: &[1.26, 2.32, 3.28],
        lean: 0.22,
        cladding: true,
        bed: (0.0, 0.0),
    },
    // Panel van.
    Style {
        length: 5.0,
        width: 1.94,
        clearance: 0.22,
        wheel_radius: 0.34,
        axles: [0.96, 3.96],
        outline: &[
            (0.0, 0.72),
            (0.06, 0.92),
            (0.35, 1.08),
            (0.80, 1.18),
            (1.52, 1.80),
            (1.95, 1.95),
            (2.60, 1.98),
            (4.70, 1.95),
            (4.92, 1.88),
            (4.99, 1.20),
            (5.0, 0.80),
        ],
        belt: (1.12, 1.14),
        windscreen: (0.82, 1.54),
        rear_window: (4.92, 4.92),
        side_glass: (1.02, 2.08),
        pillars: &[],
        joints: &[1.05, 2.16, 3.30],
        lean: 0.12,
        cladding: false,
        bed: (0.0, 0.0),
    },
    // Pickup.
    Style {
        length: 5.2,
        width: 1.88,
        clearance: 0.30,
        wheel_radius: 0.38,
        axles: [0.98, 4.12],
        outline: &[
            (0.0, 0.78),
            (0.08, 0.96),
            (0.50, 1.10),
            (1.30, 1.16),
            (1.96, 1.66),
            (2.40, 1.77),
            (3.05, 1.75),
            (3.28, 1.66),
            (3.46, 1.17),
            (3.70, 1.14),
            (5.12, 1.14),
            (5.19, 1.08),
            (5.2, 0.85),
        ],
        belt: (1.11, 1.14),
        windscreen: (1.32, 1.98),
        rear_window: (3.28, 3.45),
        side_glass: (1.52, 3.30),
        pillars: &[2.46],
        joints: &[1.46, 2.44, 3.26],
        lean: 0.22,
        cladding: true,
        bed: (3.58, 5.08),
    },
];

impl Style {
    /// Height of the upper outline at `x`.
    pub fn top(&self, x: f32) -> f32 {
        let x = x.clamp(0.0, self.length);
        let next = self
            .outline
            .partition_point(|point| point.0 < x)
            .clamp(1, self.outline.len() - 1);
        let (a, b) = (self.outline[next - 1], self.outline[next]);
        a.1 + (b.1 - a.1) * (x - a.0) / (b.0 - a.0)
    }

    /// Height of the upper outline at `x` with its corners rounded off.
    pub fn smooth_top(&self, x: f32) -> f32 {
        const REACH: f32 = 0.11;
        // Near the ends the window narrows, so that the outline keeps its end points.
        let reach = REACH.min(x).min(self.length - x).max(0.0);
        let weights = [(-1.0, 1.0), (-0.5, 2.0), (0.0, 2.0), (0.5, 2.0), (1.0, 1.0)];
        weights
            .iter()
            .map(|(at, weight)| weight * self.top(x + at * reach))
            .sum::<f32>()
            / 8.0
    }

    /// Height of the belt line at `x`.
    pub fn belt_at(&self, x: f32) -> f32 {
        self.belt.0 + (self.belt.1 - self.belt.0) * (x / self.length).clamp(0.0, 1.0)
    }

    /// Half the plan's width at `x`: the corners are rounded.
    pub fn half_width(&self, x: f32) -> f32 {
        let front = (1.0 - x / 0.75).clamp(0.0, 1.0);
        let rear = (1.0 - (self.length - x) / 0.6).clamp(0.0, 1.0);
        self.width / 2.0 * (1.0 - 0.20 * front.powf(2.2) - 0.13 * rear.powf(2.4))
    }

    /// Lower edge of the body at `x`: bumpers curve up.
    pub fn bottom(&self, x: f32) -> f32 {
        let front = (1.0 - x / 0.5).clamp(0.0, 1.0);
        let rear = (1.0 - (self.length - x) / 0.5).clamp(0.0, 1.0);
        self.clearance + 0.10 * front * front + 0.14 * rear * rear
    }
}

/// One vehicle: a style and everything that its seed decides.
#[derive(Clone, Debug)]
pub(crate) struct Vehicle {
    pub style: &'static Style,
    pub coat: Coat,
    /// Larger or smaller than the style's measures, about 1.
    pub scale: f32,
    /// Reflectance of the rims, linear.
    pub rim: f32,
    pub spokes: u8,
    /// Door mirrors, handles and window frames in black instead of the body's colour.
    pub black_trim: bool,
    /// What the windows show besides reflections, linear.
    pub glass: V3,
    /// A dark roof of glass.
    pub glass_roof: bool,
    pub roof_rails: bool,
}

impl Vehicle {
    /// The vehicle that a seed stands for. Styles come in about the shares seen on roads.
    pub fn from_seed(paint: &Paint, seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        // Hatchback, saloon, estate, SUV, van, pickup.
        const SHARES: [u32; 6] = [26, 20, 16, 24, 9, 5];
        let mut draw = rng.u32(..SHARES.iter().sum::<u32>());
        let mut index = 0;
        while draw >= SHARES[index] {
            draw -= SHARES[index];
            index += 1;
        }
        let style = &STYLES[index];
        let tall = index >= 2 && index != 4;
        let tint = 0.006 + 0.03 * rng.f32() * rng.f32();
        Self {
            style,
            coat: paint.draw(&mut rng),
            scale: 0.95 + 0.1 * rng.f32(),
            rim: if rng.u8(..5) == 0 {
                0.02
            } else {
                0.25 + 0.3 * rng.f32()
            },
            spokes: 5 + rng.u8(..6),
            black_trim: rng.u8(..3) == 0,
            glass: crate::vector::v3(tint * 0.95, tint, tint * 1.05),
            glass_roof: index < 4 && rng.u8(..6) == 0,
            roof_rails: tall && index != 5 && rng.bool(),
        }
    }
}
