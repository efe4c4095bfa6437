//! The spool in order, when full, under a failure and a crash at every step, under power cuts
//! and kill -9.

use super::*;
use crate::sink::crash;

pub const TEST_LIMITS: Limits = Limits {
    total_bytes: 4096,
    sync_every: Duration::from_millis(1000),
    cursor_every: Duration::from_millis(5000),
};

const ROOMY: Limits = Limits {
    total_bytes: 64 << 20,
    ..TEST_LIMITS
};

pub fn open(folder: &Path, limits: Limits) -> Spool {
    Spool::open(&Disk::default(), folder, limits).unwrap()
}

pub fn text(number: u64) -> String {
    format!("record {number}, of some length")
}

pub fn append(spool: &mut Spool, numbers: std::ops::Range<u64>) {
    for number in numbers {
        spool.append(text(number).as_bytes(), Instant::now());
    }
}

/// Everything that waits, in order.
pub fn take(spool: &mut Spool) -> Vec<String> {
    std::iter::from_fn(|| spool.next())
        .map(|(_, record)| String::from_utf8(record).unwrap())
        .collect()
}

pub fn texts(numbers: std::ops::Range<u64>) -> Vec<String> {
    numbers.map(text).collect()
}

fn size_on_disk(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|e| e.unwrap().metadata().unwrap().len()).sum()
}

#[test]
fn what_is_not_acknowledged_is_given_out_again_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), TEST_LIMITS);
    append(&mut spool, 0..30);
    assert_eq!(take(&mut spool), texts(0..30));
    for number in [0, 1, 2, 4, 7] {
        spool.acknowledge(number);
    }
    spool.rewind();
    let left: Vec<String> = [3, 5, 6].into_iter().chain(8..30).map(text).collect();
    assert_eq!(take(&mut spool), left);
    assert_eq!(spool.counts().waiting, 25);
    spool.finish(Instant::now()).unwrap();
    drop(spool);
    // The cursor is one number: what was acknowledged out of order comes again.
    let mut spool = open(folder.path(), TEST_LIMITS);
    assert_eq!(take(&mut spool), texts(3..30));
    append(&mut spool, 30..31);
    assert_eq!(take(&mut spool), texts(30..31));
}

#[test]
fn acknowledged_segments_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), TEST_LIMITS);
    for number in 0..1000 {
        append(&mut spool, number..number + 1);
        let (got, record) = spool.next().unwrap();
        assert_eq!((got, record), (number, text(number).into_bytes()));
        spool.acknowledge(number);
    }
    assert_eq!(spool.counts(), Counts::default());
    assert!(size_on_disk(folder.path()) <= 512 + 12);
}

#[test]
fn a_full_spool_drops_the_oldest_and_counts_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), TEST_LIMITS);
    // One was given out before it was dropped; its late acknowledgement changes nothing.
    append(&mut spool, 0..1);
    assert!(spool.next().is_some());
    for number in 1..1000 {
        append(&mut spool, number..number + 1);
        assert!(size_on_disk(folder.path()) <= TEST_LIMITS.total_bytes + 12);
    }
    spool.acknowledge(0);
    let counts = spool.counts();
    assert_eq!(counts.waiting + counts.dropped, 1000);
    assert!(counts.waiting > 60, "{counts:?}");
    assert_eq!(take(&mut spool), texts(1000 - counts.waiting..1000));
}

#[test]
fn a_failure_of_any_one_operation_loses_nothing() {
    let mut failed = 0;
    for step in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::default();
        let mut spool = Spool::open(&disk, folder.path(), TEST_LIMITS).unwrap();
        disk.faults().one_after(step, io::ErrorKind::StorageFull);
        spool.limits.sync_every = Duration::ZERO;
        spool.limits.cursor_every = Duration::ZERO;
        let mut received = Vec::new();
        for number in 0..40 {
            append(&mut spool, number..number + 1);
            if number % 3 == 0 && spool.tend(Instant::now()).is_err() {
                failed += 1;
            }
            if number % 5 == 4 {
                received.extend(take(&mut spool));
                spool.acknowledge(number);
                spool.acknowledge(number - 2);
            }
        }
        let done = disk.faults().pending();
        disk.faults().mend();
        received.extend(take(&mut spool));
        assert_eq!(received, texts(0..40), "step {step}");
        spool.tend(Instant::now()).unwrap();
        assert!(spool.memory.is_empty());
        drop(spool);
        let mut spool = open(folder.path(), TEST_LIMITS);
        // What was acknowledged may come again, and need not.
        let owed = (0..40).filter(|number| number % 5 != 2 && number % 5 != 4);
        let owed: Vec<String> = owed.map(text).collect();
        let mut again = take(&mut spool);
        again.retain(|text| owed.contains(text));
        assert_eq!(again, owed, "step {step}, opened again");
        if done {
            break;
        }
    }
    assert!(failed > 10, "{failed} failures were told");
}

#[test]
fn a_crash_at_any_operation_keeps_what_was_on_the_disk() {
    let mut crashes = 0;
    for step in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::default();
        let mut spool = Spool::open(&disk, folder.path(), TEST_LIMITS).unwrap();
        disk.faults().all_after(step);
        spool.limits.sync_every = Duration::ZERO;
        spool.limits.cursor_every = Duration::ZERO;
        let (mut stored, mut acknowledged) = (0, 0);
        for number in 0..40 {
            append(&mut spool, number..number + 1);
            if !spool.memory.is_empty() {
                break;
            }
            stored = number + 1;
            if number % 4 == 3 {
                take(&mut spool);
                for number in acknowledged..number - 1 {
                    spool.acknowledge(number);
                }
                acknowledged = number - 1;
                if spool.tend(Instant::now()).is_err() {
                    break;
                }
            }
        }
        let done = disk.faults().pending();
        drop(spool);
        let mut spool = open(folder.path(), TEST_LIMITS);
        let found = take(&mut spool);
        let first = spool.floor;
        assert!(first <= acknowledged, "step {step}: {first}");
        assert!(spool.next >= stored, "step {step}: {}", spool.next);
        assert_eq!(found, texts(first..spool.next), "step {step}");
        let next = spool.next;
        append(&mut spool, next..next + 1);
        assert!(spool.next().is_some());
        if done {
            break;
        }
        crashes += 1;
    }
    assert!(crashes > 60, "{crashes}");
}

#[test]
fn while_the_disk_fails_records_go_out_from_memory_and_the_oldest_are_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    let mut spool = Spool::open(&disk, folder.path(), ROOMY).unwrap();
    append(&mut spool, 0..10);
    disk.faults().all(io::ErrorKind::ReadOnlyFilesystem);
    append(&mut spool, 10..20);
    assert!(spool.tend(Instant::now()).is_err());
    assert_eq!(take(&mut spool), texts(0..20));
    for number in 0..15 {
        spool.acknowledge(number);
    }
    append(&mut spool, 20..1200);
    assert_eq!(spool.memory.len(), MEMORY);
    let dropped = 1200 - MEMORY as u64 - 15;
    assert_eq!(spool.counts().dropped, dropped);
    disk.faults().mend();
    spool.tend(Instant::now()).unwrap();
    assert!(spool.memory.is_empty());
    drop(spool);
    let mut spool = open(folder.path(), ROOMY);
    assert_eq!(take(&mut spool), texts(1200 - MEMORY as u64..1200));
}

#[test]
fn a_power_cut_keeps_what_was_synced_whatever_it_leaves_of_the_rest() {
    let whole = {
        let folder = tempfile::tempdir().unwrap();
        append(&mut open(folder.path(), ROOMY), 0..6);
        std::fs::read(segment::path(folder.path(), 0)).unwrap()
    };
    let synced = whole.len() / 2;
    for cut in synced..=whole.len() {
        for noise in [0, 3, 40] {
            let folder = tempfile::tempdir().unwrap();
            let mut bytes = whole[..cut].to_vec();
            bytes.extend(std::iter::repeat_n(0, noise));
            std::fs::write(segment::path(folder.path(), 0), bytes).unwrap();
            let mut spool = open(folder.path(), ROOMY);
            let found = spool.next;
            assert!(found >= 3, "{found}");
            append(&mut spool, found..found + 2);
            assert_eq!(take(&mut spool), texts(0..found + 2));
        }
    }
    // The records are gone and their acknowledgement is not: numbers are not given twice.
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), ROOMY);
    append(&mut spool, 0..6);
    (0..6).for_each(|number| spool.acknowledge(number));
    spool.finish(Instant::now()).unwrap();
    drop(spool);
    std::fs::write(segment::path(folder.path(), 0), &whole[..synced]).unwrap();
    let mut spool = open(folder.path(), ROOMY);
    append(&mut spool, 6..8);
    assert_eq!(spool.next().unwrap().0, 6);
    assert_eq!(take(&mut spool), texts(7..8));
}

#[test]
fn damage_costs_the_rest_of_its_segment_and_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    append(&mut open(folder.path(), TEST_LIMITS), 0..50);
    let path = segment::path(folder.path(), 0);
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 0x10;
    std::fs::write(&path, bytes).unwrap();
    let mut spool = open(folder.path(), TEST_LIMITS);
    let found = take(&mut spool);
    let damaged = spool.counts().damaged;
    assert!((1..=13).contains(&damaged), "{damaged}");
    assert_eq!(found.len() as u64 + damaged, 50);
    assert!(found.ends_with(&texts(20..50)));
    for number in 0..50 {
        spool.acknowledge(number);
    }
    assert_eq!(spool.counts().waiting, 0);
}

#[test]
fn a_segment_without_a_readable_record_is_passed_over_each_time() {
    let folder = tempfile::tempdir().unwrap();
    append(&mut open(folder.path(), TEST_LIMITS), 0..50);
    let second = |first: &u64| *first > 0 && segment::path(folder.path(), *first).exists();
    let second = (0..50).find(second).unwrap();
    std::fs::write(segment::path(folder.path(), second), [0; 40]).unwrap();
    let mut spool = open(folder.path(), TEST_LIMITS);
    let numbered = |spool: &mut Spool| std::iter::from_fn(|| spool.next()).collect::<Vec<_>>();
    let found = numbered(&mut spool);
    assert!(
        found
            .iter()
            .all(|(n, record)| text(*n).as_bytes() == record)
    );
    spool.rewind();
    assert_eq!(numbered(&mut spool), found);
}

#[test]
fn a_gap_as_wide_as_numbers_go_takes_no_time_and_no_number_overflows() {
    let folder = tempfile::tempdir().unwrap();
    append(&mut open(folder.path(), TEST_LIMITS), 0..9);
    for (first, name) in [(segment::GREATEST, "believed"), (u64::MAX, "not")] {
        let record = segment::encode(first, name.as_bytes()).unwrap();
        std::fs::write(segment::path(folder.path(), first), record).unwrap();
    }
    let mut spool = open(folder.path(), TEST_LIMITS);
    assert_eq!(spool.next, segment::GREATEST + 1);
    let next = spool.next;
    append(&mut spool, next..next + 200);
    assert!(spool.counts().dropped > segment::GREATEST - 1);
    assert!(take(&mut spool).ends_with(&texts(next + 150..next + 200)));
}

#[test]
fn one_folder_has_one_user() {
    let folder = tempfile::tempdir().unwrap();
    let _spool = open(folder.path(), TEST_LIMITS);
    let told = Spool::open(&Disk::default(), folder.path(), TEST_LIMITS)
        .unwrap_err()
        .to_string();
    assert!(told.starts_with("another process uses it; give"), "{told}");
}

#[test]
fn a_day_without_a_peer_takes_no_memory_and_few_syncs() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    let mut spool = Spool::open(&disk, folder.path(), ROOMY).unwrap();
    let record = [b'x'; 430];
    let start = Instant::now();
    let day = 86_400;
    for second in 0..day {
        let now = start + Duration::from_secs(second);
        spool.append(&record, now);
        // A sync takes its time on a real disk; an hour of them is enough.
        if second < 3600 {
            spool.tend(now).unwrap();
        }
    }
    assert!(spool.memory.is_empty());
    assert_eq!(disk.wear().bytes(), day * (430 + 8));
    assert!(disk.wear().syncs() <= 3600 + 200, "{:?}", disk.wear());
    let mut last = None;
    while let Some((number, _)) = spool.next() {
        last = Some(number);
        spool.acknowledge(number);
    }
    assert_eq!(last, Some(day - 1));
    assert_eq!(spool.counts(), Counts::default());
}

#[test]
fn a_peer_that_answers_costs_no_sync() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    let mut spool = Spool::open(&disk, folder.path(), ROOMY).unwrap();
    let start = Instant::now();
    for second in 0..3600 {
        let now = start + Duration::from_secs(second);
        spool.append(&[b'x'; 430], now);
        let (number, _) = spool.next().unwrap();
        spool.acknowledge(number);
        spool.tend(now).unwrap();
    }
    // Two a new segment: there are two.
    assert!(disk.wear().syncs() <= 4, "{:?}", disk.wear());
    let cursor = disk.wear().bytes() - 3600 * (430 + 8);
    assert!(cursor <= 12 * 3600 / 5, "{cursor} bytes of cursor");
}

/// Appends and acknowledges until it is killed. Does nothing unless it is somebody's child.
#[test]
fn crash_child() {
    let Some(folder) = crash::child_folder() else {
        return;
    };
    let mut spool = open(&folder, ROOMY);
    loop {
        let next = spool.next;
        append(&mut spool, next..next + 3);
        crash::tell(spool.next);
        if let Some((number, _)) = spool.next() {
            spool.acknowledge(number);
        }
        spool.limits.cursor_every = Duration::ZERO;
        spool.tend(Instant::now()).unwrap();
    }
}

#[test]
fn killed_at_any_moment_it_keeps_what_was_appended() {
    for _ in 0..crash::blocks() {
        let folder = tempfile::tempdir().unwrap();
        let child = "spool::tests::crash_child";
        let mut floor = 0;
        crash::kill_again_and_again(child, folder.path(), crash::BLOCK, |round, told| {
            let mut spool = open(folder.path(), ROOMY);
            assert!(spool.next >= told, "round {round}: {told} told");
            assert!(spool.floor >= floor, "round {round}: the cursor went back");
            floor = spool.floor;
            let found = take(&mut spool);
            assert_eq!(found, texts(floor..spool.next), "round {round}");
        });
        assert!(floor > 0);
    }
}
