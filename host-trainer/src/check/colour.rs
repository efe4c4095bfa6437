//! Where in a picture which colours are, as a few hundred numbers: what a network pretrained on
//! object classes forgets, as the colour of a thing seldom tells what it is. Knows no label.

use models::RgbView;
use models::resample::resize;

/// Pixels on a side that are looked at.
const SIDE: u32 = 48;
/// Rings around the middle, where the car is.
const RINGS: usize = 4;
/// Bins around the colour circle.
const HUES: usize = 12;
/// Bins of chroma, grey first.
const CHROMAS: usize = 4;
/// Bins of lightness.
const LEVELS: usize = 6;

/// How many numbers [`describe`] gives.
pub const WIDTH: usize = RINGS * LEVELS * (1 + (CHROMAS - 1) * HUES);

/// For each ring the square roots of a histogram over lightness, chroma and hue, each pixel
/// shared between the two nearest bins of each.
pub fn describe(view: RgbView<'_>) -> Vec<f32> {
    let small = resize(view, SIDE, SIDE);
    let mut histogram = vec![0.0f32; WIDTH];
    let mut pixels = [0.0f32; RINGS];
    for y in 0..SIDE {
        for x in 0..SIDE {
            let from_middle = |at: u32| (at as f32 + 0.5) / SIDE as f32 * 2.0 - 1.0;
            let radius = from_middle(x).abs().max(from_middle(y).abs());
            let ring = ((radius * RINGS as f32) as usize).min(RINGS - 1);
            pixels[ring] += 1.0;
            let [r, g, b] = small.view().pixel(x, y).map(|v| f32::from(v) / 255.0);
            for (level, level_share) in between(0.299 * r + 0.587 * g + 0.114 * b, LEVELS) {
                let at = (ring * LEVELS + level) * (1 + (CHROMAS - 1) * HUES);
                for (chroma, chroma_share) in between(chroma(r, g, b).sqrt(), CHROMAS) {
                    let share = level_share * chroma_share;
                    if chroma == 0 {
                        histogram[at] += share;
                        continue;
                    }
                    let hue = hue(r, g, b) * HUES as f32;
                    let (first, rest) = (hue as usize, hue.fract());
                    let at = at + 1 + (chroma - 1) * HUES;
                    histogram[at + first % HUES] += share * (1.0 - rest);
                    histogram[at + (first + 1) % HUES] += share * rest;
                }
            }
        }
    }
    for (ring, bins) in histogram.chunks_exact_mut(WIDTH / RINGS).enumerate() {
        bins.iter_mut()
            .for_each(|bin| *bin = (*bin / pixels[ring]).sqrt());
    }
    histogram
}

/// The two bins that a value of 0 to 1 lies between, with its share of each.
fn between(value: f32, bins: usize) -> [(usize, f32); 2] {
    let at = value.clamp(0.0, 1.0) * (bins - 1) as f32;
    let first = (at as usize).min(bins - 2);
    let rest = at - first as f32;
    [(first, 1.0 - rest), (first + 1, rest)]
}

fn chroma(r: f32, g: f32, b: f32) -> f32 {
    r.max(g).max(b) - r.min(g).min(b)
}

/// Position on the colour circle, 0 to 1; 0 for grey.
fn hue(r: f32, g: f32, b: f32) -> f32 {
    let chroma = chroma(r, g, b);
    if chroma <= 0.0 {
        return 0.0;
    }
    let top = r.max(g).max(b);
    let sixth = if top == r {
        (g - b) / chroma
    } else if top == g {
        (b - r) / chroma + 2.0
    } else {
        (r - g) / chroma + 4.0
    };
    (sixth / 6.0).rem_euclid(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use models::RgbFrame;

    fn of(rgb: [u8; 3]) -> Vec<f32> {
        describe(RgbFrame::filled(60, 40, rgb).unwrap().view())
    }

    fn distance(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum()
    }

    #[test]
    fn every_ring_is_one_whole() {
        for rgb in [[0; 3], [255; 3], [200, 30, 30], [17, 99, 210]] {
            for ring in of(rgb).chunks_exact(WIDTH / RINGS) {
                let sum: f32 = ring.iter().map(|bin| bin * bin).sum();
                assert!((sum - 1.0).abs() < 1e-3, "{rgb:?}: {sum}");
            }
        }
    }

    #[test]
    fn near_colours_are_near_across_the_end_of_the_circle() {
        let red = of([200, 30, 34]);
        let red_too = of([200, 34, 30]);
        let blue = of([30, 34, 200]);
        assert!(
            distance(&red, &red_too) < 0.5,
            "{}",
            distance(&red, &red_too)
        );
        assert!(distance(&red, &blue) > 4.0, "{}", distance(&red, &blue));
        assert!(distance(&of([90; 3]), &of([200; 3])) > 4.0);
    }

    #[test]
    fn the_middle_and_the_edge_are_told_apart() {
        let mut frame = RgbFrame::filled(48, 48, [128; 3]).unwrap();
        frame.data_mut()[..48 * 3 * 6].fill(0);
        let changed = describe(frame.view());
        let plain = of([128; 3]);
        let ring = WIDTH / RINGS;
        let moved = |n: usize| distance(&changed[n * ring..][..ring], &plain[n * ring..][..ring]);
        assert_eq!(moved(0), 0.0);
        assert!(moved(RINGS - 1) > 0.1);
    }
}
