//! Picture files: bytes to `RgbFrame` and back, within stated limits. The only room that
//! knows the `image` crate. No resizing, no camera formats.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use crate::frame::{RgbFrame, RgbView};

/// Extensions that count as pictures, lower case.
pub const EXTENSIONS: [&str; 5] = ["jpg", "jpeg", "png", "bmp", "webp"];

/// Largest file read, in bytes.
pub const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// Largest picture decoded, in pixels: a small file can announce a picture of gigabytes.
pub const MAX_PIXELS: u64 = 64 * 1024 * 1024;

/// Why a picture could not be had.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// A file could not be opened or read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The bytes of a file are no usable picture.
    #[error("cannot read {}: {source}", path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// What is wrong with its bytes.
        source: DecodeError,
    },
}

/// Why bytes are no usable picture.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// None of the known formats.
    #[error("it is not a JPEG, PNG, BMP or WebP picture")]
    UnknownFormat,
    /// The end is missing.
    #[error("the JPEG is cut off before its end")]
    CutOff,
    /// More bytes than are read.
    #[error("it is larger than {} MiB, the largest file that is read", MAX_FILE_BYTES >> 20)]
    FileTooLarge,
    /// More pixels than are decoded.
    #[error("{width}x{height} pixels are more than the {MAX_PIXELS} that are decoded")]
    TooManyPixels {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
    /// The decoder's own reason.
    #[error("it is damaged ({0})")]
    Damaged(String),
}

/// Whether the file name has one of [`EXTENSIONS`], in any case.
pub fn is_picture(path: &Path) -> bool {
    path.extension()
        .and_then(|extension| extension.to_str())
        .is_some_and(|found| {
            EXTENSIONS
                .iter()
                .any(|known| known.eq_ignore_ascii_case(found))
        })
}

/// Every picture file below `folder`, sorted by path. Errors when a folder cannot be listed.
pub fn list(folder: &Path) -> Result<Vec<PathBuf>, PictureError> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let failed = |source| PictureError::Read {
            path: folder.clone(),
            source,
        };
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = entry.path();
            // A link to a folder may lead in circles: only real folders are entered.
            if entry.file_type().map_err(failed)?.is_dir() {
                folders.push(path);
            } else if is_picture(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Reads and decodes a picture file, upright by its EXIF orientation; transparency is dropped.
/// Errors name the file and the reason.
pub fn read(path: &Path) -> Result<RgbFrame, PictureError> {
    let failed = |source| PictureError::Read {
        path: path.to_path_buf(),
        source,
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    decode(&bytes).map_err(|source| PictureError::Decode {
        path: path.to_path_buf(),
        source,
    })
}

/// Decodes the bytes of a picture file, whose format is told by its first bytes.
pub fn decode(bytes: &[u8]) -> Result<RgbFrame, DecodeError> {
    let damaged = |error: image::ImageError| DecodeError::Damaged(error.to_string());
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(DecodeError::FileTooLarge);
    }
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|error| DecodeError::Damaged(error.to_string()))?;
    let format = reader.format().ok_or(DecodeError::UnknownFormat)?;
    if format == ImageFormat::Jpeg && !jpeg_has_its_end(bytes) {
        return Err(DecodeError::CutOff);
    }
    // Room for eight bytes a pixel (16-bit RGBA), the widest pixel of these formats.
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_PIXELS * 8);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| match error {
        image::ImageError::Unsupported(_) => DecodeError::UnknownFormat,
        other => damaged(other),
    })?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(DecodeError::TooManyPixels { width, height });
    }
    let orientation = decoder.orientation().map_err(damaged)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    picture.apply_orientation(orientation);
    let picture = picture.into_rgb8();
    let (width, height) = picture.dimensions();
    RgbFrame::new(width, height, picture.into_raw())
        .map_err(|error| DecodeError::Damaged(error.to_string()))
}

/// Whether an end marker (FF D9) follows the last scan's start (FF DA). Inside a scan a byte
/// FF is always followed by 00 or a restart marker, so neither pair can occur by chance.
/// A decoder left to itself fills the missing part with grey, which is a colour here.
fn jpeg_has_its_end(bytes: &[u8]) -> bool {
    let last = |marker: u8| bytes.windows(2).rposition(|pair| pair == [0xff, marker]);
    matches!((last(0xda), last(0xd9)), (Some(scan), Some(end)) if end > scan)
}

/// The view as the bytes of a PNG file. Errors with the encoder's reason.
pub fn png(view: RgbView<'_>) -> Result<Vec<u8>, DecodeError> {
    let mut bytes = Vec::new();
    encode(view, ImageFormat::Png, &mut bytes)?;
    Ok(bytes)
}

/// The view as the bytes of a JPEG file of the given quality (1 to 100).
pub fn jpeg(view: RgbView<'_>, quality: u8) -> Result<Vec<u8>, DecodeError> {
    let mut bytes = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, quality);
    owned(view)?
        .write_with_encoder(encoder)
        .map_err(|error| DecodeError::Damaged(error.to_string()))?;
    Ok(bytes)
}

fn encode(view: RgbView<'_>, format: ImageFormat, bytes: &mut Vec<u8>) -> Result<(), DecodeError> {
    owned(view)?
        .write_to(&mut Cursor::new(bytes), format)
        .map_err(|error| DecodeError::Damaged(error.to_string()))
}

fn owned(view: RgbView<'_>) -> Result<image::RgbImage, DecodeError> {
    let frame = view.to_frame();
    image::RgbImage::from_raw(frame.width(), frame.height(), frame.into_data())
        .ok_or_else(|| DecodeError::Damaged("its size does not fit its bytes".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient() -> RgbFrame {
        let bytes = (0..48 * 32 * 3).map(|i| (i / 20) as u8).collect();
        RgbFrame::new(48, 32, bytes).unwrap()
    }

    #[test]
    fn a_png_comes_back_bit_for_bit() {
        let frame = gradient();
        assert_eq!(decode(&png(frame.view()).unwrap()).unwrap(), frame);
    }

    #[test]
    fn text_named_jpg_is_no_picture() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("note.jpg");
        std::fs::write(&path, "this is a shopping list, not a car").unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(
            error.ends_with("note.jpg: it is not a JPEG, PNG, BMP or WebP picture"),
            "{error}"
        );
    }

    #[test]
    fn a_cut_jpeg_is_refused_at_every_length() {
        let whole = jpeg(gradient().view(), 80).unwrap();
        assert!(decode(&whole).is_ok());
        for length in 0..whole.len() - 1 {
            assert!(
                decode(&whole[..length]).is_err(),
                "{length} of {} bytes",
                whole.len()
            );
        }
        assert_eq!(
            decode(&whole[..whole.len() / 2]).unwrap_err().to_string(),
            "the JPEG is cut off before its end"
        );
    }

    #[test]
    fn a_cut_png_is_refused() {
        let whole = png(gradient().view()).unwrap();
        let error = decode(&whole[..whole.len() / 2]).unwrap_err().to_string();
        assert!(error.starts_with("it is damaged ("), "{error}");
    }

    #[test]
    fn a_picture_bomb_is_refused_before_it_is_decoded() {
        let mut bomb = png(gradient().view()).unwrap();
        // IHDR: width and height are the big-endian words at 16 and 20, its CRC at 29.
        bomb[16..20].copy_from_slice(&60_000u32.to_be_bytes());
        bomb[20..24].copy_from_slice(&60_000u32.to_be_bytes());
        let crc = crc32(&bomb[12..29]);
        bomb[29..33].copy_from_slice(&crc.to_be_bytes());
        assert_eq!(
            decode(&bomb).unwrap_err().to_string(),
            "60000x60000 pixels are more than the 67108864 that are decoded"
        );
    }

    /// CRC-32 of PNG chunks (ISO 3309).
    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |c, _| {
                if c & 1 == 1 {
                    0xedb8_8320 ^ (c >> 1)
                } else {
                    c >> 1
                }
            })
        })
    }

    #[test]
    fn a_missing_file_names_itself() {
        let error = read(Path::new("nowhere/car.png")).unwrap_err().to_string();
        assert!(
            error.starts_with("cannot read nowhere/car.png: "),
            "{error}"
        );
    }

    #[test]
    fn lists_pictures_below_a_folder_in_order() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("b")).unwrap();
        for name in ["z.PNG", "a.jpeg", "b/c.webp", "notes.txt"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let names: Vec<_> = list(folder.path())
            .unwrap()
            .iter()
            .map(|p| p.strip_prefix(folder.path()).unwrap().display().to_string())
            .collect();
        assert_eq!(names, ["a.jpeg", "b/c.webp", "z.PNG"]);
    }
}
