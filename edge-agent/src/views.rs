//! The best few views of one vehicle, kept as crops while it passes: large, sharp, not cut,
//! spread over time. Bounded in number and size. Judges pixels, not colours.

mod fitness;

use models::{Rect, RgbFrame, RgbView, Scores};

use crate::vote::VoteConfig;
use fitness::is_dim;
pub use fitness::{Fitness, brightened};

/// Sides of a kept crop are at most this long; larger ones are thinned out.
const MAX_SIDE_PX: u32 = 512;

/// A view that is cut or shared with another vehicle is worth this share of a clear one.
const FLAWED: f32 = 0.3;

/// A crop with its worth.
#[derive(Clone, Debug)]
pub struct View {
    /// The vehicle with a small margin.
    pub crop: RgbFrame,
    /// The vehicle's box in the frame.
    pub rect: Rect,
    /// The frame's number.
    pub frame: u64,
    /// When it was taken.
    pub t_ms: u64,
    /// Larger is better; only comparable within one camera.
    pub quality: f32,
    /// Cut by an edge, or in one box with others.
    pub flawed: bool,
    /// Taken by night: how bright the vehicle truly is cannot be seen.
    pub dim: bool,
    /// What the network said of it, once it was asked.
    pub scores: Option<Scores>,
    /// Whether it names another colour when the view is shown brighter.
    pub wavers: bool,
}

/// The best views of one vehicle so far.
#[derive(Debug, Default)]
pub struct Views {
    kept: Vec<View>,
}

/// One sighting, to be kept or not.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The whole frame.
    pub picture: RgbView<'a>,
    /// The vehicle in it.
    pub rect: Rect,
    /// Cut by an edge, or in one box with others.
    pub flawed: bool,
    /// The frame's number.
    pub frame: u64,
    /// The frame's time.
    pub t_ms: u64,
}

impl Views {
    /// Keeps the candidate if it is better than what is kept.
    pub fn offer(&mut self, candidate: &Candidate<'_>, config: &VoteConfig) {
        let Ok(own) = candidate.picture.crop(candidate.rect) else {
            return;
        };
        let size = (candidate.rect.area() as f32).sqrt();
        let flaw = if candidate.flawed { FLAWED } else { 1.0 };
        let detail = sharpness(own);
        let quality = size * flaw * detail / (detail + 6.0);
        // Of views close in time, which say the same, the best stands for all.
        let close = |view: &View| config.slot(view.t_ms) == config.slot(candidate.t_ms);
        let rival = self.kept.iter().position(close).or_else(|| {
            (self.kept.len() >= config.views as usize)
                .then(|| self.worst())
                .flatten()
        });
        if let Some(index) = rival
            && self.kept[index].quality >= quality
        {
            return;
        }
        let Some(crop) = cut_out(candidate.picture, candidate.rect, config.margin_share) else {
            return;
        };
        let view = View {
            crop,
            rect: candidate.rect,
            frame: candidate.frame,
            t_ms: candidate.t_ms,
            quality,
            flawed: candidate.flawed,
            dim: is_dim(candidate.picture),
            scores: None,
            wavers: false,
        };
        match rival {
            Some(index) => self.kept[index] = view,
            None => self.kept.push(view),
        }
    }

    /// The view of that frame, if it was kept.
    pub fn of_frame(&self, frame: u64) -> Option<RgbView<'_>> {
        let view = self.kept.iter().find(|view| view.frame == frame)?;
        Some(view.crop.view())
    }

    /// Sorts the kept views, best first.
    pub fn best_first(&mut self) -> &mut [View] {
        self.kept
            .sort_by(|a, b| b.quality.total_cmp(&a.quality).then(a.frame.cmp(&b.frame)));
        &mut self.kept
    }

    fn worst(&self) -> Option<usize> {
        (0..self.kept.len()).min_by(|a, b| self.kept[*a].quality.total_cmp(&self.kept[*b].quality))
    }
}

/// Mean absolute step between neighbouring pixels, on every other row.
fn sharpness(view: RgbView<'_>) -> f32 {
    let mut steps = 0u64;
    let mut count = 0u64;
    for y in (0..view.height()).step_by(2) {
        let row = view.row(y);
        for (pixel, next) in row.chunks_exact(3).zip(row.chunks_exact(3).skip(1)) {
            steps += u64::from(pixel[1].abs_diff(next[1]));
            count += 1;
        }
    }
    steps as f32 / count.max(1) as f32
}

/// The rectangle with its margin, inside the picture, at most [`MAX_SIDE_PX`] a side.
fn cut_out(picture: RgbView<'_>, rect: Rect, margin_share: f32) -> Option<RgbFrame> {
    let margin_x = (rect.width as f32 * margin_share).round() as u32;
    let margin_y = (rect.height as f32 * margin_share).round() as u32;
    let x = rect.x.saturating_sub(margin_x);
    let y = rect.y.saturating_sub(margin_y);
    let right = rect.right().saturating_add(margin_x).min(picture.width());
    let bottom = rect.bottom().saturating_add(margin_y).min(picture.height());
    let rect = Rect {
        x,
        y,
        width: right.checked_sub(x)?,
        height: bottom.checked_sub(y)?,
    };
    let crop = picture.crop(rect).ok()?;
    let step = rect.width.max(rect.height).div_ceil(MAX_SIDE_PX);
    if step <= 1 {
        return Some(crop.to_frame());
    }
    let (width, height) = (rect.width.div_ceil(step), rect.height.div_ceil(step));
    let mut data = Vec::with_capacity(width as usize * height as usize * 3);
    for y in (0..rect.height).step_by(step as usize) {
        for pixel in crop.row(y).chunks_exact(3).step_by(step as usize) {
            data.extend_from_slice(pixel);
        }
    }
    RgbFrame::new(width, height, data).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noisy_road;

    fn offer(views: &mut Views, picture: &RgbFrame, rect: Rect, flawed: bool, frame: u64) {
        let picture = picture.view();
        let candidate = Candidate {
            picture,
            rect,
            flawed,
            frame,
            t_ms: frame * 40,
        };
        views.offer(&candidate, &VoteConfig::default());
    }

    fn square(side: u32) -> Rect {
        Rect {
            x: 50,
            y: 50,
            width: side,
            height: side,
        }
    }

    #[test]
    fn the_largest_clear_views_win_and_their_number_is_bounded() {
        let picture = noisy_road(1);
        let mut views = Views::default();
        for frame in 0..60 {
            let side = 20 + frame as u32;
            offer(&mut views, &picture, square(side), frame >= 50, frame);
        }
        let best = views.best_first();
        assert_eq!(best.len(), VoteConfig::default().views as usize);
        assert!(
            best.iter().all(|view| view.frame < 50 && view.frame >= 20),
            "{best:?}"
        );
        assert!(
            best.windows(2)
                .all(|pair| pair[0].quality >= pair[1].quality)
        );
    }

    #[test]
    fn views_are_apart_in_time() {
        let picture = noisy_road(1);
        let mut views = Views::default();
        for frame in 0..60 {
            offer(&mut views, &picture, square(60), false, frame);
        }
        let mut frames: Vec<u64> = views.best_first().iter().map(|view| view.frame).collect();
        frames.sort_unstable();
        assert!(
            frames.windows(2).all(|pair| pair[1] - pair[0] >= 2),
            "{frames:?}"
        );
    }

    #[test]
    fn crops_have_a_margin_inside_the_picture_and_a_largest_size() {
        let picture = RgbFrame::filled(2000, 1000, [9, 9, 9]).unwrap();
        let rect = Rect {
            x: 0,
            y: 100,
            width: 100,
            height: 50,
        };
        let crop = cut_out(picture.view(), rect, 0.1).unwrap();
        assert_eq!((crop.width(), crop.height()), (110, 60));
        let huge = Rect {
            x: 0,
            y: 0,
            width: 2000,
            height: 1000,
        };
        let crop = cut_out(picture.view(), huge, 0.0).unwrap();
        assert_eq!((crop.width(), crop.height()), (500, 250));
    }
}
