//! Pictures made smaller by a whole factor: each pixel is the rounded mean of a square. Rows and
//! columns that do not fill a square are left out. The model's own resizing is elsewhere.

/// The least whole factor that brings `width` to `max_width`; the picture keeps a pixel.
pub fn factor(width: u32, height: u32, max_width: Option<u32>) -> u32 {
    let Some(most) = max_width else { return 1 };
    width.div_ceil(most.max(1)).min(width).min(height).max(1)
}

/// Writes the smaller picture into `out`, which is made to fit; its size.
pub fn shrink(rgb: &[u8], width: u32, height: u32, factor: u32, out: &mut Vec<u8>) -> (u32, u32) {
    let (small_width, small_height) = (width / factor, height / factor);
    let row_bytes = width as usize * 3;
    let side = factor as usize;
    let area = factor * factor;
    out.resize(small_width as usize * small_height as usize * 3, 0);
    let strips = rgb.chunks_exact(row_bytes * side);
    for (strip, row) in strips.zip(out.chunks_exact_mut(small_width as usize * 3)) {
        for (index, pixel) in row.chunks_exact_mut(3).enumerate() {
            let mut sums = [0u32; 3];
            for line in strip.chunks_exact(row_bytes) {
                let from = index * side * 3;
                for source in line[from..from + side * 3].chunks_exact(3) {
                    for (sum, value) in sums.iter_mut().zip(source) {
                        *sum += u32::from(*value);
                    }
                }
            }
            for (value, sum) in pixel.iter_mut().zip(sums) {
                *value = ((sum + area / 2) / area) as u8;
            }
        }
    }
    (small_width, small_height)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_whole_factor_that_fits() {
        for (width, height, most, expected) in [
            (1280, 720, None, 1),
            (1280, 720, Some(1280), 1),
            (1280, 720, Some(1279), 2),
            (1920, 1080, Some(640), 3),
            (1920, 1080, Some(1), 1080),
            (5, 1, Some(2), 1),
        ] {
            assert_eq!(factor(width, height, most), expected, "{width} to {most:?}");
        }
    }

    #[test]
    fn squares_become_their_rounded_mean_and_the_rest_is_left_out() {
        // 5x3: one whole row of squares, two of them.
        let rgb: Vec<u8> = (0..15).flat_map(|i| [i, 10 * i, 255]).collect();
        let mut out = vec![9; 1];
        assert_eq!(shrink(&rgb, 5, 3, 2, &mut out), (2, 1));
        // Pixels 0, 1, 5, 6 and 2, 3, 7, 8.
        assert_eq!(out, [3, 30, 255, 5, 50, 255]);
    }
}
