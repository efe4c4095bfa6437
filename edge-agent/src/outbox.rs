//! The way out of the pipeline: each event is stamped, decided on and handed to every sink.
//! Waits for no sink.

use crate::decide::{Action, Now, Rules};
use crate::event::Event;
use crate::sink::Outlet;
use crate::stamp::Stamp;

/// Takes the events of a run.
pub struct Outbox {
    /// What depends on the device and the time.
    pub stamp: Stamp,
    /// What is done about events.
    pub rules: Rules,
    /// The sinks, standard output first.
    pub outlets: Vec<Outlet>,
}

impl Outbox {
    /// Sends an event on its way; `told_t_ms` is the time on the source's clock. What the rules
    /// want done comes back.
    pub fn tell(&mut self, event: &mut Event, told_t_ms: u64) -> Vec<Action> {
        let wall = self.stamp.read();
        self.stamp.put(event, told_t_ms, wall.as_ref());
        let now = Now {
            t_ms: told_t_ms,
            wall,
        };
        let actions = self.rules.decide(event, &now);
        for outlet in &mut self.outlets {
            outlet.send(event);
        }
        actions
    }

    /// Whether nobody listens any more.
    pub fn closed(&self) -> bool {
        self.outlets.iter().all(Outlet::closed)
    }
}
