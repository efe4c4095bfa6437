//! A vehicle's surface as triangles, lofted from its body style. Metres, the origin on the
//! ground below the vehicle's middle, x towards its front, y up, z to its right. No colour.

use std::f32::consts::{FRAC_PI_2, TAU};

use crate::body::{Style, Vehicle};
use crate::vector::{V3, v3};

/// What a triangle belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Painted shell with its windows.
    Shell,
    /// Front and rear faces of the shell.
    Face,
    /// Outer disc of a wheel; the index of its axle.
    Wheel(u8),
    /// Running surface of a tyre.
    Tread,
    /// What is seen through the wheel arches.
    Inside,
    /// Door mirror.
    Mirror,
    /// Roof rail.
    Rail,
}

/// A corner: place, outward normal, and height along the section (0 lower edge, 1 where the
/// side ends, 2 where the top begins, 3 the top's middle).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vertex {
    pub place: V3,
    pub normal: V3,
    pub along: f32,
}

/// Triangles over shared corners.
#[derive(Debug, Default)]
pub(crate) struct Mesh {
    pub vertices: Vec<Vertex>,
    pub triangles: Vec<([u32; 3], Part)>,
}

const SIDE: usize = 9;
const CORNER: usize = 4;
const TOP: usize = 4;
/// Points from the lower edge to the middle of the top.
const HALF: usize = SIDE + CORNER + TOP;

impl Mesh {
    /// The vehicle's surface, without its scale.
    pub fn of(vehicle: &Vehicle) -> Self {
        let style = vehicle.style;
        let mut mesh = Self::default();
        mesh.shell(style);
        for axle in 0..2 {
            for side in [-1.0, 1.0] {
                mesh.wheel(style, axle, side);
            }
        }
        mesh.mirrors(style);
        if vehicle.roof_rails {
            mesh.rails(style);
        }
        mesh
    }

    fn push(&mut self, place: V3, normal: V3, along: f32) -> u32 {
        self.vertices.push(Vertex {
            place,
            normal: normal.unit(),
            along,
        });
        self.vertices.len() as u32 - 1
    }

    fn quad(&mut self, corners: [u32; 4], part: Part) {
        let [a, b, c, d] = corners;
        self.triangles.push(([a, b, c], part));
        self.triangles.push(([a, c, d], part));
    }

    fn shell(&mut self, style: &Style) {
        let stations = stations(style.length);
        let sections: Vec<Vec<(V3, f32)>> = stations.iter().map(|x| section(style, *x)).collect();
        let (rows, points) = (sections.len(), sections[0].len());
        let first = self.vertices.len() as u32;
        for row in 0..rows {
            for point in 0..points {
                let at = |r: usize, p: usize| sections[r][p].0;
                let across =
                    at(row, (point + 1).min(points - 1)) - at(row, point.saturating_sub(1));
                let along = at((row + 1).min(rows - 1), point) - at(row.saturating_sub(1), point);
                let place = at(row, point);
                let mut normal = across.cross(along).unit();
                let outwards = v3(0.0, place.y - 0.6, place.z);
                if normal.dot(outwards) < 0.0 {
                    normal = normal * -1.0;
                }
                if row == 0 {
                    normal = normal + v3(0.9, 0.0, 0.0);
                } else if row == rows - 1 {
                    normal = normal + v3(-0.9, 0.0, 0.0);
                }
                self.push(place, normal, sections[row][point].1);
            }
        }
        let id = |row: usize, point: usize| first + (row * points + point) as u32;
        for row in 0..rows - 1 {
            for point in 0..points - 1 {
                self.quad(
                    [
                        id(row, point),
                        id(row + 1, point),
                        id(row + 1, point + 1),
                        id(row, point + 1),
                    ],
                    Part::Shell,
                );
            }
        }
        for (row, sign) in [(0, 1.0), (rows - 1, -1.0)] {
            self.face(&sections[row], sign);
        }
    }

    /// Closes an end of the shell: a fan from its middle.
    fn face(&mut self, section: &[(V3, f32)], sign: f32) {
        let low = section[0].0.y;
        let high = section[HALF - 1].0.y;
        let middle = v3(section[0].0.x + sign * 0.02, (low + high) / 2.0, 0.0);
        let centre = self.push(middle, v3(sign, 0.0, 0.0), 0.0);
        let rim: Vec<u32> = section
            .iter()
            .map(|(place, along)| {
                let outwards = v3(0.0, place.y - middle.y, place.z).unit();
                self.push(*place, v3(sign, 0.0, 0.0) + outwards * 0.55, *along)
            })
            .collect();
        for pair in rim.windows(2) {
            self.triangles
                .push(([centre, pair[0], pair[1]], Part::Face));
        }
        self.triangles
            .push(([centre, rim[rim.len() - 1], rim[0]], Part::Face));
    }

    fn wheel(&mut self, style: &Style, axle: usize, side: f32) {
        const STEPS: usize = 28;
        let radius = style.wheel_radius;
        let x = style.length / 2.0 - style.axles[axle];
        let z = side * (style.width / 2.0 - 0.035);
        let centre = v3(x, radius, z);
        let hub = self.push(centre, v3(0.0, 0.0, side), 0.0);
        let mut ring = Vec::with_capacity(STEPS);
        for step in 0..STEPS {
            let angle = TAU * step as f32 / STEPS as f32;
            let spoke = v3(angle.cos(), angle.sin(), 0.0);
            let outer = self.push(centre + spoke * radius, v3(0.0, 0.0, side), 0.0);
            let tread = self.push(centre + spoke * radius, spoke, 0.0);
            let inner = self.push(
                centre + spoke * radius - v3(0.0, 0.0, side * 0.2),
                spoke,
                0.0,
            );
            ring.push([outer, tread, inner]);
        }
        for step in 0..STEPS {
            let (a, b) = (ring[step], ring[(step + 1) % STEPS]);
            self.triangles
                .push(([hub, a[0], b[0]], Part::Wheel(axle as u8)));
            self.quad([a[1], b[1], b[2], a[2]], Part::Tread);
        }
        // A dark wall behind the wheel closes the arch.
        let reach = radius + 0.08;
        let wall = side * (style.width / 2.0 - 0.24);
        let (low, high) = (style.clearance + 0.02, radius + reach);
        let corners = [(-reach, low), (reach, low), (reach, high), (-reach, high)];
        let corners =
            corners.map(|(dx, y)| self.push(v3(x + dx, y, wall), v3(0.0, 0.0, side), 0.0));
        self.quad(corners, Part::Inside);
    }

    fn mirrors(&mut self, style: &Style) {
        let x = style.windscreen.0 + 0.32;
        let y = style.belt_at(x) + 0.07;
        for side in [-1.0, 1.0] {
            let middle = v3(style.length / 2.0 - x, y, side * (style.width / 2.0 + 0.07));
            self.ellipsoid(middle, v3(0.08, 0.085, 0.12), Part::Mirror);
        }
    }

    fn rails(&mut self, style: &Style) {
        let (from, to) = (style.windscreen.1 + 0.15, style.rear_window.0 - 0.1);
        for side in [-1.0, 1.0] {
            let mut previous: Option<[u32; 3]> = None;
            for step in 0..=12 {
                let x = from + (to - from) * step as f32 / 12.0;
                let top = style.smooth_top(x);
                let lift = if step == 0 || step == 12 { 0.0 } else { 0.055 };
                let z = side * (side_half_width(style, x, top) - 0.10);
                let place =
                    |dy: f32, dz: f32| v3(style.length / 2.0 - x, top + lift + dy, z + side * dz);
                let row = [
                    self.push(place(-0.03, 0.02), v3(0.0, 0.1, side), 0.0),
                    self.push(place(0.0, 0.0), v3(0.0, 1.0, 0.3 * side), 0.0),
                    self.push(place(-0.03, -0.03), v3(0.0, 0.1, -side), 0.0),
                ];
                if let Some(last) = previous {
                    self.quad([last[0], row[0], row[1], last[1]], Part::Rail);
                    self.quad([last[1], row[1], row[2], last[2]], Part::Rail);
                }
                previous = Some(row);
            }
        }
    }

    fn ellipsoid(&mut self, middle: V3, radii: V3, part: Part) {
        const RINGS: usize = 6;
        const STEPS: usize = 10;
        let first = self.vertices.len() as u32;
        for ring in 0..=RINGS {
            let tilt = FRAC_PI_2 * (2.0 * ring as f32 / RINGS as f32 - 1.0);
            for step in 0..=STEPS {
                let turn = TAU * step as f32 / STEPS as f32;
                let n = v3(tilt.cos() * turn.cos(), tilt.sin(), tilt.cos() * turn.sin());
                self.push(middle + n.tint(radii), n, 0.0);
            }
        }
        let id = |ring: usize, step: usize| first + (ring * (STEPS + 1) + step) as u32;
        for ring in 0..RINGS {
            for step in 0..STEPS {
                self.quad(
                    [
                        id(ring, step),
                        id(ring, step + 1),
                        id(ring + 1, step + 1),
                        id(ring + 1, step),
                    ],
                    part,
                );
            }
        }
    }
}

/// Where sections are taken: closer together at the rounded ends.
fn stations(length: f32) -> Vec<f32> {
    let ends = [0.0, 0.015, 0.04, 0.08, 0.13, 0.19, 0.26, 0.34];
    let mut stations: Vec<f32> = ends.to_vec();
    let (from, to) = (0.43, length - 0.43);
    let steps = ((to - from) / 0.07) as usize;
    stations.extend((0..=steps).map(|i| from + (to - from) * i as f32 / steps as f32));
    stations.extend(ends.iter().rev().map(|x| length - x));
    stations
}

/// Half the body's width at the height `y` of the station `x`.
fn side_half_width(style: &Style, x: f32, y: f32) -> f32 {
    let half = style.half_width(x);
    let (bottom, belt) = (style.bottom(x), style.belt_at(x));
    let t = ((y - bottom) / (belt - bottom)).clamp(0.0, 1.0);
    let bulge = if t < 0.55 {
        1.0 - 0.075 * ((0.55 - t) / 0.55).powi(2)
    } else {
        1.0 - 0.035 * ((t - 0.55) / 0.45).powi(2)
    };
    half * bulge - style.lean * (y - belt).max(0.0)
}

/// The body cut across at `x`: from the lower edge of one side over the top to the other.
fn section(style: &Style, x: f32) -> Vec<(V3, f32)> {
    let top = style.smooth_top(x);
    let bottom = style.bottom(x);
    let radius = (0.35 * (top - bottom)).min(0.11);
    let side_end = top - radius;
    let forward = style.length / 2.0 - x;
    let mut half = Vec::with_capacity(HALF);
    for step in 0..SIDE {
        let t = step as f32 / (SIDE - 1) as f32;
        let y = bottom + (side_end - bottom) * t;
        half.push((v3(forward, y, side_half_width(style, x, y)), t));
    }
    let edge = side_half_width(style, x, side_end);
    for step in 1..=CORNER {
        let t = step as f32 / CORNER as f32;
        let angle = FRAC_PI_2 * t * 0.92;
        let z = edge - radius * 1.5 * (1.0 - angle.cos());
        half.push((v3(forward, side_end + radius * angle.sin(), z), 1.0 + t));
    }
    let corner = half[half.len() - 1].0;
    let crown = 0.035;
    for step in 1..=TOP {
        let t = step as f32 / TOP as f32;
        let rise = crown * (1.0 - (1.0 - t) * (1.0 - t));
        half.push((v3(forward, corner.y + rise, corner.z * (1.0 - t)), 2.0 + t));
    }
    let mirrored = half
        .iter()
        .rev()
        .skip(1)
        .map(|(p, along)| (v3(p.x, p.y, -p.z), *along));
    let whole: Vec<_> = half.iter().copied().chain(mirrored).collect();
    whole
}
