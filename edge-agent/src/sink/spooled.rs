//! A sink whose peer is on the network: events go into a spool at once, and a courier on a
//! thread of its own brings them from there to the peer. Knows no protocol.

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::{Backlog, LAST_GRACE, Sink, SinkError};
use crate::disk::Disk;
use crate::event::Event;
use crate::spool::{Limits, Spool};

/// A courier that is in the middle of something may be so much later than it was asked to be.
const MARGIN: Duration = Duration::from_millis(200);
/// The cursor may be this late: so much may come twice after a kill.
const CURSOR: Duration = Duration::from_secs(5);
/// Drops are told this often at most.
const TELL: Duration = Duration::from_secs(60);

/// What sink and courier share.
pub struct Queue {
    spool: Mutex<Spool>,
    /// Set when the sink ends: until when the courier may deliver.
    end: OnceLock<Instant>,
    say: fn(&str),
}

impl Queue {
    /// The spool, for one short operation.
    pub fn spool(&self) -> MutexGuard<'_, Spool> {
        self.spool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the sink is ending.
    pub fn stopping(&self) -> bool {
        self.end.get().is_some()
    }

    /// Until when the courier may deliver; none as long as the sink is not ending.
    pub fn deadline(&self) -> Option<Instant> {
        self.end.get().copied()
    }

    /// Tells the operator.
    pub fn say(&self, told: &str) {
        (self.say)(told);
    }
}

/// Opens a spool for a sink, as its table says.
pub fn open_spool(folder: &Path, max_mib: u32, sync_ms: u32) -> io::Result<Spool> {
    let limits = Limits {
        total_bytes: u64::from(max_mib) << 20,
        sync_every: Duration::from_millis(sync_ms.into()),
        cursor_every: CURSOR,
    };
    Spool::open(&Disk::default(), folder, limits)
}

/// The sink's end.
pub struct Spooled {
    name: String,
    folder: PathBuf,
    queue: Arc<Queue>,
    depth: Arc<AtomicU64>,
    gone: Arc<AtomicU64>,
    wake: Box<dyn Fn() + Send>,
    /// Closed when the courier has ended.
    courier: Receiver<Infallible>,
    told: Option<Instant>,
    told_dropped: u64,
}

impl Spooled {
    /// Starts the courier. `wake` tells it that there is something new or that it should end.
    pub fn start(
        name: String,
        spool: Spool,
        say: fn(&str),
        wake: Box<dyn Fn() + Send>,
        courier: impl FnOnce(&Queue) + Send + 'static,
    ) -> io::Result<Self> {
        let folder = spool.folder().to_path_buf();
        let (depth, gone) = (spool.depth(), spool.gone());
        let queue = Arc::new(Queue {
            spool: Mutex::new(spool),
            end: OnceLock::new(),
            say,
        });
        let shared = Arc::clone(&queue);
        let (alive, ended) = channel();
        std::thread::Builder::new()
            .name("courier".into())
            .spawn(move || {
                let _alive = alive;
                courier(&shared);
            })?;
        Ok(Self {
            name,
            folder,
            queue,
            depth,
            gone,
            wake,
            courier: ended,
            told: None,
            told_dropped: 0,
        })
    }

    /// What it has, for tests.
    #[cfg(test)]
    pub fn queue(&self) -> Arc<Queue> {
        Arc::clone(&self.queue)
    }

    fn tell_drops(&mut self, now: Instant) {
        let counts = self.queue.spool().counts();
        let gone = counts.dropped + counts.damaged;
        let due = self
            .told
            .is_none_or(|at| now.saturating_duration_since(at) >= TELL);
        if gone > self.told_dropped && due {
            self.told = Some(now);
            self.told_dropped = gone;
            self.queue.say(&format!(
                "{}: {} events were dropped from {} because it is full, {} were unreadable; \
                 mend the peer or raise spool_max_mib",
                self.name,
                counts.dropped,
                self.folder.display(),
                counts.damaged
            ));
        }
    }

    /// Ends the courier. One that is stuck with its peer is left behind: what it still brings
    /// there is brought again by the next one.
    fn end(&mut self, grace: Duration) {
        self.queue.end.get_or_init(|| Instant::now() + grace);
        (self.wake)();
        let _ = self.courier.recv_timeout(grace + MARGIN);
    }
}

impl Sink for Spooled {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn spooled(&self) -> Option<Backlog> {
        let (depth, gone) = (Arc::clone(&self.depth), Arc::clone(&self.gone));
        Some(Backlog {
            waiting: Box::new(move || depth.load(Ordering::Relaxed)),
            gone: Box::new(move || gone.load(Ordering::Relaxed)),
        })
    }

    fn deliver(&mut self, event: &Event) -> Result<(), SinkError> {
        let record = serde_json::to_vec(event).map_err(SinkError::Json)?;
        self.queue.spool().append(&record, Instant::now());
        (self.wake)();
        Ok(())
    }

    fn tend(&mut self) -> Result<Option<Duration>, SinkError> {
        let now = Instant::now();
        let wait = self.queue.spool().tend(now);
        // What could not be read may be had now.
        (self.wake)();
        let wait = wait?;
        self.tell_drops(now);
        Ok(wait)
    }

    fn finish(&mut self, grace: Duration) -> Result<(), SinkError> {
        self.end(grace);
        let now = Instant::now();
        let kept = self.queue.spool().finish(now);
        // There is no later time to tell.
        self.told = None;
        self.tell_drops(now);
        Ok(kept?)
    }

    fn unsaved(&self) -> u64 {
        self.queue.spool().unsaved()
    }
}

impl Drop for Spooled {
    fn drop(&mut self) {
        self.end(LAST_GRACE);
    }
}

#[cfg(test)]
mod tests;
