//! A running QEMU: its serial line as text, and the hardware as somebody beside it would measure
//! it. It dies with this process, however that ends.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::shell;

/// How long QEMU may take to open its monitor, and to answer there.
const MONITOR_PATIENCE: Duration = Duration::from_secs(30);

/// What runs. Its two ends may be used at the same time.
pub struct Machine {
    child: Child,
    /// The serial line.
    pub serial: Serial,
    /// The hardware.
    pub monitor: Monitor,
}

/// The board's serial line, as whoever is wired to it sees it.
pub struct Serial {
    input: ChildStdin,
    lines: Receiver<String>,
    /// Everything that came over it.
    pub log: PathBuf,
}

/// The board's hardware, as whoever measures it sees it.
pub struct Monitor(BufReader<UnixStream>);

impl Machine {
    /// Starts QEMU with these arguments; logs and sockets lie in `place`. With `null_lines`
    /// serial lines before the one that counts.
    pub fn start(
        arguments: &[String],
        null_lines: usize,
        place: &Path,
        name: &str,
    ) -> Result<Self> {
        let socket = place.join("monitor");
        let _ = std::fs::remove_file(&socket);
        let log = place.join(format!("{name}.serial.log"));
        let written =
            File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let said = place.join(format!("{name}.qemu.log"));
        let said =
            File::create(&said).with_context(|| format!("cannot write {}", said.display()))?;
        let mut command = shell::bound("qemu-system-aarch64");
        command.args(arguments);
        for _ in 0..null_lines {
            command.args(["-serial", "null"]);
        }
        command.args([
            "-serial",
            "stdio",
            "-display",
            "none",
            "-no-reboot",
            "-monitor",
            "none",
        ]);
        command.arg("-qmp");
        command.arg(format!("unix:{},server=on,wait=off", socket.display()));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(said)
            .spawn()
            .context("cannot start qemu-system-aarch64 by way of setpriv")?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("QEMU has no pipes");
        };
        let (sender, lines) = channel();
        thread::spawn(move || follow(output, written, &sender));
        let monitor = match monitor(&socket, &mut child) {
            Ok(monitor) => monitor,
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(error);
            }
        };
        Ok(Self {
            child,
            serial: Serial { input, lines, log },
            monitor: Monitor(monitor),
        })
    }

    /// What a power cut is: nothing is written any more from this moment on.
    pub fn cut_power(mut self) -> Result<()> {
        self.child.kill().context("cannot kill QEMU")?;
        self.child.wait().context("cannot wait for QEMU").map(drop)
    }
}

impl Serial {
    /// Sends one line over the serial line.
    pub fn send(&mut self, line: &str) -> Result<()> {
        let sent = self.input.write_all(format!("{line}\n").as_bytes());
        sent.and_then(|()| self.input.flush())
            .context("the emulated board takes no more input")
    }

    /// The next line of the serial line, if one comes before that.
    pub fn line(&self, until: Instant) -> Result<Option<String>> {
        let left = until.saturating_duration_since(Instant::now());
        match self.lines.recv_timeout(left) {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => {
                bail!(
                    "the emulated board is off; its serial line is in {}",
                    self.log.display()
                )
            }
        }
    }
}

impl Monitor {
    /// The 32-bit word at this address of the board's memory, devices included.
    pub fn word(&mut self, address: u32) -> Result<u32> {
        let line = format!("xp /1wx {address:#x}");
        let command = json!({
            "execute": "human-monitor-command",
            "arguments": { "command-line": line },
        });
        let told = ask(&mut self.0, &command)?;
        read_word(told.as_str().unwrap_or_default())
            .with_context(|| format!("QEMU answers {told} to `{line}`"))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn follow(output: impl Read, mut log: File, lines: &Sender<String>) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    while output
        .read_until(b'\n', &mut line)
        .is_ok_and(|count| count > 0)
    {
        let _ = log.write_all(&line);
        let text = String::from_utf8_lossy(&line);
        if lines.send(text.trim_end().to_string()).is_err() {
            return;
        }
        line.clear();
    }
}

fn monitor(socket: &Path, child: &mut Child) -> Result<BufReader<UnixStream>> {
    let end = Instant::now() + MONITOR_PATIENCE;
    let stream = loop {
        if let Ok(stream) = UnixStream::connect(socket) {
            break stream;
        }
        if let Some(status) = child.try_wait()? {
            bail!(
                "QEMU ended at once with {status}; what it said lies beside {}",
                socket.display()
            );
        }
        if Instant::now() > end {
            bail!("QEMU opens no monitor at {}", socket.display());
        }
        thread::sleep(Duration::from_millis(20));
    };
    stream
        .set_read_timeout(Some(MONITOR_PATIENCE))
        .context("the monitor takes no time limit")?;
    let mut monitor = BufReader::new(stream);
    let mut greeting = String::new();
    monitor
        .read_line(&mut greeting)
        .context("QEMU's monitor says nothing")?;
    ask(&mut monitor, &json!({ "execute": "qmp_capabilities" }))?;
    Ok(monitor)
}

fn ask(monitor: &mut BufReader<UnixStream>, command: &Value) -> Result<Value> {
    writeln!(monitor.get_mut(), "{command}").context("QEMU's monitor is closed")?;
    loop {
        let mut line = String::new();
        let count = monitor
            .read_line(&mut line)
            .context("QEMU's monitor does not answer")?;
        if count == 0 {
            bail!("QEMU's monitor was closed");
        }
        let mut told: Value = serde_json::from_str(&line).context("QEMU's monitor says no JSON")?;
        if let Some(error) = told.get("error") {
            bail!("QEMU's monitor refuses {command}: {error}");
        }
        // Anything else is an event.
        if let Some(value) = told.get_mut("return") {
            return Ok(value.take());
        }
    }
}

/// `000000003f200034: 0x00020000`
fn read_word(told: &str) -> Option<u32> {
    let word = told.split_once(':')?.1.trim();
    u32::from_str_radix(word.strip_prefix("0x")?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_memory_is_read_as_qemu_prints_it() {
        assert_eq!(read_word("000000003f200034: 0x00020000\r\n"), Some(0x20000));
        assert_eq!(read_word("Cannot access memory\r\n"), None);
    }
}
