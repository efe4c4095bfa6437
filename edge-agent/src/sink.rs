//! Where events go. A sink carries them to one place; an outlet runs it on a thread of its own
//! behind a bounded queue, so that a slow or dead one delays nobody. What an event says is
//! decided before.

mod back_off;
#[cfg(test)]
mod certificates;
#[cfg(test)]
mod compliance;
#[cfg(test)]
pub mod crash;
pub mod gpio;
pub mod jsonl;
pub mod mqtt;
mod outage;
pub mod outlet;
mod spooled;
pub mod stream;
pub mod webhook;

use std::io;
use std::time::Duration;

pub use outlet::{Outlet, Overflow};

use crate::event::Event;
use crate::log;

/// How long peers may go on taking events when the agent ends.
pub const LAST_GRACE: Duration = Duration::from_secs(3);
/// The same between two configs: the road is not watched meanwhile, and the next sink goes on
/// from the same spool.
pub const RELOAD_GRACE: Duration = Duration::from_millis(300);

/// Carries events to one place.
pub trait Sink: Send {
    /// What messages call it.
    fn name(&self) -> String;

    /// Takes one event over. After an I/O error it is given the same event again, until it
    /// takes it or the agent ends.
    fn deliver(&mut self, event: &Event) -> Result<(), SinkError>;

    /// Does what is due without an event, such as a sync; says when to ask again.
    fn tend(&mut self) -> Result<Option<Duration>, SinkError> {
        Ok(None)
    }

    /// Tells, from any thread and without waiting for the disk, of the events in its spool; none
    /// for a sink without one.
    fn spooled(&self) -> Option<Backlog> {
        None
    }

    /// The last call: leaves what was taken over as safe as it can be. A peer is given `grace`
    /// to take the rest; what it does not take stays on the disk.
    fn finish(&mut self, _grace: Duration) -> Result<(), SinkError> {
        Ok(())
    }

    /// After a failed [`Self::finish`]: how many events were taken over and are not known to be
    /// anywhere but in memory.
    fn unsaved(&self) -> u64 {
        0
    }
}

/// Tells of the events in a spool.
pub struct Backlog {
    /// How many wait.
    pub waiting: Count,
    /// How many were dropped or found damaged, after the sink had taken them over.
    pub gone: Count,
}

/// Tells how many there are.
pub type Count = Box<dyn Fn() -> u64 + Send + Sync>;

/// Why a sink did not take an event.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The reader went away; nothing will ever be taken again.
    #[error("the reader went away")]
    Closed,
    /// The reader takes nothing at the moment; it is asked again at once.
    #[error("the reader takes nothing")]
    Busy,
    /// Writing failed; it may work again later.
    #[error("{0}")]
    Io(io::Error),
    /// The event has no JSON.
    #[error("{0}")]
    Json(serde_json::Error),
}

impl From<io::Error> for SinkError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            io::ErrorKind::WouldBlock => Self::Busy,
            _ => Self::Io(error),
        }
    }
}

/// Tells the operator that something was in the way of events.
pub fn say(told: &str) {
    log::warning(format_args!("{told}"));
}

/// The event's JSON and a line end, in `line`.
fn write_line(line: &mut Vec<u8>, event: &Event) -> Result<(), SinkError> {
    line.clear();
    serde_json::to_writer(&mut *line, event).map_err(SinkError::Json)?;
    line.push(b'\n');
    Ok(())
}
