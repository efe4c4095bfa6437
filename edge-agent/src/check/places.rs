//! The folders that a run writes into, and its event file: whether they are there or can be made,
//! can be written, and have room.

use std::fs;
use std::io;
use std::path::Path;

use rustix::fs::{Access, access, statvfs};

use super::row::Row;
use crate::config::Config;
use crate::disk;
use crate::sink::jsonl::log::lock_of;

/// With less free space a device is soon full.
const LITTLE_BYTES: u64 = 64 << 20;

/// A row for each place that the config names.
pub fn rows(config: &Config) -> Vec<Row> {
    let place = |what| Place {
        what,
        wanted: LITTLE_BYTES,
    };
    let mut rows = Vec::new();
    if let Some(file) = &config.jsonl.path {
        rows.push(place("jsonl.path").log(file));
    }
    if let Some(dir) = &config.crops.dir {
        rows.push(place("crops.dir").there(dir));
    }
    if let Some(store) = &config.bundle.store {
        // Without its store a run names colours with the bundle compiled in.
        rows.push(place("bundle.store").made(store).bearable());
    }
    for (what, folder, max_mib) in config.spools() {
        // A full spool takes all of its size.
        let most = u64::from(max_mib) << 20;
        let spool = Place {
            what,
            wanted: most.max(LITTLE_BYTES),
        };
        rows.push(spool.made(folder));
    }
    rows
}

/// What a run asks of a place.
struct Place {
    /// The config's key.
    what: &'static str,
    /// Free space, bytes.
    wanted: u64,
}

impl Place {
    /// A file of events. One that is there already is gone on with, and so is its lock.
    fn log(&self, file: &Path) -> Row {
        for part in [file, lock_of(file).as_path()] {
            match fs::metadata(part) {
                Ok(data) if !data.is_file() => {
                    let told = format!("{} is no regular file", part.display());
                    return Row::fail(self.what, told, "give the path of one");
                }
                Ok(_) => {
                    if let Err(error) = access(part, Access::READ_OK | Access::WRITE_OK) {
                        let error = disk::judged(error.into(), &disk::folder_of(part));
                        let told = format!("cannot append to {}: {error}", part.display());
                        return self.unusable(told, &error);
                    }
                }
                // Not there, or not to be seen: the folder tells.
                Err(_) => {}
            }
        }
        self.there(&disk::folder_of(file))
    }

    /// A folder that a run makes if it is missing.
    fn made(&self, folder: &Path) -> Row {
        self.there(disk::nearest(folder))
    }

    /// A folder that must be there.
    fn there(&self, folder: &Path) -> Row {
        let shown = folder.display();
        if folder.exists() && !folder.is_dir() {
            let told = format!("{shown} is no folder");
            return Row::fail(self.what, told, "give a folder of its own");
        }
        if let Err(error) = access(folder, Access::WRITE_OK | Access::EXEC_OK) {
            let error = disk::judged(error.into(), folder);
            let told = format!("cannot write into {shown}: {error}");
            return self.unusable(told, &error);
        }
        match statvfs(folder) {
            Ok(disk) => room(
                self.what,
                &shown.to_string(),
                disk.f_bavail.saturating_mul(disk.f_frsize),
                self.wanted,
            ),
            Err(error) => Row::warn(
                self.what,
                format!("the free space at {shown} is not known: {error}"),
                "look at the disk",
            ),
        }
    }

    /// A place that cannot be written, and why. A disk that takes no writes now is no obstacle: a
    /// run waits until that has passed.
    fn unusable(&self, told: String, error: &io::Error) -> Row {
        let advice = match error.kind() {
            io::ErrorKind::NotFound => "make the folder and give it to the agent's user",
            _ => disk::remedy(error),
        };
        match disk::may_pass(error) {
            true => Row::warn(self.what, told, advice),
            false => Row::fail(self.what, told, advice),
        }
    }
}

fn room(what: &'static str, shown: &str, free: u64, wanted: u64) -> Row {
    let told = format!("{shown} can be written, {} MB free", free / 1_000_000);
    match free < wanted {
        true => Row::warn(what, told, "remove something there"),
        false => Row::ok(what, told),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(what: &'static str, wanted: u64) -> Place {
        Place { what, wanted }
    }

    #[test]
    fn places() {
        assert_eq!(
            room("jsonl.path", "/x", 65 << 20, LITTLE_BYTES).to_string(),
            "ok   jsonl.path: /x can be written, 68 MB free"
        );
        assert_eq!(
            room("jsonl.path", "/x", 2_500_000, LITTLE_BYTES).to_string(),
            "warn jsonl.path: /x can be written, 2 MB free; remove something there"
        );
        let crops = place("crops.dir", 1);
        assert_eq!(
            crops.there(Path::new("no/such")).to_string(),
            "FAIL crops.dir: cannot write into no/such: No such file or directory (os error 2); make the folder and give it to the agent's user"
        );
    }

    #[test]
    fn a_folder_that_will_be_made_needs_one_that_can_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let (inner, file) = (folder.path().join("a/b"), folder.path().join("file"));
        let shown = folder.path().display();
        for what in ["mqtt.spool", "bundle.store"] {
            let told = place(what, 1).made(&inner).to_string();
            let start = format!("ok   {what}: {shown} can be written, ");
            assert!(told.starts_with(&start), "{told}");
        }
        let spool = place("mqtt.spool", u64::MAX);
        let told = spool.made(Path::new("relative")).to_string();
        assert!(
            told.starts_with("warn mqtt.spool: . can be written, "),
            "{told}"
        );
        fs::write(&file, "").unwrap();
        let told = spool.made(&file.join("spool")).to_string();
        let expected = format!(
            "FAIL mqtt.spool: {} is no folder; give a folder of its own",
            file.display()
        );
        assert_eq!(told, expected);
    }

    #[test]
    fn a_log_that_is_there_must_be_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let log = place("jsonl.path", 1);
        let shown = folder.path().display();
        assert_eq!(
            log.log(folder.path()).to_string(),
            format!("FAIL jsonl.path: {shown} is no regular file; give the path of one")
        );
        let file = folder.path().join("events.jsonl");
        let start = format!("ok   jsonl.path: {shown} can be written, ");
        let told = log.log(&file).to_string();
        assert!(told.starts_with(&start), "{told}");
        fs::write(&file, "").unwrap();
        fs::write(lock_of(&file), "").unwrap();
        let told = log.log(&file).to_string();
        assert!(told.starts_with(&start), "{told}");
    }

    #[test]
    fn what_a_run_waits_for_is_no_failure() {
        for (code, told) in [
            (
                libc::EROFS,
                "warn x: no; make that file system writable again",
            ),
            (libc::EACCES, "FAIL x: no; let the agent's user write there"),
        ] {
            let error = io::Error::from_raw_os_error(code);
            let row = place("x", 1).unusable("no".into(), &error);
            assert_eq!(row.to_string(), told);
        }
    }
}
