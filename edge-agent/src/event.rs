//! The event, schema 1: what the agent says of one vehicle. The same JSON goes to every sink;
//! `deploy/event-schema.md` and `deploy/event.schema.json` publish it, and a test holds them to
//! this file. Plain data; who decides it and who carries it is elsewhere.

use models::{Ranked, Rect};
use serde::{Deserialize, Serialize};

/// Version of the fields below. A field may be added under the same number; a field that
/// changes its meaning or goes away raises it.
pub const SCHEMA: u32 = 1;

/// The colour of an event whose vehicle's colour could not be told.
pub const UNKNOWN: &str = "unknown";

/// One vehicle that passed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
// What is published; read, an event may have fields that a later version added.
#[cfg_attr(test, schemars(deny_unknown_fields))]
pub struct Event {
    /// Version of these fields.
    pub schema: u32,
    /// 16 hexadecimal digits, the same whenever this event is sent again.
    pub id: String,
    /// Counts the events of this run from 1.
    pub sequence: u64,
    /// The camera's name in the config.
    pub camera: String,
    /// Which bundle named the colour.
    pub bundle: String,
    /// The kernel's id of this boot; null for recorded and drawn frames.
    pub boot_id: Option<String>,
    /// Wall time of the last sighting, RFC 3339 in UTC with milliseconds; null for recorded and
    /// drawn frames.
    pub time: Option<String>,
    /// Whether the kernel says that its wall clock follows a time server; null without a time.
    pub clock_synced: Option<bool>,
    /// Frame of the first sighting, counted from 0.
    pub first_frame: u64,
    /// Frame of the last sighting.
    pub last_frame: u64,
    /// Time of the first sighting, milliseconds on the source's own clock, which never goes back.
    pub first_t_ms: u64,
    /// Time of the last sighting.
    pub last_t_ms: u64,
    /// Number of the lane that it drove in; null without lanes, and beside all of them.
    pub lane: Option<u32>,
    /// That lane's name in the config; null without a lane, and for a lane without a name.
    pub lane_name: Option<String>,
    /// Whether it drove against that lane's direction; null when the lane has none or the
    /// vehicle's is "none".
    pub wrong_way: Option<bool>,
    /// Where to it moved across the picture.
    pub direction: Direction,
    /// One of the bundle's labels, or "unknown".
    pub colour: String,
    /// Probability of that colour, 0 to 1; of the likeliest one when the colour is unknown.
    pub score: f32,
    /// The three likeliest colours, likeliest first.
    #[cfg_attr(test, schemars(with = "Vec<tests::RankedForm>"))]
    pub top3: Vec<Ranked>,
    /// Why the colour is unknown; null when it is known.
    pub reason: Option<Reason>,
    /// Whether it was told while the vehicle was still to be seen: then the last sighting, the
    /// count of frames and the direction are those until then.
    pub early: bool,
    /// Where it was in its best view, pixels of the frame.
    #[serde(rename = "box")]
    #[cfg_attr(test, schemars(with = "tests::BoxForm"))]
    pub bounds: Rect,
    /// The frame of that view.
    pub best_frame: u64,
    /// Frames in which it was seen.
    pub frames_seen: u32,
}

/// Motion across the picture, by its longer axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Towards the picture's left edge.
    Left,
    /// Towards its right edge.
    Right,
    /// Towards its top: away from most cameras.
    Up,
    /// Towards its bottom: towards most cameras.
    Down,
    /// It ended where it began.
    None,
}

impl Direction {
    /// The direction of a motion in pixels; under four pixels there is none.
    pub fn of(dx: f32, dy: f32) -> Self {
        if dx.abs().max(dy.abs()) < 4.0 {
            Self::None
        } else if dx.abs() >= dy.abs() {
            if dx < 0.0 { Self::Left } else { Self::Right }
        } else if dy < 0.0 {
            Self::Up
        } else {
            Self::Down
        }
    }
}

impl Direction {
    /// The way back; none for none.
    pub fn opposite(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
            Self::Up => Self::Down,
            Self::Down => Self::Up,
            Self::None => Self::None,
        }
    }
}

/// Why a colour is not told. Where several hold, the first of this list is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// It has not the size of a vehicle here.
    Shape,
    /// It never filled enough pixels.
    Small,
    /// Its views have too little light.
    Dark,
    /// Its views are too blurred.
    Blurred,
    /// Its views were given different colours.
    Disagree,
    /// No colour is probable enough.
    Unsure,
    /// The network could not be run, and so nothing was looked for.
    Failed,
}

impl Reason {
    /// As in the JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shape => "shape",
            Self::Small => "small",
            Self::Dark => "dark",
            Self::Blurred => "blurred",
            Self::Disagree => "disagree",
            Self::Unsure => "unsure",
            Self::Failed => "failed",
        }
    }
}

/// The id of the vehicle that was the `track`-th to be followed: the same for the same frames.
/// What repeats from run to run, such as a live camera's frame numbers, is told apart by
/// [`crate::stamp`].
pub fn id(bundle: &str, camera: &str, first_frame: u64, first_t_ms: u64, track: u64) -> String {
    let text = format!("{bundle}\n{camera}\n{first_frame}\n{first_t_ms}\n{track}");
    models::hash::sha256_hex(text.as_bytes())
        .chars()
        .take(16)
        .collect()
}

/// Four decimals: more would claim a precision that the calibration does not have.
pub fn rounded(score: f32) -> f32 {
    (score * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests;
