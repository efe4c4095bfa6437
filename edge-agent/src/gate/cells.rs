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

impl Cells {
    /// Measures a frame with cells of `side_px` pixels.
    pub fn measure(view: RgbView<'_>, side_px: u32) -> Self {
        let side = side_px as usize;
        let across = view.width() as usize / side;
        let down = view.height() as usize / side;
        let mut cells = Vec::with_capacity(across * down);
        let mut sums = vec![Sums::default(); across];
        for row in 0..down {
            sums.fill(Sums::default());
            for line in 0..side {
                let y = (row * side + line) as u32;
                let here = view.row(y);
                let below = view.row((y + 1).min(view.height() - 1));
                add_line(&mut sums, here, below, side);
            }
            cells.extend(sums.iter().map(|sums| mean(sums, side)));
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
        let cells = Cells::measure(frame.view(), 4);
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
        let cells = Cells::measure(frame.view(), 4);
        assert!(
            (cells.cells[0].texture - 37.5).abs() < 0.1,
            "{:?}",
            cells.cells[0]
        );
    }
}
