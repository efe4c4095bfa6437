//! Which pictures show the same photograph: a difference hash of the brightness and a colour
//! thumbnail, compared also mirrored. Used to keep near-duplicates on one side of a split;
//! deletes nothing.

use models::RgbView;
use models::resample::resize;

/// Columns and rows of the hash's grid.
const SIDE: u32 = 16;
/// Columns and rows of the thumbnail.
const THUMB: u32 = 8;

/// Hashes of 256 bits this close are the same photograph, whatever the colours.
const SAME_BITS: u32 = 36;
/// Hashes this close are the same photograph when the colours agree too. Dealers' pictures of
/// different cars from one angle come as near as 45 bits; another crop of one photograph goes
/// up to about 75. Measured by eye on 6,221 dealer photographs.
const NEAR_BITS: u32 = 76;
/// Colours agree when the thumbnails differ by no more than this on average, of 255.
const NEAR_COLOUR: u32 = 14;

/// A picture reduced to what survives rescaling, recoding and small crops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// For each of 16x16 cells, whether brightness rises to the right.
    upright: [u64; 4],
    /// The same of the mirror image.
    mirrored: [u64; 4],
    /// 8x8 RGB.
    thumb: [[[u8; 3]; THUMB as usize]; THUMB as usize],
}

impl Fingerprint {
    /// The fingerprint of a picture of any size.
    pub fn of(view: RgbView<'_>) -> Self {
        let small = resize(view, SIDE + 1, SIDE);
        let small = small.view();
        let luma = |x: u32, y: u32| {
            let [r, g, b] = small.pixel(x, y).map(u32::from);
            r * 299 + g * 587 + b * 114
        };
        let bits = |at: &dyn Fn(u32, u32) -> u32| {
            let mut bits = [0u64; 4];
            for y in 0..SIDE {
                for x in 0..SIDE {
                    let bit = y * SIDE + x;
                    if at(x + 1, y) > at(x, y) {
                        bits[bit as usize / 64] |= 1 << (bit % 64);
                    }
                }
            }
            bits
        };
        let tiny = resize(view, THUMB, THUMB);
        let mut thumb = [[[0; 3]; THUMB as usize]; THUMB as usize];
        for (y, row) in (0..).zip(&mut thumb) {
            for (x, cell) in (0..).zip(row) {
                *cell = tiny.view().pixel(x, y);
            }
        }
        Self {
            upright: bits(&luma),
            mirrored: bits(&|x, y| luma(SIDE - x, y)),
            thumb,
        }
    }

    /// Whether two pictures show the same photograph.
    pub fn is_near(&self, other: &Self) -> bool {
        let differ = |a: &[u64; 4], b: &[u64; 4]| -> u32 {
            a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
        };
        let near = |bits: u32, mirrored: bool| {
            bits <= SAME_BITS
                || bits <= NEAR_BITS && self.colour_distance(other, mirrored) <= NEAR_COLOUR
        };
        near(differ(&self.upright, &other.upright), false)
            || near(differ(&self.upright, &other.mirrored), true)
    }

    /// Mean difference of the thumbnails, 0 to 255.
    fn colour_distance(&self, other: &Self, mirrored: bool) -> u32 {
        let mut sum = 0;
        for (ours, theirs) in self.thumb.iter().zip(&other.thumb) {
            for (x, cell) in ours.iter().enumerate() {
                let cell_there = theirs[if mirrored { THUMB as usize - 1 - x } else { x }];
                sum += cell
                    .iter()
                    .zip(cell_there)
                    .map(|(a, b)| u32::from(a.abs_diff(b)))
                    .sum::<u32>();
            }
        }
        sum / (3 * THUMB * THUMB)
    }
}

/// Numbers the groups of near-duplicates: pictures with the same number belong together,
/// through chains too. As long as `fingerprints`.
pub fn groups(fingerprints: &[Fingerprint]) -> Vec<usize> {
    let mut parent: Vec<usize> = (0..fingerprints.len()).collect();
    fn root(parent: &mut [usize], mut at: usize) -> usize {
        while parent[at] != at {
            parent[at] = parent[parent[at]];
            at = parent[at];
        }
        at
    }
    for (i, a) in fingerprints.iter().enumerate() {
        for (j, b) in fingerprints.iter().enumerate().skip(i + 1) {
            if a.is_near(b) {
                let (a, b) = (root(&mut parent, i), root(&mut parent, j));
                parent[a.max(b)] = a.min(b);
            }
        }
    }
    (0..fingerprints.len())
        .map(|at| root(&mut parent, at))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use models::RgbFrame;
    use models::picture;

    fn portrait(seed: u64) -> RgbFrame {
        road_sim::portrait("red", seed, 120, 90).unwrap()
    }

    fn mirrored(frame: &RgbFrame) -> RgbFrame {
        let mut copy = frame.clone();
        for row in copy.data_mut().chunks_mut(frame.width() as usize * 3) {
            let pixels: Vec<_> = row.chunks(3).rev().flatten().copied().collect();
            row.copy_from_slice(&pixels);
        }
        copy
    }

    #[test]
    fn changed_copies_are_near() {
        let first = portrait(1);
        let print = Fingerprint::of(first.view());
        let rescaled = resize(first.view(), 61, 47);
        let encoded = picture::decode(&picture::jpeg(first.view(), 40).unwrap()).unwrap();
        let inner = models::Rect {
            x: 5,
            y: 4,
            width: 110,
            height: 82,
        };
        let cropped = first.view().crop(inner).unwrap().to_frame();
        for copy in [rescaled, encoded, mirrored(&first), cropped] {
            assert!(print.is_near(&Fingerprint::of(copy.view())));
        }
    }

    #[test]
    fn other_cars_are_not() {
        let prints: Vec<_> = (0..30)
            .map(|seed| Fingerprint::of(portrait(seed).view()))
            .collect();
        let near = groups(&prints)
            .iter()
            .enumerate()
            .filter(|(at, group)| at != *group)
            .count();
        assert!(near <= 3, "{near} of 30 drawn cars taken for copies");
    }

    #[test]
    fn groups_chain() {
        let at = |bits: u32| {
            let mut upright = [0u64; 4];
            (0..bits).for_each(|bit| upright[bit as usize / 64] |= 1 << (bit % 64));
            let thumb = [[[bits as u8; 3]; THUMB as usize]; THUMB as usize];
            Fingerprint {
                upright,
                mirrored: [u64::MAX; 4],
                thumb,
            }
        };
        assert_eq!(groups(&[at(0), at(30), at(60), at(150)]), [0, 0, 0, 3]);
    }
}
