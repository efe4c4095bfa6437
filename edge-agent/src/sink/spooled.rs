//! A sink whose peer is on the network: events go into a spool at once, and a courier on a
//! thread of its own brings them from there to the peer. Knows no protocol.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Depth, Sink, SinkError};
use crate::disk::Disk;
use crate::event::Event;
use crate::spool::{Limits, Spool};

/// How long a courier may go on delivering when the agent ends.
pub const LINGER: Duration = Duration::from_secs(3);
/// The cursor may be this late: so much may come twice after a kill.
const CURSOR: Duration = Duration::from_secs(5);
/// Drops are told this often at most.
const TELL: Duration = Duration::from_secs(60);

/// What sink and courier share.
pub struct Queue {
    spool: Mutex<Spool>,
    stopping: AtomicBool,
    say: fn(&str),
}

impl Queue {
    /// The spool, for one short operation.
    pub fn spool(&self) -> MutexGuard<'_, Spool> {
        self.spool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the agent is ending.
    pub fn stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
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
    wake: Box<dyn Fn() + Send>,
    courier: Option<JoinHandle<()>>,
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
        let queue = Arc::new(Queue {
            spool: Mutex::new(spool),
            stopping: AtomicBool::new(false),
            say,
        });
        let shared = Arc::clone(&queue);
        let courier = std::thread::Builder::new()
            .name("courier".into())
            .spawn(move || courier(&shared))?;
        Ok(Self {
            name,
            folder,
            queue,
            wake,
            courier: Some(courier),
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

    fn end(&mut self) {
        self.queue.stopping.store(true, Ordering::SeqCst);
        (self.wake)();
        if let Some(courier) = self.courier.take() {
            // One that panicked has said so; the events are in the spool.
            let _ = courier.join();
        }
    }
}

impl Sink for Spooled {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn spooled(&self) -> Option<Depth> {
        let queue = Arc::clone(&self.queue);
        Some(Box::new(move || queue.spool().counts().waiting))
    }

    fn deliver(&mut self, event: &Event) -> Result<(), SinkError> {
        let record = serde_json::to_vec(event).map_err(SinkError::Json)?;
        self.queue.spool().append(&record, Instant::now());
        (self.wake)();
        Ok(())
    }

    fn tend(&mut self) -> Result<Option<Duration>, SinkError> {
        let now = Instant::now();
        let wait = self.queue.spool().tend(now)?;
        self.tell_drops(now);
        Ok(wait)
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        self.end();
        Ok(self.queue.spool().finish(Instant::now())?)
    }
}

impl Drop for Spooled {
    fn drop(&mut self) {
        self.end();
    }
}
