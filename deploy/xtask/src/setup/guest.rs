//! A small arm64 Linux for emulated boards: Debian's kernel and its static busybox, downloaded
//! and unpacked under the cache folder. Nothing of it is installed, and the package lists that it
//! needs are its own.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::say;
use crate::shell::Tool;
use crate::workspace;

/// What an emulated board boots.
pub struct Guest {
    /// The kernel image.
    pub kernel: PathBuf,
    /// A static busybox.
    pub busybox: PathBuf,
}

/// The guest, brought when it is not there.
pub fn ensure() -> Result<Guest> {
    let home = workspace::cache()?.join("arm64-guest");
    if let Ok(guest) = find(&home) {
        return Ok(guest);
    }
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

fn find(home: &Path) -> Result<Guest> {
    let root = home.join("root");
    let boot = root.join("boot");
    let kernel = fs::read_dir(&boot)
        .with_context(|| format!("cannot read {}", boot.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("vmlinuz")
        })
        .with_context(|| format!("no kernel in {}", boot.display()))?;
    let busybox = ["bin/busybox", "usr/bin/busybox"].map(|path| root.join(path));
    let busybox = busybox.into_iter().find(|path| path.is_file());
    Ok(Guest {
        kernel,
        busybox: busybox.with_context(|| format!("no busybox in {}", root.display()))?,
    })
}

fn fetch(place: &Path) -> Result<()> {
    let (lists, root) = (place.join("lists"), place.join("root"));
    for folder in [lists.join("partial"), root.clone()] {
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let apt = |program: &str| {
        let options = [
            "APT::Architecture=arm64".to_string(),
            "APT::Architectures=arm64".into(),
            "Debug::NoLocking=1".into(),
            format!("Dir::State::Lists={}", lists.display()),
            format!("Dir::Cache::pkgcache={}", place.join("pkgcache").display()),
            format!(
                "Dir::Cache::srcpkgcache={}",
                place.join("srcpkgcache").display()
            ),
        ];
        let words = options.into_iter().flat_map(|option| ["-o".into(), option]);
        Tool::new(program).dir(place).args(words)
    };
    apt("apt-get").args(["-qq", "update"]).run_quietly()?;
    // The meta package names the kernel of the day.
    let told = apt("apt-cache")
        .args(["depends", "linux-image-arm64"])
        .read()?;
    let kernel = told
        .split_whitespace()
        .find(|word| word.starts_with("linux-image-") && *word != "linux-image-arm64");
    let Some(kernel) = kernel else {
        bail!("apt knows no linux-image-arm64; the emulated board needs a Debian mirror");
    };
    apt("apt-get")
        .args(["-qq", "download", kernel, "busybox-static"])
        .run_quietly()?;
    let packages =
        fs::read_dir(place).with_context(|| format!("cannot read {}", place.display()))?;
    for entry in packages.filter_map(Result::ok) {
        if entry
            .path()
            .extension()
            .is_some_and(|ending| ending == "deb")
        {
            Tool::new("dpkg-deb")
                .arg("-x")
                .args([&entry.path(), &root])
                .run_quietly()?;
            let _ = fs::remove_file(entry.path());
        }
    }
    let _ = fs::remove_dir_all(&lists);
    Ok(())
}
