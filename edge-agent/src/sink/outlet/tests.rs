//! The outlet with sinks that fail, close and get stuck.

use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;
use crate::testing::an_event;

fn end(outlet: Outlet) -> Tally {
    Outlet::finish_all(vec![outlet], LAST_GRACE)[0]
}

/// Fails as told by the number of the call; keeps what it took.
struct Flaky {
    calls: u32,
    fail: fn(u32) -> Option<io::ErrorKind>,
    taken: Arc<Mutex<Vec<u64>>>,
}

impl Sink for Flaky {
    fn name(&self) -> String {
        "flaky".into()
    }

    fn deliver(&mut self, event: &Event) -> Result<(), SinkError> {
        self.calls += 1;
        match (self.fail)(self.calls) {
            Some(kind) => Err(io::Error::from(kind).into()),
            None => {
                self.taken.lock().unwrap().push(event.sequence);
                Ok(())
            }
        }
    }
}

fn send_ten(fail: fn(u32) -> Option<io::ErrorKind>) -> (Outlet, Arc<Mutex<Vec<u64>>>) {
    send_ten_and(Overflow::Wait, fail)
}

fn send_ten_and(
    overflow: Overflow,
    fail: fn(u32) -> Option<io::ErrorKind>,
) -> (Outlet, Arc<Mutex<Vec<u64>>>) {
    let taken = Arc::default();
    let sink = Flaky {
        calls: 0,
        fail,
        taken: Arc::clone(&taken),
    };
    let mut outlet = Outlet::start(Box::new(sink), overflow, |_| {}).unwrap();
    for number in 0..10 {
        outlet.send(&an_event(number));
    }
    (outlet, taken)
}

fn wait_until(outlet: &Outlet, done: impl Fn(Tally) -> bool) {
    while !done(outlet.tally()) {
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_sink_that_fails_for_a_while_loses_nothing_and_keeps_the_order() {
    let (outlet, taken) =
        send_ten(|call| (3..5).contains(&call).then_some(io::ErrorKind::StorageFull));
    wait_until(&outlet, |tally| tally.delivered == 10);
    assert_eq!(end(outlet).lost, 0);
    assert_eq!(*taken.lock().unwrap(), (0..10).collect::<Vec<_>>());
}

#[test]
fn at_the_end_each_event_is_tried_once_more() {
    let (outlet, taken) = send_ten(|call| (call > 4).then_some(io::ErrorKind::StorageFull));
    wait_until(&outlet, |tally| tally.delivered == 4);
    let tally = end(outlet);
    assert_eq!((tally.delivered, tally.lost), (4, 6));
    assert_eq!(*taken.lock().unwrap(), [0, 1, 2, 3]);
}

#[test]
fn a_reader_that_went_away_is_noticed() {
    let (mut outlet, _) = send_ten(|call| (call > 4).then_some(io::ErrorKind::BrokenPipe));
    wait_until(&outlet, |tally| tally.lost > 0);
    assert!(outlet.closed());
    outlet.send(&an_event(10));
    let tally = end(outlet);
    assert_eq!((tally.delivered, tally.lost), (4, 7));
}

#[test]
fn a_failing_sink_stops_nobody_even_if_a_slow_one_may() {
    let (mut outlet, _) = send_ten(|_| Some(io::ErrorKind::StorageFull));
    let sent = 2 * QUEUE as u64;
    for number in 0..sent {
        outlet.send(&an_event(number));
        assert!(outlet.waiting() <= QUEUE);
    }
    let tally = end(outlet);
    assert_eq!((tally.delivered, tally.lost), (0, sent + 10));
}

/// Returns once the test lets go of the other end.
struct Stuck(Receiver<()>, Arc<Mutex<Vec<u64>>>);

impl Sink for Stuck {
    fn name(&self) -> String {
        "stuck".into()
    }

    fn deliver(&mut self, event: &Event) -> Result<(), SinkError> {
        let _ = self.0.recv();
        self.1.lock().unwrap().push(event.sequence);
        Ok(())
    }
}

#[test]
fn a_stuck_sink_does_not_stop_a_live_camera_and_the_newest_are_kept() {
    let (release, held) = channel();
    let taken: Arc<Mutex<Vec<u64>>> = Arc::default();
    let sink = Box::new(Stuck(held, Arc::clone(&taken)));
    let mut outlet = Outlet::start(sink, Overflow::Drop, |_| {}).unwrap();
    let sent = 10 * QUEUE as u64;
    for number in 0..sent {
        outlet.send(&an_event(number));
        assert!(outlet.waiting() <= QUEUE);
    }
    drop(release);
    let tally = end(outlet);
    assert_eq!(tally.delivered + tally.lost, sent);
    let taken = taken.lock().unwrap();
    let newest: Vec<u64> = (sent - QUEUE as u64..sent).collect();
    assert!(taken.ends_with(&newest), "{} taken", taken.len());
    assert!(taken.is_sorted());
}

#[test]
fn a_slow_sink_is_waited_for_when_frames_are_not_live() {
    let (release, held) = channel();
    let taken: Arc<Mutex<Vec<u64>>> = Arc::default();
    let sink = Box::new(Stuck(held, Arc::clone(&taken)));
    let mut outlet = Outlet::start(sink, Overflow::Wait, |_| {}).unwrap();
    let sent = QUEUE as u64 + 50;
    let helper = std::thread::spawn(move || {
        for _ in 0..sent {
            release.send(()).unwrap();
        }
    });
    for number in 0..sent {
        outlet.send(&an_event(number));
    }
    let tally = end(outlet);
    helper.join().unwrap();
    assert_eq!((tally.delivered, tally.lost), (sent, 0));
}

/// Says when it is asked how much waits on its disk, and answers once the test lets go.
struct Deep {
    asked: Sender<()>,
    held: Arc<Mutex<Receiver<()>>>,
}

impl Sink for Deep {
    fn name(&self) -> String {
        "deep".into()
    }

    fn deliver(&mut self, _event: &Event) -> Result<(), SinkError> {
        Ok(())
    }

    fn spooled(&self) -> Option<Backlog> {
        let (asked, held) = (self.asked.clone(), Arc::clone(&self.held));
        let waiting = move || {
            let _ = asked.send(());
            let _ = held.lock().unwrap().recv();
            7
        };
        Some(Backlog {
            waiting: Box::new(waiting),
            gone: Box::new(|| 0),
        })
    }
}

#[test]
fn whoever_reads_the_counts_holds_up_no_event() {
    let (asked, was_asked) = channel();
    let (release, held) = channel();
    let held = Arc::new(Mutex::new(held));
    let sink = Box::new(Deep { asked, held });
    let mut outlet = Outlet::start(sink, Overflow::Drop, |_| {}).unwrap();
    let gauge = outlet.gauge();
    let reader = std::thread::spawn(move || gauge.read());
    was_asked.recv().unwrap();
    // The reader is let go only after this has returned.
    outlet.send(&an_event(0));
    drop(release);
    assert_eq!(reader.join().unwrap().spooled, Some(7));
    assert_eq!(end(outlet).delivered, 1);
}

#[test]
fn failures_are_told_in_one_line_with_a_remedy() {
    let full = failed("events.jsonl", &io::Error::from_raw_os_error(libc::ENOSPC));
    assert_eq!(
        full,
        "events.jsonl: No space left on device (os error 28); free some space there; until then \
         the last 1024 events are kept in memory and older ones dropped"
    );
    assert_eq!(mended("x", 0), "x: works again; no event was lost");
    assert_eq!(mended("x", 3), "x: works again; 3 events were lost");
    let error = io::Error::from_raw_os_error(libc::EROFS);
    assert_eq!(
        ended("x", Some(&error), 1),
        "x: Read-only file system (os error 30); ended while it failed; 1 event was lost"
    );
    assert_eq!(
        ended("x", None, 2),
        "x: ended while it failed; 2 events were lost"
    );
}

#[test]
fn a_sink_that_fails_at_the_end_is_not_said_to_work_again() {
    static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let note = |told: &str| TOLD.lock().unwrap().push(told.to_string());
    let sink = Flaky {
        calls: 0,
        fail: |call| (call > 4).then_some(io::ErrorKind::StorageFull),
        taken: Arc::default(),
    };
    let mut outlet = Outlet::start(Box::new(sink), Overflow::Wait, note).unwrap();
    for number in 0..10 {
        outlet.send(&an_event(number));
    }
    wait_until(&outlet, |tally| tally.delivered == 4);
    assert_eq!(end(outlet).lost, 6);
    let told = TOLD.lock().unwrap();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[1], "flaky: ended while it failed; 6 events were lost");
}

/// Says when it is asked what is due, which is nothing for an hour.
struct Asked(Sender<()>);

impl Sink for Asked {
    fn name(&self) -> String {
        "asked".into()
    }

    fn deliver(&mut self, _event: &Event) -> Result<(), SinkError> {
        Ok(())
    }

    fn tend(&mut self) -> Result<Option<Duration>, SinkError> {
        let _ = self.0.send(());
        Ok(Some(Duration::from_secs(3600)))
    }
}

#[test]
fn a_sink_is_asked_what_is_due_at_its_start_and_after_each_event() {
    let (asked, was_asked) = channel();
    let sink = Box::new(Asked(asked));
    let mut outlet = Outlet::start(sink, Overflow::Wait, |_| {}).unwrap();
    was_asked.recv().unwrap();
    for number in 0..3 {
        outlet.send(&an_event(number));
        was_asked.recv().unwrap();
    }
    assert_eq!(end(outlet).delivered, 3);
}

#[test]
fn a_reader_that_takes_nothing_is_given_up_after_the_grace_where_events_may_drop() {
    let busy = |calls: u32| (calls > 3).then_some(io::ErrorKind::WouldBlock);
    let (outlet, taken) = send_ten_and(Overflow::Drop, busy);
    wait_until(&outlet, |tally| tally.delivered == 3);
    assert_eq!(outlet.tally().lost, 0);
    let tally = Outlet::finish_all(vec![outlet], Duration::from_millis(20))[0];
    assert_eq!((tally.delivered, tally.lost), (3, 7));
    assert_eq!(*taken.lock().unwrap(), [0, 1, 2]);
}

#[test]
fn a_reader_that_pauses_gets_everything_where_nothing_may_drop() {
    /// Takes nothing until long after the grace.
    struct Paused(Instant);
    impl Sink for Paused {
        fn name(&self) -> String {
            "paused".into()
        }
        fn deliver(&mut self, _event: &Event) -> Result<(), SinkError> {
            if self.0.elapsed() < Duration::from_millis(300) {
                std::thread::sleep(Duration::from_millis(1));
                return Err(SinkError::Busy);
            }
            Ok(())
        }
    }
    let sink = Box::new(Paused(Instant::now()));
    let mut outlet = Outlet::start(sink, Overflow::Wait, |_| {}).unwrap();
    for number in 0..10 {
        outlet.send(&an_event(number));
    }
    let tally = Outlet::finish_all(vec![outlet], Duration::from_millis(5))[0];
    assert_eq!((tally.delivered, tally.lost), (10, 0));
}
