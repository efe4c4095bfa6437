//! Who looks over the pipeline's shoulder: hears of stages, of what is followed and of the views
//! that decided. Whoever listens changes nothing of what happens.

use models::RgbView;

use crate::laps::{Laps, NoLaps};
use crate::track::Sighting;

/// Hears what a frame brought. Whatever is shown is lent for the call.
pub trait Onlooker: Laps {
    /// The vehicles in this frame.
    fn seen(&mut self, _: &[Sighting]) {}

    /// The best view of the vehicle whose event has this sequence number.
    fn judged(&mut self, _sequence: u64, _view: RgbView<'_>) {}
}

impl Onlooker for NoLaps {}

/// One that may be absent.
impl<O: Onlooker> Onlooker for Option<O> {
    fn seen(&mut self, sightings: &[Sighting]) {
        if let Some(onlooker) = self {
            onlooker.seen(sightings);
        }
    }

    fn judged(&mut self, sequence: u64, view: RgbView<'_>) {
        if let Some(onlooker) = self {
            onlooker.judged(sequence, view);
        }
    }
}

/// Two at once.
impl<A: Onlooker, B: Onlooker> Onlooker for (&mut A, &mut B) {
    fn seen(&mut self, sightings: &[Sighting]) {
        self.0.seen(sightings);
        self.1.seen(sightings);
    }

    fn judged(&mut self, sequence: u64, view: RgbView<'_>) {
        self.0.judged(sequence, view);
        self.1.judged(sequence, view);
    }
}
