//! The card that a Debian starts from on the emulated board: packages unpacked and entered in dpkg's
//! list as installed, the test's own files beside them, and a shell on the serial line as a
//! service. Scripts of Debian's packages are not run; those of the agent's own will be, on the board.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::kit::Kit;
use super::pi::{INSERT, Pi, feed};
use crate::board::console;
use crate::board::initramfs::{self, Contents};
use crate::board::modules;
use crate::shell::Tool;
use crate::workspace;

/// The card's size; QEMU wants a power of two.
const CARD_BYTES: u64 = 512 << 20;
/// What the kernel needs for the card and the camera.
const DRIVERS: [&str; 3] = ["bcm2835", "ext4", "videodev"];
/// The shell on the serial line.
const SHELL: &str = "\
[Unit]
Description=The test's shell
[Service]
ExecStart=/bin/sh /app/console.sh
StandardInput=tty
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS1
KillMode=process
";
/// The camera, there from power on as a true one is: its driver and its other end.
const CAMERA: &str = "\
[Unit]
Description=The test's camera
[Service]
ExecStartPre=/bin/sh -c '@INSERT@'
ExecStart=/bin/sh -c 'exec @FEED@'
[Install]
WantedBy=multi-user.target
";
/// From the first file system to the card's.
const SWITCH: &str = "\
mkdir /card
until [ -b /dev/mmcblk0 ]; do sleep 1; done
mount -t ext4 /dev/mmcblk0 /card
mount --move /dev /card/dev
umount /sys
umount /proc
exec switch_root /card /sbin/init";

/// Writes the card `debian.img` from Debian's packages, with these files in `/app`.
pub fn make_card(kit: &Kit<'_>, packages: &[PathBuf], files: &[PathBuf]) -> Result<PathBuf> {
    let place = kit.place.join("debian");
    let _ = fs::remove_dir_all(&place);
    let root = place.join("root");
    let app = root.join("app");
    fs::create_dir_all(&app).with_context(|| format!("cannot create {}", app.display()))?;
    install(packages, &root)?;
    for file in files {
        Tool::new("cp").arg("-rL").arg(file).arg(&app).read()?;
    }
    Tool::new("install")
        .args(["-m", "755"])
        .arg(&kit.guest.busybox)
        .arg(root.join("usr/bin/busybox"))
        .read()?;
    let write = |path: &str, text: &str| {
        let file = root.join(path);
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
    };
    write("app/console.sh", console::SCRIPT)?;
    write("etc/hostname", "board\n")?;
    // Without one the first start would ask questions.
    write("etc/machine-id", "5eb63bbbe01eeed093cb22bb8f5acdc3\n")?;
    write("etc/systemd/system/shell.service", SHELL)?;
    let camera = CAMERA
        .replace("@INSERT@", INSERT)
        .replace("@FEED@", &feed());
    write("etc/systemd/system/camera.service", &camera)?;
    let wants = root.join("etc/systemd/system/multi-user.target.wants");
    fs::create_dir_all(&wants).with_context(|| format!("cannot create {}", wants.display()))?;
    let link = |to: &str, from: PathBuf| {
        symlink(to, &from).with_context(|| format!("cannot link {}", from.display()))
    };
    link("../shell.service", wants.join("shell.service"))?;
    let units = root.join("etc/systemd/system");
    link("/dev/null", units.join("serial-getty@ttyS1.service"))?;
    link("/dev/null", units.join("getty@tty1.service"))?;
    let card = kit.place.join("debian.img");
    let file = File::create(&card).with_context(|| format!("cannot write {}", card.display()))?;
    file.set_len(CARD_BYTES).context("the card has no room")?;
    super::power::make_file_system(&card, Some(&root))?;
    let _ = fs::remove_dir_all(&place);
    Ok(card)
}

/// Boots from the card.
pub fn boot(kit: &Kit<'_>, card: &Path, name: &str) -> Result<Pi> {
    let contents = Contents {
        files: &[],
        modules: &modules::with_needs(&kit.guest.modules, &DRIVERS)?,
        spare: &[],
        script: SWITCH,
    };
    let initrd = initramfs::pack(kit.guest, &contents, kit.place)?;
    let drive = format!("if=sd,format=raw,file={}", card.display());
    let more = ["-drive".to_string(), drive];
    let mut pi = kit.start(name, &initrd, "systemd.show_status=false", &more)?;
    pi.events = "/var/lib/edge-agent/events.jsonl".into();
    pi.log = "journalctl -u edge-agent -o cat --no-pager -q".into();
    Ok(pi)
}

/// Unpacks packages and tells dpkg that they are there.
fn install(packages: &[PathBuf], root: &Path) -> Result<()> {
    // A merged /usr, before anything is put into it.
    for name in ["bin", "sbin", "lib"] {
        let merged = root.join("usr").join(name);
        fs::create_dir_all(&merged)
            .with_context(|| format!("cannot create {}", merged.display()))?;
        let link = root.join(name);
        symlink(format!("usr/{name}"), &link)
            .with_context(|| format!("cannot link {}", link.display()))?;
    }
    let script = workspace::root().join("deploy/board/unpack.sh");
    Tool::new("sh")
        .arg(script)
        .arg(root)
        .args(packages)
        .read()?;
    for (name, to) in [("sh", "dash"), ("awk", "mawk")] {
        let link = root.join("usr/bin").join(name);
        if !link.is_symlink() {
            symlink(to, &link).with_context(|| format!("cannot link {}", link.display()))?;
        }
    }
    for name in ["passwd", "group"] {
        let master = root.join(format!("usr/share/base-passwd/{name}.master"));
        let file = root.join("etc").join(name);
        fs::copy(&master, &file).with_context(|| format!("cannot copy {}", master.display()))?;
    }
    Ok(())
}
