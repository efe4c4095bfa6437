//! A sink at work on its own thread: a bounded queue, another try after a failure, counts.
//! Knows nothing of what the sink does.

mod words;

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use self::words::{ended, failed, mended};
use super::{Backlog, LAST_GRACE, Sink, SinkError};
use crate::event::Event;
use crate::gauge::{Gauge, Reading};

/// Events that may wait for one sink; some 600 kB.
pub const QUEUE: usize = 1024;
/// After a failure the sink is tried again this much later.
const RETRY: Duration = Duration::from_secs(1);

/// What to do with an event when a sink's queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// Wait for a sink that is slow: frames that are not live can wait as well. One that
    /// fails is not waited for.
    Wait,
    /// Drop the oldest and count: a live camera does not wait.
    Drop,
}

/// What became of the events of one sink.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Taken over.
    pub delivered: u64,
    /// Failed or dropped; those that a spool let go of were taken over before.
    pub lost: u64,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Event>,
    tally: Tally,
    failing: bool,
    /// Set at the end: how long peers may go on.
    finishing: Option<Duration>,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    name: String,
    spooled: Option<Backlog>,
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Events that its spool let go of.
    fn gone(&self) -> u64 {
        self.spooled.as_ref().map_or(0, |spool| (spool.gone)())
    }

    fn tally(&self) -> Tally {
        let gone = self.gone();
        let mut tally = self.state().tally;
        tally.lost += gone;
        tally
    }
}

impl Gauge for Shared {
    fn read(&self) -> Reading {
        // Before the lock: a sender waits for that one.
        let spooled = self.spooled.as_ref().map(|spool| (spool.waiting)());
        let gone = self.gone();
        let state = self.state();
        Reading {
            name: self.name.clone(),
            delivered: state.tally.delivered,
            lost: state.tally.lost + gone,
            waiting: state.queue.len() as u64,
            spooled,
            closed: state.closed,
        }
    }
}

/// The agent's end of a sink. Dropping it finishes the sink as well.
pub struct Outlet {
    shared: Arc<Shared>,
    worker: Option<JoinHandle<()>>,
    overflow: Overflow,
}

impl Outlet {
    /// Starts the thread. `complain` is told the first of each run of failures and its end.
    pub fn start(sink: Box<dyn Sink>, overflow: Overflow, complain: fn(&str)) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            name: sink.name(),
            spooled: sink.spooled(),
            ..Shared::default()
        });
        let worker = Worker {
            sink,
            shared: Arc::clone(&shared),
            complain,
            patient: overflow == Overflow::Wait,
            end_by: None,
            lost_before: 0,
            deliver_failed: false,
            tend_failed: false,
        };
        let worker = std::thread::Builder::new()
            .name("sink".into())
            .spawn(move || worker.carry())?;
        Ok(Self {
            shared,
            worker: Some(worker),
            overflow,
        })
    }

    /// Hands an event over.
    pub fn send(&mut self, event: &Event) {
        let mut state = self.shared.state();
        while state.queue.len() >= QUEUE && !state.closed {
            if self.overflow == Overflow::Drop || state.failing {
                state.queue.pop_front();
                state.tally.lost += 1;
            } else {
                let waited = self.shared.changed.wait(state);
                state = waited.unwrap_or_else(PoisonError::into_inner);
            }
        }
        if state.closed {
            state.tally.lost += 1;
        } else {
            state.queue.push_back(event.clone());
        }
        self.shared.changed.notify_all();
    }

    /// Its counts, for whoever wants to read them at any time.
    pub fn gauge(&self) -> Arc<dyn Gauge> {
        Arc::clone(&self.shared) as Arc<dyn Gauge>
    }

    /// Whether the sink's reader went away for good.
    pub fn closed(&self) -> bool {
        self.shared.state().closed
    }

    /// What became of the events so far.
    #[cfg(test)]
    pub fn tally(&self) -> Tally {
        self.shared.tally()
    }

    /// Events that wait in memory.
    #[cfg(test)]
    pub fn waiting(&self) -> usize {
        self.shared.state().queue.len()
    }

    /// Waits until everything handed over is delivered or lost. All end at the same time, each
    /// with `grace` for its peer.
    pub fn finish_all(outlets: Vec<Self>, grace: Duration) -> Vec<Tally> {
        for outlet in &outlets {
            outlet.ask_to_end(grace);
        }
        let ended = outlets.into_iter().map(|mut outlet| outlet.join());
        ended.collect()
    }

    fn ask_to_end(&self, grace: Duration) {
        self.shared.state().finishing.get_or_insert(grace);
        self.shared.changed.notify_all();
    }

    fn join(&mut self) -> Tally {
        if let Some(worker) = self.worker.take() {
            // A worker that panicked has said so; its counts are still true.
            let _ = worker.join();
        }
        self.shared.tally()
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.ask_to_end(LAST_GRACE);
        self.join();
    }
}

struct Worker {
    sink: Box<dyn Sink>,
    shared: Arc<Shared>,
    complain: fn(&str),
    /// Nothing is dropped, however long the reader takes.
    patient: bool,
    /// When a reader that takes nothing is given up, once the end was asked for.
    end_by: Option<Instant>,
    lost_before: u64,
    deliver_failed: bool,
    tend_failed: bool,
}

/// What the worker found to do.
#[allow(
    clippy::large_enum_variant,
    reason = "one lives at a time; a box would allocate for each event"
)]
enum Job {
    Deliver(Event),
    Tend,
    End,
}

impl Worker {
    fn carry(mut self) {
        let mut held: Option<Event> = None;
        // At once: what a spool has from a run before is delivered without another event.
        let mut tend_at = Some(Instant::now());
        let mut retry_at: Option<Instant> = None;
        loop {
            match self.next(&mut held, tend_at, retry_at) {
                Job::Deliver(event) => {
                    let result = self.sink.deliver(&event);
                    let failed = matches!(result, Err(SinkError::Io(_)));
                    let again = match result {
                        Err(SinkError::Io(_)) => self.shared.state().finishing.is_none(),
                        Err(SinkError::Busy) => self.waits(),
                        _ => false,
                    };
                    self.count(&result, again);
                    retry_at = failed.then(|| Instant::now() + RETRY);
                    if again {
                        held = Some(event);
                    }
                    // Asked at once: what was delivered may have to be synced before anything
                    // that was due. After a failure the pause stays.
                    if !self.tend_failed {
                        tend_at = Some(Instant::now());
                    }
                }
                Job::Tend => {
                    let result = self.sink.tend();
                    tend_at = match &result {
                        Ok(wait) => wait.map(|wait| Instant::now() + wait),
                        Err(_) => Some(Instant::now() + RETRY),
                    };
                    self.tend_failed = result.is_err();
                    self.report(&result.map(|_| ()));
                }
                Job::End => break,
            }
        }
        self.end();
    }

    /// The sink's last call. One that fails until then is not said to work again, and what it has
    /// in memory is lost.
    fn end(&mut self) {
        let grace = self.shared.state().finishing.unwrap_or(LAST_GRACE);
        let result = self.sink.finish(grace);
        let (why, unsaved) = match &result {
            Ok(()) if self.deliver_failed => (None, 0),
            Err(SinkError::Io(error)) => (Some(error), self.sink.unsaved()),
            result => {
                self.tend_failed = false;
                return self.report(result);
            }
        };
        let gone = self.shared.gone();
        let mut state = self.shared.state();
        if !state.failing {
            self.lost_before = state.tally.lost + gone;
        }
        state.tally.delivered = state.tally.delivered.saturating_sub(unsaved);
        state.tally.lost += unsaved;
        let lost = state.tally.lost + gone - self.lost_before;
        drop(state);
        (self.complain)(&ended(&self.sink.name(), why, lost));
    }

    /// Waits for something to do. A held event comes before those in the queue.
    fn next(
        &self,
        held: &mut Option<Event>,
        tend_at: Option<Instant>,
        retry_at: Option<Instant>,
    ) -> Job {
        let mut state = self.shared.state();
        loop {
            let now = Instant::now();
            let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
            if due(tend_at) && state.finishing.is_none() {
                return Job::Tend;
            }
            let ready = retry_at.is_none() || due(retry_at) || state.finishing.is_some();
            if ready && !state.closed {
                if let Some(event) = held.take() {
                    return Job::Deliver(event);
                }
                if let Some(event) = state.queue.pop_front() {
                    self.shared.changed.notify_all();
                    return Job::Deliver(event);
                }
            }
            if state.finishing.is_some() {
                return Job::End;
            }
            let retry_at = retry_at.filter(|_| !ready);
            let wake = [tend_at, retry_at].into_iter().flatten().min();
            state = match wake {
                Some(at) => {
                    let wait = at.saturating_duration_since(now);
                    let waited = self.shared.changed.wait_timeout(state, wait);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => {
                    let waited = self.shared.changed.wait(state);
                    waited.unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
    }

    fn count(&mut self, result: &Result<(), SinkError>, again: bool) {
        if result.is_ok() {
            self.shared.state().tally.delivered += 1;
        }
        self.deliver_failed = again || matches!(result, Err(SinkError::Io(_)));
        self.report(result);
        // After the report: this one belongs to the failures that may begin with it.
        if result.is_err() && !again {
            self.shared.state().tally.lost += 1;
        }
    }

    /// Whether a reader that takes nothing is waited for: at the end no longer than the grace,
    /// unless nothing is ever dropped.
    fn waits(&mut self) -> bool {
        let Some(grace) = self.shared.state().finishing else {
            return true;
        };
        let end_by = *self.end_by.get_or_insert_with(|| Instant::now() + grace);
        self.patient || Instant::now() < end_by
    }

    /// Says when a run of failures begins and ends.
    fn report(&mut self, result: &Result<(), SinkError>) {
        let gone = self.shared.gone();
        let mut state = self.shared.state();
        let name = self.sink.name();
        match result {
            Ok(()) if self.deliver_failed || self.tend_failed => {}
            Ok(()) if state.failing => {
                state.failing = false;
                let lost = state.tally.lost + gone - self.lost_before;
                drop(state);
                (self.complain)(&mended(&name, lost));
            }
            Ok(()) => {}
            Err(SinkError::Busy) if self.deliver_failed => {}
            Err(SinkError::Closed | SinkError::Busy) => {
                state.closed = true;
                state.tally.lost += state.queue.len() as u64;
                state.queue.clear();
                self.shared.changed.notify_all();
            }
            Err(SinkError::Json(error)) => {
                drop(state);
                (self.complain)(&format!("{name}: {error}; this event is left out"));
            }
            Err(SinkError::Io(error)) => {
                if !state.failing {
                    state.failing = true;
                    self.lost_before = state.tally.lost + gone;
                    // A sender may be waiting for a sink that was only slow until now.
                    self.shared.changed.notify_all();
                    drop(state);
                    (self.complain)(&failed(&name, error));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
