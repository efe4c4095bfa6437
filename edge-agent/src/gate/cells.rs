//! A frame as a coarse grid: mean brightness, colour and texture of square cells. Averaging
//! is what makes the gate cheap and immune to sensor noise. No memory of earlier frames.

use models::RgbView;

/// What one cell looks like, in 8-bit units.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cell {
    /// Brightness, 0 to 255.
    pub luma: f32,
    /// Red minus brightness.
    pub red: f32,
    /// Blue minus brightness.
    pub blue: f32,
    /// Mean absolute difference between neighbouring pixels.
    pub texture: f32,
}

/// The grid of one frame. Pixels beyond the last whole cell belong to no cell.
#[derive(Clone, Debug, Default)]
pub struct Cells {
    /// Cells a row.
    pub across: usize,
    /// Rows of cells.
    pub down: usize,
    /// The cells, row by row.
    pub cells: Vec<Cell>,
}

impl Cell {
    /// A cell that a moved picture does not show.
    const MISSING: Self = Self {
        luma: f32::NAN,
        red: 0.0,
        blue: 0.0,
        texture: 0.0,
    };

    /// How the surface looks in this many times the light.
    pub fn in_light(&self, times: f32) -> Self {
        Self {
            luma: self.luma * times,
            red: self.red * times,
            blue: self.blue * times,
            texture: self.texture * times,
        }
    }

    /// Whether the picture does not show it.
    pub fn is_missing(&self) -> bool {
        self.luma.is_nan()
    }
}

impl Cells {
    /// Measures a frame that is moved by `shift` (pixels right and down) with cells of `side_px`
    /// pixels.
    pub fn measure(view: RgbView<'_>, side_px: u32, (dx, dy): (i32, i32)) -> Self {
        let side = side_px as usize;
        let (width, height) = (view.width() as usize, view.height() as usize);
        let (across, down) = (width / side, height / side);
        let mut cells = Vec::with_capacity(across * down);
        // Columns of cells that are wholly in the moved picture.
        let first = ((-dx).max(0) as usize).div_ceil(side).min(across);
        let end = (width.saturating_sub(dx.max(0) as usize) / side).clamp(first, across);
        let mut sums = Sums::new(end - first, side);
        for row in 0..down {
            let top = (row * side) as i64 + i64::from(dy);
            if top < 0 || top as usize + side > height {
                cells.resize(cells.len() + across, Cell::MISSING);
                continue;
            }
            sums.clear();
            for line in 0..side {
                let y = (top as usize + line) as u32;
                let here = view.row(y);
                let below = view.row((y + 1).min(view.height() - 1));
                let start = ((first * side) as i64 + i64::from(dx)) as usize * 3;
                let part = start..start + sums.light.len();
                sums.add(&here[part.clone()], &below[part]);
            }
            cells.resize(cells.len() + first, Cell::MISSING);
            sums.means(side, &mut cells);
            cells.resize(cells.len() + across - end, Cell::MISSING);
        }
        Self {
            across,
            down,
            cells,
        }
    }
}

/// What the lines of one row of cells add up to at each of their bytes, three a pixel. Cell by
/// cell comes last, because whole lines are added many bytes at a time. A cell has 64 lines at
/// most, each with two steps of up to 255, which 16 bits hold.
struct Sums {
    light: Vec<u16>,
    /// Steps to the pixel below and to the one on the left.
    steps: Vec<u16>,
    /// All bits, but none where the pixel on the left is another cell's.
    within: Vec<u8>,
}

impl Sums {
    fn new(cells: usize, side: usize) -> Self {
        let bytes = cells * side * 3;
        let within = |at: usize| match at / 3 % side {
            0 => 0,
            _ => u8::MAX,
        };
        Self {
            light: vec![0; bytes],
            steps: vec![0; bytes],
            within: (0..bytes).map(within).collect(),
        }
    }

    fn clear(&mut self) {
        self.light.fill(0);
        self.steps.fill(0);
    }

    /// Adds one line of pixels.
    fn add(&mut self, here: &[u8], below: &[u8]) {
        let Self {
            light,
            steps,
            within,
        } = self;
        let sums = light.iter_mut().zip(steps.iter_mut());
        for ((light, steps), (here, below)) in sums.zip(here.iter().zip(below)).take(3) {
            *light += u16::from(*here);
            *steps += step(*here, *below);
        }
        let Some(left) = here.len().checked_sub(3) else {
            return;
        };
        let sums = light[3..].iter_mut().zip(&mut steps[3..]).zip(&within[3..]);
        let pixels = here[3..].iter().zip(&below[3..]).zip(&here[..left]);
        for (((light, steps), within), ((here, below), left)) in sums.zip(pixels) {
            *light += u16::from(*here);
            *steps += step(*here, *below) + (step(*here, *left) & u16::from(*within));
        }
    }

    /// The cells' means.
    fn means(&self, side: usize, cells: &mut Vec<Cell>) {
        let (light, steps) = (&self.light, &self.steps);
        if side == 4 {
            // With the usual side known beforehand each sum is a straight line of additions.
            let parts = light
                .as_chunks::<12>()
                .0
                .iter()
                .zip(steps.as_chunks::<12>().0);
            cells.extend(parts.map(|(light, steps)| mean(light, steps, 16.0)));
        } else {
            let parts = light
                .chunks_exact(side * 3)
                .zip(steps.chunks_exact(side * 3));
            let pixels = (side * side) as f32;
            cells.extend(parts.map(|(light, steps)| mean(light, steps, pixels)));
        }
    }
}

#[inline(always)]
fn mean(light: &[u16], steps: &[u16], pixels: f32) -> Cell {
    let [mut red, mut green, mut blue, mut step] = [0u32; 4];
    for (light, steps) in light.chunks_exact(3).zip(steps.chunks_exact(3)) {
        red += u32::from(light[0]);
        green += u32::from(light[1]);
        blue += u32::from(light[2]);
        // Green carries most of the brightness and is the least noisy channel.
        step += u32::from(steps[1]);
    }
    // BT.601 luma weights in 256ths.
    let luma = (77 * red + 150 * green + 29 * blue) as f32 / (256.0 * pixels);
    Cell {
        luma,
        red: red as f32 / pixels - luma,
        blue: blue as f32 / pixels - luma,
        texture: step as f32 / (2.0 * pixels),
    }
}

/// How far two values are apart.
fn step(a: u8, b: u8) -> u16 {
    u16::from(a.max(b) - a.min(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;
    use models::RgbFrame;

    #[test]
    fn a_plain_picture_has_its_own_colour_and_no_texture() {
        let frame = RgbFrame::filled(10, 9, [200, 100, 50]).unwrap();
        let cells = Cells::measure(frame.view(), 4, (0, 0));
        assert_eq!((cells.across, cells.down, cells.cells.len()), (2, 2, 4));
        let cell = cells.cells[3];
        assert!((cell.luma - 124.4).abs() < 0.5, "{cell:?}");
        assert!(
            (cell.red - 75.6).abs() < 0.5 && (cell.blue + 74.4).abs() < 0.5,
            "{cell:?}"
        );
        assert_eq!(cell.texture, 0.0);
    }

    #[test]
    fn stripes_are_texture() {
        let mut frame = RgbFrame::filled(8, 8, [0, 0, 0]).unwrap();
        for pixel in frame.data_mut().chunks_exact_mut(3).step_by(2) {
            pixel.copy_from_slice(&[100, 100, 100]);
        }
        let cells = Cells::measure(frame.view(), 4, (0, 0));
        assert!(
            (cells.cells[0].texture - 37.5).abs() < 0.1,
            "{:?}",
            cells.cells[0]
        );
    }

    #[test]
    fn a_moved_picture_gives_the_same_cells_where_it_shows_them() {
        let picture = |dx: i32, dy: i32| {
            let mut frame = RgbFrame::filled(32, 24, [0, 0, 0]).unwrap();
            for (index, pixel) in frame.data_mut().chunks_exact_mut(3).enumerate() {
                let (x, y) = (index as i32 % 32 - dx, index as i32 / 32 - dy);
                pixel.fill((x * 37 + y * 91).rem_euclid(251) as u8);
            }
            frame
        };
        let still = Cells::measure(picture(0, 0).view(), 4, (0, 0));
        for shift in [(3, -2), (-5, 4)] {
            let moved = Cells::measure(picture(shift.0, shift.1).view(), 4, shift);
            let seen = moved.cells.iter().zip(&still.cells).enumerate();
            let mut compared = 0;
            for (index, (moved, still)) in seen {
                // Texture looks one pixel beyond the cell, which the picture's edge lacks.
                if !moved.is_missing() && index / 8 < 5 {
                    assert_eq!(moved.luma, still.luma, "cell {index} at {shift:?}");
                    compared += 1;
                }
            }
            assert!(compared > 20, "{compared}");
        }
    }

    /// The same, pixel by pixel.
    fn plain(frame: &RgbFrame, side: u32, (dx, dy): (i32, i32), column: u32, row: u32) -> Cell {
        let [mut red, mut green, mut blue, mut steps] = [0u32; 4];
        for y in 0..side {
            for x in 0..side {
                let at = |offset: i32, side: u32, cell: u32| (cell * side) as i32 + offset;
                let (x0, y0) = (
                    at(dx, side, column) as u32 + x,
                    at(dy, side, row) as u32 + y,
                );
                let pixel = frame.view().pixel(x0, y0);
                red += u32::from(pixel[0]);
                green += u32::from(pixel[1]);
                blue += u32::from(pixel[2]);
                let below = frame.view().pixel(x0, (y0 + 1).min(frame.height() - 1));
                steps += u32::from(pixel[1].abs_diff(below[1]));
                if x > 0 {
                    let left = frame.view().pixel(x0 - 1, y0);
                    steps += u32::from(pixel[1].abs_diff(left[1]));
                }
            }
        }
        let pixels = (side * side) as f32;
        let luma = (77 * red + 150 * green + 29 * blue) as f32 / (256.0 * pixels);
        Cell {
            luma,
            red: red as f32 / pixels - luma,
            blue: blue as f32 / pixels - luma,
            texture: steps as f32 / (2.0 * pixels),
        }
    }

    #[test]
    fn whole_lines_add_up_to_what_single_pixels_do() {
        let mut random = Random(4);
        for (width, height, side) in [
            (67, 41, 4),
            (64, 36, 4),
            (30, 31, 1),
            (50, 23, 5),
            (200, 130, 64),
        ] {
            let mut frame = RgbFrame::filled(width, height, [0; 3]).unwrap();
            // Black and white now and then, whose steps are the largest.
            frame
                .data_mut()
                .fill_with(|| match random.below(256) as u8 {
                    value if value < 60 => 0,
                    value if value > 190 => 255,
                    value => value,
                });
            for shift in [(0, 0), (3, -2), (-5, 4), (8, 8)] {
                let cells = Cells::measure(frame.view(), side, shift);
                let mut compared = 0;
                for (index, cell) in cells.cells.iter().enumerate() {
                    if !cell.is_missing() {
                        let (column, row) = (index % cells.across, index / cells.across);
                        let plain = plain(&frame, side, shift, column as u32, row as u32);
                        assert_eq!(*cell, plain, "{side} px, {shift:?}, {column} {row}");
                        compared += 1;
                    }
                }
                assert!(compared > 0, "{side} px, {shift:?}: {compared}");
            }
        }
    }
}
