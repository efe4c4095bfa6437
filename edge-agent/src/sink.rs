//! Where events go. Each sink has its own thread and a bounded queue, so that a slow or dead
//! one delays nobody. What an event says is decided before; sinks only carry it.

pub mod gpio;
pub mod jsonl;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use crate::event::Event;

/// Events that may wait for one sink.
const QUEUE: usize = 1024;

/// Carries events to one place.
pub trait Sink: Send {
    /// What messages call it.
    fn name(&self) -> String;

    /// Takes one event over.
    fn deliver(&mut self, event: &Event) -> Result<(), SinkError>;

    /// Makes what was taken over visible outside.
    fn flush(&mut self) -> Result<(), SinkError>;
}

/// Why a sink did not take an event.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The reader went away; nothing will ever be taken again.
    #[error("the reader went away")]
    Closed,
    /// Writing failed; it may work again later.
    #[error("{0}")]
    Io(io::Error),
    /// The event has no JSON.
    #[error("{0}")]
    Json(serde_json::Error),
}

impl From<io::Error> for SinkError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::Closed
        } else {
            Self::Io(error)
        }
    }
}

/// What to do with an event when a sink's queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// Wait: frames that are not live can wait as well.
    Wait,
    /// Drop it and count: a live camera does not wait.
    Drop,
}

/// What became of the events of one sink.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Taken over.
    pub delivered: u64,
    /// Failed or dropped.
    pub lost: u64,
}

/// A sink at work on its own thread.
pub struct Outlet {
    sender: SyncSender<Event>,
    worker: JoinHandle<Tally>,
    closed: Arc<AtomicBool>,
    overflow: Overflow,
    dropped: u64,
}

impl Outlet {
    /// Starts the thread. `complain` is told the first of each run of failures.
    pub fn start(sink: Box<dyn Sink>, overflow: Overflow, complain: fn(&str)) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(QUEUE);
        let closed = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&closed);
        let worker = std::thread::Builder::new()
            .name("sink".into())
            .spawn(move || carry(sink, &receiver, &flag, complain))?;
        Ok(Self {
            sender,
            worker,
            closed,
            overflow,
            dropped: 0,
        })
    }

    /// Hands an event over.
    pub fn send(&mut self, event: &Event) {
        let sent = match self.overflow {
            Overflow::Wait => self.sender.send(event.clone()).is_ok(),
            Overflow::Drop => !matches!(
                self.sender.try_send(event.clone()),
                Err(TrySendError::Full(_))
            ),
        };
        self.dropped += u64::from(!sent);
    }

    /// Whether the sink's reader went away for good.
    pub fn closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Waits until everything handed over is delivered or lost.
    pub fn finish(self) -> Tally {
        drop(self.sender);
        let mut tally = self.worker.join().unwrap_or_default();
        tally.lost += self.dropped;
        tally
    }
}

fn carry(
    mut sink: Box<dyn Sink>,
    receiver: &Receiver<Event>,
    closed: &AtomicBool,
    complain: fn(&str),
) -> Tally {
    let mut tally = Tally::default();
    let mut failing = false;
    let mut check = |result: Result<(), SinkError>, name: String| {
        match &result {
            Ok(()) => failing = false,
            Err(SinkError::Closed) => closed.store(true, Ordering::Relaxed),
            Err(error) => {
                if !failing {
                    complain(&format!(
                        "{name}: {error}; events are lost until this is mended"
                    ));
                }
                failing = true;
            }
        }
        result.is_ok()
    };
    while let Ok(first) = receiver.recv() {
        let mut waiting = Some(first);
        let mut taken = 0;
        while let Some(event) = waiting {
            if check(sink.deliver(&event), sink.name()) {
                taken += 1;
            } else {
                tally.lost += 1;
            }
            waiting = receiver.try_recv().ok();
        }
        if taken > 0 && check(sink.flush(), sink.name()) {
            tally.delivered += taken;
        } else {
            tally.lost += taken;
        }
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::an_event;

    struct Flaky {
        calls: u32,
        fail: fn(u32) -> Option<io::ErrorKind>,
    }

    impl Sink for Flaky {
        fn name(&self) -> String {
            "flaky".into()
        }

        fn deliver(&mut self, _: &Event) -> Result<(), SinkError> {
            self.calls += 1;
            match (self.fail)(self.calls) {
                Some(kind) => Err(io::Error::from(kind).into()),
                None => Ok(()),
            }
        }

        fn flush(&mut self) -> Result<(), SinkError> {
            Ok(())
        }
    }

    fn tally(fail: fn(u32) -> Option<io::ErrorKind>) -> (Tally, bool) {
        let sink = Box::new(Flaky { calls: 0, fail });
        let mut outlet = Outlet::start(sink, Overflow::Wait, |_| {}).unwrap();
        for number in 0..10 {
            outlet.send(&an_event(number));
        }
        let closed = Arc::clone(&outlet.closed);
        (outlet.finish(), closed.load(Ordering::Relaxed))
    }

    #[test]
    fn a_sink_that_fails_for_a_while_goes_on() {
        let (tally, closed) =
            tally(|call| (3..6).contains(&call).then_some(io::ErrorKind::StorageFull));
        assert_eq!(
            tally,
            Tally {
                delivered: 7,
                lost: 3
            }
        );
        assert!(!closed);
    }

    #[test]
    fn a_reader_that_went_away_is_noticed() {
        let (tally, closed) = tally(|call| (call > 4).then_some(io::ErrorKind::BrokenPipe));
        assert_eq!(
            tally,
            Tally {
                delivered: 4,
                lost: 6
            }
        );
        assert!(closed);
    }

    #[test]
    fn a_stuck_sink_does_not_stop_a_live_camera() {
        struct Stuck(std::sync::mpsc::Receiver<()>);
        impl Sink for Stuck {
            fn name(&self) -> String {
                "stuck".into()
            }
            fn deliver(&mut self, _: &Event) -> Result<(), SinkError> {
                // Returns once the test lets go of the other end.
                let _ = self.0.recv();
                Ok(())
            }
            fn flush(&mut self) -> Result<(), SinkError> {
                Ok(())
            }
        }
        let (release, held) = std::sync::mpsc::channel();
        let mut outlet = Outlet::start(Box::new(Stuck(held)), Overflow::Drop, |_| {}).unwrap();
        let sent = QUEUE as u64 + 100;
        for number in 0..sent {
            outlet.send(&an_event(number));
        }
        drop(release);
        let tally = outlet.finish();
        assert_eq!(tally.delivered + tally.lost, sent);
        assert!(tally.lost >= 99, "{tally:?}");
    }
}
