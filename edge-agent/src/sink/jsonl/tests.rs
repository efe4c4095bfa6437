//! The sink in its outlet: kill -9 at random moments, a full disk, the config's ranges.

use std::collections::BTreeMap;

use super::*;
use crate::sink::{LAST_GRACE, Outlet, Overflow, crash};
use crate::testing::an_event;

fn config(max_file_mib: u32) -> JsonlConfig {
    JsonlConfig {
        max_file_mib,
        ..JsonlConfig::default()
    }
}

/// Sequences in all files of `folder`, in the order of their names; every line is an event.
fn sequences(folder: &Path) -> Vec<u64> {
    let files: BTreeMap<_, _> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.path()))
        .filter(|(name, _)| name.ends_with(".jsonl"))
        .collect();
    let mut found = Vec::new();
    for path in files.values() {
        for line in std::fs::read_to_string(path).unwrap().lines() {
            let event: Event = serde_json::from_str(line).unwrap();
            found.push(event.sequence);
        }
    }
    found
}

#[test]
fn a_file_is_appended_to_line_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    for number in [1, 2] {
        let mut sink = Jsonl::open(&path, &config(1)).unwrap();
        sink.deliver(&an_event(number)).unwrap();
        sink.finish(LAST_GRACE).unwrap();
    }
    assert_eq!(sequences(folder.path()), [1, 2]);
}

#[test]
fn a_folder_that_is_not_there_is_refused_and_a_full_disk_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no/events.jsonl");
    assert!(Jsonl::open(&path, &config(1)).is_err());
    let disk = Disk::default();
    disk.faults().all(io::ErrorKind::StorageFull);
    let path = folder.path().join("events.jsonl");
    let mut sink = Jsonl::on(disk.clone(), &path, &config(1)).unwrap();
    assert!(sink.deliver(&an_event(1)).is_err());
    disk.faults().mend();
    sink.deliver(&an_event(1)).unwrap();
    assert_eq!(sequences(folder.path()), [1]);
}

#[test]
fn what_is_not_safe_at_the_end_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let disk = Disk::default();
    let mut sink = Jsonl::on(disk.clone(), &path, &config(1)).unwrap();
    sink.deliver(&an_event(1)).unwrap();
    sink.finish(LAST_GRACE).unwrap();
    assert_eq!(sink.unsaved(), 0);
    sink.deliver(&an_event(2)).unwrap();
    sink.deliver(&an_event(3)).unwrap();
    disk.faults().all(io::ErrorKind::StorageFull);
    assert!(sink.finish(LAST_GRACE).is_err());
    assert_eq!(sink.unsaved(), 2);
}

/// Writes until it is killed: events after the last one in the file, and tells what the
/// outlet counts as delivered. Does nothing unless it is somebody's child.
#[test]
fn crash_child() {
    let Some(folder) = crash::child_folder() else {
        return;
    };
    let path = folder.join("events.jsonl");
    let sink = Jsonl::open(&path, &config(1)).unwrap();
    // Read after opening: the torn end is gone by then.
    let done = sequences(&folder).last().copied().unwrap_or(0);
    let mut outlet = Outlet::start(Box::new(sink), Overflow::Wait, |_| {}).unwrap();
    crash::tell(done);
    for sequence in done + 1.. {
        outlet.send(&an_event(sequence));
        crash::tell(done + outlet.tally().delivered);
    }
}

fn kill_and_check(folder: &Path, rounds: u32) {
    crash::kill_again_and_again(
        "sink::jsonl::tests::crash_child",
        folder,
        rounds,
        |round, told| {
            // What another writer, or a reader after a power cut, finds: whole lines, and at most
            // one that is not, at the end of the newest file.
            let path = folder.join("events.jsonl");
            Jsonl::open(&path, &config(1)).unwrap();
            let found = sequences(folder);
            let expected: Vec<u64> = (1..=found.len() as u64).collect();
            assert_eq!(found, expected, "round {round}");
            assert!(found.len() as u64 >= told, "round {round}: {told} told");
        },
    );
}

/// Events until the file has room for fewer than there will be kills, each of which lets at least
/// one be written: however slow the machine is, a file is set aside among them.
fn almost_fill(folder: &Path) {
    let path = folder.join("events.jsonl");
    let mut sink = Jsonl::open(&path, &config(1)).unwrap();
    let mut length = 0;
    for sequence in 1.. {
        sink.deliver(&an_event(sequence)).unwrap();
        let longer = std::fs::metadata(&path).unwrap().len();
        let line = longer - length;
        length = longer;
        if (1 << 20) - length < line * u64::from(crash::BLOCK / 2) {
            return sink.finish(LAST_GRACE).unwrap();
        }
    }
}

#[test]
fn killed_at_any_moment_it_loses_nothing_delivered_and_stays_readable() {
    for _ in 0..crash::blocks() {
        let folder = tempfile::tempdir().unwrap();
        almost_fill(folder.path());
        kill_and_check(folder.path(), crash::BLOCK);
        let aside = folder.path().join("events-00000001.jsonl");
        assert!(aside.is_file(), "too few events to see a file set aside");
    }
}

#[test]
fn killed_on_a_full_disk_it_stays_readable() {
    let test = "sink::jsonl::tests::killed_on_a_full_disk_it_stays_readable";
    let Some(disk) = crash::on_a_small_disk(test, 512) else {
        return;
    };
    for block in 0..crash::blocks() {
        let folder = disk.join(block.to_string());
        std::fs::create_dir(&folder).unwrap();
        // The child fills the disk itself: 512 kB are some 1,200 events.
        kill_and_check(&folder, 30);
        crash::fill(&folder);
        kill_and_check(&folder, crash::BLOCK - 30);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

#[test]
fn a_full_disk_is_waited_out_and_no_event_is_lost() {
    let test = "sink::jsonl::tests::a_full_disk_is_waited_out_and_no_event_is_lost";
    let Some(folder) = crash::on_a_small_disk(test, 2048) else {
        return;
    };
    let path = folder.join("events.jsonl");
    let sink = Jsonl::open(&path, &config(1)).unwrap();
    let mut outlet = Outlet::start(Box::new(sink), Overflow::Drop, |_| {}).unwrap();
    outlet.send(&an_event(1));
    while outlet.tally().delivered == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let ballast = crash::fill(&folder);
    for number in 2..=500 {
        outlet.send(&an_event(number));
    }
    assert!(outlet.waiting() > 400, "{} wait", outlet.waiting());
    std::fs::remove_file(ballast).unwrap();
    while outlet.tally().delivered < 500 {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(Outlet::finish_all(vec![outlet], LAST_GRACE)[0].lost, 0);
    assert_eq!(sequences(&folder), (1..=500).collect::<Vec<_>>());
}

#[test]
fn the_table_is_checked() {
    assert_eq!(JsonlConfig::default().check(), Ok(()));
    for (text, told) in [
        (
            "path = \"\"",
            "jsonl.path is empty; give the path of a file",
        ),
        (
            "max_file_mib = 0",
            "jsonl.max_file_mib = 0 is out of range; allowed: 1 to 1024",
        ),
        (
            "max_total_mib = 31",
            "jsonl.max_total_mib = 31 is out of range; allowed: 32 to 1048576",
        ),
        (
            "sync_ms = 1001",
            "jsonl.sync_ms = 1001 is out of range; allowed: 0 to 1000",
        ),
        (
            "max_file_hours = 0",
            "jsonl.max_file_hours = 0 is out of range; allowed: 1 to 8784",
        ),
    ] {
        let config: JsonlConfig = toml::from_str(text).unwrap();
        assert_eq!(config.check().unwrap_err().to_string(), told);
    }
}
