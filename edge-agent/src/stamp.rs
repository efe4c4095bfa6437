//! What an event says of when and on which device it was told: wall time, boot, and an id that
//! no other run gives. Live cameras only; recorded and drawn frames stay the same bytes. The
//! only place that asks the kernel for the wall clock; decides nothing.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::{SignedDuration, Timestamp};

use crate::event::Event;

/// Where the kernel tells which boot this is.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// What systemd-timesyncd makes when it first sets the clock after a boot.
const HEARD_FILE: &str = "/run/systemd/timesync/synchronized";

/// Whether the clock was seen to follow a time server since this program began.
static HEARD: AtomicBool = AtomicBool::new(false);

/// The wall clock at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// What it shows.
    pub time: Timestamp,
    /// Whether the kernel says that it follows a time server.
    pub synced: bool,
    /// Whether it is known to have followed one at any time: a clock that was set once keeps its
    /// time within seconds for days, while the kernel takes `synced` back after nine hours.
    pub known: bool,
}

/// Stamps the events of one run.
#[derive(Clone, Debug, Default)]
pub struct Stamp {
    run: Option<Run>,
}

/// What tells this run from every other one.
#[derive(Clone, Debug)]
struct Run {
    boot_id: Option<String>,
    salt: String,
}

impl Stamp {
    /// The stamp for a source: a live one gets the device's, any other an empty one.
    pub fn of(live: bool) -> Self {
        let run = live.then(|| {
            let boot_id = std::fs::read_to_string(BOOT_ID).ok();
            let boot_id = boot_id.map(|id| id.trim().to_string());
            let started = Timestamp::now().as_nanosecond();
            // A server that falls silent before the first vehicle was heard all the same.
            known(clock_synced(), &HEARD, Path::new(HEARD_FILE));
            Run {
                // Without a battery the wall clock starts the same on every boot, and a process
                // number may come again: only together they are this run's alone.
                salt: format!("{boot_id:?}\n{started}\n{}", std::process::id()),
                boot_id,
            }
        });
        Self { run }
    }

    /// The wall clock now; `None` where frames are not of now.
    pub fn read(&self) -> Option<Reading> {
        self.run.as_ref()?;
        let synced = clock_synced();
        Some(Reading {
            time: Timestamp::now(),
            synced,
            known: known(synced, &HEARD, Path::new(HEARD_FILE)),
        })
    }

    /// Fills in what depends on the device and the time. `told_t_ms` is the time on the source's
    /// clock, the newest frame's or a later one, `reading` the wall clock at that moment.
    pub fn put(&self, event: &mut Event, told_t_ms: u64, reading: Option<&Reading>) {
        let (Some(run), Some(reading)) = (&self.run, reading) else {
            return;
        };
        let salted = format!("{}\n{}", event.id, run.salt);
        event.id = models::hash::sha256_hex(salted.as_bytes())
            .chars()
            .take(16)
            .collect();
        event.boot_id.clone_from(&run.boot_id);
        let age = told_t_ms.saturating_sub(event.last_t_ms);
        let age = SignedDuration::from_millis(i64::try_from(age).unwrap_or(i64::MAX));
        // A clock that shows the beginning of time has no time before it.
        let seen = reading.time.checked_sub(age).unwrap_or(reading.time);
        event.time = Some(format!("{seen:.3}"));
        event.clock_synced = Some(reading.synced);
    }
}

/// Whether a time server was ever heard; `heard` remembers it.
fn known(synced: bool, heard: &AtomicBool, file: &Path) -> bool {
    if !heard.load(Ordering::Relaxed) && (synced || file.exists()) {
        heard.store(true, Ordering::Relaxed);
    }
    heard.load(Ordering::Relaxed)
}

/// Whether the kernel's clock follows a time server, as a daemon such as chrony, ntpd or
/// systemd-timesyncd tells it.
pub fn clock_synced() -> bool {
    // SAFETY: all fields of the C structure are integers, for which zero is a value; with
    // `modes` zero the kernel changes nothing and only fills in the structure it is given.
    let (state, status) = unsafe {
        let mut timex: libc::timex = std::mem::zeroed();
        let state = libc::adjtimex(&raw mut timex);
        (state, timex.status)
    };
    state >= 0 && status & libc::STA_UNSYNC == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::an_event;

    fn reading(time: &str) -> Reading {
        Reading {
            time: time.parse().unwrap(),
            synced: true,
            known: true,
        }
    }

    #[test]
    fn recorded_frames_get_no_stamp() {
        let stamp = Stamp::of(false);
        assert_eq!(stamp.read(), None);
        let mut event = an_event(1);
        stamp.put(&mut event, 9000, Some(&reading("2026-03-01T07:15:02Z")));
        assert_eq!(event, an_event(1));
    }

    #[test]
    fn the_time_is_that_of_the_last_sighting() {
        let stamp = Stamp::of(true);
        for (told_t_ms, now, expected) in [
            (2400, "2026-03-01T07:15:02Z", "2026-03-01T07:15:02.000Z"),
            (3000, "2026-03-01T07:15:02.85Z", "2026-03-01T07:15:02.250Z"),
            // A camera that has been silent since.
            (4500, "2026-03-01T07:15:02Z", "2026-03-01T07:14:59.900Z"),
            // A source whose clock went back was not seen in the future.
            (100, "2026-03-01T07:15:02Z", "2026-03-01T07:15:02.000Z"),
            (u64::MAX, "2026-03-01T07:15:02Z", "2026-03-01T07:15:02.000Z"),
        ] {
            let mut event = an_event(1);
            assert_eq!(event.last_t_ms, 2400);
            stamp.put(&mut event, told_t_ms, Some(&reading(now)));
            assert_eq!(event.time.as_deref(), Some(expected), "{told_t_ms}");
            assert_eq!(event.clock_synced, Some(true));
        }
    }

    #[test]
    fn each_run_has_its_own_ids_and_keeps_them() {
        let (one, other) = (Stamp::of(true), Stamp::of(true));
        let at = reading("2026-03-01T07:15:02Z");
        let id = |stamp: &Stamp, sequence| {
            let mut event = an_event(sequence);
            stamp.put(&mut event, 2400, Some(&at));
            assert_eq!(event.id.len(), 16);
            event.id
        };
        assert_eq!(id(&one, 1), id(&one, 1));
        assert_ne!(id(&one, 1), id(&one, 2));
        assert_ne!(id(&one, 1), id(&other, 1));
    }

    #[test]
    fn a_live_stamp_reads_the_clock_of_this_machine() {
        let before = Timestamp::now();
        let read = Stamp::of(true).read().unwrap();
        assert!(read.time >= before);
        assert!(read.known || !read.synced);
    }

    #[test]
    fn a_time_server_that_was_heard_once_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("synchronized");
        let heard = AtomicBool::new(false);
        let told = [false, true, false].map(|synced| known(synced, &heard, &file));
        assert_eq!(told, [false, true, true]);
        // Heard before this program began.
        std::fs::write(&file, "").unwrap();
        let heard = AtomicBool::new(false);
        assert!(known(false, &heard, &file));
        std::fs::remove_file(&file).unwrap();
        assert!(known(false, &heard, &file));
    }
}
