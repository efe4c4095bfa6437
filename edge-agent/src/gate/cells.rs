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

#[derive(Clone, Copy, Default)]
struct Sums {
    red: u32,
    green: u32,
    blue: u32,
    steps: u32,
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
        let mut sums = vec![Sums::default(); end - first];
        for row in 0..down {
            let top = (row * side) as i64 + i64::from(dy);
            if top < 0 || top as usize + side > height {
                cells.resize(cells.len() + across, Cell::MISSING);
                continue;
            }
            sums.fill(Sums::default());
            for line in 0..side {
                let y = (top as usize + line) as u32;
                let here = view.row(y);
                let below = view.row((y + 1).min(view.height() - 1));
                let start = ((first * side) as i64 + i64::from(dx)) as usize * 3;
                let bytes = (end - first) * side * 3;
                let part = start..start + bytes;
                add_line(&mut sums, &here[part.clone()], &below[part], side);
            }
            cells.resize(cells.len() + first, Cell::MISSING);
            cells.extend(sums.iter().map(|sums| mean(sums, side)));
            cells.resize(cells.len() + across - end, Cell::MISSING);
        }
        Self {
            across,
            down,
            cells,
        }
    }
}

/// Adds one line of pixels to the sums of the cells that it crosses.
fn add_line(sums: &mut [Sums], here: &[u8], below: &[u8], side: usize) {
    let cells = here
        .chunks_exact(side * 3)
        .zip(below.chunks_exact(side * 3));
    for (sum, (here, below)) in sums.iter_mut().zip(cells) {
        let mut before = here[1];
        for (pixel, under) in here.chunks_exact(3).zip(below.chunks_exact(3)) {
            sum.red += u32::from(pixel[0]);
            sum.green += u32::from(pixel[1]);
            sum.blue += u32::from(pixel[2]);
            // Green carries most of the brightness and is the least noisy channel.
            sum.steps +=
                u32::from(pixel[1].abs_diff(before)) + u32::from(pixel[1].abs_diff(under[1]));
            before = pixel[1];
        }
    }
}

fn mean(sums: &Sums, side: usize) -> Cell {
    let pixels = (side * side) as f32;
    // BT.601 luma weights in 256ths.
    let luma = (77 * sums.red + 150 * sums.green + 29 * sums.blue) as f32 / (256.0 * pixels);
    Cell {
        luma,
        red: sums.red as f32 / pixels - luma,
        blue: sums.blue as f32 / pixels - luma,
        texture: sums.steps as f32 / (2.0 * pixels),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
}
