//! What looks at a frame and says which vehicles are there and which have gone: gate and
//! tracker for a road, one place for a barrier. No colours and no events.

use crate::config::{Config, Mode};
use crate::gate::Gate;
use crate::glance::{Glance, Moment};
use crate::laps::{Laps, Stage};
use crate::roi::Roi;
use crate::track::{TrackConfig, Tracker};

use super::witness::Witness;

/// What looks.
#[derive(Debug)]
pub enum Eyes {
    /// At a road, along which vehicles pass.
    Road(Box<Road>),
    /// At a place, where one vehicle stands at a time.
    Place(Box<Roi>),
}

/// The road as a whole.
#[derive(Debug)]
pub struct Road {
    gate: Gate,
    tracker: Tracker,
    track: TrackConfig,
    size_px: (u32, u32),
}

impl Eyes {
    /// Eyes that have seen nothing yet.
    pub fn new(config: &Config) -> Self {
        match config.mode {
            Mode::Road => Self::Road(Box::new(Road {
                gate: Gate::new(config.gate.clone()),
                tracker: Tracker::new(config.track.clone()),
                track: config.track.clone(),
                size_px: (0, 0),
            })),
            Mode::Roi => Self::Place(Box::new(Roi::new(&config.roi))),
        }
    }

    /// Takes the next frame.
    pub fn look(&mut self, moment: &Moment<'_>, laps: &mut dyn Laps) -> Glance {
        match self {
            Self::Road(road) => road.look(moment, laps),
            Self::Place(place) => {
                let glance = place.look(moment);
                laps.lap(Stage::Gate);
                glance
            }
        }
    }

    /// Ends everything that is still there.
    pub fn finish(&mut self) -> Glance {
        match self {
            Self::Road(road) => road.tracker.finish().into(),
            Self::Place(place) => place.finish(),
        }
    }

    /// Whether what is known so far would be worth an event if it ended now.
    pub fn ripe(&self, witness: &Witness) -> bool {
        match self {
            Self::Road(road) => road.ripe(witness),
            Self::Place(place) => place.ripe(&witness.so_far(0)),
        }
    }
}

impl Road {
    fn look(&mut self, moment: &Moment<'_>, laps: &mut dyn Laps) -> Glance {
        let picture = moment.picture;
        self.size_px = (picture.width(), picture.height());
        let blobs = self.gate.observe(picture, moment.t_ms);
        laps.lap(Stage::Gate);
        let step = self
            .tracker
            .step(&blobs, moment.frame, moment.t_ms, self.size_px);
        laps.lap(Stage::Track);
        step.into()
    }

    fn ripe(&self, witness: &Witness) -> bool {
        let (dx, dy) = witness.moved();
        let side = self.size_px.0.max(self.size_px.1) as f32;
        let least = self.track.min_travel_share * side;
        let frames_seen = witness.so_far(0).frames_seen;
        frames_seen >= self.track.min_frames && dx * dx + dy * dy >= least * least
    }
}
