//! One look at a frame: what goes in and what comes out, whoever looks. Plain data.

use models::{Rect, RgbView};

use crate::event::Direction;
use crate::track::{Sighting, Step, Track};

/// One moment of a source.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// The whole picture.
    pub picture: RgbView<'a>,
    /// The frame's number.
    pub frame: u64,
    /// The frame's time.
    pub t_ms: u64,
}

/// A vehicle whose time in the picture has ended, or has lasted until now.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// Counts from 0 in the order of being followed.
    pub number: u64,
    /// Frame of the first sighting.
    pub first_frame: u64,
    /// Its time.
    pub first_t_ms: u64,
    /// Frame of the last sighting.
    pub last_frame: u64,
    /// Its time.
    pub last_t_ms: u64,
    /// Frames in which it was seen.
    pub frames_seen: u32,
    /// Where to it moved.
    pub direction: Direction,
}

impl From<&Track> for Subject {
    fn from(track: &Track) -> Self {
        Self {
            number: track.number,
            first_frame: track.first_frame,
            first_t_ms: track.first_t_ms,
            last_frame: track.last_frame,
            last_t_ms: track.last_t_ms,
            frames_seen: track.hits,
            direction: track.direction(),
        }
    }
}

/// What one frame shows.
#[derive(Debug, Default)]
pub struct Glance {
    /// Vehicles in this frame, where they would be if the camera did not sway.
    pub sightings: Vec<Sighting>,
    /// By how many pixels right and down the picture is moved against that.
    pub shift: (i32, i32),
    /// Vehicles that have passed.
    pub passed: Vec<Subject>,
    /// Numbers of what turned out to be nothing worth an event.
    pub dropped: Vec<u64>,
    /// Of those the ones whose vehicle is followed under another number: theirs, and that one.
    pub merged: Vec<(u64, u64)>,
}

impl Glance {
    /// The sightings where a picture of this size shows them.
    pub fn shown(&self, width_px: u32, height_px: u32) -> Vec<Sighting> {
        let edge = |at: u32, by: i32, most: u32| at.saturating_add_signed(by).min(most);
        let moved = |rect: &Rect| {
            let (x, y) = (
                edge(rect.x, self.shift.0, width_px),
                edge(rect.y, self.shift.1, height_px),
            );
            Rect {
                x,
                y,
                width: edge(rect.right(), self.shift.0, width_px) - x,
                height: edge(rect.bottom(), self.shift.1, height_px) - y,
            }
        };
        let shown = self.sightings.iter().map(|sighting| Sighting {
            rect: moved(&sighting.rect),
            ..*sighting
        });
        shown.collect()
    }
}

impl From<Step> for Glance {
    fn from(step: Step) -> Self {
        Self {
            sightings: step.sightings,
            shift: (0, 0),
            passed: step.passed.iter().map(Subject::from).collect(),
            dropped: step.dropped,
            merged: step.merged,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_moved_picture_shows_ends_at_its_edges() {
        let rect = |x, y, width, height| Rect {
            x,
            y,
            width,
            height,
        };
        let sighting = |rect| Sighting {
            track: 7,
            rect,
            cut: true,
            shared: false,
        };
        let rects = [
            rect(0, 0, 20, 10),
            rect(100, 50, 20, 10),
            rect(620, 350, 20, 10),
        ];
        let glance = |shift| Glance {
            sightings: rects.map(sighting).to_vec(),
            shift,
            ..Glance::default()
        };
        let shown = |shift| glance(shift).shown(640, 360);
        assert_eq!(shown((0, 0)), rects.map(sighting));
        let moved = [
            rect(0, 3, 15, 10),
            rect(95, 53, 20, 10),
            rect(615, 353, 20, 7),
        ];
        assert_eq!(shown((-5, 3)), moved.map(sighting));
    }
}
