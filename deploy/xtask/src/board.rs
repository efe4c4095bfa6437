//! Emulated arm64 boards. Here one that runs one program of ours on a clock that counts instructions
//! and tells what it printed; below, the parts of which a board that is talked to is made. Knows
//! nothing of what the programs do.

pub mod console;
pub mod initramfs;
pub mod machine;
pub mod modules;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::setup::guest::Guest;
use crate::{shell, workspace};

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
    let script = format!(
        "({}) 2>&1 | sed 's/^/{MARK}/'\necho '{MARK}done'\npoweroff -f",
        job.script.trim()
    );
    let contents = initramfs::Contents {
        files: job.files,
        modules: &[],
        spare: &[],
        script: &script,
    };
    let initrd = initramfs::pack(guest, &contents, &place)?;
    let log = place.join("serial.log");
    let file = fs::File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let status = emulator(job, &guest.kernel, &initrd)
        .stdin(Stdio::null())
        .stdout(file)
        .status()
        .context("cannot start qemu-system-aarch64 by way of setpriv")?;
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

/// QEMU, which ends with this process, however that ends, and when patience does.
fn emulator(job: &Job<'_>, kernel: &Path, initrd: &Path) -> Command {
    let mut command = shell::bound("timeout");
    command
        // In a process group of its own it would not hear the key that interrupts this process.
        .arg("--foreground")
        .arg(job.patience_s.to_string())
        .args(shell::BOUND)
        .args(["qemu-system-aarch64", "-M", "virt", "-cpu", job.cpu])
        .args(["-m", "1024", "-nographic", "-no-reboot", "-net", "none"])
        .args(["-icount", "shift=0,sleep=off"])
        .arg("-kernel")
        .arg(kernel)
        .arg("-initrd")
        .arg(initrd)
        .args(["-append", "console=ttyAMA0 quiet panic=-1"]);
    command
}

fn marked(line: &str) -> Option<&str> {
    Some(line.trim_end().split_once(MARK)?.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qemu_outlives_neither_this_process_nor_patience() {
        let job = Job {
            cpu: "cortex-a72",
            files: &[],
            script: "",
            patience_s: 1800,
        };
        let command = emulator(&job, Path::new("kernel"), Path::new("initrd"));
        let words: Vec<_> = std::iter::once(command.get_program())
            .chain(command.get_args())
            .map(|word| word.to_string_lossy())
            .collect();
        let start = "setpriv --pdeathsig KILL timeout --foreground 1800 \
                     setpriv --pdeathsig KILL qemu-system-aarch64 -M virt -cpu cortex-a72 ";
        assert!(words.join(" ").starts_with(start), "{words:?}");
    }

    #[test]
    fn what_the_program_prints_is_told_from_the_kernels_own() {
        assert_eq!(marked("@@ frames 3\r"), Some("frames 3"));
        assert_eq!(marked("[  0.1] x@@ late"), Some("late"));
        assert_eq!(marked("[    0.000000] Booting Linux"), None);
    }
}
