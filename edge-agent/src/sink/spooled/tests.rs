//! What the agent sees of a sink while its spool is held, as a slow disk holds it, and when the
//! disk fails.

use std::sync::mpsc::Sender;

use super::*;
use crate::sink::{Outlet, Overflow};
use crate::testing::an_event;

/// Syncs at once, and is never long without a look at what is due.
const EAGER: Limits = Limits {
    total_bytes: 1 << 20,
    sync_every: Duration::ZERO,
    cursor_every: Duration::from_millis(10),
};

/// A spool with so many events, which are safe.
fn filled(disk: &Disk, folder: &Path, count: u64) -> Spool {
    let mut spool = Spool::open(disk, folder, EAGER).unwrap();
    for number in 0..count {
        let record = serde_json::to_vec(&an_event(number)).unwrap();
        spool.append(&record, Instant::now());
    }
    spool.tend(Instant::now()).unwrap();
    spool
}

fn wait_until(done: impl Fn() -> bool) {
    while !done() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_spool_that_is_held_by_the_disk_holds_up_neither_events_nor_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open_spool(folder.path(), 1, 0).unwrap();
    // A courier that brings nothing anywhere.
    let sink = Spooled::start("peer".into(), spool, |_| {}, Box::new(|| {}), |_| {}).unwrap();
    let queue = sink.queue();
    let mut outlet = Outlet::start(Box::new(sink), Overflow::Drop, |_| {}).unwrap();
    let gauge = outlet.gauge();
    assert_eq!(gauge.read().spooled, Some(0));
    outlet.send(&an_event(0));
    outlet.send(&an_event(1));
    while outlet.tally().delivered < 2 {
        std::thread::sleep(Duration::from_millis(1));
    }
    // Nothing lets go of the spool before these calls have returned.
    let mut held = queue.spool();
    assert_eq!(gauge.read().spooled, Some(2));
    outlet.send(&an_event(2));
    let (number, _) = held.next().unwrap();
    held.acknowledge(number);
    assert_eq!(gauge.read().spooled, Some(1));
    drop(held);
    let tally = Outlet::finish_all(vec![outlet], LAST_GRACE)[0];
    assert_eq!((tally.delivered, tally.lost), (3, 0));
    assert_eq!(gauge.read().spooled, Some(2));
}

#[test]
fn what_the_disk_did_not_take_until_the_end_is_lost_and_told() {
    static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let note = |told: &str| TOLD.lock().unwrap().push(told.to_string());
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    let spool = filled(&disk, folder.path(), 2);
    disk.faults().all(io::ErrorKind::StorageFull);
    let sink = Spooled::start("peer".into(), spool, |_| {}, Box::new(|| {}), |_| {}).unwrap();
    let mut outlet = Outlet::start(Box::new(sink), Overflow::Drop, note).unwrap();
    for number in 2..5 {
        outlet.send(&an_event(number));
    }
    wait_until(|| outlet.tally().delivered == 3);
    let tally = Outlet::finish_all(vec![outlet], LAST_GRACE)[0];
    assert_eq!((tally.delivered, tally.lost), (0, 3));
    let told = TOLD.lock().unwrap();
    let last = told.last().unwrap();
    assert!(
        last.ends_with("; ended while it failed; 3 events were lost"),
        "{told:?}"
    );
    assert!(!told.iter().any(|line| line.contains("works again")));
    disk.faults().mend();
    let spool = Spool::open(&disk, folder.path(), EAGER).unwrap();
    assert_eq!(spool.counts().waiting, 2);
}

#[test]
fn what_a_full_spool_drops_is_counted_as_lost() {
    let folder = tempfile::tempdir().unwrap();
    let small = Limits {
        total_bytes: 16 << 10,
        ..EAGER
    };
    let spool = Spool::open(&Disk::default(), folder.path(), small.clone()).unwrap();
    let sink = Spooled::start("peer".into(), spool, |_| {}, Box::new(|| {}), |_| {}).unwrap();
    let mut outlet = Outlet::start(Box::new(sink), Overflow::Wait, |_| {}).unwrap();
    for number in 0..200 {
        outlet.send(&an_event(number));
    }
    wait_until(|| outlet.tally().delivered == 200);
    let gauge = outlet.gauge();
    let read = gauge.read();
    let kept = read.spooled.unwrap();
    assert!(kept > 0 && read.lost > 0, "{read:?}");
    assert_eq!(kept + read.lost, 200);
    let tally = Outlet::finish_all(vec![outlet], LAST_GRACE)[0];
    assert_eq!(tally.lost, read.lost);
    assert_eq!(gauge.read(), read);
    let spool = Spool::open(&Disk::default(), folder.path(), small).unwrap();
    assert_eq!(spool.counts().waiting, kept);
}

/// Brings the numbers of records, as couriers do: until there are none, and again when woken.
fn bring(queue: &Queue, woken: &Receiver<()>, brought: &Sender<u64>) {
    while !queue.stopping() && woken.recv().is_ok() {
        loop {
            let next = queue.spool().next();
            let Some((number, _)) = next else { break };
            queue.spool().acknowledge(number);
            let _ = brought.send(number);
        }
    }
}

#[test]
fn what_could_not_be_read_is_brought_as_soon_as_it_can_be() {
    static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let note = |told: &str| TOLD.lock().unwrap().push(told.to_string());
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    let spool = filled(&disk, folder.path(), 3);
    disk.faults().all_reading(io::ErrorKind::TimedOut);
    let (waker, woken) = channel();
    let (brought, arrived) = channel();
    let wake = Box::new(move || {
        let _ = waker.send(());
    });
    let courier = move |queue: &Queue| bring(queue, &woken, &brought);
    let sink = Spooled::start("peer".into(), spool, |_| {}, wake, courier).unwrap();
    let outlet = Outlet::start(Box::new(sink), Overflow::Drop, note).unwrap();
    // Nobody sends an event: the sink is looked after all the same.
    wait_until(|| !TOLD.lock().unwrap().is_empty());
    disk.faults().mend();
    for number in 0..3 {
        assert_eq!(arrived.recv().unwrap(), number);
    }
    Outlet::finish_all(vec![outlet], LAST_GRACE);
    let told = TOLD.lock().unwrap();
    assert!(told[0].starts_with("peer: cannot read what waits in "));
    assert_eq!(told[1..], ["peer: works again; no event was lost"]);
}

#[test]
fn the_events_of_a_run_before_wait_from_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open_spool(folder.path(), 1, 0).unwrap();
    spool.append(b"one", Instant::now());
    spool.finish(Instant::now()).unwrap();
    drop(spool);
    let spool = open_spool(folder.path(), 1, 0).unwrap();
    let sink = Spooled::start("peer".into(), spool, |_| {}, Box::new(|| {}), |_| {}).unwrap();
    assert_eq!(sink.spooled().map(|spool| (spool.waiting)()), Some(1));
}
