//! A surface to draw flat shapes on, in units of a 640 by 360 picture. Knows no scenery.

use tiny_skia::{
    Color, FillRule, GradientStop, LinearGradient, Paint, PathBuilder, Pixmap, Point, Rect,
    SpreadMode, Stroke, Transform,
};

use crate::scene::SceneSpec;

pub(super) struct Canvas {
    pub map: Pixmap,
    scale: Transform,
}

impl Canvas {
    pub fn new(spec: &SceneSpec) -> Self {
        let scale = Transform::from_scale(spec.width as f32 / 640.0, spec.height as f32 / 360.0);
        let map = Pixmap::new(spec.width, spec.height)
            .expect("a checked size has pixels and fits into memory");
        Self { map, scale }
    }

    fn fill(&mut self, path: Option<tiny_skia::Path>, paint: &Paint<'_>) {
        if let Some(path) = path {
            self.map
                .fill_path(&path, paint, FillRule::Winding, self.scale, None);
        }
    }

    pub fn rect(&mut self, (x, y, width, height): (f32, f32, f32, f32), rgb: [u8; 3]) {
        let path = Rect::from_xywh(x, y, width, height).map(PathBuilder::from_rect);
        self.fill(path, &plain(rgb, 255));
    }

    pub fn oval(&mut self, (x, y, rx, ry): (f32, f32, f32, f32), rgb: [u8; 3], alpha: u8) {
        let oval = Rect::from_xywh(x - rx, y - ry, 2.0 * rx, 2.0 * ry);
        self.fill(oval.and_then(PathBuilder::from_oval), &plain(rgb, alpha));
    }

    pub fn polygon(&mut self, points: &[(f32, f32)], rgb: [u8; 3], alpha: u8) {
        let mut path = PathBuilder::new();
        for (index, (x, y)) in points.iter().enumerate() {
            if index == 0 {
                path.move_to(*x, *y)
            } else {
                path.line_to(*x, *y)
            }
        }
        path.close();
        self.fill(path.finish(), &plain(rgb, alpha));
    }

    pub fn line(&mut self, points: &[(f32, f32)], width: f32, rgb: [u8; 3], alpha: u8) {
        let mut path = PathBuilder::new();
        for (index, (x, y)) in points.iter().enumerate() {
            if index == 0 {
                path.move_to(*x, *y)
            } else {
                path.line_to(*x, *y)
            }
        }
        if let Some(path) = path.finish() {
            let stroke = Stroke {
                width,
                ..Stroke::default()
            };
            self.map
                .stroke_path(&path, &plain(rgb, alpha), &stroke, self.scale, None);
        }
    }

    pub fn gradient(&mut self, (top, bottom): (f32, f32), upper: [u8; 3], lower: [u8; 3]) {
        let stop = |at, [r, g, b]: [u8; 3]| GradientStop::new(at, Color::from_rgba8(r, g, b, 255));
        let shader = LinearGradient::new(
            Point::from_xy(0.0, top),
            Point::from_xy(0.0, bottom),
            vec![stop(0.0, upper), stop(1.0, lower)],
            SpreadMode::Pad,
            Transform::identity(),
        );
        if let Some(shader) = shader {
            let paint = Paint {
                shader,
                anti_alias: true,
                ..Paint::default()
            };
            let path = Rect::from_ltrb(0.0, top, 640.0, bottom).map(PathBuilder::from_rect);
            self.fill(path, &paint);
        }
    }
}

fn plain([r, g, b]: [u8; 3], alpha: u8) -> Paint<'static> {
    let mut paint = Paint {
        anti_alias: true,
        ..Paint::default()
    };
    paint.set_color_rgba8(r, g, b, alpha);
    paint
}
