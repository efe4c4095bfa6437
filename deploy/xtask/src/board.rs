//! An emulated arm64 board that runs one program of ours and tells what it printed. Knows nothing
//! of what the program does.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::setup::guest::Guest;
use crate::shell::Tool;
use crate::workspace;

/// Where the aarch64 C library lies, as Debian's cross packages have it.
const LIBRARIES: &str = "/usr/aarch64-linux-gnu/lib";
/// What a Rust program that links no other library needs.
const NEEDED: [&str; 4] = [
    "ld-linux-aarch64.so.1",
    "libc.so.6",
    "libm.so.6",
    "libgcc_s.so.1",
];
/// Marks what the program prints on the serial line.
const MARK: &str = "@@ ";

/// What the board does once it has started.
pub struct Job<'a> {
    /// QEMU's name of the processor, such as `cortex-a72`.
    pub cpu: &'a str,
    /// Files and folders that lie in `/app`.
    pub files: &'a [PathBuf],
    /// Lines of a shell script, run in `/app`.
    pub script: &'a str,
    /// Seconds of this machine's time after which it is given up.
    pub patience_s: u32,
}

/// Boots the board on a clock that counts instructions, one a nanosecond, so that times told
/// inside are numbers of instructions. Gives what the script printed.
pub fn run_counting(guest: &Guest, job: &Job<'_>) -> Result<String> {
    let place = workspace::root().join("target/board").join(job.cpu);
    let _ = fs::remove_dir_all(&place);
    let initrd = initramfs(guest, job, &place)?;
    let log = place.join("serial.log");
    let file = fs::File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let status = Command::new("timeout")
        .arg(job.patience_s.to_string())
        .args(["qemu-system-aarch64", "-M", "virt", "-cpu", job.cpu])
        .args(["-m", "1024", "-nographic", "-no-reboot", "-net", "none"])
        .args(["-icount", "shift=0,sleep=off"])
        .arg("-kernel")
        .arg(&guest.kernel)
        .arg("-initrd")
        .arg(&initrd)
        .args(["-append", "console=ttyAMA0 quiet panic=-1"])
        .stdin(Stdio::null())
        .stdout(file)
        .status()
        .context("cannot start qemu-system-aarch64")?;
    let text = fs::read(&log).with_context(|| format!("cannot read {}", log.display()))?;
    let text = String::from_utf8_lossy(&text);
    let printed: Vec<&str> = text.lines().filter_map(marked).collect();
    if printed.last() != Some(&"done") {
        bail!(
            "the emulated {} did not finish ({status}); its serial line is in {}",
            job.cpu,
            log.display()
        );
    }
    Ok(printed[..printed.len() - 1].join("\n"))
}

fn marked(line: &str) -> Option<&str> {
    Some(line.trim_end().split_once(MARK)?.1)
}

fn initramfs(guest: &Guest, job: &Job<'_>, place: &Path) -> Result<PathBuf> {
    let root = place.join("root");
    for folder in ["bin", "dev", "proc", "sys", "tmp", "lib", "app"] {
        let folder = root.join(folder);
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    copy(&guest.busybox, &root.join("bin/busybox"))?;
    for library in NEEDED {
        copy(
            &Path::new(LIBRARIES).join(library),
            &root.join("lib").join(library),
        )?;
    }
    for file in job.files {
        Tool::new("cp")
            .args(["-rL"])
            .args([file, &root.join("app")])
            .read()?;
    }
    let init = format!(
        "#!/bin/busybox sh\n\
         /bin/busybox --install -s /bin\n\
         export PATH=/bin\n\
         mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev\n\
         cd /app\n\
         ({}) 2>&1 | sed 's/^/{MARK}/'\n\
         echo '{MARK}done'\n\
         poweroff -f\n",
        job.script.trim()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_program_prints_is_told_from_the_kernels_own() {
        assert_eq!(marked("@@ frames 3\r"), Some("frames 3"));
        assert_eq!(marked("[  0.1] x@@ late"), Some("late"));
        assert_eq!(marked("[    0.000000] Booting Linux"), None);
    }
}
