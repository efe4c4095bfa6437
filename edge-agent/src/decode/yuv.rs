//! YUYV and NV12 to RGB by ITU-R BT.601 or BT.709 in 8-bit fixed point, so within one step of the
//! exact value and the same bits on every target. Sizes are checked before.

use super::{Layout, PixelFormat, Ycbcr};

/// Converts a whole frame into `rgb`, which is made to fit.
pub fn convert(layout: &Layout, bytes: &[u8], rgb: &mut Vec<u8>) {
    let (width, height) = (layout.width as usize, layout.height as usize);
    rgb.resize(width * height * 3, 0);
    match layout.ycbcr {
        Ycbcr::Limited601 => rows::<Limited601>(layout, bytes, rgb),
        Ycbcr::Full601 => rows::<Full601>(layout, bytes, rgb),
        Ycbcr::Limited709 => rows::<Limited709>(layout, bytes, rgb),
        Ycbcr::Full709 => rows::<Full709>(layout, bytes, rgb),
    }
}

fn rows<M: Matrix>(layout: &Layout, bytes: &[u8], rgb: &mut [u8]) {
    let (width, height) = (layout.width as usize, layout.height as usize);
    let stride = layout.row_bytes();
    let lines = rgb.chunks_exact_mut(width * 3);
    if layout.format == PixelFormat::Yuyv {
        for (line, row) in lines.zip(bytes.chunks(stride)) {
            for (pixels, quad) in line.chunks_exact_mut(6).zip(row.chunks_exact(4)) {
                pair::<M>(pixels, [quad[0], quad[2]], quad[1], quad[3]);
            }
        }
        return;
    }
    let (luma, chroma) = bytes.split_at(stride * height);
    for (y, (line, row)) in lines.zip(luma.chunks(stride)).enumerate() {
        let colours = &chroma[y / 2 * stride..];
        let pairs = row.chunks_exact(2).zip(colours.chunks_exact(2));
        for (pixels, (light, colour)) in line.chunks_exact_mut(6).zip(pairs) {
            pair::<M>(pixels, [light[0], light[1]], colour[0], colour[1]);
        }
    }
}

/// The coefficients of an encoding, times 256.
trait Matrix {
    const BLACK: i32;
    const LIGHT: i32;
    const RED: i32;
    const GREEN: (i32, i32);
    const BLUE: i32;
}

struct Limited601;

impl Matrix for Limited601 {
    const BLACK: i32 = 16;
    const LIGHT: i32 = 298;
    const RED: i32 = 409;
    const GREEN: (i32, i32) = (100, 208);
    const BLUE: i32 = 516;
}

struct Full601;

impl Matrix for Full601 {
    const BLACK: i32 = 0;
    const LIGHT: i32 = 256;
    const RED: i32 = 359;
    const GREEN: (i32, i32) = (88, 183);
    const BLUE: i32 = 454;
}

/// ITU-R BT.709-6, part 2, items 3.2 to 3.4: red weighs 0.2126 and blue 0.0722 of the light.
struct Limited709;

impl Matrix for Limited709 {
    const BLACK: i32 = 16;
    const LIGHT: i32 = 298;
    const RED: i32 = 459;
    const GREEN: (i32, i32) = (55, 136);
    const BLUE: i32 = 541;
}

struct Full709;

impl Matrix for Full709 {
    const BLACK: i32 = 0;
    const LIGHT: i32 = 256;
    const RED: i32 = 403;
    const GREEN: (i32, i32) = (48, 120);
    const BLUE: i32 = 475;
}

/// Two pixels that share their colour.
fn pair<M: Matrix>(pixels: &mut [u8], light: [u8; 2], cb: u8, cr: u8) {
    let (cb, cr) = (i32::from(cb) - 128, i32::from(cr) - 128);
    let red = M::RED * cr + 128;
    let green = 128 - M::GREEN.0 * cb - M::GREEN.1 * cr;
    let blue = M::BLUE * cb + 128;
    for (pixel, light) in pixels.chunks_exact_mut(3).zip(light) {
        let light = M::LIGHT * (i32::from(light) - M::BLACK);
        let step = |colour: i32| ((light + colour) >> 8).clamp(0, 255) as u8;
        pixel.copy_from_slice(&[step(red), step(green), step(blue)]);
    }
}
