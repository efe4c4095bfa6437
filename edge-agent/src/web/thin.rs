//! Smaller copies of pictures, made by leaving rows and columns out: cheap enough for the thread
//! that brings the frames. For looking at; nothing is decided by them.

use models::{RgbFrame, RgbView};

/// A copy whose sides are at most `most_px` long, and how many pixels stand for one.
pub fn thinned(view: RgbView<'_>, most_px: u32) -> Option<(RgbFrame, u32)> {
    let step = view
        .width()
        .max(view.height())
        .div_ceil(most_px.max(1))
        .max(1);
    if step == 1 {
        return Some((view.to_frame(), 1));
    }
    let (width, height) = (view.width().div_ceil(step), view.height().div_ceil(step));
    let mut data = Vec::with_capacity(width as usize * height as usize * 3);
    for y in (0..view.height()).step_by(step as usize) {
        for pixel in view.row(y).chunks_exact(3).step_by(step as usize) {
            data.extend_from_slice(pixel);
        }
    }
    Some((RgbFrame::new(width, height, data).ok()?, step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_fit_whatever_their_length() {
        for (width, height, most, expected) in [
            (640, 360, 1280, (640, 360, 1)),
            (641, 360, 640, (321, 180, 2)),
            (1, 999, 10, (1, 10, 100)),
        ] {
            let frame = RgbFrame::filled(width, height, [1, 2, 3]).unwrap();
            let (thin, step) = thinned(frame.view(), most).unwrap();
            assert_eq!((thin.width(), thin.height(), step), expected);
            assert_eq!(thin.view().pixel(0, 0), [1, 2, 3]);
        }
    }
}
