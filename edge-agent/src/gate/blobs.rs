//! From a mask of foreground cells to boxes in pixels: lone cells are dropped, small gaps
//! closed, what hangs together becomes one box. No memory, no idea of a vehicle.

use models::Rect;

use super::background::Seen;
use super::skyline::widest_part;

/// Something that is not background in one frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Its bounding box, in pixels of the frame.
    pub rect: Rect,
    /// Whether the picture's edge or the region's cuts it.
    pub cut: bool,
    /// Its cells: column and row.
    pub cells: Vec<(u16, u16)>,
    /// Side of a cell.
    pub cell_px: u32,
    /// Width of its widest part, pixels: as wide as the box unless it shows several things side by
    /// side.
    pub widest_px: u32,
}

impl Blob {
    /// A box that is full.
    #[cfg(test)]
    pub fn solid(rect: Rect, cut: bool) -> Self {
        let cells = |from: u32, to: u32| (from / 4) as u16..to.div_ceil(4) as u16;
        let rows = cells(rect.y, rect.bottom());
        let columns = cells(rect.x, rect.right());
        Self {
            rect,
            cut,
            cells: rows
                .flat_map(|row| columns.clone().map(move |column| (column, row)))
                .collect(),
            cell_px: 4,
            widest_px: rect.width,
        }
    }
}

/// A mask of cells, row by row.
#[derive(Clone, Debug)]
pub struct Mask {
    /// Cells a row.
    pub across: usize,
    /// Rows of cells.
    pub down: usize,
    /// Whether each cell is set.
    pub set: Vec<bool>,
}

impl Mask {
    /// Foreground of the watched cells; doubtful cells count beside at least two sure ones, lit
    /// ones where something stands around them.
    pub fn foreground(seen: &[Seen], watched: &[bool], across: usize) -> Self {
        let down = seen.len() / across.max(1);
        let mut sure = Self {
            across,
            down,
            set: vec![false; seen.len()],
        };
        for (index, seen) in seen.iter().enumerate() {
            sure.set[index] = watched[index] && *seen == Seen::Foreground;
        }
        let mut set = sure.set.clone();
        for (index, seen) in seen.iter().enumerate() {
            match seen {
                Seen::Doubtful | Seen::Foreground if watched[index] => {
                    set[index] = sure.neighbours(index) >= 2;
                }
                _ => {}
            }
        }
        if seen.contains(&Seen::Lit) {
            let walled = walled(seen, across);
            for (set, walled) in set.iter_mut().zip(walled) {
                *set |= walled;
            }
        }
        Self { across, down, set }
    }

    /// Set cells among the eight around.
    fn neighbours(&self, index: usize) -> usize {
        let (x, y) = (index % self.across, index / self.across);
        let mut count = 0;
        for row in y.saturating_sub(1)..(y + 2).min(self.down) {
            for column in x.saturating_sub(1)..(x + 2).min(self.across) {
                let at = row * self.across + column;
                count += usize::from(at != index && self.set[at]);
            }
        }
        count
    }

    /// Drops what is one cell thin along rows or columns: edges of the scene that a swaying
    /// camera shows between two pixels.
    pub fn thin_out(&mut self) {
        let mut kept = vec![false; self.set.len()];
        for row in 1..self.down {
            for column in 1..self.across {
                let at = row * self.across + column;
                let block = [at, at - 1, at - self.across, at - self.across - 1];
                if block.iter().all(|at| self.set[*at]) {
                    block.iter().for_each(|at| kept[*at] = true);
                }
            }
        }
        self.set = kept;
    }

    /// Closes gaps of up to `2 * reach` cells along rows and columns.
    pub fn close(&mut self, reach: usize) {
        let (across, down) = (self.across, self.down);
        for y in 0..down {
            bridge(&mut self.set, y * across, 1, across, 2 * reach);
        }
        for x in 0..across {
            bridge(&mut self.set, x, across, down, 2 * reach);
        }
    }

    /// The boxes of what hangs together, sides and corners touching, in reading order.
    pub fn blobs(
        &self,
        watched: &[bool],
        cell_px: u32,
        width_px: u32,
        height_px: u32,
    ) -> Vec<Blob> {
        let mut left = self.set.clone();
        let mut blobs = Vec::new();
        let mut stack = Vec::new();
        for start in 0..left.len() {
            if !left[start] {
                continue;
            }
            left[start] = false;
            stack.push(start);
            let (mut x0, mut y0, mut x1, mut y1) = (usize::MAX, usize::MAX, 0, 0);
            let mut cut = false;
            let mut cells = Vec::new();
            while let Some(index) = stack.pop() {
                let (x, y) = (index % self.across, index / self.across);
                cells.push((x as u16, y as u16));
                (x0, y0, x1, y1) = (x0.min(x), y0.min(y), x1.max(x), y1.max(y));
                cut |= x == 0 || y == 0 || x + 1 == self.across || y + 1 == self.down;
                for row in y.saturating_sub(1)..(y + 2).min(self.down) {
                    for column in x.saturating_sub(1)..(x + 2).min(self.across) {
                        let at = row * self.across + column;
                        cut |= !watched[at];
                        if left[at] {
                            left[at] = false;
                            stack.push(at);
                        }
                    }
                }
            }
            let edge = |cell: usize, cells: usize, size: u32| {
                if cell + 1 == cells {
                    size
                } else {
                    (cell as u32 + 1) * cell_px
                }
            };
            let (x, y) = (x0 as u32 * cell_px, y0 as u32 * cell_px);
            let rect = Rect {
                x,
                y,
                width: edge(x1, self.across, width_px) - x,
                height: edge(y1, self.down, height_px) - y,
            };
            let mut heights = vec![0; x1 + 1 - x0];
            for (column, row) in &cells {
                let height: &mut u16 = &mut heights[usize::from(*column) - x0];
                *height = (*height).max(y1 as u16 + 1 - row);
            }
            blobs.push(Blob {
                rect,
                cut,
                cells,
                cell_px,
                widest_px: (widest_part(&heights) as u32 * cell_px).min(rect.width),
            });
        }
        blobs
    }
}

/// Lit cells from which one gets to something else than light on all four sides: the panels of
/// a bright vehicle between its edges. The light that lamps throw on the road is open to a side.
fn walled(seen: &[Seen], across: usize) -> Vec<bool> {
    let down = seen.len() / across.max(1);
    let mut walled = vec![true; seen.len()];
    let mut walk = |line: &mut dyn Iterator<Item = usize>| {
        // Beyond the picture's edge a vehicle may go on.
        let mut wall = true;
        for at in line {
            match seen[at] {
                Seen::Lit => walled[at] &= wall,
                Seen::Foreground | Seen::Doubtful => (wall, walled[at]) = (true, false),
                Seen::Background | Seen::Shadow => (wall, walled[at]) = (false, false),
            }
        }
    };
    for row in 0..down {
        walk(&mut (row * across..(row + 1) * across));
        walk(&mut (row * across..(row + 1) * across).rev());
    }
    for column in 0..across {
        walk(&mut (column..down * across).step_by(across));
        walk(&mut (column..down * across).step_by(across).rev());
    }
    walled
}

/// Sets the cells of every gap of at most `longest` between two set cells of one line.
fn bridge(set: &mut [bool], start: usize, step: usize, length: usize, longest: usize) {
    let mut last: Option<usize> = None;
    for i in 0..length {
        if !set[start + i * step] {
            continue;
        }
        if let Some(last) = last
            && i - last - 1 <= longest
        {
            for gap in last + 1..i {
                set[start + gap * step] = true;
            }
        }
        last = Some(i);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A drawing: `#` foreground, `+` doubtful, `*` lit, anything else background.
    fn boxes(drawing: &[&str], reach: usize) -> Vec<Blob> {
        let across = drawing[0].len();
        let seen: Vec<Seen> = drawing
            .iter()
            .flat_map(|row| row.chars())
            .map(|c| match c {
                '#' => Seen::Foreground,
                '+' => Seen::Doubtful,
                '*' => Seen::Lit,
                _ => Seen::Background,
            })
            .collect();
        let watched = vec![true; seen.len()];
        let mut mask = Mask::foreground(&seen, &watched, across);
        mask.close(reach);
        let (width, height) = (across as u32 * 4 + 1, drawing.len() as u32 * 4 + 2);
        mask.blobs(&watched, 4, width, height)
    }

    #[test]
    fn two_things_are_two_boxes_and_a_lone_cell_is_none() {
        let blobs = boxes(
            &[
                "..........", //
                ".##....##.", //
                ".##..#.##.", //
                "..........",
            ],
            0,
        );
        let found: Vec<String> = blobs.iter().map(|blob| blob.rect.to_string()).collect();
        assert_eq!(found, ["8x8+4+4", "8x8+28+4"]);
        assert!(blobs.iter().all(|blob| !blob.cut));
    }

    #[test]
    fn a_gap_inside_a_car_is_closed() {
        let drawing = [
            "...........", //
            ".##..##....", //
            ".##..##....", //
            "...........",
        ];
        assert_eq!(boxes(&drawing, 0).len(), 2);
        assert_eq!(boxes(&drawing, 1)[0].rect.to_string(), "24x8+4+4");
    }

    #[test]
    fn doubtful_cells_widen_what_is_sure() {
        let blobs = boxes(&["......", ".##+..", ".##+.+", "......"], 0);
        assert_eq!(blobs.len(), 1);
        assert_eq!(blobs[0].rect.to_string(), "12x8+4+4");
    }

    #[test]
    fn things_side_by_side_are_told_by_their_widest_part() {
        let drawing = [
            "..#...#...", //
            ".##..###..",
            ".##..###..",
            ".########.",
        ];
        let blobs = boxes(&drawing, 0);
        assert_eq!((blobs[0].rect.width, blobs[0].widest_px), (32, 20));
    }

    #[test]
    fn a_bright_panel_is_of_the_vehicle_and_its_light_on_the_road_is_not() {
        let drawing = [
            "....................", //
            ".########...........",
            ".#******#***....##..",
            ".#******#********##.",
            ".########........##.",
            "....................",
        ];
        let found: Vec<String> = boxes(&drawing, 0)
            .iter()
            .map(|blob| format!("{} {}", blob.rect, blob.cells.len()))
            .collect();
        assert_eq!(found, ["32x16+4+4 32", "12x12+64+8 6"]);
    }

    #[test]
    fn thin_lines_are_dropped() {
        let drawing = ["......", "######", "..##..", "..##..", "#....."];
        let across = 6;
        let set = drawing.concat().chars().map(|c| c == '#').collect();
        let mut mask = Mask {
            across,
            down: 5,
            set,
        };
        mask.thin_out();
        let rows: Vec<String> = mask
            .set
            .chunks(across)
            .map(|row| row.iter().map(|on| if *on { '#' } else { '.' }).collect())
            .collect();
        assert_eq!(rows, ["......", "..##..", "..##..", "..##..", "......"]);
    }

    #[test]
    fn a_blob_at_the_edge_is_cut_and_reaches_the_last_pixel() {
        let blobs = boxes(&["....", "..##", "..##"], 0);
        assert!(blobs[0].cut);
        assert_eq!((blobs[0].rect.right(), blobs[0].rect.bottom()), (17, 14));
    }
}
