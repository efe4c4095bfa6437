//! The folders that a run writes into: whether they are there, can be written, and have room.

use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, statvfs};

use super::row::Row;
use crate::config::Config;

/// With less free space a device is soon full.
const LITTLE_BYTES: u64 = 64 << 20;

/// A row for each place that the config names.
pub fn rows(config: &Config) -> Vec<Row> {
    let mut rows = Vec::new();
    if let Some(file) = &config.jsonl.path {
        let folder = match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
            _ => PathBuf::from("."),
        };
        rows.push(row("jsonl.path", &folder));
    }
    if let Some(dir) = &config.crops.dir {
        rows.push(row("crops.dir", dir));
    }
    if let Some(store) = &config.bundle.store {
        rows.push(row("bundle.store", store));
    }
    rows
}

fn row(what: &'static str, folder: &Path) -> Row {
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
        ),
        Err(error) => Row::warn(
            what,
            format!("the free space at {shown} is not known: {error}"),
            "look at the disk",
        ),
    }
}

fn room(what: &'static str, shown: &str, free: u64) -> Row {
    let told = format!("{shown} can be written, {} MB free", free / 1_000_000);
    match free < LITTLE_BYTES {
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
            room("jsonl.path", "/x", 65 << 20).to_string(),
            "ok   jsonl.path: /x can be written, 68 MB free"
        );
        assert_eq!(
            room("jsonl.path", "/x", 2_500_000).to_string(),
            "warn jsonl.path: /x can be written, 2 MB free; remove something there"
        );
        assert_eq!(
            row("bundle.store", Path::new("no/such")).to_string(),
            "FAIL bundle.store: cannot write into no/such: No such file or directory (os error 2); make the folder and give it to the agent's user"
        );
    }
}
