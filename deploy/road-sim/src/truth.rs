//! Ground truth: which vehicle passed, of which colour, where to and when. No judgement of
//! anyone else's answer.

use models::Rect;
use serde::{Deserialize, Serialize};

/// Where a vehicle drives in the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Towards smaller columns.
    Left,
    /// Towards larger columns.
    Right,
}

/// One vehicle's way through the picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passage {
    /// The vehicle's number, unique in the scene, in order of entering.
    pub vehicle: u32,
    /// Its colour, one of [`crate::COLOURS`].
    pub colour: String,
    /// Its lane: 0 near, 1 far.
    pub lane: u8,
    /// Where it drives to.
    pub direction: Direction,
    /// First frame that shows a part of it.
    pub first_frame: u64,
    /// Last frame that shows a part of it.
    pub last_frame: u64,
    /// The frame in which its middle is nearest to the picture's middle column.
    pub centre_frame: u64,
    /// Where it is, every few frames from the first to the last.
    pub boxes: Vec<Waypoint>,
}

/// Where a vehicle is in one frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waypoint {
    /// The frame's number.
    pub frame: u64,
    /// The pixels it covers, clipped to the frame.
    #[serde(rename = "box")]
    pub bounds: Rect,
}
