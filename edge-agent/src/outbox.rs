//! The way out of the pipeline: each event is stamped and handed to every sink. Decides
//! nothing and waits for no sink.

use crate::event::Event;
use crate::sink::Outlet;
use crate::stamp::Stamp;

/// Takes the events of a run.
pub struct Outbox {
    /// What depends on the device and the time.
    pub stamp: Stamp,
    /// The sinks, standard output first.
    pub outlets: Vec<Outlet>,
}

impl Outbox {
    /// Sends an event on its way; `told_t_ms` is the time of the newest frame.
    pub fn tell(&mut self, mut event: Event, told_t_ms: u64) {
        let reading = self.stamp.read();
        self.stamp.put(&mut event, told_t_ms, reading.as_ref());
        for outlet in &mut self.outlets {
            outlet.send(&event);
        }
    }

    /// Whether nobody listens any more.
    pub fn closed(&self) -> bool {
        self.outlets.iter().all(Outlet::closed)
    }
}
