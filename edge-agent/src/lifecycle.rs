//! What comes to a run from outside while it goes: the first SIGINT or SIGTERM asks it to finish,
//! the second kills it; SIGHUP asks it to read its config again. What goes out to the service
//! manager is `heartbeat`'s.

pub mod heartbeat;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// Whether the run was asked to finish.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Listens for the signals from now on.
    pub fn on_signals() -> io::Result<Self> {
        let stop = Self::default();
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal finds the flag unset and sets it afterwards.
            flag::register_conditional_default(signal, Arc::clone(&stop.0))?;
            flag::register(signal, Arc::clone(&stop.0))?;
        }
        Ok(stop)
    }

    /// Asks the run to finish, as a signal does.
    #[cfg(test)]
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether to finish now.
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Whether the config is to be read again.
#[derive(Clone, Debug, Default)]
pub struct Reload(Arc<AtomicBool>);

impl Reload {
    /// Listens for the signal from now on.
    pub fn on_signal() -> io::Result<Self> {
        let reload = Self::default();
        flag::register(SIGHUP, Arc::clone(&reload.0))?;
        Ok(reload)
    }

    /// Whether it was asked for since the last call.
    pub fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}
