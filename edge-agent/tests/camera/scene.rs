//! What the cameras see: a road with one car, in each format that a camera may write. Holds no
//! test itself.

use models::RgbFrame;

/// Size of the pictures.
pub const SIZE: (u32, u32) = (320, 200);

/// A road with a car whose left edge is at `x`.
fn road(x: Option<i32>, seed: u32) -> RgbFrame {
    let mut frame = RgbFrame::filled(SIZE.0, SIZE.1, [110, 112, 115]).unwrap();
    let mut noise = seed.wrapping_mul(0x9e37_79b9) | 1;
    for (index, pixel) in frame.data_mut().chunks_exact_mut(3).enumerate() {
        let (px, py) = (index as i32 % SIZE.0 as i32, index as i32 / SIZE.0 as i32);
        let inside = |x: i32| px >= x && px < x + 90 && (90..140).contains(&py);
        if x.is_some_and(inside) {
            pixel.copy_from_slice(&[190, 20, 25]);
        }
        noise ^= noise << 13;
        noise ^= noise >> 17;
        noise ^= noise << 5;
        let step = (noise >> 20) as u8 % 5;
        pixel.iter_mut().for_each(|value| *value += step);
    }
    frame
}

/// A second of empty road and more, then a car that comes as far as the middle.
pub fn half_a_passage() -> Vec<RgbFrame> {
    let empty = (0..80).map(|seed| road(None, seed));
    let car = (0..40).map(|step| road(Some(step * 5), 1000 + step as u32));
    empty.chain(car).collect()
}

/// BT.601, limited range.
fn luma_chroma([r, g, b]: [u8; 3]) -> [u8; 3] {
    let [r, g, b] = [r, g, b].map(f32::from);
    let y = 16.0 + (65.481 * r + 128.553 * g + 24.966 * b) / 255.0;
    let cb = 128.0 + (-37.797 * r - 74.203 * g + 112.0 * b) / 255.0;
    let cr = 128.0 + (112.0 * r - 93.786 * g - 18.214 * b) / 255.0;
    [y as u8, cb as u8, cr as u8]
}

/// Y, Cb, Y, Cr for each two pixels.
pub fn yuyv(frame: &RgbFrame) -> Vec<u8> {
    let pairs = frame.data().chunks_exact(6).map(|pair| {
        let first = luma_chroma([pair[0], pair[1], pair[2]]);
        let second = luma_chroma([pair[3], pair[4], pair[5]]);
        [first[0], first[1], second[0], first[2]]
    });
    pairs.flatten().collect()
}

/// A plane of Y, then one of Cb, Cr pairs at half the size.
pub fn nv12(frame: &RgbFrame) -> Vec<u8> {
    let pixel = |x: u32, y: u32| luma_chroma(frame.view().pixel(x, y));
    let places = (0..SIZE.1).flat_map(|y| (0..SIZE.0).map(move |x| (x, y)));
    let mut bytes: Vec<u8> = places.map(|(x, y)| pixel(x, y)[0]).collect();
    for y in (0..SIZE.1).step_by(2) {
        for x in (0..SIZE.0).step_by(2) {
            bytes.extend(&pixel(x, y)[1..]);
        }
    }
    bytes
}

/// As webcams send it: without Huffman tables.
pub fn mjpeg(frame: &RgbFrame) -> Vec<u8> {
    let mut bytes = models::picture::jpeg(frame.view(), 90).unwrap();
    while let Some(at) = bytes.windows(2).position(|pair| pair == [0xff, 0xc4]) {
        let length = usize::from(bytes[at + 2]) << 8 | usize::from(bytes[at + 3]);
        bytes.drain(at..at + 2 + length);
    }
    bytes
}

/// Frames as a camera writes them.
pub fn bytes_of(frames: &[RgbFrame], format: fn(&RgbFrame) -> Vec<u8>) -> Vec<Vec<u8>> {
    frames.iter().map(format).collect()
}
