//! Servers as child processes: which user they run as, when they are up, what they cost.

use std::fs::{self, Permissions};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Whether this process is the superuser's.
pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|data| data.uid() == 0)
}

/// The first of these folders that holds the program.
pub fn find(program: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(folders.iter().cloned())
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// A command that runs as `user:group` when this process is the superuser's, and as it is
/// otherwise. It is killed when the thread that starts it ends, even where that has no time to say
/// so.
pub fn command_as(owner: &str, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if let Some((user, group)) = owner.split_once(':').filter(|_| is_root()) {
        command.args(["--reuid", user, "--regid", group, "--clear-groups"]);
    }
    command.args(["--pdeathsig", "KILL"]).arg(program);
    command
}

/// Lets other users pass through a folder that holds their own.
pub fn let_pass(folder: &Path) -> Result<()> {
    fs::set_permissions(folder, Permissions::from_mode(0o711))
        .with_context(|| format!("cannot open {}", folder.display()))
}

/// A port of 127.0.0.1 that was free a moment ago.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.port())
}

/// Waits until the child listens; an error when it ends or takes a minute.
pub fn wait_for_port(child: &mut Child, port: u16, log: &Path) -> Result<()> {
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let ended = child.try_wait()?;
        if ended.is_some() || start.elapsed() > Duration::from_secs(60) {
            let told = fs::read_to_string(log).unwrap_or_default();
            bail!("a server did not come up ({ended:?}):\n{told}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Sends a signal by its name, such as `HUP`.
pub fn signal(child: &Child, name: &str) -> Result<()> {
    let status = Command::new("kill")
        .args(["-s", name, &child.id().to_string()])
        .status()?;
    if !status.success() {
        bail!("cannot send {name} to process {}", child.id());
    }
    Ok(())
}

/// What a process has used until now.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Processor time, seconds.
    pub cpu_s: f64,
    /// Memory, bytes.
    pub resident: u64,
}

/// Reads the usage of a process from /proc.
pub fn usage(pid: u32) -> Result<Usage> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in brackets may hold anything.
    let (_, rest) = stat.rsplit_once(')').context("no process status")?;
    let field = |index: usize| -> Option<f64> { rest.split_whitespace().nth(index)?.parse().ok() };
    // utime and stime, in ticks of a hundredth of a second.
    let ticks = field(11).zip(field(12)).context("no processor times")?;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib: u64 = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"))
        .and_then(|number| number.parse().ok())
        .context("no resident memory")?;
    Ok(Usage {
        cpu_s: (ticks.0 + ticks.1) / 100.0,
        resident: kib * 1024,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_a_size() {
        let usage = usage(std::process::id()).unwrap();
        assert!(usage.resident > 100_000, "{usage:?}");
        assert!(super::usage(0).is_err());
    }
}
