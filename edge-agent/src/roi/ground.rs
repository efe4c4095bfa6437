//! The place when nothing stands on it, as coarse cells, and how much of a picture differs from
//! it beyond a change of light. Light may become stronger or weaker by any factor and a lamp
//! may fade over the place; only what has edges of its own is a thing. Pictures in, shares out;
//! no time and no vehicles.

use models::{Rect, RgbView};

/// Cells along the longer side.
const CELLS: u32 = 28;

/// A channel of a cell may be off by this many 8-bit steps, or by this share of its value.
const TOLERANCE: f32 = 12.0;
const TOLERANCE_SHARE: f32 = 0.16;

/// Light changes its colour by no more than this factor; more is paint.
const MOST_TINT: f32 = 1.25;

/// Neighbours whose brightness changed by factors this far apart have an edge between them.
const EDGE_SHARE: f32 = 0.2;

/// Another light explains a change when it leaves less than this share of the changed cells.
const UNEXPLAINED: f32 = 0.2;

/// With a smaller share of cells at such edges a change is one of light.
const LEAST_EDGES: f32 = 0.08;

/// Keeps ratios of dark values from being ratios of noise.
const DARK: f32 = 6.0;

/// Mean red, green and blue of square cells.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    side_px: u32,
    across: usize,
    down: usize,
    cells: Vec<[f32; 3]>,
}

/// How a picture differs from the ground.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Share of the cells that show something else; 0 when only the light changed.
    pub share: f32,
    /// Whether something is there that has edges of its own.
    pub thing: bool,
    /// Whether the light changed, over all or part of the place.
    pub light: bool,
    /// Where something else is, in pixels of the place.
    pub bounds: Option<Rect>,
    /// The changed cells.
    mask: Vec<bool>,
}

impl Grid {
    /// Measures a picture of the place.
    pub fn measure(view: RgbView<'_>) -> Self {
        let side_px = (view.width().max(view.height()) / CELLS).max(2);
        let side = side_px as usize;
        let (across, down) = (view.width() as usize / side, view.height() as usize / side);
        let mut sums = vec![[0u32; 3]; across * down];
        for y in 0..down * side {
            let row = y / side * across;
            let line = view.row(y as u32);
            for (x, pixel) in line.chunks_exact(3).take(across * side).enumerate() {
                for (sum, value) in sums[row + x / side].iter_mut().zip(pixel) {
                    *sum += u32::from(*value);
                }
            }
        }
        let pixels = (side * side) as f32;
        Self {
            side_px,
            across,
            down,
            cells: sums
                .iter()
                .map(|sum| sum.map(|s| s as f32 / pixels))
                .collect(),
        }
    }

    /// Whether both can be compared cell by cell.
    pub fn fits(&self, other: &Self) -> bool {
        (self.side_px, self.across, self.down) == (other.side_px, other.across, other.down)
    }

    /// How `now` differs from this ground.
    pub fn change(&self, now: &Self) -> Change {
        let steady = self.differing(now, [1.0; 3]);
        let relit = self.differing(now, self.gains(now));
        let count = |mask: &[bool]| mask.iter().filter(|changed| **changed).count();
        // A car that fills the place passes for another light over most of it, but never over
        // nearly all of it: it has windows and wheels.
        let explained = (count(&relit) as f32) < UNEXPLAINED * count(&steady) as f32;
        let mask = if explained { relit } else { steady };
        let share = |count: usize| count as f32 / self.cells.len().max(1) as f32;
        let thing = share(self.edges(now)) >= LEAST_EDGES;
        Change {
            share: if thing { share(count(&mask)) } else { 0.0 },
            thing,
            light: explained || !thing && count(&mask) > 0,
            bounds: self.bounds(&mask),
            mask,
        }
    }

    /// Share of cells that moved on since `before`.
    pub fn moved(&self, before: &Self) -> f32 {
        let moved = before.differing(self, [1.0; 3]);
        let count = moved.iter().filter(|changed| **changed).count();
        count as f32 / self.cells.len().max(1) as f32
    }

    /// Mean step between neighbouring cells.
    pub fn texture(&self) -> f32 {
        let steps = self
            .cells
            .chunks_exact(self.across.max(1))
            .flat_map(|row| row.windows(2))
            .map(|pair| (pair[0][1] - pair[1][1]).abs());
        steps.sum::<f32>() / self.cells.len().max(1) as f32
    }

    /// Moves towards `now` by `rate`; cells where something else is by `rate_changed`.
    pub fn follow(&mut self, now: &Self, change: &Change, rate: f32, rate_changed: f32) {
        for ((cell, now), changed) in self.cells.iter_mut().zip(&now.cells).zip(&change.mask) {
            let rate = if *changed { rate_changed } else { rate };
            for (value, now) in cell.iter_mut().zip(now) {
                *value += (now - *value) * rate;
            }
        }
    }

    fn differing(&self, now: &Self, gains: [f32; 3]) -> Vec<bool> {
        let differs = |(usual, now): (&[f32; 3], &[f32; 3])| {
            (0..3).any(|channel| {
                let expected = (usual[channel] * gains[channel]).min(255.0);
                let off = (now[channel] - expected).abs();
                off > TOLERANCE.max(TOLERANCE_SHARE * expected.max(now[channel]))
            })
        };
        self.cells.iter().zip(&now.cells).map(differs).collect()
    }

    /// How much stronger the light is, by channel: the medians, which a thing moves only when
    /// it covers half of the place, with a tint that light can have.
    fn gains(&self, now: &Self) -> [f32; 3] {
        let median = |channel: usize| {
            let mut ratios: Vec<f32> = self
                .cells
                .iter()
                .zip(&now.cells)
                .map(|(usual, now)| (now[channel] + DARK) / (usual[channel] + DARK))
                .collect();
            ratios.sort_by(f32::total_cmp);
            ratios.get(ratios.len() / 2).copied().unwrap_or(1.0)
        };
        let [red, green, blue] = [median(0), median(1), median(2)];
        let tint = |gain: f32| gain.clamp(green / MOST_TINT, green * MOST_TINT);
        [tint(red), green, tint(blue)]
    }

    /// Cells at an edge that is not the ground's own: there the brightness of neighbours
    /// changed by different factors.
    fn edges(&self, now: &Self) -> usize {
        let green = |cell: &[f32; 3]| cell[1] + DARK;
        let ratio = |index: usize| green(&now.cells[index]) / green(&self.cells[index]);
        let mut at_edge = vec![false; self.cells.len()];
        let mut compare = |a: usize, b: usize| {
            let (one, other) = (ratio(a), ratio(b));
            let apart = (one - other).abs();
            let steps = apart * green(&self.cells[a]).max(green(&self.cells[b]));
            if apart > EDGE_SHARE * one.max(other) && steps > TOLERANCE {
                at_edge[a] = true;
                at_edge[b] = true;
            }
        };
        for index in 0..self.cells.len() {
            if (index + 1) % self.across != 0 {
                compare(index, index + 1);
            }
            if index + self.across < self.cells.len() {
                compare(index, index + self.across);
            }
        }
        at_edge.iter().filter(|edge| **edge).count()
    }

    /// The box of the rows and columns of which a good part changed.
    fn bounds(&self, mask: &[bool]) -> Option<Rect> {
        let row = |y: usize| {
            let count = (0..self.across)
                .filter(|x| mask[y * self.across + x])
                .count();
            count * 6 >= self.across
        };
        let column = |x: usize| {
            let count = (0..self.down).filter(|y| mask[y * self.across + x]).count();
            count * 6 >= self.down
        };
        let span = |count: usize, changed: &dyn Fn(usize) -> bool| {
            let first = (0..count).find(|at| changed(*at))?;
            let last = (0..count).rev().find(|at| changed(*at))?;
            let side = self.side_px;
            Some((first as u32 * side, (last - first + 1) as u32 * side))
        };
        let (x, width) = span(self.across, &column)?;
        let (y, height) = span(self.down, &row)?;
        Some(Rect {
            x,
            y,
            width,
            height,
        })
    }
}
