//! One JPEG to RGB, strictly: a picture with a damaged part is refused, because decoders fill
//! such a part with grey, which is a colour here. The only room that knows zune-jpeg.

use std::panic::{AssertUnwindSafe, catch_unwind};

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::huffman::STANDARD_TABLES;
use super::scan::Checker;
use super::segments::{Flaw, walk};
use super::{DecodeError, MAX_SIDE_PX};

/// Decodes one JPEG after the other; memory is used again.
#[derive(Debug, Default)]
pub struct Jpeg {
    completed: Vec<u8>,
    checker: Checker,
    /// Without vector instructions; for comparison.
    scalar: bool,
}

impl Jpeg {
    /// Decodes into `rgb`, which is made to fit; the picture's size.
    pub fn decode(&mut self, bytes: &[u8], rgb: &mut Vec<u8>) -> Result<(u32, u32), DecodeError> {
        let places = walk(bytes).map_err(DecodeError::Torn)?;
        let mut bytes = &bytes[..places.end];
        if !places.has_tables {
            self.completed.clear();
            self.completed
                .extend_from_slice(&bytes[..places.first_scan]);
            self.completed.extend_from_slice(&STANDARD_TABLES);
            self.completed
                .extend_from_slice(&bytes[places.first_scan..]);
            bytes = &self.completed;
        }
        self.checker.check(bytes).map_err(DecodeError::Torn)?;
        let options = DecoderOptions::default()
            .set_strict_mode(true)
            .set_use_unsafe(!self.scalar)
            .set_max_width(MAX_SIDE_PX as usize)
            .set_max_height(MAX_SIDE_PX as usize)
            .jpeg_set_out_colorspace(ColorSpace::RGB);
        // What a camera sends is beyond anyone's control, and a panic over one frame must not
        // end a run of months.
        catch_unwind(AssertUnwindSafe(|| run(bytes, options, rgb)))
            .unwrap_or_else(|_| Err(DecodeError::Damaged("the decoder gave up".into())))
    }
}

fn run(
    bytes: &[u8],
    options: DecoderOptions,
    rgb: &mut Vec<u8>,
) -> Result<(u32, u32), DecodeError> {
    let damaged = |error: &dyn std::fmt::Debug| {
        let told = format!("{error:?}");
        let line = told.split_whitespace().collect::<Vec<_>>().join(" ");
        DecodeError::Damaged(line)
    };
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|error| damaged(&error))?;
    let (width, height) = decoder.dimensions().unwrap_or((0, 0));
    let length = decoder.output_buffer_size().unwrap_or(0);
    if length != width * height * 3 || length == 0 {
        return Err(DecodeError::Size {
            width: width as u32,
            height: height as u32,
        });
    }
    // Each square of 8 x 8 pixels takes a bit at least. Without this a few bytes that claim the
    // greatest size would take most of a small machine's memory.
    if width.div_ceil(8) * height.div_ceil(8) > bytes.len() * 8 {
        return Err(DecodeError::Torn(Flaw::Scan));
    }
    rgb.resize(length, 0);
    decoder.decode_into(rgb).map_err(|error| damaged(&error))?;
    Ok((width as u32, height as u32))
}

#[cfg(test)]
mod tests;
