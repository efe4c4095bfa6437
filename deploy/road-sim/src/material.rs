//! What a point of a vehicle's surface is made of: paint, glass, tyre, lamp, plate, joint.
//! Decided from the vehicle's own coordinates; no light falls here.

use std::f32::consts::TAU;

use crate::body::Vehicle;
use crate::field::rough;
use crate::mesh::Part;
use crate::raster::Sample;
use crate::vector::{V3, grey, smoothstep, v3};

/// How a point answers to light.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surface {
    /// Diffuse reflectance, linear.
    pub albedo: V3,
    /// Share of metal flakes, 0 to 1.
    pub metallic: f32,
    /// Mirror reflectance seen straight on; 0 is dull.
    pub mirror: f32,
    /// Slope added to the surface, upwards positive: creases pressed into panels, and the unrest
    /// of what a pane mirrors.
    pub tilt: f32,
    /// Share of the light that reaches the point, 0 to 1: less under arches and in joints.
    pub open: f32,
}

/// The mirror reflectance of clear coat and of glass seen straight on (refractive index 1.5).
const DIELECTRIC: f32 = 0.04;

fn dull(albedo: V3) -> Surface {
    Surface {
        albedo,
        metallic: 0.0,
        mirror: 0.0,
        tilt: 0.0,
        open: 1.0,
    }
}

fn glossy(albedo: V3) -> Surface {
    Surface {
        mirror: DIELECTRIC,
        ..dull(albedo)
    }
}

/// Whether the body is there at all: wheel arches are holes in its sides.
pub(crate) fn is_solid(vehicle: &Vehicle, sample: &Sample) -> bool {
    let style = vehicle.style;
    if sample.part != Part::Shell || sample.place.z.abs() < style.width * 0.33 {
        return true;
    }
    let x = style.length / 2.0 - sample.place.x;
    style.axles.iter().all(|axle| {
        let (dx, dy) = (x - axle, sample.place.y - style.wheel_radius);
        dx.hypot(dy) > style.wheel_radius + 0.055
    })
}

/// The material at a sample.
pub(crate) fn surface(vehicle: &Vehicle, sample: &Sample) -> Surface {
    let trim = if vehicle.black_trim {
        glossy(grey(0.012))
    } else {
        paint(vehicle)
    };
    match sample.part {
        Part::Wheel(axle) => wheel(vehicle, sample, usize::from(axle)),
        Part::Tread => Surface {
            open: 0.7,
            ..dull(grey(0.018))
        },
        Part::Inside => Surface {
            open: 0.15,
            ..dull(grey(0.01))
        },
        Part::Mirror => trim,
        Part::Rail => glossy(grey(if vehicle.black_trim { 0.015 } else { 0.3 })),
        Part::Face => face(vehicle, sample),
        Part::Shell => shell(vehicle, sample),
    }
}

fn paint(vehicle: &Vehicle) -> Surface {
    Surface {
        metallic: vehicle.coat.metallic,
        ..glossy(vehicle.coat.albedo)
    }
}

fn glass(vehicle: &Vehicle, sample: &Sample) -> Surface {
    // What stands opposite, houses and trees, shows in the panes.
    let V3 { x, y, z } = sample.place;
    let unrest = rough(x * 1.6 + z, y * 2.2 - x * 0.5, 3) - 0.5;
    // Two faces of a pane reflect.
    Surface {
        mirror: 2.5 * DIELECTRIC,
        tilt: unrest * 0.5,
        ..dull(vehicle.glass)
    }
}

/// The slope of a painted side at the height `y`: a crease below the belt, and a flank that
/// turns towards the ground further down.
fn crease(vehicle: &Vehicle, y: f32, belt: f32) -> f32 {
    let style = vehicle.style;
    let height = style.clearance + 0.70 * (belt - style.clearance);
    let from_crease = y - height;
    let upper = if from_crease > 0.0 {
        0.30 * (1.0 - from_crease / 0.22).max(0.0)
    } else {
        0.0
    };
    let lower = if from_crease <= 0.0 {
        -0.30 * (1.0 + from_crease / 0.30).max(0.0)
    } else {
        0.0
    };
    let sill = style.clearance + 0.16;
    let foot = 0.22 * (1.0 - (y - sill).abs() / 0.06).max(0.0);
    upper + lower + foot
}

fn shell(vehicle: &Vehicle, sample: &Sample) -> Surface {
    let style = vehicle.style;
    let (x, y) = (style.length / 2.0 - sample.place.x, sample.place.y);
    let body = paint(vehicle);
    let belt = style.belt_at(x);
    if sample.along > 1.9 {
        return upper(vehicle, sample, x, body);
    }
    if let Some(window) = side_window(vehicle, sample, x, y, belt, body) {
        return window;
    }
    if let Some(lamp) = side_lamps(vehicle, x, y, sample.along) {
        return lamp;
    }
    let body = Surface {
        tilt: crease(vehicle, y, belt),
        ..body
    };
    lower_side(vehicle, x, y, belt, body)
}

/// Bonnet, windscreen, roof, rear window, boot or bed.
fn upper(vehicle: &Vehicle, sample: &Sample, x: f32, body: Surface) -> Surface {
    let style = vehicle.style;
    let edge = sample.place.z.abs();
    let within = |(from, to): (f32, f32)| x > from && x < to;
    let half = style.half_width(x);
    if within(style.windscreen) || within(style.rear_window) {
        return glass(vehicle, sample);
    }
    if vehicle.glass_roof
        && within((style.windscreen.1 + 0.12, style.rear_window.0 - 0.35))
        && edge < 0.5
    {
        return glass(vehicle, sample);
    }
    if within(style.bed) && edge < half - 0.16 {
        return dull(grey(0.012));
    }
    // The gap round the bonnet, and wipers at the windscreen's foot.
    let cowl = style.windscreen.0;
    if within((cowl - 0.05, cowl)) {
        return dull(grey(0.02));
    }
    let gap =
        (x - 0.16).abs() < 0.016 || (x < cowl && x > 0.16 && (edge - half * 0.80).abs() < 0.014);
    if gap {
        Surface { open: 0.35, ..body }
    } else {
        body
    }
}

/// Side glass with its pillars and frame, if the point lies in it.
fn side_window(
    vehicle: &Vehicle,
    sample: &Sample,
    x: f32,
    y: f32,
    belt: f32,
    body: Surface,
) -> Option<Surface> {
    let style = vehicle.style;
    if y < belt + 0.01 || sample.along > 1.35 {
        return None;
    }
    let upper = style.smooth_top(x) - 0.10;
    let (from, to) = style.side_glass;
    // The frame is the glass shape grown by its width.
    let frame = 0.035;
    let inside = |margin: f32| {
        x > from - margin && x < to + margin && y < upper + margin && y > belt + 0.03 - margin
    };
    if !inside(frame) {
        return None;
    }
    let on_pillar = style
        .pillars
        .iter()
        .any(|pillar| (x - pillar).abs() < 0.055);
    if inside(0.0) && !on_pillar {
        return Some(glass(vehicle, sample));
    }
    let black = glossy(grey(0.012));
    Some(if on_pillar || vehicle.black_trim || y < belt + 0.03 {
        black
    } else {
        body
    })
}

fn headlamp() -> Surface {
    Surface {
        mirror: 0.12,
        ..dull(v3(0.62, 0.65, 0.68))
    }
}

fn tail_lamp() -> Surface {
    Surface {
        mirror: 0.06,
        ..dull(v3(0.32, 0.008, 0.010))
    }
}

/// Lamps that reach round the corners.
fn side_lamps(vehicle: &Vehicle, x: f32, y: f32, along: f32) -> Option<Surface> {
    let style = vehicle.style;
    let nose = style.outline[1].1;
    if x < 0.42 && along < 1.8 {
        let (low, high) = (nose - 0.13 + 0.10 * x, nose + 0.01 + 0.22 * x);
        if y > low && y < high {
            return Some(headlamp());
        }
    }
    let from_rear = style.length - x;
    let deck = style.belt.1;
    let tall = style.length - style.rear_window.0 < 0.7 && style.bed.1 == 0.0;
    let (low, high, depth) = if tall {
        (deck - 0.22, deck + 0.05, 0.22)
    } else {
        (deck - 0.24, deck - 0.05, 0.3)
    };
    (from_rear < depth && y > low && y < high).then(tail_lamp)
}

/// Doors, handles, sills and cladding.
fn lower_side(vehicle: &Vehicle, x: f32, y: f32, belt: f32, body: Surface) -> Surface {
    let style = vehicle.style;
    let plastic = dull(grey(0.022));
    let sill = style.clearance + if style.cladding { 0.17 } else { 0.05 };
    if y < sill {
        return plastic;
    }
    let to_axle = style
        .axles
        .iter()
        .map(|axle| (x - axle).hypot(y - style.wheel_radius))
        .fold(f32::INFINITY, f32::min);
    if style.cladding && to_axle < style.wheel_radius + 0.13 {
        return plastic;
    }
    let joint = style.joints.iter().any(|joint| (x - joint).abs() < 0.016);
    if joint && y > style.clearance + 0.14 && y < belt {
        return Surface { open: 0.3, ..body };
    }
    // A handle ahead of the rear end of each door.
    let handle_y = belt - 0.10;
    let handle = style
        .joints
        .iter()
        .skip(1)
        .any(|joint| x > joint - 0.25 && x < joint - 0.07);
    if handle && (y - handle_y).abs() < 0.022 {
        return if vehicle.black_trim {
            glossy(grey(0.012))
        } else {
            Surface { open: 1.12, ..body }
        };
    }
    if handle && y < handle_y && y > handle_y - 0.05 {
        return Surface { open: 0.75, ..body };
    }
    Surface {
        open: smoothstep(0.0, 0.09, to_axle - style.wheel_radius + 0.02).max(0.75),
        ..body
    }
}

/// Grille, plates and bumpers.
fn face(vehicle: &Vehicle, sample: &Sample) -> Surface {
    let style = vehicle.style;
    let front = sample.place.x > 0.0;
    let (y, edge) = (sample.place.y, sample.place.z.abs());
    let nose = style.outline[if front { 1 } else { 0 }].1;
    let half = style.half_width(if front { 0.0 } else { style.length });
    if y < style.clearance + 0.16 {
        return dull(grey(0.022));
    }
    if front {
        let plate = edge < 0.26 && (y - 0.46).abs() < 0.055;
        if plate {
            return dull(grey(0.75));
        }
        if y > nose - 0.16 && edge > half * 0.55 {
            return headlamp();
        }
        let grille = edge < half * 0.52 && y > nose - 0.14;
        let intake = edge < half * 0.75 && y < 0.42;
        return if grille || intake {
            dull(grey(0.012))
        } else {
            paint(vehicle)
        };
    }
    let plate = edge < 0.26 && (y - 0.62).abs() < 0.055;
    if plate {
        return dull(v3(0.75, 0.72, 0.62));
    }
    if y > 0.68 && edge > half * 0.62 {
        tail_lamp()
    } else {
        paint(vehicle)
    }
}

fn wheel(vehicle: &Vehicle, sample: &Sample, axle: usize) -> Surface {
    let style = vehicle.style;
    let dx = sample.place.x - (style.length / 2.0 - style.axles[axle]);
    let dy = sample.place.y - style.wheel_radius;
    let radius = dx.hypot(dy) / style.wheel_radius;
    // The upper part of the wheel lies in the arch's shade.
    let open = 1.0 - 0.65 * smoothstep(0.2, 0.95, dy / style.wheel_radius);
    if radius > 0.70 {
        return Surface {
            open,
            ..dull(grey(0.018))
        };
    }
    let rim = Surface {
        open,
        mirror: 0.05,
        ..dull(grey(vehicle.rim))
    };
    if !(0.15..=0.62).contains(&radius) {
        return rim;
    }
    let turn = dy.atan2(dx) / TAU * f32::from(vehicle.spokes);
    let spoke = (turn - turn.round()).abs() < 0.26 - 0.08 * radius;
    if spoke {
        rim
    } else {
        Surface {
            open,
            ..dull(grey(vehicle.rim * 0.15 + 0.008))
        }
    }
}
