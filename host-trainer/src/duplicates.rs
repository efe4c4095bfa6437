//! Which pictures show the same photograph: a difference hash of the brightness and a colour
//! thumbnail, compared also mirrored. Used to keep near-duplicates on one side of a split;
//! deletes nothing.

use std::collections::BTreeMap;

use models::RgbView;
use models::resample::resize;

use crate::commands::default_workers;
use crate::loader::in_parallel;

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
pub const NEAR_COLOUR: u32 = 14;

/// Cells of a plain picture's thumbnail differ by no more than this, of 255.
const PLAIN: u8 = 6;

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

/// How near two pictures of one photograph are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nearness {
    /// Mean difference of the colour thumbnails, 0 to 255. More than [`NEAR_COLOUR`] only where
    /// brightness rises and falls alike: one car painted anew, as makers' pictures show it.
    pub colour: u32,
    /// Differing bits of the brightness hash, of 256.
    pub bits: u32,
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

    /// How near two pictures are that show the same photograph; none when they do not.
    pub fn nearness(&self, other: &Self) -> Option<Nearness> {
        let near = |hash: &[u64; 4], mirrored: bool| {
            let bits = differing(&self.upright, hash);
            if bits > NEAR_BITS {
                return None;
            }
            let colour = self.colour_distance(other, mirrored);
            let same = bits <= SAME_BITS || colour <= NEAR_COLOUR;
            same.then_some(Nearness { bits, colour })
        };
        let upright = near(&other.upright, false);
        upright.into_iter().chain(near(&other.mirrored, true)).min()
    }

    /// Whether the picture is one plain colour: no cell of its thumbnail stands out.
    pub fn is_plain(&self) -> bool {
        (0..3).all(|channel| {
            let values = self.thumb.iter().flatten().map(|cell| cell[channel]);
            let (low, high): (u8, u8) =
                values.fold((255, 0), |(low, high), v| (v.min(low), v.max(high)));
            high.saturating_sub(low) <= PLAIN
        })
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

fn differing(a: &[u64; 4], b: &[u64; 4]) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}

/// For each of `pictures` whether it shows the same photograph as one of `others`. Compares each
/// with each on `workers` threads.
pub fn shown_in(pictures: &[Fingerprint], others: &[Fingerprint], workers: usize) -> Vec<bool> {
    in_parallel(pictures.len(), workers, |index| {
        let same = |other: &Fingerprint| pictures[index].nearness(other).is_some();
        others.iter().any(same)
    })
}

/// Rows of the comparison that are held at a time: bounds the memory of [`near_pairs`].
const ROWS: usize = 1024;

/// Calls `found(i, j, nearness)` for every pair `i < j` of the same photograph, in order of `i`
/// and `j`. Compares each with each on `workers` threads: 20,000 pictures take a second or two.
pub fn near_pairs(
    fingerprints: &[Fingerprint],
    workers: usize,
    found: &mut dyn FnMut(usize, usize, Nearness),
) {
    // The hashes side by side, without the thumbnails: most pairs need no more, and 20,000 of
    // them fit a processor's cache.
    let hashes: Vec<[[u64; 4]; 2]> = fingerprints
        .iter()
        .map(|print| [print.upright, print.mirrored])
        .collect();
    let mut row = 0;
    while row < fingerprints.len() {
        let rows = ROWS.min(fingerprints.len() - row);
        let near = in_parallel(rows, workers, |index| {
            let i = row + index;
            let ours = &fingerprints[i];
            let mut near = Vec::new();
            for (j, [upright, mirrored]) in hashes.iter().enumerate().skip(i + 1) {
                let bits = differing(&ours.upright, upright);
                if bits.min(differing(&ours.upright, mirrored)) <= NEAR_BITS {
                    let nearness = ours.nearness(&fingerprints[j]);
                    near.extend(nearness.map(|nearness| (j, nearness)));
                }
            }
            near
        });
        for (index, near) in near.into_iter().enumerate() {
            for (j, nearness) in near {
                found(row + index, j, nearness);
            }
        }
        row += rows;
    }
}

/// Sets that grow together (union-find): every index starts alone.
#[derive(Clone, Debug)]
pub struct Sets {
    parent: Vec<usize>,
}

impl Sets {
    /// `count` indices, each alone.
    pub fn new(count: usize) -> Self {
        Self {
            parent: (0..count).collect(),
        }
    }

    /// Puts the sets of `a` and `b` together.
    pub fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.parent[a.max(b)] = a.min(b);
    }

    /// The smallest index of the set that `at` is in.
    pub fn root(&mut self, mut at: usize) -> usize {
        while self.parent[at] != at {
            self.parent[at] = self.parent[self.parent[at]];
            at = self.parent[at];
        }
        at
    }

    /// The set's number for each index.
    pub fn numbers(mut self) -> Vec<usize> {
        (0..self.parent.len()).map(|at| self.root(at)).collect()
    }

    /// The sets of two or more, each sorted, in order of their smallest index.
    pub fn shared(self) -> Vec<Vec<usize>> {
        let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (at, number) in self.numbers().into_iter().enumerate() {
            members.entry(number).or_default().push(at);
        }
        members.into_values().filter(|set| set.len() > 1).collect()
    }
}

/// Numbers the groups of near-duplicates: pictures with the same number belong together,
/// through chains too. As long as `fingerprints`.
pub fn groups(fingerprints: &[Fingerprint]) -> Vec<usize> {
    let mut sets = Sets::new(fingerprints.len());
    near_pairs(fingerprints, default_workers(), &mut |a, b, _| {
        sets.join(a, b)
    });
    sets.numbers()
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
            assert!(print.nearness(&Fingerprint::of(copy.view())).is_some());
        }
    }

    #[test]
    fn one_colour_is_plain_however_bright() {
        let print = |pixel: &dyn Fn(usize) -> [u8; 3]| {
            let data = (0..64 * 64).flat_map(pixel).collect();
            Fingerprint::of(RgbFrame::new(64, 64, data).unwrap().view())
        };
        for colour in [[0; 3], [249; 3], [250; 3], [255; 3], [0, 0, 255]] {
            assert!(print(&|_| colour).is_plain(), "{colour:?}");
        }
        assert!(!print(&|at| [if at < 512 { 200 } else { 255 }; 3]).is_plain());
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
    fn pairs_are_found_across_the_rows_held_at_a_time() {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut prints: Vec<Fingerprint> = (0..ROWS + 300)
            .map(|_| Fingerprint {
                upright: std::array::from_fn(|_| rng.u64(..)),
                mirrored: std::array::from_fn(|_| rng.u64(..)),
                thumb: [[[0; 3]; THUMB as usize]; THUMB as usize],
            })
            .collect();
        prints[ROWS + 100] = prints[7];
        prints[ROWS + 200].mirrored = prints[7].upright;
        prints[20].mirrored = prints[3].upright;
        let mut found = Vec::new();
        near_pairs(&prints, 3, &mut |i, j, near| found.push((i, j, near.bits)));
        let (copy, mirror) = (ROWS + 100, ROWS + 200);
        assert_eq!(
            found,
            [(3, 20, 0), (7, copy, 0), (7, mirror, 0), (copy, mirror, 0)]
        );
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
