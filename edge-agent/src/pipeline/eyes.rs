//! What looks at a frame and says which vehicles are there and which have gone: gate and
//! tracker for a road. No colours and no events.

use crate::config::Config;
use crate::event::Direction;
use crate::gate::Gate;
use crate::track::{Sighting, Step, Track, TrackConfig, Tracker};

use super::witness::{Moment, Witness};

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

/// The road as a whole.
#[derive(Debug)]
pub struct Eyes {
    gate: Gate,
    tracker: Tracker,
    track: TrackConfig,
    size_px: (u32, u32),
}

impl Eyes {
    /// Eyes that have seen nothing yet.
    pub fn new(config: &Config) -> Self {
        Self {
            gate: Gate::new(config.gate.clone()),
            tracker: Tracker::new(config.track.clone()),
            track: config.track.clone(),
            size_px: (0, 0),
        }
    }

    /// Takes the next frame.
    pub fn look(&mut self, moment: &Moment<'_>) -> Glance {
        let picture = moment.picture;
        self.size_px = (picture.width(), picture.height());
        let blobs = self.gate.observe(picture, moment.t_ms);
        let step = self
            .tracker
            .step(&blobs, moment.frame, moment.t_ms, self.size_px);
        step.into()
    }

    /// Ends everything that is still followed.
    pub fn finish(&mut self) -> Glance {
        self.tracker.finish().into()
    }

    /// Whether what is known so far would be worth an event if it ended now.
    pub fn ripe(&self, witness: &Witness) -> bool {
        let subject = witness.so_far(0);
        let (dx, dy) = witness.moved();
        let side = self.size_px.0.max(self.size_px.1) as f32;
        let least = self.track.min_travel_share * side;
        subject.frames_seen >= self.track.min_frames && dx * dx + dy * dy >= least * least
    }
}
