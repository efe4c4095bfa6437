//! How long after its start the agent watches: until it tells the service manager, here this
//! program, that the first frame went all the way through.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::rates::median;

/// An agent that does not watch after this long never will.
const PATIENCE: Duration = Duration::from_secs(30);

/// Starts the agent with this config on one core and ends it as soon as it watches; how long that
/// took.
pub fn until_watching(agent: &Path, config: &Path) -> Result<Duration> {
    let place = config.with_extension("notify");
    // Absent the first time.
    let _ = fs::remove_file(&place);
    let manager = UnixDatagram::bind(&place)
        .and_then(|socket| socket.set_read_timeout(Some(PATIENCE)).map(|()| socket))
        .with_context(|| format!("cannot listen on {}", place.display()))?;
    let folder = config.parent().context("a config lies in a folder")?;
    let begun = Instant::now();
    let child = Command::new("taskset")
        .args(["-c", "0"])
        .arg(agent)
        .args(["run", "--config"])
        .arg(config)
        .current_dir(folder)
        .env("NOTIFY_SOCKET", &place)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start `taskset`, a part of util-linux")?;
    let took = ready(&manager, child).map(|at| at - begun);
    let _ = fs::remove_file(&place);
    took
}

/// When the child says that it is ready; it is ended then.
fn ready(manager: &UnixDatagram, mut child: Child) -> Result<Instant> {
    let mut message = [0; 4096];
    let result = loop {
        match manager.recv(&mut message) {
            Ok(length) if is_ready(&message[..length]) => break Ok(Instant::now()),
            Ok(_) => {}
            Err(error) => break Err(error),
        }
    };
    child.kill().context("cannot end the agent")?;
    let status = child.wait().context("cannot wait for the agent")?;
    match result {
        Ok(at) => Ok(at),
        Err(error) => bail!("the agent did not come to watch ({error}); it ended with {status}"),
    }
}

fn is_ready(message: &[u8]) -> bool {
    let mut lines = message.split(|byte| *byte == b'\n');
    lines.any(|line| line == b"READY=1")
}

/// The median in a line.
pub fn told(starts: &[Duration]) -> String {
    let ms: Vec<f64> = starts.iter().map(|took| took.as_secs_f64() * 1e3).collect();
    let slowest = ms.iter().copied().fold(0.0, f64::max);
    format!(
        "watching after {:.0} ms, a median of {} starts; the slowest {slowest:.0}",
        median(&ms).unwrap_or(f64::NAN),
        ms.len(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_line_is_ready() {
        assert!(is_ready(b"WATCHDOG=1\nREADY=1\nSTATUS=0 vehicles so far"));
        assert!(!is_ready(b"STATUS=READY=1\nREADY=10"));
    }

    #[test]
    fn the_median_start_is_told_and_the_slowest() {
        let starts = [90, 400, 100].map(Duration::from_millis);
        assert_eq!(
            told(&starts),
            "watching after 100 ms, a median of 3 starts; the slowest 400"
        );
    }
}
