//! Triangles to samples: a depth-buffered rasteriser that keeps, for each sample, the nearest
//! surface point. Several samples make a pixel. No light and no colour.

use crate::mesh::{Mesh, Part, Vertex};
use crate::vector::{V3, v3};

/// Where the camera stands relative to the vehicle, and how large it draws.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pose {
    /// Turn of the vehicle about the vertical, radians: 0 faces right, half a turn left.
    pub yaw: f32,
    /// Height of the camera over the horizontal, radians.
    pub elevation: f32,
    /// Pixels a metre.
    pub scale: f32,
    /// How far the line of sight leaves the vertical plane across the road, per metre across: a
    /// camera beside the vehicle sees its front (below 0, facing right) or rear without the road
    /// appearing to climb.
    pub skew: f32,
    /// Distance of the camera in metres; infinite for a parallel projection.
    pub distance: f32,
}

impl Pose {
    /// Turns a vehicle's direction into the scene's: x right, y up, z towards the camera.
    pub fn turn(&self, v: V3) -> V3 {
        let (sin, cos) = self.yaw.sin_cos();
        v3(v.x * cos + v.z * sin, v.y, v.z * cos - v.x * sin)
    }

    /// From a scene's point to picture coordinates (x right, y down, z nearness), in pixels
    /// from the foot of the vehicle's middle.
    pub fn project(&self, p: V3) -> V3 {
        let (sin, cos) = self.elevation.sin_cos();
        let near = p.y * sin + p.z * cos;
        let scale = if self.distance.is_finite() {
            self.scale * self.distance / (self.distance - near)
        } else {
            self.scale
        };
        v3(
            (p.x + self.skew * p.z) * scale,
            -(p.y * cos - p.z * sin) * scale,
            near,
        )
    }

    /// The direction from the scene to the camera.
    pub fn towards_camera(&self) -> V3 {
        let (sin, cos) = self.elevation.sin_cos();
        v3(-self.skew, sin, cos).unit()
    }
}

/// Smallest and largest picture coordinates of a mesh, pixels from the foot of its middle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Extent {
    pub left: f32,
    pub top: f32,
    pub right: f32,
    pub bottom: f32,
}

impl Extent {
    /// The extent of the mesh in that pose.
    pub fn of(mesh: &Mesh, pose: &Pose) -> Self {
        let mut extent = Self {
            left: f32::INFINITY,
            top: f32::INFINITY,
            right: f32::NEG_INFINITY,
            bottom: f32::NEG_INFINITY,
        };
        // What lies inside the body is never on its outline.
        for (corners, _) in mesh
            .triangles
            .iter()
            .filter(|(_, part)| *part != Part::Inside)
        {
            for corner in corners {
                let p = pose.project(pose.turn(mesh.vertices[*corner as usize].place));
                extent.left = extent.left.min(p.x);
                extent.top = extent.top.min(p.y);
                extent.right = extent.right.max(p.x);
                extent.bottom = extent.bottom.max(p.y);
            }
        }
        extent
    }

    /// Pixels across.
    pub fn width(&self) -> f32 {
        self.right - self.left
    }

    /// Pixels down.
    pub fn height(&self) -> f32 {
        self.bottom - self.top
    }

    /// All coordinates times `factor`.
    pub fn scaled(&self, factor: f32) -> Self {
        Self {
            left: self.left * factor,
            top: self.top * factor,
            right: self.right * factor,
            bottom: self.bottom * factor,
        }
    }
}

/// The nearest surface at a sample: the vehicle's own coordinates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub part: Part,
    pub place: V3,
    pub normal: V3,
    pub along: f32,
}

/// A grid of samples, `PER_PIXEL` across and down for each pixel.
#[derive(Debug)]
pub(crate) struct Samples {
    width: usize,
    height: usize,
    near: Vec<f32>,
    found: Vec<Option<Sample>>,
}

/// Samples across and down a pixel.
pub(crate) const PER_PIXEL: usize = 3;

impl Samples {
    /// Rasterises the mesh into `width` by `height` pixels, the foot of its middle at
    /// (`foot_x`, `foot_y`). A sample for which `keep` says no is a hole.
    pub fn draw(
        mesh: &Mesh,
        pose: &Pose,
        (width, height): (usize, usize),
        (foot_x, foot_y): (f32, f32),
        keep: impl Fn(&Sample) -> bool,
    ) -> Self {
        let (width, height) = (width * PER_PIXEL, height * PER_PIXEL);
        let mut samples = Self {
            width,
            height,
            near: vec![f32::NEG_INFINITY; width * height],
            found: vec![None; width * height],
        };
        let fine = PER_PIXEL as f32;
        let projected: Vec<V3> = mesh
            .vertices
            .iter()
            .map(|vertex| {
                let p = pose.project(pose.turn(vertex.place));
                v3((p.x + foot_x) * fine, (p.y + foot_y) * fine, p.z)
            })
            .collect();
        for (corners, part) in &mesh.triangles {
            let at = corners.map(|c| projected[c as usize]);
            let vertices = corners.map(|c| &mesh.vertices[c as usize]);
            samples.triangle(at, vertices, *part, &keep);
        }
        samples
    }

    fn triangle(
        &mut self,
        [a, b, c]: [V3; 3],
        vertices: [&Vertex; 3],
        part: Part,
        keep: &impl Fn(&Sample) -> bool,
    ) {
        let area = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
        if area.abs() < 1e-6 {
            return;
        }
        let low = |values: [f32; 3]| values.into_iter().fold(f32::INFINITY, f32::min);
        let high = |values: [f32; 3]| values.into_iter().fold(f32::NEG_INFINITY, f32::max);
        // A sample lies at the middle of its cell.
        let from_x = (low([a.x, b.x, c.x]) - 0.5).ceil().max(0.0) as usize;
        let from_y = (low([a.y, b.y, c.y]) - 0.5).ceil().max(0.0) as usize;
        let to_x = (high([a.x, b.x, c.x]) - 0.5)
            .floor()
            .min(self.width as f32 - 1.0);
        let to_y = (high([a.y, b.y, c.y]) - 0.5)
            .floor()
            .min(self.height as f32 - 1.0);
        if to_x < 0.0 || to_y < 0.0 {
            return;
        }
        for row in from_y..=to_y as usize {
            let y = row as f32 + 0.5;
            for column in from_x..=to_x as usize {
                let x = column as f32 + 0.5;
                let wb = ((x - a.x) * (c.y - a.y) - (y - a.y) * (c.x - a.x)) / area;
                let wc = ((b.x - a.x) * (y - a.y) - (b.y - a.y) * (x - a.x)) / area;
                let wa = 1.0 - wb - wc;
                if wa < -1e-4 || wb < -1e-4 || wc < -1e-4 {
                    continue;
                }
                let near = a.z * wa + b.z * wb + c.z * wc;
                let index = row * self.width + column;
                if near <= self.near[index] {
                    continue;
                }
                let [va, vb, vc] = vertices;
                let sample = Sample {
                    part,
                    place: va.place * wa + vb.place * wb + vc.place * wc,
                    normal: (va.normal * wa + vb.normal * wb + vc.normal * wc).unit(),
                    along: va.along * wa + vb.along * wb + vc.along * wc,
                };
                if keep(&sample) {
                    self.near[index] = near;
                    self.found[index] = Some(sample);
                }
            }
        }
    }

    /// The samples of the pixel at (`x`, `y`) that a surface covers.
    pub fn of_pixel(&self, x: usize, y: usize) -> impl Iterator<Item = &Sample> {
        (0..PER_PIXEL * PER_PIXEL).filter_map(move |k| {
            let (dx, dy) = (k % PER_PIXEL, k / PER_PIXEL);
            self.found[(y * PER_PIXEL + dy) * self.width + x * PER_PIXEL + dx].as_ref()
        })
    }
}
