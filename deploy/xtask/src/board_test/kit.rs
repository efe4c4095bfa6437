//! What the short test's boards are made of, and how one is booted.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::pi::Pi;
use super::programs::Programs;
use crate::board::console;
use crate::board::initramfs::{self, Contents};
use crate::board::machine::Machine;
use crate::board::modules;
use crate::setup::guest::Guest;
use crate::workspace;

/// What the test is made of.
pub struct Kit<'a> {
    /// Kernel and busybox.
    pub guest: &'a Guest,
    /// The camera's kernel module.
    pub camera: &'a Path,
    /// The programs for the board.
    pub programs: &'a Programs,
    /// What the camera sees.
    pub clips: &'a [PathBuf],
    /// Where logs go.
    pub place: &'a Path,
}

impl Kit<'_> {
    /// Boots the board with these kernel modules and more arguments for QEMU.
    pub fn boot(&self, name: &str, names: &[&str], more: &[String]) -> Result<Pi> {
        let board = workspace::root().join("deploy/board");
        let mut files = self.clips.to_vec();
        files.extend([
            self.programs.agent.clone(),
            self.programs.guest.clone(),
            self.camera.to_path_buf(),
            board.join("agent.toml"),
        ]);
        let modules = modules::with_needs(&self.guest.modules, names)?;
        let contents = Contents {
            files: &files,
            modules: &modules,
            script: console::SCRIPT,
        };
        let initrd = initramfs::pack(self.guest, &contents, self.place)?;
        let path = |path: &Path| path.display().to_string();
        let mut arguments: Vec<String> = ["-M", "raspi3b", "-net", "none", "-kernel"]
            .map(String::from)
            .to_vec();
        arguments.extend([
            path(&self.guest.kernel),
            "-dtb".into(),
            path(&self.guest.raspi3b),
        ]);
        arguments.extend(["-initrd".into(), path(&initrd), "-append".into()]);
        // rppal maps the pins' registers, which Debian's kernel otherwise keeps to its own driver.
        arguments.push("console=ttyS1,115200 panic=-1 quiet loglevel=3 iomem=relaxed".into());
        arguments.extend(more.iter().cloned());
        Pi::wait_ready(Machine::start(&arguments, 1, self.place, name)?)
    }
}
