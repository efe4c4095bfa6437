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
