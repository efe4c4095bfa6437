//! Boxes with fractions of pixels and the few measures that tracking needs. No state.

use models::Rect;

/// A box by its edges, pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Left edge.
    pub left: f32,
    /// Top edge.
    pub top: f32,
    /// Right edge.
    pub right: f32,
    /// Bottom edge.
    pub bottom: f32,
}

impl Bounds {
    /// The same box in fractions.
    pub fn of(rect: &Rect) -> Self {
        Self {
            left: rect.x as f32,
            top: rect.y as f32,
            right: rect.right() as f32,
            bottom: rect.bottom() as f32,
        }
    }

    /// Pixels across.
    pub fn width(&self) -> f32 {
        self.right - self.left
    }

    /// Pixels down.
    pub fn height(&self) -> f32 {
        self.bottom - self.top
    }

    /// Pixels covered.
    pub fn area(&self) -> f32 {
        self.width().max(0.0) * self.height().max(0.0)
    }

    /// Middle.
    pub fn centre(&self) -> (f32, f32) {
        (
            (self.left + self.right) / 2.0,
            (self.top + self.bottom) / 2.0,
        )
    }

    /// Which edges of the picture it touches: left, top, right, bottom.
    pub fn touches(&self, picture: &Bounds) -> [bool; 4] {
        [
            self.left <= picture.left + 1.0,
            self.top <= picture.top + 1.0,
            self.right >= picture.right - 1.0,
            self.bottom >= picture.bottom - 1.0,
        ]
    }

    /// Whether the point lies inside.
    pub fn holds(&self, (x, y): (f32, f32)) -> bool {
        (self.left..self.right).contains(&x) && (self.top..self.bottom).contains(&y)
    }

    /// Moved.
    pub fn shifted(&self, dx: f32, dy: f32) -> Self {
        Self {
            left: self.left + dx,
            right: self.right + dx,
            top: self.top + dy,
            bottom: self.bottom + dy,
        }
    }

    /// The smallest box around both.
    pub fn union(&self, other: &Bounds) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }

    /// The part inside the other box, if any.
    pub fn clipped(&self, other: &Bounds) -> Option<Self> {
        (self.shared(other) > 0.0).then(|| Self {
            left: self.left.max(other.left),
            top: self.top.max(other.top),
            right: self.right.min(other.right),
            bottom: self.bottom.min(other.bottom),
        })
    }

    /// Pixels that both cover.
    pub fn shared(&self, other: &Bounds) -> f32 {
        let width = self.right.min(other.right) - self.left.max(other.left);
        let height = self.bottom.min(other.bottom) - self.top.max(other.top);
        width.max(0.0) * height.max(0.0)
    }

    /// Pixels between both, along the axis on which they are farther apart; 0 when they touch.
    pub fn gap(&self, other: &Bounds) -> f32 {
        let across = self.left.max(other.left) - self.right.min(other.right);
        let down = self.top.max(other.top) - self.bottom.min(other.bottom);
        across.max(down).max(0.0)
    }

    /// Intersection over union, 0 to 1.
    pub fn overlap(&self, other: &Bounds) -> f32 {
        let shared = self.shared(other);
        shared / (self.area() + other.area() - shared).max(1.0)
    }

    /// Share of this box that the other covers, 0 to 1.
    pub fn covered_by(&self, other: &Bounds) -> f32 {
        self.shared(other) / self.area().max(1.0)
    }

    /// Whole pixels inside a picture of this size; `None` when nothing is left.
    pub fn to_rect(self, width_px: u32, height_px: u32) -> Option<Rect> {
        let x = self.left.round().clamp(0.0, width_px as f32) as u32;
        let y = self.top.round().clamp(0.0, height_px as f32) as u32;
        let right = self.right.round().clamp(0.0, width_px as f32) as u32;
        let bottom = self.bottom.round().clamp(0.0, height_px as f32) as u32;
        (right > x && bottom > y).then(|| Rect {
            x,
            y,
            width: right - x,
            height: bottom - y,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_agree_with_whole_pixels() {
        let a = Rect {
            x: 0,
            y: 0,
            width: 10,
            height: 10,
        };
        let b = Rect {
            x: 5,
            y: 0,
            width: 10,
            height: 20,
        };
        let (fa, fb) = (Bounds::of(&a), Bounds::of(&b));
        assert!((fa.overlap(&fb) - a.overlap(&b)).abs() < 1e-6);
        assert_eq!(fa.covered_by(&fb), 0.5);
        assert_eq!(
            fa.union(&fb).to_rect(12, 100).unwrap().to_string(),
            "12x20+0+0"
        );
        assert_eq!(fa.shifted(-20.0, 0.0).to_rect(12, 12), None);
    }
}
