//! Tracks: the boxes of one vehicle over time. A track is born from a box that no track
//! expects, moves with steady speed between sightings, and ends when it is not seen any more.
//! Time is an argument; no pictures, no colours, no I/O.

mod assign;
mod boxes;
mod groups;
mod manner;
mod motion;
mod parts;
mod tracker;

use models::Rect;
use serde::{Deserialize, Serialize};

use crate::config::pair::pair;
use crate::config::{BadValue, within};
pub use motion::Track;
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
    /// A vehicle that stands for longer is told and becomes part of the scene.
    pub max_still_ms: u32,
    /// A vehicle seen in fewer frames gives no event.
    pub min_frames: u32,
    /// What moves less than this share of the picture's longer side gives no event.
    pub min_travel_share: f32,
    /// Width and height of the smallest vehicle; what is never larger (a person, a cyclist) gives
    /// no event.
    #[serde(deserialize_with = "pair")]
    pub min_vehicle_px: [u32; 2],
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
            max_still_ms: 120_000,
            min_frames: 8,
            min_travel_share: 0.12,
            min_vehicle_px: [24, 18],
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
        within("track.max_still_ms", self.max_still_ms, 1000, 86_400_000)?;
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

#[cfg(test)]
mod tests;
