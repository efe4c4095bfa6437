//! What looks at a frame and says which vehicles are there and which have gone: gate and
//! tracker for a road, one place for a barrier. No colours and no events.

use crate::config::{Config, Mode};
use crate::gate::Gate;
use crate::glance::{Glance, Moment};
use crate::laps::{Laps, Stage};
use crate::roi::Roi;
use crate::track::Tracker;

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
}

impl Eyes {
    /// Eyes that have seen nothing yet.
    pub fn new(config: &Config) -> Self {
        match config.mode {
            Mode::Road => Self::Road(Box::new(Road {
                gate: Gate::new(config.gate.clone()),
                tracker: Tracker::new(config.track.clone()),
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

    /// Whether what is known so far of the vehicle of that number would be worth an event if it
    /// ended now.
    pub fn ripe(&self, number: u64, witness: &Witness) -> bool {
        match self {
            Self::Road(road) => road.tracker.ripe(number),
            Self::Place(place) => place.ripe(&witness.so_far(number)),
        }
    }
}

impl Road {
    fn look(&mut self, moment: &Moment<'_>, laps: &mut dyn Laps) -> Glance {
        let picture = moment.picture;
        let size_px = (picture.width(), picture.height());
        let blobs = self.gate.observe(picture, moment.t_ms);
        laps.lap(Stage::Gate);
        let step = self
            .tracker
            .step(&blobs, moment.frame, moment.t_ms, size_px);
        self.gate.hold(&step.held, &step.given_up);
        laps.lap(Stage::Track);
        Glance {
            shift: self.gate.shift(),
            ..Glance::from(step)
        }
    }
}
