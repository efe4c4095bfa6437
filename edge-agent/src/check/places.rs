//! The folders that a run writes into: whether they are there or can be made, can be written, and
//! have room.

use std::path::Path;

use rustix::fs::{Access, access, statvfs};

use super::row::Row;
use crate::config::Config;
use crate::disk;

/// With less free space a device is soon full.
const LITTLE_BYTES: u64 = 64 << 20;

/// A row for each place that the config names.
pub fn rows(config: &Config) -> Vec<Row> {
    let mut rows = Vec::new();
    if let Some(file) = &config.jsonl.path {
        rows.push(row("jsonl.path", &disk::folder_of(file), LITTLE_BYTES));
    }
    if let Some(dir) = &config.crops.dir {
        rows.push(made("crops.dir", dir, LITTLE_BYTES));
    }
    if let Some(store) = &config.bundle.store {
        rows.push(row("bundle.store", store, LITTLE_BYTES));
    }
    for (what, folder, max_mib) in config.spools() {
        // A full spool takes all of its size.
        let most = u64::from(max_mib) << 20;
        rows.push(made(what, folder, most.max(LITTLE_BYTES)));
    }
    rows
}

/// A folder that a run makes if it is missing.
fn made(what: &'static str, folder: &Path, wanted: u64) -> Row {
    let there = folder.ancestors().map(|part| match part.as_os_str().len() {
        0 => Path::new("."),
        _ => part,
    });
    match there.into_iter().find(|part| part.exists()) {
        Some(part) if !part.is_dir() => Row::fail(
            what,
            format!("{} is no folder", part.display()),
            "give a folder of its own",
        ),
        Some(part) => row(what, part, wanted),
        None => row(what, folder, wanted),
    }
}

fn row(what: &'static str, folder: &Path, wanted: u64) -> Row {
    let shown = folder.display();
    if let Err(error) = access(folder, Access::WRITE_OK | Access::EXEC_OK) {
        let advice = "make the folder and give it to the agent's user";
        return Row::fail(what, format!("cannot write into {shown}: {error}"), advice);
    }
    match statvfs(folder) {
        Ok(disk) => room(
            what,
            &shown.to_string(),
            disk.f_bavail.saturating_mul(disk.f_frsize),
            wanted,
        ),
        Err(error) => Row::warn(
            what,
            format!("the free space at {shown} is not known: {error}"),
            "look at the disk",
        ),
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
        assert_eq!(
            row("bundle.store", Path::new("no/such"), 1).to_string(),
            "FAIL bundle.store: cannot write into no/such: No such file or directory (os error 2); make the folder and give it to the agent's user"
        );
    }

    #[test]
    fn a_spool_that_will_be_made_needs_a_folder_that_can_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let (inner, file) = (folder.path().join("a/b"), folder.path().join("file"));
        let told = made("mqtt.spool", &inner, 1).to_string();
        let shown = folder.path().display();
        let start = format!("ok   mqtt.spool: {shown} can be written, ");
        assert!(told.starts_with(&start), "{told}");
        let told = made("mqtt.spool", Path::new("relative"), u64::MAX).to_string();
        assert!(
            told.starts_with("warn mqtt.spool: . can be written, "),
            "{told}"
        );
        std::fs::write(&file, "").unwrap();
        let told = made("mqtt.spool", &file.join("spool"), 1).to_string();
        let expected = format!(
            "FAIL mqtt.spool: {} is no folder; give a folder of its own",
            file.display()
        );
        assert_eq!(told, expected);
    }
}
