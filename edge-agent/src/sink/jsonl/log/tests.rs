//! The log under rotation, under a failure of each single operation, and under a crash at each.

use std::sync::Mutex;

use super::*;

const SYNC: Duration = Duration::from_millis(1000);

fn limits(file_bytes: u64, total_bytes: u64) -> Limits {
    Limits {
        file_bytes,
        file_age: Duration::from_secs(3600),
        total_bytes,
        sync_every: SYNC,
    }
}

fn log(disk: &Disk, folder: &Path, limits: Limits) -> EventLog {
    EventLog::new(disk.clone(), &folder.join("events.jsonl"), limits, |_| {})
}

/// Lines of all files, in the order of their names.
fn lines(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".jsonl"))
        .collect();
    names.sort_unstable();
    names
        .iter()
        .flat_map(|name| {
            let text = std::fs::read_to_string(folder.join(name)).unwrap();
            assert!(text.is_empty() || text.ends_with('\n'), "{name} is torn");
            text.lines().map(String::from).collect::<Vec<_>>()
        })
        .collect()
}

fn line(number: usize) -> String {
    format!("{{\"sequence\":{number}}}")
}

fn all(count: usize) -> Vec<String> {
    (0..count).map(line).collect()
}

#[test]
fn full_files_are_set_aside_and_names_give_the_order() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    for half in 0..2 {
        let mut log = log(&disk, folder.path(), limits(100, 100_000));
        for number in half * 30..(half + 1) * 30 {
            let text = line(number) + "\n";
            log.append(text.as_bytes(), Instant::now()).unwrap();
        }
    }
    assert_eq!(lines(folder.path()), all(60));
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        assert!(entry.unwrap().metadata().unwrap().len() <= 100);
    }
    assert!(folder.path().join("events-00000009.jsonl").is_file());
}

#[test]
fn an_old_file_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = log(&Disk::default(), folder.path(), limits(10_000, 100_000));
    let start = Instant::now();
    log.append(b"{}\n", start).unwrap();
    log.append(b"{}\n", start + Duration::from_secs(3500))
        .unwrap();
    log.append(b"{}\n", start + Duration::from_secs(3700))
        .unwrap();
    assert!(folder.path().join("events-00000001.jsonl").is_file());
    assert!(!folder.path().join("events-00000002.jsonl").is_file());
}

#[test]
fn the_oldest_files_go_when_the_total_is_reached() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = log(&Disk::default(), folder.path(), limits(100, 450));
    for number in 0..500 {
        let text = line(number) + "\n";
        log.append(text.as_bytes(), Instant::now()).unwrap();
        let total: u64 = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .sum();
        assert!(total <= 450, "{total}");
    }
    let left = lines(folder.path());
    assert!(left.len() > 10, "{left:?}");
    assert!(all(500).ends_with(&left));
}

#[test]
fn no_line_waits_longer_for_its_sync_than_the_config_says() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    let mut log = log(&disk, folder.path(), limits(1 << 20, 1 << 30));
    let start = Instant::now();
    let mut appended = Vec::new();
    let mut next = None;
    for ms in (0..60_000).step_by(10) {
        let now = start + Duration::from_millis(ms);
        if ms % 70 == 0 && ms < 50_000 {
            log.append(b"{\"some\":\"event\"}\n", now).unwrap();
            appended.push(ms);
            next.get_or_insert(now);
        }
        // As the outlet does: only when the log wants it.
        if next.is_some_and(|at| at <= now) {
            next = log.tend(now).unwrap().map(|wait| now + wait);
        }
        let synced = log.active.as_ref().map_or(0, |active| active.synced) / 17;
        let due = appended.iter().filter(|at| **at + 1000 <= ms).count() as u64;
        assert!(synced >= due, "{ms}: {synced} of {due}");
    }
    // One sync a second at most while events come, one for the folder, none when it is quiet.
    assert!(
        (40..=52).contains(&disk.wear().syncs()),
        "{:?}",
        disk.wear()
    );
    assert_eq!(disk.wear().bytes(), 17 * appended.len() as u64);
}

/// Appends `count` lines with a sync after every third, trying each step until it works.
fn insist(log: &mut EventLog, count: usize) -> u32 {
    let mut failures = 0;
    for number in 0..count {
        let text = line(number) + "\n";
        while log.append(text.as_bytes(), Instant::now()).is_err() {
            failures += 1;
        }
        if number % 3 == 2 {
            while log.sync().is_err() {
                failures += 1;
            }
        }
    }
    failures
}

#[test]
fn a_failure_of_any_one_operation_loses_and_doubles_nothing() {
    for kind in [io::ErrorKind::StorageFull, io::ErrorKind::Other] {
        let mut failed = 0;
        for step in 0.. {
            let folder = tempfile::tempdir().unwrap();
            let disk = Disk::default();
            disk.faults().one_after(step, kind);
            let mut log = log(&disk, folder.path(), limits(100, 100_000));
            failed += insist(&mut log, 20);
            if disk.faults().pending() {
                break;
            }
            assert_eq!(lines(folder.path()), all(20), "step {step}");
        }
        assert!(failed > 20, "{failed} failures reached the log");
    }
}

#[test]
fn a_long_failure_is_got_over() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    let mut log = log(&disk, folder.path(), limits(100, 100_000));
    insist(&mut log, 2);
    disk.faults().all(io::ErrorKind::ReadOnlyFilesystem);
    for _ in 0..5 {
        assert!(log.append(b"{\"sequence\":2}\n", Instant::now()).is_err());
        assert!(log.sync().is_err());
    }
    disk.faults().mend();
    log.append(b"{\"sequence\":2}\n", Instant::now()).unwrap();
    log.sync().unwrap();
    assert_eq!(lines(folder.path()), all(3));
}

fn append(log: &mut EventLog, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let text = line(number) + "\n";
        log.append(text.as_bytes(), Instant::now()).unwrap();
    }
}

#[test]
fn where_nothing_can_be_synced_memory_and_writing_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    let mut log = log(&disk, folder.path(), limits(1 << 20, 1 << 30));
    disk.faults().all_syncing(io::ErrorKind::StorageFull);
    let start = Instant::now();
    let (mut taken, mut tries) = (0, 0);
    for number in 0..25_000 {
        let text = line(taken) + "\n";
        taken += usize::from(log.append(text.as_bytes(), start).is_ok());
        if number % 1000 == 999 {
            assert!(log.tend(start + SYNC).is_err());
            tries += 1;
        }
        assert!(log.unsynced.len() <= UNSYNCED);
    }
    assert!(taken < 25_000 && taken as u64 == log.unsynced_lines());
    let most = (tries + 2) * UNSYNCED as u64;
    assert!(disk.wear().bytes() < most, "{:?}", disk.wear());
    disk.faults().mend();
    assert_eq!(log.tend(start + SYNC).unwrap(), None);
    append(&mut log, taken..taken + 10);
    log.sync().unwrap();
    assert_eq!(lines(folder.path()), all(taken + 10));
}

#[test]
fn a_look_that_fails_once_and_a_name_that_is_taken_cost_no_file_from_before() {
    let folder = tempfile::tempdir().unwrap();
    let aside = |number: usize| folder.path().join(format!("events-{number:08}.jsonl"));
    for number in 0..3 {
        std::fs::write(aside(number + 1), line(number) + "\n").unwrap();
    }
    let disk = Disk::default();
    disk.faults().one_reading_after(0, io::ErrorKind::Other);
    let mut log = log(&disk, folder.path(), limits(100, 100_000));
    assert!(log.open().is_err());
    append(&mut log, 3..20);
    assert_eq!(lines(folder.path()), all(20));
    let next = log.aside.back().unwrap().0 + 1;
    let taken = aside(usize::try_from(next).unwrap());
    std::fs::write(&taken, "{}\n").unwrap();
    append(&mut log, 20..40);
    assert_eq!(std::fs::read_to_string(&taken).unwrap(), "{}\n");
    std::fs::remove_file(&taken).unwrap();
    assert_eq!(lines(folder.path()), all(40));
}

#[test]
fn a_file_that_is_moved_away_keeps_its_lines_and_another_is_begun() {
    static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let note = |told: &str| TOLD.lock().unwrap().push(told.to_string());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let mut log = EventLog::new(Disk::default(), &path, limits(100, 100_000), note);
    append(&mut log, 0..4);
    let elsewhere = tempfile::tempdir().unwrap();
    let moved = elsewhere.path().join("moved.jsonl");
    std::fs::rename(&path, &moved).unwrap();
    // Far more than one file holds.
    append(&mut log, 4..40);
    log.sync().unwrap();
    assert_eq!(lines(elsewhere.path()), all(4));
    assert_eq!(lines(folder.path()), all(40)[4..]);
    let told = TOLD.lock().unwrap();
    let expected = format!(
        "{}: was moved or deleted; a new one is begun",
        path.display()
    );
    assert_eq!(*told, [expected]);
}

#[test]
fn a_file_that_is_taken_away_while_it_is_set_aside_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let mut log = log(&Disk::default(), folder.path(), limits(100, 100_000));
    append(&mut log, 0..4);
    std::fs::rename(&path, folder.path().join("moved")).unwrap();
    log.set_aside().unwrap();
    append(&mut log, 4..40);
    assert_eq!(lines(folder.path()), all(40)[4..]);
    assert!(folder.path().join("events-00000001.jsonl").is_file());
}

#[test]
fn a_file_that_is_deleted_takes_only_what_was_synced_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let mut log = log(&Disk::default(), folder.path(), limits(10_000, 100_000));
    append(&mut log, 0..3);
    log.sync().unwrap();
    append(&mut log, 3..4);
    std::fs::remove_file(&path).unwrap();
    log.tend(Instant::now() + 2 * SYNC).unwrap();
    assert_eq!(lines(folder.path()), all(4)[3..]);
    std::fs::remove_file(&path).unwrap();
    append(&mut log, 4..6);
    assert_eq!(lines(folder.path()), all(6)[4..]);
}

#[test]
fn a_crash_at_any_operation_loses_nothing_that_was_appended() {
    let mut crashes = 0;
    for step in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::default();
        disk.faults().all_after(step);
        let mut before = log(&disk, folder.path(), limits(100, 100_000));
        let mut appended = 0;
        for number in 0..20 {
            let text = line(number) + "\n";
            if before.append(text.as_bytes(), Instant::now()).is_err() {
                break;
            }
            appended += 1;
            if number % 3 == 2 && before.sync().is_err() {
                break;
            }
        }
        let done = disk.faults().pending();
        drop(before);
        disk.faults().mend();
        let mut after = log(&disk, folder.path(), limits(100, 100_000));
        after.open().unwrap();
        let found = lines(folder.path());
        assert!(found.len() >= appended, "step {step}: {found:?}");
        assert_eq!(found, all(found.len()), "step {step}");
        if done {
            break;
        }
        crashes += 1;
    }
    assert!(crashes > 30, "{crashes}");
}

#[test]
fn a_power_cut_keeps_what_was_synced_whatever_it_leaves_of_the_rest() {
    for unsynced in 0..4 {
        let text: String = (3..3 + unsynced).map(|n| line(n) + "\n").collect();
        for cut in 0..=text.len() {
            for zeros in [0, 5] {
                let folder = tempfile::tempdir().unwrap();
                let disk = Disk::default();
                let mut before = log(&disk, folder.path(), limits(10_000, 100_000));
                insist(&mut before, 3);
                drop(before);
                let path = folder.path().join("events.jsonl");
                let mut bytes = std::fs::read(&path).unwrap();
                bytes.extend_from_slice(&text.as_bytes()[..cut]);
                bytes.extend(std::iter::repeat_n(0, zeros));
                std::fs::write(&path, bytes).unwrap();
                log(&disk, folder.path(), limits(10_000, 100_000))
                    .open()
                    .unwrap();
                let found = lines(folder.path());
                assert!(found.len() >= 3, "{found:?}");
                assert_eq!(found, all(found.len()));
            }
        }
    }
}

#[test]
fn a_second_writer_and_what_is_no_file_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    let mut first = log(&disk, folder.path(), limits(100, 1000));
    first.open().unwrap();
    let told = log(&disk, folder.path(), limits(100, 1000))
        .open()
        .unwrap_err()
        .to_string();
    assert!(
        told.starts_with("another process writes to it; give"),
        "{told}"
    );
    drop(first);
    log(&disk, folder.path(), limits(100, 1000)).open().unwrap();
    let told = EventLog::new(disk, Path::new("/dev/null"), limits(100, 1000), |_| {})
        .open()
        .unwrap_err()
        .to_string();
    assert!(told.starts_with("not a regular file; give"), "{told}");
}
