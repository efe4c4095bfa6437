//! The event, schema 1: what the agent says of one vehicle. The same JSON goes to every sink.
//! Plain data; who decides it and who carries it is elsewhere.

use models::{Ranked, Rect};
use serde::{Deserialize, Serialize};

/// Version of the fields below. A field may be added under the same number; a field that
/// changes its meaning or goes away raises it.
pub const SCHEMA: u32 = 1;

/// The colour of an event whose vehicle's colour could not be told.
pub const UNKNOWN: &str = "unknown";

/// One vehicle that passed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// [`SCHEMA`].
    pub schema: u32,
    /// 16 hexadecimal digits, the same whenever the same vehicle is reported.
    pub id: String,
    /// Counts the events of this run from 1.
    pub sequence: u64,
    /// The camera's name in the config.
    pub camera: String,
    /// Which bundle named the colour.
    pub bundle: String,
    /// Frame of the first sighting, counted from 0.
    pub first_frame: u64,
    /// Frame of the last sighting.
    pub last_frame: u64,
    /// Time of the first sighting, milliseconds on the source's own clock.
    pub first_t_ms: u64,
    /// Time of the last sighting.
    pub last_t_ms: u64,
    /// Where to it moved across the picture.
    pub direction: Direction,
    /// One of the bundle's labels, or [`UNKNOWN`].
    pub colour: String,
    /// Probability of the likeliest colour, 0 to 1, also when the colour is unknown.
    pub score: f32,
    /// The three likeliest colours, likeliest first.
    pub top3: Vec<Ranked>,
    /// Why the colour is unknown; null when it is known.
    pub reason: Option<Reason>,
    /// Where it was in its best view, pixels of the frame.
    #[serde(rename = "box")]
    pub bounds: Rect,
    /// The frame of that view.
    pub best_frame: u64,
    /// Frames in which it was seen.
    pub frames_seen: u32,
}

/// Motion across the picture, by its longer axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// Why a colour is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// No colour is probable enough.
    Unsure,
    /// The vehicle never filled enough pixels.
    Small,
    /// Its views were given different colours.
    Disagree,
}

impl Reason {
    /// As in the JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unsure => "unsure",
            Self::Small => "small",
            Self::Disagree => "disagree",
        }
    }
}

/// The stable id of the vehicle that was the `track`-th to be followed.
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
mod tests {
    use super::*;

    #[test]
    fn the_json_is_the_published_one() {
        let event = Event {
            schema: SCHEMA,
            id: id("b-1", "gate", 3, 120, 0),
            sequence: 1,
            camera: "gate".into(),
            bundle: "b-1".into(),
            first_frame: 3,
            last_frame: 60,
            first_t_ms: 120,
            last_t_ms: 2400,
            direction: Direction::Left,
            colour: "red".into(),
            score: rounded(0.912_345),
            top3: vec![Ranked {
                colour: "red".into(),
                score: rounded(0.912_345),
            }],
            reason: None,
            bounds: Rect {
                x: 1,
                y: 2,
                width: 3,
                height: 4,
            },
            best_frame: 30,
            frames_seen: 55,
        };
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(
            json,
            concat!(
                r#"{"schema":1,"id":"cc1c8ac918e6eacc","sequence":1,"camera":"gate","bundle":"b-1","#,
                r#""first_frame":3,"last_frame":60,"first_t_ms":120,"last_t_ms":2400,"#,
                r#""direction":"left","colour":"red","score":0.9123,"#,
                r#""top3":[{"colour":"red","score":0.9123}],"reason":null,"#,
                r#""box":{"x":1,"y":2,"width":3,"height":4},"best_frame":30,"frames_seen":55}"#
            )
        );
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
    }

    #[test]
    fn the_longer_axis_gives_the_direction() {
        for (dx, dy, expected) in [
            (-9.0, 5.0, Direction::Left),
            (9.0, -5.0, Direction::Right),
            (3.0, 9.0, Direction::Down),
            (3.0, -9.0, Direction::Up),
            (2.0, -3.0, Direction::None),
        ] {
            assert_eq!(Direction::of(dx, dy), expected);
        }
    }
}
