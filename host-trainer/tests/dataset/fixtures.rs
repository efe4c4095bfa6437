//! What the tests of `dataset` check with: single pictures, picture bombs.

use std::fs;
use std::path::Path;

use models::{RgbFrame, picture};
use serde_json::Value;

/// A drawn car.
pub fn portrait(class: &str, seed: u64) -> RgbFrame {
    road_sim::portrait(class, seed, 60, 45).unwrap()
}

/// Writes a frame as what its name says.
pub fn save(path: &Path, frame: &RgbFrame) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let bytes = match path.extension().unwrap().to_str().unwrap() {
        "png" => picture::png(frame.view()),
        _ => picture::jpeg(frame.view(), 60),
    };
    fs::write(path, bytes.unwrap()).unwrap();
}

/// A JSON value.
pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A PNG of a few dozen bytes that announces `width` x `height` pixels.
pub fn png_bomb(width: u32, height: u32) -> Vec<u8> {
    let frame = RgbFrame::filled(1, 1, [0; 3]).unwrap();
    let mut bomb = picture::png(frame.view()).unwrap();
    // IHDR: width and height are the big-endian words at 16 and 20, its CRC at 29.
    bomb[16..20].copy_from_slice(&width.to_be_bytes());
    bomb[20..24].copy_from_slice(&height.to_be_bytes());
    let crc = crc32(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&crc.to_be_bytes());
    bomb
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
