//! What an emulated board boots into: an archive with busybox, the C library, files of ours and a
//! script that is the first program. Knows nothing of what these do.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::modules::Module;
use crate::setup::guest::Guest;
use crate::shell::Tool;

/// Where the aarch64 C library lies, as Debian's cross packages have it.
const LIBRARIES: &str = "/usr/aarch64-linux-gnu/lib";
/// What a Rust program that links no other library needs.
const NEEDED: [&str; 4] = [
    "ld-linux-aarch64.so.1",
    "libc.so.6",
    "libm.so.6",
    "libgcc_s.so.1",
];

/// What goes in.
pub struct Contents<'a> {
    /// Files and folders that lie in `/app`.
    pub files: &'a [PathBuf],
    /// Kernel modules, loaded in this order before the script goes on.
    pub modules: &'a [Module],
    /// Kernel modules that lie in `/modules` as `NAME.ko`, for the script.
    pub spare: &'a [Module],
    /// Lines of a shell script that follow the usual beginning; its end is a kernel panic.
    pub script: &'a str,
}

/// Packs `initramfs` in the folder `place`.
pub fn pack(guest: &Guest, contents: &Contents<'_>, place: &Path) -> Result<PathBuf> {
    let root = place.join("root");
    let folders = "bin dev proc sys tmp run lib app modules";
    for folder in folders.split(' ').map(|folder| root.join(folder)) {
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    copy(&guest.busybox, &root.join("bin/busybox"))?;
    for library in NEEDED {
        let from = Path::new(LIBRARIES).join(library);
        copy(&from, &root.join("lib").join(library))?;
    }
    let mut loading = String::new();
    for module in contents.modules {
        module.unpack(&root.join("modules"))?;
        loading += &format!("insmod /modules/{}.ko\n", module.name);
    }
    for module in contents.spare {
        module.unpack(&root.join("modules"))?;
    }
    for file in contents.files {
        let app = root.join("app");
        Tool::new("cp").arg("-rL").arg(file).arg(app).read()?;
    }
    let init = format!(
        "#!/bin/busybox sh\n\
         /bin/busybox --install -s /bin\n\
         export PATH=/bin HOME=/tmp\n\
         mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev\n\
         cd /app\n\
         {loading}{}\n",
        contents.script.trim()
    );
    let file = root.join("init");
    fs::write(&file, init).with_context(|| format!("cannot write {}", file.display()))?;
    let all = fs::Permissions::from_mode(0o755);
    fs::set_permissions(&file, all).with_context(|| format!("cannot chmod {}", file.display()))?;
    let archive = place.join("initramfs");
    let pack = "cd \"$1\" && find . | cpio -o -H newc --quiet > \"$2\"";
    Tool::new("sh")
        .args(["-c", pack, "sh"])
        .args([&root, &archive])
        .read()?;
    let _ = fs::remove_dir_all(&root);
    Ok(archive)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to)
        .map(drop)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}
