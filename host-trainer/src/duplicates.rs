//! Which pictures show the same photograph: a difference hash of the brightness, compared also
//! mirrored. Used to keep near-duplicates on one side of a split; deletes nothing.

use models::RgbView;
use models::preprocess::resize;

/// Columns and rows of the comparison grid.
const SIDE: u32 = 16;

/// Two fingerprints of 256 bits this close are the same photograph. Unrelated photographs
/// differ in about 100 bits and more; re-encoded, rescaled or slightly cropped ones in under 30.
pub const NEAR_BITS: u32 = 36;

/// For each of 16x16 cells, whether brightness rises to the right; the picture and its mirror
/// image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    upright: [u64; 4],
    mirrored: [u64; 4],
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
        Self {
            upright: bits(&luma),
            mirrored: bits(&|x, y| luma(SIDE - x, y)),
        }
    }

    /// Bits in which two pictures differ, 0 to 256, the better of upright and mirrored.
    pub fn distance(&self, other: &Self) -> u32 {
        let differ = |a: &[u64; 4], b: &[u64; 4]| -> u32 {
            a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
        };
        differ(&self.upright, &other.upright).min(differ(&self.upright, &other.mirrored))
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
            if a.distance(b) <= NEAR_BITS {
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
    fn changed_copies_are_near_and_other_pictures_are_not() {
        let first = portrait(1);
        let print = Fingerprint::of(first.view());
        let rescaled = resize(first.view(), 61, 47);
        assert!(print.distance(&Fingerprint::of(rescaled.view())) <= NEAR_BITS);
        let encoded = picture::decode(&picture::jpeg(first.view(), 40).unwrap()).unwrap();
        assert!(print.distance(&Fingerprint::of(encoded.view())) <= NEAR_BITS);
        let mirror = mirrored(&first);
        assert!(print.distance(&Fingerprint::of(mirror.view())) <= NEAR_BITS);
    }

    #[test]
    fn groups_chain() {
        let at = |bits: u32| {
            let mut upright = [0u64; 4];
            (0..bits).for_each(|bit| upright[bit as usize / 64] |= 1 << (bit % 64));
            Fingerprint {
                upright,
                mirrored: [u64::MAX; 4],
            }
        };
        assert_eq!(groups(&[at(0), at(30), at(60), at(120)]), [0, 0, 0, 3]);
    }
}
