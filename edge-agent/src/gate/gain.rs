//! How much brighter parts of the scene are than remembered: the sun behind a cloud, the
//! camera's exposure. Medians of coarse blocks, mixed between their middles, so that a change
//! may come from one side. Cells that show vehicles take no part. No memory.

use super::cells::Cells;

/// Blocks across and down.
const BLOCKS: (usize, usize) = (4, 3);

/// A block with a smaller share of usable cells takes the whole picture's gain.
const LEAST_USABLE: f32 = 0.3;

/// Smaller changes are taken for none.
const LEAST_CHANGE: f32 = 0.02;

const BINS: usize = 256;
const PER_UNIT: f32 = 100.0;

/// The gain at every place of one frame.
#[derive(Debug)]
pub struct Gain {
    /// Row by row of blocks.
    blocks: Vec<f32>,
    /// The whole picture's.
    all: f32,
    down: usize,
    /// The blocks that each column of cells lies between.
    columns: Vec<(usize, usize, f32)>,
}

impl Gain {
    /// Compares a frame's cells with the usual brightness of each. `hidden` cells are left out.
    pub fn measure(grid: &Cells, usual: &[f32], hidden: &[bool]) -> Self {
        let (across, down) = (grid.across, grid.down);
        let mut histograms = vec![[0u32; BINS]; BLOCKS.0 * BLOCKS.1];
        let columns: Vec<usize> = (0..across).map(|x| x * BLOCKS.0 / across).collect();
        for row in 0..down {
            let blocks = row * BLOCKS.1 / down * BLOCKS.0;
            let here = row * across..(row + 1) * across;
            let cells = grid.cells[here.clone()].iter();
            let cells = cells.zip(&usual[here.clone()]).zip(&hidden[here]);
            for (((cell, usual), hidden), block) in cells.zip(&columns) {
                // Dark and blinded cells tell no ratio.
                if *hidden || cell.is_missing() || *usual < 20.0 || *usual > 235.0 {
                    continue;
                }
                let bin = (cell.luma / usual * PER_UNIT + 0.5) as usize;
                histograms[blocks + block][bin.min(BINS - 1)] += 1;
            }
        }
        let mut whole = [0u32; BINS];
        for histogram in &histograms {
            for (sum, count) in whole.iter_mut().zip(histogram) {
                *sum += count;
            }
        }
        let all = median(&whole, 1).unwrap_or(1.0);
        let block_cells = (across * down) as f32 / (BLOCKS.0 * BLOCKS.1) as f32;
        let least = (LEAST_USABLE * block_cells) as u32;
        let blocks = histograms
            .iter()
            .map(|histogram| median(histogram, least).unwrap_or(all))
            .collect();
        let columns = (0..across).map(|column| between(column, across, BLOCKS.0));
        Self {
            blocks,
            all,
            down,
            columns: columns.collect(),
        }
    }

    /// The same everywhere. By night no cloud passes: what lights a part of the picture is a lamp,
    /// and only the camera's exposure changes the rest.
    pub fn even(mut self) -> Self {
        self.blocks.fill(self.all);
        self
    }

    /// The gains of one row of cells, left to right.
    pub fn row(&self, row: usize, gains: &mut Vec<f32>) {
        let (upper, lower, part) = between(row, self.down, BLOCKS.1);
        let edges: [f32; BLOCKS.0] = std::array::from_fn(|block| {
            let from = self.blocks[upper * BLOCKS.0 + block];
            from + (self.blocks[lower * BLOCKS.0 + block] - from) * part
        });
        gains.clear();
        gains.extend(
            self.columns
                .iter()
                .map(|(left, right, part)| edges[*left] + (edges[*right] - edges[*left]) * part),
        );
    }
}

/// The two blocks whose middles a cell lies between, and how far it is from the first.
fn between(cell: usize, cells: usize, blocks: usize) -> (usize, usize, f32) {
    let place = (cell as f32 + 0.5) * blocks as f32 / cells as f32 - 0.5;
    let place = place.clamp(0.0, (blocks - 1) as f32);
    let low = place as usize;
    (low, (low + 1).min(blocks - 1), place - low as f32)
}

fn median(histogram: &[u32; BINS], least: u32) -> Option<f32> {
    let total: u32 = histogram.iter().sum();
    if total < least.max(1) {
        return None;
    }
    let mut below = 0;
    let bin = histogram.iter().position(|count| {
        below += count;
        below * 2 >= total
    })?;
    let gain = bin as f32 / PER_UNIT;
    Some(if (gain - 1.0).abs() <= LEAST_CHANGE {
        1.0
    } else {
        gain.clamp(0.25, 2.5)
    })
}

#[cfg(test)]
mod tests {
    use super::super::cells::Cell;
    use super::*;

    fn cell(luma: f32) -> Cell {
        Cell {
            luma,
            ..Cell::default()
        }
    }

    #[test]
    fn light_from_one_side_is_found_and_vehicles_are_left_out() {
        let (across, down) = (80, 45);
        let usual = vec![100.0; across * down];
        let mut grid = Cells {
            across,
            down,
            cells: vec![cell(100.0); across * down],
        };
        let mut hidden = vec![false; across * down];
        for (index, cell) in grid.cells.iter_mut().enumerate() {
            let (x, y) = (index % across, index / across);
            cell.luma *= 0.6 + 0.4 * x as f32 / across as f32;
            if (20..50).contains(&x) && (20..40).contains(&y) {
                cell.luma = 250.0;
                hidden[index] = true;
            }
        }
        let gain = Gain::measure(&grid, &usual, &hidden);
        let mut gains = Vec::new();
        gain.row(30, &mut gains);
        for (x, gain) in gains.iter().enumerate() {
            let truth = 0.6 + 0.4 * x as f32 / across as f32;
            assert!((gain - truth).abs() < 0.06, "{gain} for {truth} at {x}");
        }
    }
}
