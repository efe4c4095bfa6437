//! A vehicle drawn once: colour, coverage and the shadow it throws, ready to be laid over
//! frames. No movement.

use crate::body::Vehicle;
use crate::light::{Lighting, tone};
use crate::material;
use crate::mesh::Mesh;
use crate::raster::{Extent, PER_PIXEL, Pose, Samples};
use crate::vector::{V3, v3};

/// Pixels kept free round the vehicle for its shadow, as a share of its picture's height.
const SHADOW_ROOM: f32 = 0.75;

/// A drawn vehicle. All planes have `width * height` entries.
#[derive(Debug)]
pub(crate) struct Sprite {
    pub width: usize,
    pub height: usize,
    /// Where the vehicle's extent begins inside the sprite.
    pub origin: (usize, usize),
    /// Colour times coverage, 8-bit.
    pub colour: Vec<[u8; 3]>,
    /// Coverage, 0 to 255.
    pub cover: Vec<u8>,
    /// Light taken from the ground by the vehicle, 0 to 255.
    pub shadow: Vec<u8>,
}

/// Where a sprite's vehicle lies, in whole pixels and the part of a pixel beyond.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Canvas {
    pub width: usize,
    pub height: usize,
    /// The foot of the vehicle's middle.
    pub foot: (f32, f32),
    pub origin: (usize, usize),
}

impl Canvas {
    /// Room for the extent and its shadow. The extent's left edge falls on a pixel's edge; the
    /// foot lies `row_part` below one.
    pub fn around(extent: &Extent, row_part: f32) -> Self {
        let room = (extent.height() * SHADOW_ROOM).ceil();
        let above = (-extent.top).ceil() + room;
        let below = (extent.bottom + row_part).ceil() + room * 0.4;
        Self {
            width: (extent.width() + 2.0 * room).ceil() as usize + 1,
            height: (above + below) as usize + 1,
            foot: (room - extent.left, above + row_part),
            origin: (
                room as usize,
                (above + row_part + extent.top).floor() as usize,
            ),
        }
    }
}

impl Sprite {
    /// Draws the vehicle in that pose and light. `pose.scale` includes the vehicle's own.
    pub fn draw(
        vehicle: &Vehicle,
        mesh: &Mesh,
        pose: &Pose,
        light: &Lighting,
        canvas: Canvas,
    ) -> Self {
        let (width, height) = (canvas.width, canvas.height);
        let samples = Samples::draw(mesh, pose, (width, height), canvas.foot, |sample| {
            material::is_solid(vehicle, sample)
        });
        let to_camera = pose.towards_camera();
        let mut colour = Vec::with_capacity(width * height);
        let mut cover = Vec::with_capacity(width * height);
        let all = (PER_PIXEL * PER_PIXEL) as f32;
        for y in 0..height {
            for x in 0..width {
                let mut sum = V3::default();
                let mut count = 0.0;
                for sample in samples.of_pixel(x, y) {
                    let surface = material::surface(vehicle, sample);
                    let mut normal = pose.turn(sample.normal);
                    normal.y += surface.tilt;
                    if normal.dot(to_camera) < 0.0 {
                        normal = normal - to_camera * normal.dot(to_camera);
                    }
                    sum = sum + light.on(&surface, normal.unit(), to_camera);
                    count += 1.0;
                }
                if count == 0.0 {
                    colour.push([0; 3]);
                    cover.push(0);
                    continue;
                }
                let share = count / all;
                let mean = sum * (1.0 / count);
                let byte = |value: f32| (tone(value) * share + 0.5) as u8;
                colour.push([byte(mean.x), byte(mean.y), byte(mean.z)]);
                cover.push((share * 255.0 + 0.5) as u8);
            }
        }
        let shadow = shadow(mesh, pose, light, &canvas);
        Self {
            width,
            height,
            origin: canvas.origin,
            colour,
            cover,
            shadow,
        }
    }
}

/// The ground's loss of light: the sun's cast shadow, and the sky hidden close to the body.
fn shadow(mesh: &Mesh, pose: &Pose, light: &Lighting, canvas: &Canvas) -> Vec<u8> {
    let (width, height) = (canvas.width, canvas.height);
    let flatten = |towards: V3| {
        let mut flat = Mesh {
            vertices: mesh.vertices.clone(),
            triangles: mesh.triangles.clone(),
        };
        for vertex in &mut flat.vertices {
            let turned = pose.turn(vertex.place);
            let on_ground = turned - towards * (turned.y / towards.y);
            vertex.place = on_ground;
        }
        let level = Pose { yaw: 0.0, ..*pose };
        let samples = Samples::draw(&flat, &level, (width, height), canvas.foot, |_| true);
        (0..width * height)
            .map(|i| samples.of_pixel(i % width, i / width).count() as f32)
            .map(|count| count / (PER_PIXEL * PER_PIXEL) as f32)
            .collect::<Vec<f32>>()
    };
    let metre = pose.scale;
    let mut contact = flatten(v3(0.0, 1.0, 0.0));
    blur(&mut contact, width, height, (metre * 0.16).round() as usize);
    let mut near = flatten(v3(0.0, 1.0, 0.0));
    blur(&mut near, width, height, (metre * 0.45).round() as usize);
    let cast = if light.has_sun() {
        let mut cast = flatten(light.to_sun);
        blur(&mut cast, width, height, (metre * 0.03).round() as usize);
        cast
    } else {
        vec![0.0; width * height]
    };
    (0..width * height)
        .map(|i| {
            let left = (1.0 - 0.62 * contact[i]) * (1.0 - 0.25 * near[i]) * (1.0 - 0.48 * cast[i]);
            ((1.0 - left) * 255.0 + 0.5) as u8
        })
        .collect()
}

/// Two box blurs of `reach` pixels to each side, across and down.
fn blur(plane: &mut [f32], width: usize, height: usize, reach: usize) {
    if reach == 0 {
        return;
    }
    for _ in 0..2 {
        for row in 0..height {
            blur_line(plane, row * width, 1, width, reach);
        }
        for column in 0..width {
            blur_line(plane, column, width, height, reach);
        }
    }
}

fn blur_line(plane: &mut [f32], start: usize, step: usize, count: usize, reach: usize) {
    let line: Vec<f32> = (0..count).map(|i| plane[start + i * step]).collect();
    let span = (2 * reach + 1) as f32;
    let mut sum: f32 = line.iter().take(reach).sum();
    for i in 0..count {
        sum += line.get(i + reach).copied().unwrap_or(0.0);
        if i > reach {
            sum -= line[i - reach - 1];
        }
        plane[start + i * step] = sum / span;
    }
}
