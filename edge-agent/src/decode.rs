//! A camera's bytes to RGB: MJPEG, YUYV and NV12, shrunk by a whole factor if asked. Integer
//! arithmetic only, so that every target gives the same bits. No devices, no files.

mod huffman;
mod mjpeg;
mod scan;
pub mod segments;
mod shrink;
mod yuv;

use models::{FrameError, RgbFrame};
use serde::{Deserialize, Serialize};

use segments::Flaw;

/// Largest side of a picture, pixels.
pub const MAX_SIDE_PX: u32 = 8192;

/// How a camera writes its pixels.
#[derive(
    schemars::JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum PixelFormat {
    /// One JPEG a frame, often without its Huffman tables.
    Mjpeg,
    /// Y, Cb, Y, Cr for each two pixels.
    Yuyv,
    /// A plane of Y, then one of Cb, Cr pairs at half the size.
    Nv12,
}

impl PixelFormat {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Mjpeg, Self::Yuyv, Self::Nv12];

    /// As the config names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mjpeg => "mjpeg",
            Self::Yuyv => "yuyv",
            Self::Nv12 => "nv12",
        }
    }
}

/// Which numbers stand for black and white in YUYV and NV12, and whose weights the colours have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ycbcr {
    /// 16 to 235, colours 16 to 240, by BT.601: what cameras give unless they say otherwise.
    #[default]
    Limited601,
    /// 0 to 255, by BT.601.
    Full601,
    /// As the limited one, by BT.709.
    Limited709,
    /// As the full one, by BT.709.
    Full709,
}

#[cfg(any(test, feature = "fuzzing"))]
impl Ycbcr {
    /// Every encoding.
    pub const ALL: [Self; 4] = [
        Self::Limited601,
        Self::Full601,
        Self::Limited709,
        Self::Full709,
    ];
}

/// How a frame lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// How pixels are written.
    pub format: PixelFormat,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Bytes from one row to the next; 0: rows without padding.
    pub stride: u32,
    /// What the numbers stand for.
    pub ycbcr: Ycbcr,
}

impl Layout {
    /// Rows without padding, limited range, by BT.601.
    pub fn packed(format: PixelFormat, width: u32, height: u32) -> Self {
        Self {
            format,
            width,
            height,
            stride: 0,
            ycbcr: Ycbcr::Limited601,
        }
    }

    /// Bytes from one row (of the first plane) to the next.
    fn row_bytes(&self) -> usize {
        let least = match self.format {
            PixelFormat::Yuyv => self.width * 2,
            PixelFormat::Nv12 | PixelFormat::Mjpeg => self.width,
        };
        self.stride.max(least) as usize
    }

    /// Bytes of a whole frame; `None` where frames differ in length. More than memory has where
    /// a driver's stride is beyond reason.
    pub fn frame_bytes(&self) -> Option<usize> {
        let (row, height) = (self.row_bytes(), self.height as usize);
        match self.format {
            PixelFormat::Mjpeg => None,
            PixelFormat::Yuyv => Some(row.saturating_mul(height)),
            PixelFormat::Nv12 => Some(row.saturating_mul(height + height / 2)),
        }
    }
}

/// Why bytes give no picture.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Colour is stored for pairs of pixels.
    #[error("{width}x{height} pixels do not go with {}; give an even size", format.name())]
    OddSize {
        /// The format.
        format: PixelFormat,
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
    /// Nothing or too much to decode.
    #[error(
        "{width}x{height} pixels cannot be decoded; allowed: 1x1 to {MAX_SIDE_PX}x{MAX_SIDE_PX}"
    )]
    Size {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
    /// The end is missing.
    #[error("it has {found} of {needed} bytes")]
    Short {
        /// Bytes of a whole frame.
        needed: usize,
        /// Bytes that came.
        found: usize,
    },
    /// The JPEG's parts do not follow each other as they must.
    #[error("{0}")]
    Torn(Flaw),
    /// The JPEG decoder's own reason.
    #[error("the JPEG is damaged ({0})")]
    Damaged(String),
}

/// Turns frames of one layout into pictures.
#[derive(Debug)]
pub struct Decoder {
    layout: Layout,
    max_width: Option<u32>,
    jpeg: mjpeg::Jpeg,
    whole: Vec<u8>,
}

impl Decoder {
    /// For frames of this layout. Pictures wider than `max_width` are shrunk by the least whole
    /// factor that makes them fit.
    pub fn new(layout: Layout, max_width: Option<u32>) -> Result<Self, DecodeError> {
        let Layout {
            format,
            width,
            height,
            ..
        } = layout;
        let sides = 1..=MAX_SIDE_PX;
        if format != PixelFormat::Mjpeg && !(sides.contains(&width) && sides.contains(&height)) {
            return Err(DecodeError::Size { width, height });
        }
        let odd = match format {
            PixelFormat::Mjpeg => false,
            PixelFormat::Yuyv => width % 2 == 1,
            PixelFormat::Nv12 => width % 2 == 1 || height % 2 == 1,
        };
        if odd {
            return Err(DecodeError::OddSize {
                format,
                width,
                height,
            });
        }
        Ok(Self {
            layout,
            max_width,
            jpeg: mjpeg::Jpeg::default(),
            whole: Vec::new(),
        })
    }

    /// Decodes one frame. `spare` is memory to use again: that of an earlier picture, or empty.
    pub fn decode(&mut self, bytes: &[u8], spare: &mut Vec<u8>) -> Result<RgbFrame, DecodeError> {
        // Where it is known beforehand that nothing is shrunk, the picture needs no second place.
        let shrinks = self.max_width.is_some();
        let target = if shrinks {
            &mut self.whole
        } else {
            &mut *spare
        };
        let (mut width, mut height) = match self.layout.format {
            PixelFormat::Mjpeg => self.jpeg.decode(bytes, target)?,
            PixelFormat::Yuyv | PixelFormat::Nv12 => {
                let needed = self.layout.frame_bytes().unwrap_or(0);
                let found = bytes.len();
                let whole = bytes.get(..needed);
                let bytes = whole.ok_or(DecodeError::Short { needed, found })?;
                yuv::convert(&self.layout, bytes, target);
                (self.layout.width, self.layout.height)
            }
        };
        if shrinks {
            let factor = shrink::factor(width, height, self.max_width);
            if factor == 1 {
                std::mem::swap(&mut self.whole, spare);
            } else {
                (width, height) = shrink::shrink(&self.whole, width, height, factor, spare);
            }
        }
        frame(width, height, std::mem::take(spare))
    }

    /// A picture from elsewhere, shrunk as decoded ones are.
    pub fn fit(&self, picture: RgbFrame, spare: &mut Vec<u8>) -> RgbFrame {
        let (width, height) = (picture.width(), picture.height());
        let factor = shrink::factor(width, height, self.max_width);
        if factor == 1 {
            return picture;
        }
        let (width, height) = shrink::shrink(picture.data(), width, height, factor, spare);
        frame(width, height, std::mem::take(spare)).unwrap_or(picture)
    }
}

fn frame(width: u32, height: u32, rgb: Vec<u8>) -> Result<RgbFrame, DecodeError> {
    RgbFrame::new(width, height, rgb).map_err(|error| match error {
        FrameError::Empty { width, height } => DecodeError::Size { width, height },
        other => DecodeError::Damaged(other.to_string()),
    })
}

#[cfg(test)]
mod tests;
