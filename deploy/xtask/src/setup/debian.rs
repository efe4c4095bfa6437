//! Debian for arm64 as packages, for an emulated board that starts systemd: what dpkg and systemd
//! need and no more, downloaded under the cache folder. Nothing of it is installed here.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::debs::Debs;
use crate::say;
use crate::workspace;

/// What is wanted, with what that depends on: apt's pattern for all without which nothing works,
/// a merged /usr as every new installation has it, and the service manager.
const WANTED: [&str; 8] = [
    "?essential",
    "usr-is-merged",
    "systemd",
    "systemd-sysv",
    "udev",
    "kmod",
    "passwd",
    "procps",
];
/// Written last, into a folder that is complete.
const COMPLETE: &str = "complete";

/// The packages' files, brought when they are not there.
pub fn ensure() -> Result<Vec<PathBuf>> {
    let home = workspace::cache()?.join("arm64-debian");
    let archives = home.join("archives");
    if !home.join(COMPLETE).is_file() {
        let step = say::begin(
            "debian",
            "a small Debian for arm64, to install the package in: some 45 MB to download",
        );
        let _ = fs::remove_dir_all(&home);
        let debs = Debs::update(&home, &["arm64"])?;
        debs.download_with_needs(&WANTED, &archives)?;
        let file = home.join(COMPLETE);
        fs::write(&file, "").with_context(|| format!("cannot write {}", file.display()))?;
        step.done();
    }
    let found = fs::read_dir(&archives)
        .with_context(|| format!("cannot read {}", archives.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()));
    let mut packages: Vec<PathBuf> = found
        .filter(|path| path.extension().is_some_and(|ending| ending == "deb"))
        .collect();
    packages.sort();
    Ok(packages)
}
