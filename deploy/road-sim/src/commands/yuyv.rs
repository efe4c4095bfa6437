//! RGB to YUYV by ITU-R BT.601 in its limited range, as cameras give it: brightness of each
//! pixel, colour of each pair. No file and no scene.

use models::RgbView;

/// Appends a picture, whose width is even: two bytes a pixel.
pub fn append(picture: &RgbView<'_>, out: &mut Vec<u8>) {
    for y in 0..picture.height() {
        for pair in picture.row(y).chunks_exact(6) {
            let sum = |channel: usize| i32::from(pair[channel]) + i32::from(pair[channel + 3]);
            let (red, green, blue) = (sum(0), sum(1), sum(2));
            // Colour is that of both pixels together, so twice one pixel's.
            let cb = colour(-9_714 * red - 19_070 * green + 28_784 * blue);
            let cr = colour(28_784 * red - 24_103 * green - 4_681 * blue);
            out.extend([light(&pair[..3]), cb, light(&pair[3..]), cr]);
        }
    }
}

/// One half with the 16 fractional bits of the coefficients, which are those of BT.601 for
/// brightness 16-235 and colour 16-240 (65.738, 129.057, 25.064; 37.945, 74.494, 112.439;
/// 94.154, 18.285) times 256.
const HALF: i32 = 1 << 15;

fn light(pixel: &[u8]) -> u8 {
    let [red, green, blue] = [0, 1, 2].map(|channel| i32::from(pixel[channel]));
    (((16_829 * red + 33_039 * green + 6_416 * blue + HALF) >> 16) + 16) as u8
}

fn colour(doubled: i32) -> u8 {
    (((doubled + 2 * HALF) >> 17) + 128) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use models::RgbFrame;

    #[test]
    fn colours_have_the_values_of_bt_601() {
        for (rgb, expected) in [
            ([0, 0, 0], [16, 128, 16, 128]),
            ([255, 255, 255], [235, 128, 235, 128]),
            ([255, 0, 0], [81, 90, 81, 240]),
            ([0, 255, 0], [145, 54, 145, 34]),
            ([0, 0, 255], [41, 240, 41, 110]),
        ] {
            let frame = RgbFrame::filled(4, 2, rgb).unwrap();
            let mut out = Vec::new();
            append(&frame.view(), &mut out);
            assert_eq!(out, expected.repeat(4), "{rgb:?}");
        }
    }
}
