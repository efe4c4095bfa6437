//! Tracks: the boxes of one vehicle over time. A track is born from a box that no track
//! expects, moves with steady speed between sightings, and ends when it is not seen any more.
//! Time is an argument; no pictures, no colours, no I/O.

mod boxes;
mod split;
mod tracker;

use models::Rect;
use serde::{Deserialize, Serialize};

use crate::config::{BadValue, within};
use crate::event::Direction;
use boxes::Bounds;
pub use tracker::{Step, Tracker};

/// The `[track]` table.
#[derive(schemars::JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrackConfig {
    /// A box seen in fewer frames in a row than this is noise.
    pub min_hits: u32,
    /// Least overlap (intersection over union) of a box with where a vehicle is expected.
    pub min_overlap: f32,
    /// A box without overlap may be this many box sizes away.
    pub max_jump_sizes: f32,
    /// A vehicle that is not seen for longer has left.
    pub max_unseen_ms: u32,
    /// Vehicles that stay in one common box for longer are given up.
    pub max_shared_ms: u32,
    /// A vehicle seen in fewer frames gives no event.
    pub min_frames: u32,
    /// What moves less than this share of the picture's longer side gives no event.
    pub min_travel_share: f32,
    /// Vehicles followed at the same time; more are not started.
    pub max_tracks: u32,
}

impl Default for TrackConfig {
    fn default() -> Self {
        Self {
            min_hits: 3,
            min_overlap: 0.15,
            max_jump_sizes: 0.8,
            max_unseen_ms: 600,
            max_shared_ms: 3000,
            min_frames: 8,
            min_travel_share: 0.12,
            max_tracks: 64,
        }
    }
}

impl TrackConfig {
    /// Refuses values out of range.
    pub fn check(&self) -> Result<(), BadValue> {
        within("track.min_hits", self.min_hits, 1, 100)?;
        within("track.min_overlap", self.min_overlap, 0.01, 0.95)?;
        within("track.max_jump_sizes", self.max_jump_sizes, 0.0, 10.0)?;
        within("track.max_unseen_ms", self.max_unseen_ms, 0, 600_000)?;
        within("track.max_shared_ms", self.max_shared_ms, 0, 600_000)?;
        within("track.min_frames", self.min_frames, 1, 10_000)?;
        within("track.min_travel_share", self.min_travel_share, 0.0, 2.0)?;
        within("track.max_tracks", self.max_tracks, 1, 1000)
    }
}

/// A vehicle seen in one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The track's number.
    pub track: u64,
    /// Where, in whole pixels inside the picture.
    pub rect: Rect,
    /// Whether the picture's or the region's edge cuts it.
    pub cut: bool,
    /// Whether other vehicles are in the same box, so that this place is a guess.
    pub shared: bool,
}

/// One vehicle over time.
#[derive(Clone, Debug)]
pub struct Track {
    /// Counts from 0 in the order of birth.
    pub number: u64,
    /// Frame and time of the first sighting.
    pub first_frame: u64,
    /// Milliseconds.
    pub first_t_ms: u64,
    /// Frame of the last sighting.
    pub last_frame: u64,
    /// Milliseconds.
    pub last_t_ms: u64,
    /// Frames in which it was seen.
    pub hits: u32,
    bounds: Bounds,
    /// Width and height when it was last seen whole and alone.
    whole: Option<(f32, f32)>,
    cut: bool,
    shared_since_ms: Option<u64>,
    /// Pixels a millisecond.
    velocity: (f32, f32),
    first_centre: (f32, f32),
    /// Sum of the motion, free of the growth of a box that enters the picture.
    moved: (f32, f32),
    farthest_px: f32,
}

/// Weight of a new measurement in speed.
const SPEED_BLEND: f32 = 0.3;

/// Pieces put together may make a vehicle this much larger than it was.
const MOST_GROWTH: f32 = 1.3;

/// Sightings after which a track's speed can be relied on.
const NEW_HITS: u32 = 6;

impl Track {
    fn new(number: u64, bounds: Bounds, cut: bool, frame: u64, t_ms: u64) -> Self {
        Self {
            number,
            first_frame: frame,
            first_t_ms: t_ms,
            last_frame: frame,
            last_t_ms: t_ms,
            hits: 1,
            bounds,
            whole: None,
            cut,
            shared_since_ms: None,
            velocity: (0.0, 0.0),
            first_centre: bounds.centre(),
            moved: (0.0, 0.0),
            farthest_px: 0.0,
        }
    }

    /// Where the vehicle should be at `t_ms`.
    fn expected(&self, t_ms: u64) -> Bounds {
        let elapsed = t_ms.saturating_sub(self.last_t_ms) as f32;
        self.bounds
            .shifted(self.velocity.0 * elapsed, self.velocity.1 * elapsed)
    }

    /// Where the whole vehicle should be at `t_ms`, also the part that an edge hides; `None`
    /// until it was seen whole.
    fn expected_whole(&self, t_ms: u64) -> Option<Bounds> {
        let (width, height) = self.whole?;
        let mut bounds = self.expected(t_ms);
        if self.cut {
            // It leaves: what is missing lies ahead.
            let (dx, dy) = self.velocity;
            let low = |ahead: f32, low: f32, high: f32, side: f32| {
                if ahead > 0.0 {
                    (low, low + side)
                } else {
                    (high - side, high)
                }
            };
            (bounds.left, bounds.right) = low(dx, bounds.left, bounds.right, width);
            (bounds.top, bounds.bottom) = low(dy, bounds.top, bounds.bottom, height);
        }
        Some(bounds)
    }

    /// Whether the box is no larger than the vehicle can be.
    fn fits(&self, bounds: &Bounds) -> bool {
        self.whole.is_none_or(|(width, height)| {
            bounds.width() <= MOST_GROWTH * width && bounds.height() <= MOST_GROWTH * height
        })
    }

    /// Takes a box that is this vehicle's alone.
    fn measure(&mut self, bounds: Bounds, cut: bool, frame: u64, t_ms: u64) {
        let elapsed = t_ms.saturating_sub(self.last_t_ms).max(1) as f32;
        let was_shared = self.shared_since_ms.take().is_some();
        let clipped = cut || self.cut;
        let dx = motion(
            bounds.left - self.bounds.left,
            bounds.right - self.bounds.right,
            clipped,
        );
        let dy = motion(
            bounds.top - self.bounds.top,
            bounds.bottom - self.bounds.bottom,
            clipped,
        );
        if !was_shared {
            let blend = if self.hits == 1 { 1.0 } else { SPEED_BLEND };
            self.velocity.0 += (dx / elapsed - self.velocity.0) * blend;
            self.velocity.1 += (dy / elapsed - self.velocity.1) * blend;
        }
        if !cut {
            self.whole = Some((bounds.width(), bounds.height()));
        }
        self.place(bounds, cut, (dx, dy), frame, t_ms);
    }

    /// Takes a place inside a box that several vehicles share; speed is kept.
    fn share(&mut self, bounds: Bounds, frame: u64, t_ms: u64) {
        let ((x, y), (old_x, old_y)) = (bounds.centre(), self.bounds.centre());
        self.shared_since_ms.get_or_insert(t_ms);
        self.place(bounds, self.cut, (x - old_x, y - old_y), frame, t_ms);
    }

    fn place(&mut self, bounds: Bounds, cut: bool, by: (f32, f32), frame: u64, t_ms: u64) {
        self.moved = (self.moved.0 + by.0, self.moved.1 + by.1);
        self.farthest_px = self.farthest_px.max(self.moved.0.hypot(self.moved.1));
        self.bounds = bounds;
        self.cut = cut;
        self.hits += 1;
        self.last_frame = frame;
        self.last_t_ms = t_ms;
    }

    /// Whether both move alike: less than a third of the faster one's speed apart. Speeds of
    /// new tracks are rough; for them it is enough not to move apart.
    fn moves_like(&self, other: &Track) -> bool {
        let apart = (self.velocity.0 - other.velocity.0).hypot(self.velocity.1 - other.velocity.1);
        let speed = |track: &Track| track.velocity.0.hypot(track.velocity.1);
        let tolerance = if self.hits.min(other.hits) < NEW_HITS {
            0.8
        } else {
            0.33
        };
        apart <= tolerance * speed(self).max(speed(other))
    }

    /// Whether going to this box would be a jump against the known motion: at an edge of the
    /// picture one vehicle comes where another leaves.
    fn would_turn_back(&self, bounds: &Bounds) -> bool {
        let dx = motion(
            bounds.left - self.bounds.left,
            bounds.right - self.bounds.right,
            true,
        );
        let dy = motion(
            bounds.top - self.bounds.top,
            bounds.bottom - self.bounds.bottom,
            true,
        );
        let along = dx * self.velocity.0 + dy * self.velocity.1;
        let moving = self.farthest_px > 0.5 * self.bounds.width().min(self.bounds.height());
        let jump = dx.abs() > 0.3 * self.bounds.width() || dy.abs() > 0.3 * self.bounds.height();
        moving && along < 0.0 && jump
    }

    /// The farthest it ever was from where it was first seen.
    pub fn travel_px(&self) -> f32 {
        let ((x, y), (first_x, first_y)) = (self.bounds.centre(), self.first_centre);
        // Both measures must agree: one alone may come from a box that only grew or split.
        self.farthest_px.min(
            (x - first_x)
                .hypot(y - first_y)
                .max(self.moved.0.hypot(self.moved.1)),
        )
    }

    /// Where to it moved across the picture, by the longer axis.
    pub fn direction(&self) -> Direction {
        Direction::of(self.moved.0, self.moved.1)
    }
}

/// Motion along one axis from that of both edges. A clipped box grows or shrinks at one edge
/// while the other shows the true motion.
fn motion(low: f32, high: f32, clipped: bool) -> f32 {
    if clipped {
        if low.abs() > high.abs() { low } else { high }
    } else {
        (low + high) / 2.0
    }
}

#[cfg(test)]
mod tests;
