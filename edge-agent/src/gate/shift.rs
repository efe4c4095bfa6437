//! By how many whole pixels the picture is moved against the usual one: a camera on a mast
//! sways. Blocks of the picture vote, each by its profiles of brightness along both axes, so
//! that vehicles, which move some blocks only, are outvoted. Knows nothing of background.

use models::RgbView;

/// Blocks across and down.
const BLOCKS: (usize, usize) = (4, 3);

/// Largest shift that is looked for, pixels. Beyond it the camera was turned, not shaken.
pub const MOST_PX: i32 = 8;

/// Every this many rows (or columns) make a profile.
const THINNING: usize = 3;

/// A shift is believed when it explains the profile this much better than standing still.
const BETTER: f32 = 0.7;

/// Least mean step in a usual profile, 8-bit units, of a block that can vote.
const LEAST_STEP: f32 = 0.6;

/// How fast the usual profiles follow.
const FOLLOW: f32 = 0.02;

/// Steps of brightness along one axis of one block.
type Profile = Vec<f32>;

/// The usual profiles of one camera.
#[derive(Debug, Default)]
pub struct Shift {
    size_px: (u32, u32),
    /// Across and down for each block.
    usual: Vec<[Profile; 2]>,
}

impl Shift {
    /// The shift of this frame, pixels right and down; the first frame of a size has none.
    pub fn estimate(&mut self, view: RgbView<'_>) -> (i32, i32) {
        let size_px = (view.width(), view.height());
        let now = profiles(view);
        if self.size_px != size_px {
            self.size_px = size_px;
            self.usual = now;
            return (0, 0);
        }
        let shift = [0, 1].map(|axis| {
            let votes = self.usual.iter().zip(&now);
            vote(votes.filter_map(|(usual, now)| best(&usual[axis], &now[axis])))
        });
        for (usual, now) in self.usual.iter_mut().zip(&now) {
            for axis in [0, 1] {
                follow(&mut usual[axis], &now[axis], shift[axis]);
            }
        }
        (shift[0], shift[1])
    }
}

fn profiles(view: RgbView<'_>) -> Vec<[Profile; 2]> {
    let (width, height) = (view.width() as usize, view.height() as usize);
    let (wide, high) = (width / BLOCKS.0, height / BLOCKS.1);
    let mut profiles = Vec::with_capacity(BLOCKS.0 * BLOCKS.1);
    for down in 0..BLOCKS.1 {
        let mut across = vec![0u32; wide * BLOCKS.0];
        let mut rows = vec![vec![0u32; high]; BLOCKS.0];
        for y in 0..high {
            let line = view.row((down * high + y) as u32);
            if y % THINNING == 0 {
                for (sum, pixel) in across.iter_mut().zip(line.chunks_exact(3)) {
                    *sum += u32::from(pixel[1]);
                }
            }
            for (block, rows) in rows.iter_mut().enumerate() {
                let part = &line[block * wide * 3..(block + 1) * wide * 3];
                rows[y] = part
                    .chunks_exact(3)
                    .step_by(THINNING)
                    .map(|pixel| u32::from(pixel[1]))
                    .sum();
            }
        }
        let lines = high.div_ceil(THINNING).max(1) as f32;
        let columns = wide.div_ceil(THINNING).max(1) as f32;
        for (block, rows) in rows.iter().enumerate() {
            let part = &across[block * wide..(block + 1) * wide];
            profiles.push([steps(part, lines), steps(rows, columns)]);
        }
    }
    profiles
}

/// Differences between neighbours, which a change of light leaves nearly alone.
fn steps(sums: &[u32], count: f32) -> Profile {
    sums.windows(2)
        .map(|pair| (pair[1] as f32 - pair[0] as f32) / count)
        .collect()
}

/// The shift at which the profile is most like the usual one; `None` where nothing is to be
/// seen that could tell.
fn best(usual: &[f32], now: &[f32]) -> Option<i32> {
    let reach = MOST_PX as usize;
    let inner = usual.len().checked_sub(2 * reach).filter(|n| *n >= 16)?;
    let middle = &usual[reach..reach + inner];
    let detail = middle.iter().map(|step| step.abs()).sum::<f32>();
    if detail < LEAST_STEP * inner as f32 {
        return None;
    }
    let difference = |shift: i32| -> f32 {
        let start = (reach as i32 + shift) as usize;
        let moved = &now[start..start + inner];
        middle.iter().zip(moved).map(|(a, b)| (a - b).abs()).sum()
    };
    let still = difference(0);
    let mut best = (still, 0);
    for shift in 1..=MOST_PX {
        for shift in [shift, -shift] {
            let off = difference(shift);
            if off < best.0 && off < BETTER * still {
                best = (off, shift);
            }
        }
    }
    Some(best.1)
}

/// The median vote, if at least half of the votes are within a pixel of it.
fn vote(votes: impl Iterator<Item = i32>) -> i32 {
    let mut votes: Vec<i32> = votes.collect();
    votes.sort_unstable();
    let Some(median) = votes.get(votes.len() / 2).copied() else {
        return 0;
    };
    let agreeing = votes.iter().filter(|vote| (*vote - median).abs() <= 1);
    if agreeing.count() * 2 >= votes.len() {
        median
    } else {
        0
    }
}

fn follow(usual: &mut [f32], now: &[f32], shift: i32) {
    for (index, usual) in usual.iter_mut().enumerate() {
        let from = usize::try_from(index as i32 + shift).ok();
        if let Some(now) = from.and_then(|from| now.get(from)) {
            *usual += (now - *usual) * FOLLOW;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use models::RgbFrame;

    /// A picture with detail everywhere, moved, with a grey box over a part of it.
    fn picture(dx: i32, dy: i32, hidden: u32) -> RgbFrame {
        let mut frame = RgbFrame::filled(320, 240, [0, 0, 0]).unwrap();
        for y in 0..240 {
            for x in 0..320 {
                let (u, v) = ((x - dx) as f32, (y - dy) as f32);
                let mut value = 120.0 + 50.0 * (u / 7.3).sin() + 40.0 * (v / 5.1).sin();
                if (x as u32) < hidden && y > 120 {
                    value = 200.0 - value / 10.0;
                }
                let at = ((y * 320 + x) * 3) as usize;
                frame.data_mut()[at..at + 3].fill(value as u8);
            }
        }
        frame
    }

    #[test]
    fn a_moved_picture_is_found_also_beside_a_vehicle() {
        let mut shift = Shift::default();
        assert_eq!(shift.estimate(picture(0, 0, 0).view()), (0, 0));
        for (dx, dy) in [(3, -2), (0, 1), (-4, 0), (0, 0)] {
            for hidden in [0, 150] {
                let found = shift.estimate(picture(dx, dy, hidden).view());
                assert_eq!(found, (dx, dy), "hidden {hidden}");
            }
        }
    }

    #[test]
    fn a_plain_picture_does_not_move() {
        let plain = RgbFrame::filled(320, 240, [90, 90, 90]).unwrap();
        let mut shift = Shift::default();
        for _ in 0..3 {
            assert_eq!(shift.estimate(plain.view()), (0, 0));
        }
    }
}
