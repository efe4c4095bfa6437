//! One look at a frame: what goes in and what comes out, whoever looks. Plain data.

use models::RgbView;

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
    /// Vehicles in this frame.
    pub sightings: Vec<Sighting>,
    /// Vehicles that have passed.
    pub passed: Vec<Subject>,
    /// Numbers of what turned out to be nothing worth an event.
    pub dropped: Vec<u64>,
}

impl From<Step> for Glance {
    fn from(step: Step) -> Self {
        Self {
            sightings: step.sightings,
            passed: step.passed.iter().map(Subject::from).collect(),
            dropped: step.dropped,
        }
    }
}
