//! A small arm64 Linux for emulated boards: Debian's kernel with its modules and a static busybox,
//! downloaded and unpacked under the cache folder. Nothing of it is installed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::debs::Debs;
use crate::say;
use crate::workspace;

/// What an emulated board boots.
pub struct Guest {
    /// The kernel image.
    pub kernel: PathBuf,
    /// Its name, such as `6.1.0-56-arm64`.
    pub release: String,
    /// The folder of its modules.
    pub modules: PathBuf,
    /// The description of a Raspberry Pi 3B.
    pub raspi3b: PathBuf,
    /// A static busybox.
    pub busybox: PathBuf,
}

/// The guest, brought when it is not there.
pub fn ensure() -> Result<Guest> {
    match find(&home()?) {
        Ok(guest) => Ok(guest),
        Err(_) => renew(),
    }
}

/// The guest with the kernel of the day, in place of an older one.
pub fn renew() -> Result<Guest> {
    let home = home()?;
    let step = say::begin(
        "guest",
        "Debian's arm64 kernel and busybox for the emulated board: some 70 MB to download",
    );
    let partial = home.with_extension("partial");
    let _ = fs::remove_dir_all(&partial);
    fetch(&partial)?;
    let _ = fs::remove_dir_all(&home);
    fs::rename(&partial, &home).with_context(|| format!("cannot create {}", home.display()))?;
    step.done();
    find(&home)
}

fn home() -> Result<PathBuf> {
    Ok(workspace::cache()?.join("arm64-guest"))
}

fn find(home: &Path) -> Result<Guest> {
    let root = home.join("root");
    let boot = root.join("boot");
    let names = fs::read_dir(&boot).with_context(|| format!("cannot read {}", boot.display()))?;
    let release = names
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .find_map(|name| Some(name.strip_prefix("vmlinuz-")?.to_string()))
        .with_context(|| format!("no kernel in {}", boot.display()))?;
    let there = |choices: &[String]| {
        let mut paths = choices.iter().map(|path| root.join(path));
        paths
            .find(|path| path.exists())
            .with_context(|| format!("no {} in {}", choices[0], root.display()))
    };
    Ok(Guest {
        kernel: there(&[format!("boot/vmlinuz-{release}")])?,
        modules: there(&[
            format!("lib/modules/{release}/kernel"),
            format!("usr/lib/modules/{release}/kernel"),
        ])?,
        raspi3b: there(&[format!(
            "usr/lib/linux-image-{release}/broadcom/bcm2837-rpi-3-b.dtb"
        )])?,
        busybox: there(&["bin/busybox".into(), "usr/bin/busybox".into()])?,
        release,
    })
}

fn fetch(place: &Path) -> Result<()> {
    let debs = Debs::update(place, &["arm64"])?;
    // The meta package names the kernel of the day.
    let told = debs.depends("linux-image-arm64")?;
    let kernel = told
        .split_whitespace()
        .find(|word| word.starts_with("linux-image-") && *word != "linux-image-arm64");
    let Some(kernel) = kernel else {
        bail!("apt knows no linux-image-arm64; the emulated board needs a Debian mirror");
    };
    debs.unpack(&[kernel, "busybox-static"], &place.join("root"))
}
