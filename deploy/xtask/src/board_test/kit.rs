//! What the test's boards have in common, and how one is booted.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::pi::Pi;
use crate::board::console;
use crate::board::initramfs::{self, Contents};
use crate::board::machine::Machine;
use crate::board::modules::{self, Module};
use crate::setup::guest::Guest;
use crate::workspace;

/// What every board is made of.
pub struct Kit<'a> {
    /// Kernel and busybox.
    pub guest: &'a Guest,
    /// The camera's kernel module.
    pub camera: &'a Path,
    /// `board-guest`, the camera's other end.
    pub companion: &'a Path,
    /// What the camera sees.
    pub clips: &'a [PathBuf],
    /// Where logs go.
    pub place: &'a Path,
}

impl Kit<'_> {
    /// Boots the agent's own small Linux with these kernel modules, others that lie in `/modules`,
    /// and more arguments for QEMU.
    pub fn boot(
        &self,
        agent: &Path,
        name: &str,
        names: &[&str],
        spare: &[Module],
        more: &[String],
    ) -> Result<Pi> {
        let mut files = self.files();
        files.push(agent.to_path_buf());
        let modules = modules::with_needs(&self.guest.modules, names)?;
        let contents = Contents {
            files: &files,
            modules: &modules,
            spare,
            script: console::SCRIPT,
        };
        let initrd = initramfs::pack(self.guest, &contents, self.place)?;
        self.start(name, &initrd, "", more)
    }

    /// What every board has in `/app`.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files = self.clips.to_vec();
        files.extend([
            self.companion.to_path_buf(),
            self.camera.to_path_buf(),
            workspace::root().join("deploy/board/agent.toml"),
        ]);
        files
    }

    /// Starts QEMU and waits for the board's shell; more words for the kernel and arguments for
    /// QEMU.
    pub fn start(&self, name: &str, initrd: &Path, kernel: &str, more: &[String]) -> Result<Pi> {
        let path = |path: &Path| path.display().to_string();
        // The clock counts instructions, so that a machine that is busy otherwise makes the board
        // slow but never late; 8 nanoseconds each is about what an idle machine does. While the
        // board sleeps its clock is the wall's: what its pins do is slow enough to be seen.
        let mut arguments: Vec<String> = ["-M", "raspi3b", "-icount", "shift=3,sleep=on"]
            .map(String::from)
            .to_vec();
        arguments.extend(["-net".into(), "none".into()]);
        arguments.extend(["-kernel".into(), path(&self.guest.kernel)]);
        arguments.extend(["-dtb".into(), path(&self.guest.raspi3b)]);
        arguments.extend(["-initrd".into(), path(initrd)]);
        // rppal maps the pins' registers, which Debian's kernel otherwise keeps to its own driver.
        let line = "console=ttyS1,115200 panic=-1 quiet loglevel=3 iomem=relaxed";
        arguments.extend(["-append".into(), format!("{line} {kernel}")]);
        arguments.extend(more.iter().cloned());
        Pi::wait_ready(Machine::start(&arguments, 1, self.place, name)?)
    }
}
