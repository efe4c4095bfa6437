//! The sink on real folders: what it keeps, what a restart finds, a full and a small disk.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::sink::crash;
use crate::testing::{an_event, noisy_road};

const WIDE: Limits = Limits {
    per_day: 1000,
    count: 1000,
    bytes: 1 << 30,
};

fn pictures() -> Pictures {
    Box::new(|sequence| Some(noisy_road(sequence)))
}

fn open(dir: &Path, limits: Limits) -> Crops {
    Crops::open(Disk::default(), dir, limits, 0, pictures()).unwrap()
}

fn event(sequence: u64, day: u64, colour: &str, lead: f32) -> Event {
    let mut event = an_event(sequence);
    event.time = Some(format!("2026-05-{day:02}T12:00:00.000Z"));
    event.top3 = [(colour, 0.5 + lead / 2.0), ("brown", 0.5 - lead / 2.0)]
        .map(|(colour, score)| models::Ranked {
            colour: colour.into(),
            score,
        })
        .into();
    event
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_picture_lies_beside_its_event() {
    let folder = tempfile::tempdir().unwrap();
    let mut crops = open(folder.path(), WIDE);
    crops.deliver(&an_event(7)).unwrap();
    let stem = "0000000000000007";
    assert_eq!(
        names(folder.path()),
        [format!("{stem}.jpg"), format!("{stem}.json")]
    );
    let kept = picture::read(&folder.path().join(format!("{stem}.jpg"))).unwrap();
    assert_eq!((kept.width(), kept.height()), crate::testing::SIZE);
    let line = fs::read(folder.path().join(format!("{stem}.json"))).unwrap();
    assert_eq!(serde_json::from_slice::<Event>(&line).unwrap(), an_event(7));
    // Told again, such as after a failure of another sink, it is there once.
    crops.deliver(&an_event(7)).unwrap();
    assert_eq!(names(folder.path()).len(), 2);
}

#[test]
fn the_doubtful_stay_and_the_limits_hold_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        per_day: 5,
        count: 12,
        ..WIDE
    };
    let mut sequence = 0;
    for day in 1..=4 {
        let mut crops = open(folder.path(), limits);
        for lead in [0.9, 0.1, 0.8, 0.3, 0.95, 0.2, 0.7, 0.5] {
            crops.deliver(&event(sequence, day, "grey", lead)).unwrap();
            sequence += 1;
        }
    }
    let kept = open(folder.path(), limits).kept;
    assert_eq!(kept.len(), 12);
    for day in 1..=4 {
        let mut margins: Vec<i32> = kept
            .iter()
            .filter(|kept| kept.day == format!("2026-05-{day:02}"))
            .map(|kept| (kept.margin * 100.0).round() as i32)
            .collect();
        margins.sort_unstable();
        assert_eq!(margins, [10, 20, 30], "day {day}");
    }
    assert_eq!(names(folder.path()).len(), 24);
}

#[test]
fn halves_of_a_sudden_end_are_removed_and_other_files_are_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path(), WIDE).deliver(&an_event(1)).unwrap();
    let others = ["labels.jsonl", "holiday.jpg", "0123456789abcdef.txt"];
    let halves = [
        "00000000000000aa.jpg",
        "00000000000000bb.json",
        "00000000000000cc.jpg.draft",
        "00000000000000dd.json",
        "00000000000000dd.jpg",
    ];
    for name in others.iter().chain(&halves) {
        fs::write(folder.path().join(name), "x").unwrap();
    }
    let mut crops = open(folder.path(), WIDE);
    crops.deliver(&an_event(2)).unwrap();
    let found = names(folder.path());
    assert!(
        others.iter().all(|name| found.contains(&name.to_string())),
        "{found:?}"
    );
    assert_eq!(found.len(), others.len() + 4, "{found:?}");
}

#[test]
fn what_cannot_be_read_as_its_event_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut crops = open(folder.path(), WIDE);
    for sequence in 1..=5 {
        crops.deliver(&an_event(sequence)).unwrap();
    }
    let json = |sequence: u64| folder.path().join(format!("{sequence:016x}.json"));
    let edit = |sequence, from: &str, to: &str| {
        let text = fs::read_to_string(json(sequence)).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(json(sequence), text.replace(from, to)).unwrap();
    };
    // As a later version writes them, and as an earlier one.
    edit(1, "\"schema\":1,", "\"schema\":1,\"speed_kmh\":null,");
    edit(2, ",\"early\":false", "");
    fs::write(json(3), "{\"vehicle\":3}").unwrap();
    // As a power cut may leave one.
    fs::write(json(4), [0; 300]).unwrap();
    // The last one cannot be read this time.
    let disk = Disk::default();
    disk.faults().one_reading_after(4, io::ErrorKind::Other);
    let crops = Crops::open(disk, folder.path(), WIDE, 0, pictures()).unwrap();
    let kept: Vec<&str> = crops.kept.iter().map(|kept| kept.id.as_str()).collect();
    assert_eq!(kept, ["0000000000000001", "0000000000000002"]);
    assert!((0.89..0.91).contains(&crops.kept[0].margin));
    let expected = [1, 2, 3, 5]
        .map(|sequence: u64| ["jpg", "json"].map(|kind| format!("{sequence:016x}.{kind}")));
    assert_eq!(names(folder.path()), expected.concat());
    // Once it can be read it counts again.
    assert_eq!(open(folder.path(), WIDE).kept.len(), 3);
}

#[test]
fn every_write_that_fails_leaves_a_folder_that_the_next_start_understands() {
    // A picture takes six steps on the disk, and one that takes another's place two more.
    for step in 0..16 {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::default();
        let limits = Limits { count: 1, ..WIDE };
        let mut crops = Crops::open(disk.clone(), folder.path(), limits, 0, pictures()).unwrap();
        disk.faults().all_after(step);
        let _ = crops.deliver(&event(1, 1, "grey", 0.9));
        let _ = crops.deliver(&event(2, 1, "grey", 0.1));
        drop(crops);
        let kept = open(folder.path(), WIDE).kept;
        assert!(kept.len() <= 1, "step {step}: {kept:?}");
        assert_eq!(names(folder.path()).len(), 2 * kept.len(), "step {step}");
    }
}

#[test]
fn a_picture_is_tried_again_until_the_disk_takes_it() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    let asked = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&asked);
    let once: Pictures = Box::new(move |sequence| {
        (count.fetch_add(1, Ordering::Relaxed) == 0).then(|| noisy_road(sequence))
    });
    let mut crops = Crops::open(disk.clone(), folder.path(), WIDE, 0, once).unwrap();
    disk.faults().all(io::ErrorKind::StorageFull);
    for _ in 0..3 {
        assert!(crops.deliver(&an_event(1)).is_err());
    }
    disk.faults().mend();
    crops.deliver(&an_event(1)).unwrap();
    assert_eq!(
        (names(folder.path()).len(), asked.load(Ordering::Relaxed)),
        (2, 1)
    );
}

#[test]
fn a_folder_that_is_not_there_is_refused_and_one_on_a_bad_disk_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("no");
    assert!(Crops::open(Disk::default(), &missing, WIDE, 0, pictures()).is_err());
    fs::write(folder.path().join("00000000000000cc.jpg.draft"), "x").unwrap();
    let disk = Disk::default();
    disk.faults().all(io::ErrorKind::ReadOnlyFilesystem);
    let mut crops = Crops::open(disk.clone(), folder.path(), WIDE, 0, pictures()).unwrap();
    assert!(crops.deliver(&an_event(1)).is_err());
    disk.faults().mend();
    crops.deliver(&an_event(1)).unwrap();
    assert_eq!(names(folder.path()).len(), 2);
}

#[test]
fn a_small_disk_keeps_room_for_others() {
    let Some(folder) = crash::on_a_small_disk(
        "keep::sink::tests::a_small_disk_keeps_room_for_others",
        2048,
    ) else {
        return;
    };
    let free = || {
        let disk = statvfs(&folder).unwrap();
        disk.f_bavail * disk.f_frsize
    };
    let (disk, reserve) = (Disk::default(), 1 << 20);
    let mut crops = Crops::open(disk, &folder, WIDE, reserve, pictures()).unwrap();
    for sequence in 0..200 {
        crops.deliver(&an_event(sequence)).unwrap();
    }
    let kept = crops.kept.len();
    assert!((5..200).contains(&kept), "{kept} kept");
    // The last one was begun while there was enough.
    assert!(free() > reserve - (64 << 10), "{} bytes are free", free());
    // Filled up by others: still no failure, and nothing is lost.
    let ballast = crash::fill(&folder);
    crops.deliver(&an_event(1000)).unwrap();
    fs::remove_file(ballast).unwrap();
    assert_eq!(names(&folder).len(), 2 * kept);
}
