//! Pictures in memory: 8-bit RGB, row-major, three bytes a pixel. Owned (`RgbFrame`) and
//! borrowed with a stride (`RgbView`, so a crop copies nothing). No files, no colour science.

use std::fmt;

/// A rectangle in pixels; `x`, `y` is its top left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rect {
    /// Left edge, pixels from the picture's left.
    pub x: u32,
    /// Top edge, pixels from the picture's top.
    pub y: u32,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

impl Rect {
    /// First column right of the rectangle.
    pub fn right(&self) -> u32 {
        self.x.saturating_add(self.width)
    }

    /// First row below the rectangle.
    pub fn bottom(&self) -> u32 {
        self.y.saturating_add(self.height)
    }

    /// Pixels covered.
    pub fn area(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// The part both rectangles cover, if any.
    pub fn intersection(&self, other: &Rect) -> Option<Rect> {
        let x = self.x.max(other.x);
        let y = self.y.max(other.y);
        let right = self.right().min(other.right());
        let bottom = self.bottom().min(other.bottom());
        (right > x && bottom > y).then(|| Rect {
            x,
            y,
            width: right - x,
            height: bottom - y,
        })
    }

    /// Intersection over union, 0 (apart) to 1 (equal).
    pub fn overlap(&self, other: &Rect) -> f32 {
        let shared = self.intersection(other).map_or(0, |r| r.area());
        let union = self.area() + other.area() - shared;
        if union == 0 {
            0.0
        } else {
            shared as f32 / union as f32
        }
    }
}

impl fmt::Display for Rect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}+{}+{}", self.width, self.height, self.x, self.y)
    }
}

/// Why bytes and sizes do not make a picture.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FrameError {
    /// A side is zero.
    #[error("a picture needs at least one pixel, but {width}x{height} was given")]
    Empty {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
    /// The byte count does not fit the size.
    #[error("a {width}x{height} RGB picture needs {needed} bytes, but {found} were given")]
    WrongLength {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// Bytes that size takes.
        needed: usize,
        /// Bytes given.
        found: usize,
    },
    /// The crop leaves the picture.
    #[error("the crop {rect} does not lie inside the {width}x{height} picture")]
    CropOutside {
        /// The crop asked for.
        rect: Rect,
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
}

/// An owned picture: `width * height * 3` bytes, rows without padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RgbFrame {
    width: u32,
    height: u32,
    data: Vec<u8>,
}

impl RgbFrame {
    /// Wraps RGB bytes. Errors when a side is zero or the length is not `width * height * 3`.
    pub fn new(width: u32, height: u32, data: Vec<u8>) -> Result<Self, FrameError> {
        if width == 0 || height == 0 {
            return Err(FrameError::Empty { width, height });
        }
        let needed = width as usize * height as usize * 3;
        if data.len() != needed {
            return Err(FrameError::WrongLength {
                width,
                height,
                needed,
                found: data.len(),
            });
        }
        Ok(Self {
            width,
            height,
            data,
        })
    }

    /// For bytes whose number is known to be `width * height * 3`.
    pub(crate) fn from_parts(width: u32, height: u32, data: Vec<u8>) -> Self {
        debug_assert_eq!(data.len(), width as usize * height as usize * 3);
        Self {
            width,
            height,
            data,
        }
    }

    /// A picture of one colour. Errors when a side is zero.
    pub fn filled(width: u32, height: u32, rgb: [u8; 3]) -> Result<Self, FrameError> {
        Self::new(width, height, rgb.repeat(width as usize * height as usize))
    }

    /// Pixels across.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Pixels down.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// All bytes, row by row.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// All bytes, row by row, to write to.
    pub fn data_mut(&mut self) -> &mut [u8] {
        &mut self.data
    }

    /// The bytes, without a copy.
    pub fn into_data(self) -> Vec<u8> {
        self.data
    }

    /// The whole picture as a view.
    pub fn view(&self) -> RgbView<'_> {
        RgbView {
            width: self.width,
            height: self.height,
            stride: self.width as usize * 3,
            data: &self.data,
        }
    }
}

/// A borrowed picture, or a crop of one. Rows may be apart by more than their length.
#[derive(Clone, Copy, Debug)]
pub struct RgbView<'a> {
    width: u32,
    height: u32,
    /// Bytes from one row's start to the next.
    stride: usize,
    /// From the first row's start to at least the last row's end.
    data: &'a [u8],
}

impl<'a> RgbView<'a> {
    /// Pixels across.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Pixels down.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Row `y`, `width * 3` bytes.
    ///
    /// # Panics
    /// When `y >= height`.
    pub fn row(&self, y: u32) -> &'a [u8] {
        assert!(y < self.height, "row {y} of {}", self.height);
        let start = y as usize * self.stride;
        &self.data[start..start + self.width as usize * 3]
    }

    /// The pixel at column `x`, row `y`.
    ///
    /// # Panics
    /// When the position lies outside.
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        let at = x as usize * 3;
        let row = self.row(y);
        [row[at], row[at + 1], row[at + 2]]
    }

    /// A part of this view, sharing its bytes. Errors when it is empty or not wholly inside.
    pub fn crop(&self, rect: Rect) -> Result<RgbView<'a>, FrameError> {
        if rect.width == 0 || rect.height == 0 {
            return Err(FrameError::Empty {
                width: rect.width,
                height: rect.height,
            });
        }
        if rect.right() > self.width || rect.bottom() > self.height {
            return Err(FrameError::CropOutside {
                rect,
                width: self.width,
                height: self.height,
            });
        }
        let start = rect.y as usize * self.stride + rect.x as usize * 3;
        Ok(RgbView {
            width: rect.width,
            height: rect.height,
            stride: self.stride,
            data: &self.data[start..],
        })
    }

    /// An owned copy without padding.
    pub fn to_frame(&self) -> RgbFrame {
        let mut data = Vec::with_capacity(self.width as usize * self.height as usize * 3);
        for y in 0..self.height {
            data.extend_from_slice(self.row(y));
        }
        RgbFrame {
            width: self.width,
            height: self.height,
            data,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A picture of every byte value in an order no resize can flatter.
    pub(crate) fn pattern(width: u32, height: u32) -> RgbFrame {
        let mut state = 0x2545_f491u32;
        let bytes = (0..width * height * 3)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                state as u8
            })
            .collect();
        RgbFrame::new(width, height, bytes).unwrap()
    }

    fn counting(width: u32, height: u32) -> RgbFrame {
        let bytes = (0..width * height * 3).map(|v| v as u8).collect();
        RgbFrame::new(width, height, bytes).unwrap()
    }

    #[test]
    fn refuses_sizes_that_do_not_fit() {
        assert_eq!(
            RgbFrame::new(2, 2, vec![0; 11]).unwrap_err().to_string(),
            "a 2x2 RGB picture needs 12 bytes, but 11 were given"
        );
        assert_eq!(
            RgbFrame::new(0, 2, vec![]).unwrap_err().to_string(),
            "a picture needs at least one pixel, but 0x2 was given"
        );
    }

    #[test]
    fn a_crop_of_a_crop_shows_the_same_pixels() {
        let frame = counting(7, 5);
        let outer = frame
            .view()
            .crop(Rect {
                x: 1,
                y: 1,
                width: 5,
                height: 4,
            })
            .unwrap();
        let inner = outer
            .crop(Rect {
                x: 2,
                y: 1,
                width: 3,
                height: 3,
            })
            .unwrap();
        assert_eq!(inner.pixel(0, 0), frame.view().pixel(3, 2));
        assert_eq!(
            inner.to_frame().view().pixel(2, 2),
            frame.view().pixel(5, 4)
        );
    }

    #[test]
    fn a_crop_outside_says_both_sizes() {
        let frame = counting(7, 5);
        let rect = Rect {
            x: 5,
            y: 0,
            width: 3,
            height: 1,
        };
        assert_eq!(
            frame.view().crop(rect).unwrap_err().to_string(),
            "the crop 3x1+5+0 does not lie inside the 7x5 picture"
        );
        let huge = Rect {
            x: u32::MAX,
            y: 0,
            width: u32::MAX,
            height: 1,
        };
        assert!(frame.view().crop(huge).is_err());
    }

    #[test]
    fn overlap_is_intersection_over_union() {
        let a = Rect {
            x: 0,
            y: 0,
            width: 4,
            height: 4,
        };
        let b = Rect {
            x: 2,
            y: 0,
            width: 4,
            height: 4,
        };
        assert!((a.overlap(&b) - 8.0 / 24.0).abs() < 1e-6);
        assert_eq!(a.overlap(&a), 1.0);
        assert_eq!(
            a.overlap(&Rect {
                x: 9,
                y: 9,
                width: 1,
                height: 1
            }),
            0.0
        );
    }
}
