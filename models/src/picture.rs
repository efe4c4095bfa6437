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

/// Longest side decoded, in pixels: resampling keeps a few numbers for each pixel of a side. No
/// JPEG has a longer one.
pub const MAX_SIDE: u32 = 65_535;

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
    /// A longer side than is decoded.
    #[error("{width}x{height} pixels have a side longer than the {MAX_SIDE} that are decoded")]
    SideTooLong {
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
    if width.max(height) > MAX_SIDE {
        return Err(DecodeError::SideTooLong { width, height });
    }
    let orientation = decoder.orientation().map_err(damaged)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    picture.apply_orientation(orientation);
    let picture = picture.into_rgb8();
    let (width, height) = picture.dimensions();
    RgbFrame::new(width, height, picture.into_raw())
        .map_err(|error| DecodeError::Damaged(error.to_string()))
}

/// Whether the picture that the bytes begin with has its end marker (FF D9): what follows that,
/// such as a phone's film, and thumbnails within a part, which have ends of their own, count for
/// nothing. A decoder left to itself fills the missing part with grey, which is a colour here.
fn jpeg_has_its_end(bytes: &[u8]) -> bool {
    // Inside a scan a byte FF is always followed by 00 or a restart marker; between two parts
    // any number of them may stand, and decoders skip anything else there.
    let is_marker = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff);
    let (mut at, mut scanned) = (0, false);
    while let Some(next) = bytes[at..].windows(2).position(is_marker) {
        let marker = bytes[at + next + 1];
        at += next + 2;
        match marker {
            0xd9 => return scanned,
            // Without a length: one for temporary use, restarts, a picture's start.
            0x01 | 0xd0..=0xd8 => continue,
            _ => scanned |= marker == 0xda,
        }
        let length = bytes[at..].first_chunk();
        let end = length.map(|length| at + usize::from(u16::from_be_bytes(*length)));
        match end.filter(|end| *end <= bytes.len()) {
            Some(end) => at = end,
            // A damaged scan may hold what looks like a part.
            None if scanned => {}
            None => return false,
        }
    }
    false
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

    /// Start, a comment that holds an end, tables, a scan with a restart, tables, another scan,
    /// a byte too many, the end.
    const SCANS: &[u8] = &[
        0xff, 0xd8, 0xff, 0xfe, 0, 6, 0xff, 0xd9, 1, 2, 0xff, 0xc4, 0, 3, 9, 0xff, 0xda, 0, 2, 7,
        0xff, 0, 8, 0xff, 0xd0, 6, 0xff, 0xc4, 0, 3, 9, 0xff, 0xda, 0, 3, 1, 5, 0xff, 0xff, 0xd9,
    ];

    #[test]
    fn the_end_of_a_jpeg_is_told_from_what_looks_like_it() {
        assert!(jpeg_has_its_end(SCANS));
        for length in 0..SCANS.len() {
            assert!(!jpeg_has_its_end(&SCANS[..length]), "{length} bytes");
        }
        let tables: &[u8] = &[0xff, 0xc4, 0, 4, 0xff, 0xd9];
        let cut = [&SCANS[..26], tables, &SCANS[26..SCANS.len() - 1]].concat();
        assert!(!jpeg_has_its_end(&cut));
        // Without a scan there is nothing that could end.
        assert!(!jpeg_has_its_end(&[0xff, 0xd8, 0xff, 0xd9]));
        // In a damaged scan something may look like a part that is longer than the file.
        let endless: &[u8] = &[0xff, 0xe5, 0xee, 0xee];
        let damaged = [&SCANS[..20], endless, &SCANS[20..]].concat();
        assert!(jpeg_has_its_end(&damaged));
    }

    #[test]
    fn what_follows_a_jpeg_does_not_matter() {
        let whole = jpeg(gradient().view(), 80).unwrap();
        let film: &[u8] = &[0, 0xff, 0xda, 0, 0];
        for after in [film, &whole[..whole.len() / 2], &whole[..]] {
            let longer = [&whole[..], after].concat();
            assert_eq!(decode(&longer).unwrap(), decode(&whole).unwrap());
        }
    }

    #[test]
    fn a_thumbnails_end_is_not_its_pictures() {
        let plain = jpeg(gradient().view(), 80).unwrap();
        let small = RgbFrame::filled(8, 8, [90; 3]).unwrap();
        let mut part = b"Exif\0\0".to_vec();
        part.extend(jpeg(small.view(), 80).unwrap());
        let [high, low] = (part.len() as u16 + 2).to_be_bytes();
        let start = [0xff, 0xd8, 0xff, 0xe1, high, low];
        let whole = [&start[..], &part[..], &plain[2..]].concat();
        assert_eq!(decode(&whole).unwrap(), decode(&plain).unwrap());
        // Three bytes tell that it is a JPEG.
        for length in 3..whole.len() {
            let error = decode(&whole[..length]).unwrap_err();
            assert!(matches!(error, DecodeError::CutOff), "{length}: {error}");
        }
    }

    #[test]
    fn a_cut_png_is_refused() {
        let whole = png(gradient().view()).unwrap();
        let error = decode(&whole[..whole.len() / 2]).unwrap_err().to_string();
        assert!(error.starts_with("it is damaged ("), "{error}");
    }

    #[test]
    fn a_picture_bomb_is_refused_before_it_is_decoded() {
        for (width, height, expected) in [
            (
                60_000u32,
                60_000u32,
                "60000x60000 pixels are more than the 67108864 that are decoded",
            ),
            (
                1,
                67_108_864,
                "1x67108864 pixels have a side longer than the 65535 that are decoded",
            ),
        ] {
            let mut bomb = png(gradient().view()).unwrap();
            // IHDR: width and height are the big-endian words at 16 and 20, its CRC at 29.
            bomb[16..20].copy_from_slice(&width.to_be_bytes());
            bomb[20..24].copy_from_slice(&height.to_be_bytes());
            let crc = crc32(&bomb[12..29]);
            bomb[29..33].copy_from_slice(&crc.to_be_bytes());
            assert_eq!(decode(&bomb).unwrap_err().to_string(), expected);
        }
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
