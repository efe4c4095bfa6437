//! A Raspberry Pi 3B in QEMU with a camera: a shell on it, its pins as a voltmeter would show them,
//! the camera plugged in and out, and the agent started and asked. What is right is judged elsewhere.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use super::clips::{FPS, ROAD, SIZE};
use crate::board::console::{self, Told};
use crate::board::machine::Machine;

/// The BCM2837's registers: levels of pins 0 to 31.
const LEVELS: u32 = 0x3f20_0034;
/// Functions of ten pins each, three bits a pin; 1 is an output.
const FUNCTIONS: u32 = 0x3f20_0000;
/// Longest time for a command on the board, which is slow.
pub const PATIENCE: Duration = Duration::from_secs(300);
/// The config of an agent that was started by hand, and what it says.
pub const CONFIG: &str = "/tmp/agent.toml";
/// See [`CONFIG`].
pub const SAID: &str = "/tmp/agent.err";
/// The command that loads the camera's driver.
pub const INSERT: &str =
    "insmod /app/v4l2loopback.ko video_nr=0 exclusive_caps=1 card_label=Road max_buffers=4";
/// Seconds since power on, and others.
const UPTIME: &str = "/proc/uptime";

/// The board.
pub struct Pi {
    /// What runs it.
    pub machine: Machine,
    /// The file of the agent's events.
    pub events: String,
    /// The command that prints what the agent said.
    pub log: String,
}

impl Pi {
    /// Starts QEMU and waits for the shell.
    pub fn wait_ready(machine: Machine) -> Result<Self> {
        console::wait_ready(&machine.serial, PATIENCE)?;
        Ok(Self {
            machine,
            events: "/tmp/events.jsonl".into(),
            log: format!("cat {SAID}"),
        })
    }

    /// Runs a command whatever its exit code.
    pub fn ask(&mut self, command: &str) -> Result<Told> {
        console::ask(&mut self.machine.serial, command, PATIENCE)
    }

    /// Runs a command that must end with 0.
    pub fn run(&mut self, command: &str) -> Result<String> {
        console::run(&mut self.machine.serial, command, PATIENCE)
    }

    /// Asks until the answer is as wanted.
    pub fn wait_for(&mut self, command: &str, wanted: impl Fn(&Told) -> bool) -> Result<String> {
        console::wait_for(&mut self.machine.serial, command, PATIENCE, wanted)
    }

    /// Waits for a line of the agent's log, after its first `from` lines.
    pub fn wait_said(&mut self, from: usize, text: &str) -> Result<String> {
        let command = format!("{} | tail -n +{}", self.log, from + 1);
        let told = self.wait_for(&command, |told| told.text.contains(text))?;
        let line = told.lines().find(|line| line.contains(text));
        Ok(line.unwrap_or_default().to_string())
    }

    /// How many lines the agent has said.
    pub fn said(&mut self) -> Result<usize> {
        let command = self.log.clone();
        self.lines(&command)
    }

    fn lines(&mut self, command: &str) -> Result<usize> {
        let told = self.run(&format!("{command} | wc -l"))?;
        Ok(told.trim().parse().unwrap_or_default())
    }

    /// The levels of the pins 0 to 31, one bit each, at the pins.
    pub fn levels(&mut self) -> Result<u32> {
        self.machine.monitor.word(LEVELS)
    }

    /// Whether a pin below 32 is an output.
    pub fn is_output(&mut self, pin: u32) -> Result<bool> {
        let word = self.machine.monitor.word(FUNCTIONS + 4 * (pin / 10))?;
        Ok(word >> (pin % 10 * 3) & 7 == 1)
    }

    /// Waits until of these pins exactly those that are wanted are on.
    pub fn wait_levels(&mut self, mask: u32, wanted: u32) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            let levels = self.levels()? & mask;
            if levels == wanted {
                return Ok(());
            }
            if Instant::now() > end {
                bail!("pins are {levels:#x} instead of {wanted:#x}");
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Plugs the camera in: its driver, and its other end, which shows the empty road.
    pub fn plug_camera(&mut self) -> Result<()> {
        self.run(INSERT)?;
        let feed = feed();
        self.run(&format!(
            "{feed} >/tmp/camera.log 2>&1 & echo $! >/tmp/camera.pid"
        ))
        .map(drop)
    }

    /// Nobody feeds the camera any more.
    pub fn silence_camera(&mut self) -> Result<()> {
        self.run("kill -9 $(cat /tmp/camera.pid); rm -f /tmp/next")
            .map(drop)
    }

    /// Lets a car of this colour pass and waits for its event; the event, and the pins that were on
    /// at any time from its coming until a second after the event, as the board counts.
    pub fn passage(&mut self, colour: &str) -> Result<(Value, u32)> {
        let events = self.events.clone();
        let before = self.lines(&format!("cat {events} 2>/dev/null"))?;
        self.pass(colour)?;
        let ended = AtomicBool::new(false);
        let Machine {
            serial, monitor, ..
        } = &mut self.machine;
        let (told, seen) = thread::scope(|scope| {
            let watching = scope.spawn(|| {
                let mut seen = 0;
                while !ended.load(Ordering::Relaxed) {
                    seen |= monitor.word(LEVELS)?;
                    thread::sleep(Duration::from_millis(10));
                }
                anyhow::Ok(seen)
            });
            let newer = format!("tail -n +{} {events} 2>/dev/null", before + 1);
            let told = console::wait_for(serial, &newer, PATIENCE, |told| !told.text.is_empty());
            // A second of the board's, however slow it is.
            let told = told.and_then(|told| {
                console::run(serial, "sleep 1", PATIENCE)?;
                Ok(told)
            });
            ended.store(true, Ordering::Relaxed);
            (told, watching.join())
        });
        let line = match told {
            Ok(line) => line,
            Err(error) => {
                let said = self.run(&self.log.clone())?;
                return Err(error.context(format!("no event for a {colour} car; {said}")));
            }
        };
        let seen = seen.map_err(|_| anyhow!("the watch over the pins stopped"))??;
        let event =
            serde_json::from_str(&line).with_context(|| format!("not one event but: {line}"))?;
        Ok((event, seen))
    }

    /// Lets a car of this colour pass.
    pub fn pass(&mut self, colour: &str) -> Result<()> {
        let file = format!("/app/{colour}.yuyv");
        // The car before it has passed; the end of its clip may still run.
        self.wait_for("test ! -e /tmp/next", |told| told.code == 0)?;
        self.run(&format!("ln -s {file} /tmp/next")).map(drop)
    }

    /// Starts the agent with a config and waits until it says that frames come; seconds of the
    /// board's clock that it took.
    pub fn start_agent(&mut self, config: &str) -> Result<f64> {
        let from = self.run(&format!(
            "cp {config} {CONFIG}; : >{SAID}; cat {UPTIME}; /app/edge-agent run --config {CONFIG} \
             >/tmp/agent.out 2>{SAID} & echo $! >/tmp/agent.pid"
        ))?;
        Ok(self.wait_healthy()? - seconds(&from)?)
    }

    /// Waits until the agent's page says that frames come; seconds since power on.
    pub fn wait_healthy(&mut self) -> Result<f64> {
        let healthy = "busybox wget -qO /dev/null http://127.0.0.1:8080/healthz";
        let asked = format!("{healthy} && cat {UPTIME}");
        if let Ok(told) = self.wait_for(&asked, |told| told.code == 0) {
            return seconds(&told);
        }
        let said = self.run(&self.log.clone())?;
        bail!("no frames come after {} s: {said}", PATIENCE.as_secs())
    }

    /// Seconds since power on.
    pub fn uptime(&mut self) -> Result<f64> {
        seconds(&self.run(&format!("cat {UPTIME}"))?)
    }

    /// The memory of the process that this command names.
    pub fn memory(&mut self, process: &str) -> Result<String> {
        let status = self.run(&format!("cat /proc/$({process})/status"))?;
        let mib = |key| kib(&status, key).map(|kib| format!("{:.1} MiB", kib / 1024.0));
        Ok(format!(
            "{} resident, {} at most",
            mib("VmRSS:")?,
            mib("VmHWM:")?
        ))
    }

    /// Sends the agent a signal.
    pub fn signal_agent(&mut self, signal: &str) -> Result<()> {
        self.run(&format!("kill -{signal} $(cat /tmp/agent.pid)"))
            .map(drop)
    }

    /// Whether the agent that was started runs.
    pub fn agent_lives(&mut self) -> Result<bool> {
        let told = self.run("cat /proc/$(cat /tmp/agent.pid)/stat 2>/dev/null; true")?;
        Ok(told.contains("(edge-agent) ") && !told.contains(") Z "))
    }
}

/// The command that is the camera's other end.
pub fn feed() -> String {
    let (width, height) = SIZE;
    format!("/app/board-guest camera /dev/video0 {width} {height} {FPS} /app/{ROAD}.yuyv /tmp/next")
}

/// The first number of `/proc/uptime`.
fn seconds(uptime: &str) -> Result<f64> {
    let first = uptime.split(' ').next().unwrap_or_default();
    let parsed = first.parse();
    parsed.with_context(|| format!("no seconds since power on: {uptime}"))
}

/// A process's `VmRSS:     21344 kB`, in KiB.
fn kib(status: &str, key: &str) -> Result<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
    number.with_context(|| format!("no {key} in: {status}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_numbers_are_read() {
        assert_eq!(seconds("29.55 36.71").unwrap(), 29.55);
        assert!(seconds("").is_err());
        let status = "Name:\tedge-agent\nVmRSS:\t   21344 kB\nThreads:\t3\n";
        assert_eq!(kib(status, "VmRSS:").unwrap(), 21344.0);
        assert!(kib(status, "VmHWM:").is_err());
    }
}
