//! A bundle on trial in a running agent: counts what it does and writes the outcome into the
//! store. When an outcome is reached is `probation`'s matter.

use crate::event::Event;
use crate::log;

use super::probation::{Probation, Verdict};
use super::store::Store;

/// Frames between two attempts to write an outcome that could not be written.
const RETRY_FRAMES: u32 = 1000;

/// What a trial says after each frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// The bundle goes on.
    Keep,
    /// The bundle was taken back: the one before it is to be opened.
    TakenBack,
}

/// A trial under way.
#[derive(Debug)]
pub struct Trial {
    store: Store,
    id: String,
    probation: Probation,
    wait_frames: u32,
    proved: bool,
}

impl Trial {
    /// The trial of the store's current bundle.
    pub fn new(store: Store, id: &str, probation: Probation) -> Self {
        Self {
            store,
            id: id.to_string(),
            probation,
            wait_frames: 0,
            proved: false,
        }
    }

    /// Whether its outcome is still open.
    pub fn is_open(&self) -> bool {
        !self.proved
    }

    /// A frame went through with these events.
    pub fn frame(&mut self, t_ms: u64, events: &[Event]) -> Ruling {
        if self.proved {
            return Ruling::Keep;
        }
        self.probation.frame(t_ms);
        for event in events {
            self.probation.vehicle(event.reason.as_ref());
        }
        if self.wait_frames > 0 {
            self.wait_frames -= 1;
            return Ruling::Keep;
        }
        match self.probation.verdict() {
            None => {}
            Some(Verdict::Bad(reason)) => {
                self.fail(&reason);
                return Ruling::TakenBack;
            }
            Some(Verdict::Good) => match self.store.update(|state| state.prove(&self.id)) {
                Ok(()) => {
                    self.proved = true;
                    log::notice(format_args!(
                        "bundle {} is good: its trial is over",
                        self.id
                    ));
                }
                Err(error) => {
                    self.wait_frames = RETRY_FRAMES;
                    log::warning(format_args!("{error}"));
                }
            },
        }
        Ruling::Keep
    }

    /// The bundle is no good, for this reason: the one before it comes back.
    pub fn fail(&mut self, reason: &str) {
        let id = &self.id;
        match self.store.update(|state| state.fail(id)) {
            Ok(()) => log::warning(format_args!("bundle {id} taken back: {reason}")),
            Err(error) => log::error(format_args!(
                "bundle {id} is no good ({reason}) and cannot be taken back: {error}"
            )),
        }
    }
}
