//! The spool on a disk that cannot be read or opened for a while, and with a peer that takes its
//! time.

use super::tests::{TEST_LIMITS, append, open, take, text, texts};
use super::*;

#[test]
fn what_is_acknowledged_late_stands_in_the_cursor_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), TEST_LIMITS);
    append(&mut spool, 0..3);
    let start = Instant::now();
    let mut due = Some(start);
    for second in 0..60 {
        let now = start + Duration::from_secs(second);
        if second == 22 {
            (0..3).for_each(|number| spool.acknowledge(number));
        }
        // As the outlet does: only when the spool wants it.
        if due.is_some_and(|at| at <= now) {
            due = spool.tend(now).unwrap().map(|wait| now + wait);
        }
        let written = spool.cursor.as_ref().unwrap().value();
        assert!(second < 27 || written == 3, "{written} after {second} s");
    }
    assert_eq!(due, None);
}

#[test]
fn segments_that_somebody_removes_hold_up_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), TEST_LIMITS);
    append(&mut spool, 0..40);
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|kind| kind == "spool") {
            std::fs::remove_file(path).unwrap();
        }
    }
    spool.rewind();
    assert_eq!(take(&mut spool), texts(0..0));
    assert_eq!(spool.counts().damaged, 40);
    append(&mut spool, 40..43);
    assert_eq!(take(&mut spool), texts(40..43));
    drop(spool);
    let mut spool = open(folder.path(), TEST_LIMITS);
    assert_eq!(take(&mut spool), texts(40..43));
}

#[test]
fn a_failure_of_any_one_read_loses_nothing() {
    for step in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::default();
        let mut spool = Spool::open(&disk, folder.path(), TEST_LIMITS).unwrap();
        append(&mut spool, 0..40);
        disk.faults()
            .one_reading_after(step, io::ErrorKind::TimedOut);
        let mut received = take(&mut spool);
        let done = disk.faults().pending();
        if !done {
            assert!(received.len() < 40, "step {step}");
            assert_eq!(spool.next(), None);
            spool.tend(Instant::now()).unwrap();
            received.extend(take(&mut spool));
        }
        assert_eq!(received, texts(0..40), "step {step}");
        assert_eq!(spool.counts().damaged, 0);
        drop(spool);
        let mut spool = open(folder.path(), TEST_LIMITS);
        assert_eq!(take(&mut spool), texts(0..40), "step {step}, opened again");
        if done {
            assert!(step > 80, "{step} reads");
            break;
        }
    }
}

#[test]
fn what_cannot_be_read_for_an_hour_is_given_up_and_what_is_behind_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    let mut spool = Spool::open(&disk, folder.path(), TEST_LIMITS).unwrap();
    append(&mut spool, 0..40);
    disk.faults().all_reading(io::ErrorKind::TimedOut);
    assert_eq!(spool.next(), None);
    let start = Instant::now();
    for minute in 0..=60 {
        assert_eq!(spool.counts().waiting, 40, "{minute} minutes");
        let now = start + Duration::from_secs(60 * minute);
        let told = spool.tend(now).unwrap_err().to_string();
        assert!(told.starts_with("cannot read what waits in "), "{told}");
    }
    let Counts {
        waiting, damaged, ..
    } = spool.counts();
    assert!((1..=20).contains(&damaged), "{damaged}");
    assert_eq!(waiting, 40 - damaged);
    disk.faults().mend();
    assert_eq!(take(&mut spool), texts(damaged..40));
    spool.tend(start + Duration::from_secs(3601)).unwrap();
}

#[test]
fn a_folder_is_not_opened_on_half_of_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), TEST_LIMITS);
    append(&mut spool, 0..3);
    (0..3).for_each(|number| spool.acknowledge(number));
    spool.finish(Instant::now()).unwrap();
    drop(spool);
    for step in 0.. {
        let disk = Disk::default();
        disk.faults()
            .one_reading_after(step, io::ErrorKind::TimedOut);
        let opened = Spool::open(&disk, folder.path(), TEST_LIMITS);
        if disk.faults().pending() {
            assert_eq!(opened.unwrap().counts(), Counts::default());
            assert!(step > 7, "{step} reads");
            break;
        }
        assert!(opened.is_err(), "step {step}");
    }
}

#[test]
fn what_a_failed_sync_may_have_lost_is_written_anew_when_a_segment_is_full() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    let mut spool = Spool::open(&disk, folder.path(), TEST_LIMITS).unwrap();
    append(&mut spool, 0..10);
    spool.limits.sync_every = Duration::ZERO;
    spool.tend(Instant::now()).unwrap();
    let mut number = 10;
    while spool.memory.is_empty() {
        // Between two syncs the first operation that is no append is the one for a full segment.
        let full = std::fs::metadata(segment::path(folder.path(), 0)).unwrap();
        if full.len() + 33 > TEST_LIMITS.total_bytes / 8 {
            disk.faults().one_after(0, io::ErrorKind::TimedOut);
        }
        append(&mut spool, number..number + 1);
        number += 1;
    }
    assert_eq!(spool.memory.len() as u64, number - 10);
    assert_eq!(take(&mut spool), texts(0..number));
    spool.tend(Instant::now()).unwrap();
    assert!(spool.memory.is_empty());
    assert!(segment::path(folder.path(), 10).exists());
    drop(spool);
    let mut spool = open(folder.path(), TEST_LIMITS);
    assert_eq!(take(&mut spool), texts(0..number));
}

#[test]
fn a_disk_that_opens_late_gets_what_was_told_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let mut before = open(folder.path(), TEST_LIMITS);
    append(&mut before, 0..3);
    before.finish(Instant::now()).unwrap();
    drop(before);
    let disk = Disk::default();
    disk.faults().all(io::ErrorKind::ReadOnlyFilesystem);
    let mut spool = Spool::open(&disk, folder.path(), TEST_LIMITS).unwrap();
    append(&mut spool, 3..8);
    let told = spool.tend(Instant::now()).unwrap_err().to_string();
    assert!(told.starts_with("cannot use "), "{told}");
    let given: Vec<(u64, Vec<u8>)> = std::iter::from_fn(|| spool.next()).collect();
    let records = given.iter().map(|(_, record)| record.clone());
    assert!(records.eq(texts(3..8).into_iter().map(String::into_bytes)));
    spool.acknowledge(given[0].0);
    spool.acknowledge(given[2].0);
    assert_eq!((spool.unsaved(), spool.counts().waiting), (3, 3));
    disk.faults().mend();
    spool.tend(Instant::now()).unwrap();
    assert_eq!((spool.unsaved(), spool.counts().waiting), (0, 6));
    // A number from before is nobody's.
    spool.acknowledge(given[1].0);
    assert_eq!(take(&mut spool), [0, 1, 2, 4, 6, 7].map(text));
    drop(spool);
    // The cursor is one number: what was acknowledged out of order comes again.
    let mut spool = open(folder.path(), TEST_LIMITS);
    assert_eq!(take(&mut spool), [0, 1, 2, 4, 5, 6, 7].map(text));
}

#[test]
fn without_a_disk_the_newest_records_wait_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("not/there/yet");
    let disk = Disk::default();
    disk.faults().all(io::ErrorKind::PermissionDenied);
    assert!(Spool::open(&disk, &folder, TEST_LIMITS).is_err());
    disk.faults().all(io::ErrorKind::StorageFull);
    let mut spool = Spool::open(&disk, &folder, TEST_LIMITS).unwrap();
    let all = MEMORY as u64 + 10;
    append(&mut spool, 0..all);
    let expected = Counts {
        waiting: MEMORY as u64,
        dropped: 10,
        damaged: 0,
    };
    assert_eq!(spool.counts(), expected);
    assert_eq!(take(&mut spool), texts(10..all));
    assert!(spool.finish(Instant::now()).is_err());
    assert_eq!(spool.unsaved(), MEMORY as u64);
    assert!(!folder.exists());
}
