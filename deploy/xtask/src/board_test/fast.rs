//! The short test: the agent on a small Linux of its own, from the first look at its devices to a
//! camera that is pulled out. What a power cut leaves is tested beside it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail, ensure};

use super::checks::Checks;
use super::kit::Kit;
use super::pi::{CONFIG, Pi};
use super::report::{Report, emulated};
use crate::board::modules::{self, Module};

/// The colours that have a pin of their own in `deploy/board/agent.toml`, and the pin.
const PINS: [(&str, u32); 4] = [("red", 17), ("blue", 27), ("green", 22), ("yellow", 23)];
/// The pin that stays on once a white vehicle has passed.
const STAYS: u32 = 24;
/// All of them, as bits of the level register.
const ALL: u32 = 1 << 17 | 1 << 27 | 1 << 22 | 1 << 23 | 1 << STAYS;
/// The config on the board.
const PLAIN: &str = "/app/agent.toml";

/// Runs the checks.
pub fn run(kit: &Kit<'_>, agent: &Path, checks: &mut Checks, report: &mut Report) -> Result<()> {
    let spare = modules::with_needs(&kit.guest.modules, &["vivid"])?;
    let mut booted = None;
    checks.check("boot", || {
        let pi = booted.insert(kit.boot(agent, "fast", &["videodev"], &spare, &[])?);
        pi.run("ifconfig lo up")?;
        Ok(format!("Raspberry Pi 3B, Linux {}", pi.run("uname -r")?))
    });
    let Some(mut pi) = booted else {
        return Ok(());
    };
    let pi = &mut pi;
    commands(pi, checks);
    checks.check("start", || {
        let seconds = pi.start_agent(PLAIN)?;
        report.add("start until it watches", emulated(seconds));
        pi.wait_levels(ALL, 0)?;
        for (colour, pin) in PINS {
            ensure!(pi.is_output(pin)?, "the pin of {colour} is no output");
        }
        Ok("frames come, all pins are outputs and off".into())
    });
    for (colour, pin) in PINS {
        checks.check(colour, || passes(pi, colour, 1 << pin));
    }
    checks.check("memory", || {
        let memory = pi.memory("cat /tmp/agent.pid")?;
        report.add("memory after four vehicles", memory.clone());
        Ok(memory)
    });
    faults(pi, checks);
    configs(pi, checks);
    checks.check("killed", || killed(pi));
    checks.check("rppal", || rppal(pi));
    checks.check("driver's fault", || taken_away(pi, &spare));
    println!(
        "  the board's serial line: {}",
        pi.machine.serial.log.display()
    );
    Ok(())
}

/// What the agent's other commands say on a board with a kernel's camera and pins.
fn commands(pi: &mut Pi, checks: &mut Checks) {
    checks.check("devices, no camera", || {
        let told = pi.ask("/app/edge-agent devices")?;
        ensure!(
            told.code == 1 && told.text.contains("no camera found"),
            "ended with {}: {}",
            told.code,
            told.text
        );
        Ok("exit code 1, no camera found".into())
    });
    checks.check("devices", || {
        pi.plug_camera()?;
        pi.wait_for("/app/edge-agent devices", |told| told.code == 0)?;
        let told = pi.run("/app/edge-agent devices")?;
        contains(&told, "/dev/video0  Road (v4l2 loopback, ")?;
        contains(&told, "yuyv   320x180 at 10")?;
        contains(&told, "device = \"/dev/video0\"")?;
        Ok(told.lines().next().unwrap_or_default().into())
    });
    checks.check("pins", || {
        let told = pi.run(&format!("/app/edge-agent pins --config {PLAIN}"))?;
        contains(&told, "/dev/gpiochip0  pinctrl-bcm2835")?;
        let line = told.lines().find(|line| line.contains("GPIO17 "));
        let line = line.unwrap_or_default().trim();
        contains(line, "red")?;
        Ok(line.into())
    });
    checks.check("check", || {
        let told = pi.run(&format!("/app/edge-agent check --config {PLAIN}"))?;
        contains(&told, "ok   source: opened")?;
        for (name, pin) in PINS.into_iter().chain([("stays", STAYS)]) {
            contains(
                &told,
                &format!("ok   pins: {name} is line {pin} (GPIO{pin}) of "),
            )?;
        }
        Ok("camera and pins are ready".into())
    });
    checks.check("pins test", || {
        let test = "/app/edge-agent pins test blue --pulses 3 --hold-ms 1500";
        pi.run(&format!("{test} --config {PLAIN} >/tmp/trial 2>&1 &"))?;
        for number in 1..=3 {
            pi.wait_levels(ALL, 1 << 27)?;
            pi.wait_levels(ALL, 0)
                .map_err(|error| error.context(format!("after pulse {number}")))?;
        }
        pi.wait_for("cat /tmp/trial", |told| told.text.contains("off again"))?;
        Ok("three pulses seen on GPIO27 alone".into())
    });
}

/// The camera falls silent, is pulled out with its driver, and comes back.
fn faults(pi: &mut Pi, checks: &mut Checks) {
    checks.check("set", || passes(pi, "white", 1 << STAYS));
    checks.check("camera silent", || {
        let from = pi.said()?;
        ensure!(pi.levels()? & ALL == 1 << STAYS, "the pin did not stay on");
        pi.silence_camera()?;
        let line = pi.wait_said(from, "camera lost")?;
        pi.wait_levels(ALL, 0)?;
        ensure!(pi.agent_lives()?, "the agent ended");
        Ok(format!("pins safe; {line}"))
    });
    checks.check("camera out", || {
        let from = pi.said()?;
        // The agent has the node open for a moment whenever it tries.
        pi.wait_for("rmmod v4l2loopback", |told| told.code == 0)?;
        let line = pi.wait_said(from, "is not there")?;
        ensure!(pi.agent_lives()?, "the agent ended");
        Ok(line)
    });
    checks.check("camera back", || {
        pi.plug_camera()?;
        pi.wait_healthy()?;
        ensure!(pi.levels()? & ALL == 0, "a pin is on before a car came");
        passes(pi, "red", 1 << 17)
    });
}

/// The config is read again while the agent runs.
fn configs(pi: &mut Pi, checks: &mut Checks) {
    checks.check("wrong config", || {
        let from = pi.said()?;
        pi.run(&format!("sed -i s/fps/fsp/ {CONFIG}"))?;
        pi.signal_agent("HUP")?;
        let line = pi.wait_said(from, "the config before it goes on")?;
        pi.wait_healthy()?;
        passes(pi, "blue", 1 << 27)?;
        Ok(format!("a blue car switched its pin after: {line}"))
    });
    checks.check("unknown", || {
        let from = pi.said()?;
        pi.run(&format!(
            "(cat {PLAIN}; echo [shape]; echo max_width_px = 40) >{CONFIG}"
        ))?;
        pi.signal_agent("HUP")?;
        pi.wait_said(from, "read again")?;
        pi.wait_healthy()?;
        let (event, seen) = pi.passage("red")?;
        ensure!(
            event["colour"] == "unknown" && event["reason"] == "shape",
            "the event is {event}"
        );
        ensure!(seen & ALL == 0, "pins {:#x} were on", seen & ALL);
        Ok("a red car of a shape that the new config excludes moved no pin".into())
    });
}

/// Killed, the agent can do nothing for its pins: what then holds is said, and that it is safe again
/// when it was started.
fn killed(pi: &mut Pi) -> Result<String> {
    pi.run(&format!("cp {PLAIN} {CONFIG}"))?;
    let from = pi.said()?;
    pi.signal_agent("HUP")?;
    pi.wait_said(from, "read again")?;
    pi.wait_healthy()?;
    passes(pi, "white", 1 << STAYS)?;
    pi.signal_agent("KILL")?;
    std::thread::sleep(Duration::from_secs(1));
    let after = if pi.is_output(STAYS)? {
        "is still an output"
    } else {
        "is an input"
    };
    pi.start_agent(PLAIN)?;
    pi.wait_levels(ALL, 0)?;
    ensure!(pi.is_output(STAYS)?, "the pin is no output");
    Ok(format!("the pin that was on {after}; off after the start"))
}

/// The other way to the pins: a Raspberry Pi's registers.
fn rppal(pi: &mut Pi) -> Result<String> {
    pi.signal_agent("TERM")?;
    pi.wait_for("pidof edge-agent", |told| told.code != 0)?;
    pi.run(&format!("sed s/gpiocdev/rppal/ {PLAIN} >/tmp/rppal.toml"))?;
    pi.start_agent("/tmp/rppal.toml")?;
    pi.wait_levels(ALL, 0)?;
    passes(pi, "green", 1 << 22)?;
    passes(pi, "white", 1 << STAYS)?;
    // Debian's kernel has no /dev/gpiomem: the registers, and the locks, are those of /dev/mem.
    let second = pi.ask("/app/edge-agent pins test stays --config /tmp/rppal.toml")?;
    ensure!(second.code == 1, "a second ended with {}", second.code);
    contains(&second.text, "another edge-agent")?;
    pi.signal_agent("KILL")?;
    std::thread::sleep(Duration::from_secs(1));
    let after = pi.levels()? & ALL;
    pi.start_agent("/tmp/rppal.toml")?;
    pi.wait_levels(ALL, 0)?;
    Ok(format!(
        "green switches its pin; a second agent gets none; killed, pins were {after:#x}; off after \
         the start"
    ))
}

/// A camera that its driver takes away while frames come: vivid does that at the press of a button.
fn taken_away(pi: &mut Pi, modules: &[Module]) -> Result<String> {
    pi.signal_agent("TERM")?;
    pi.wait_for("pidof edge-agent", |told| told.code != 0)?;
    for module in modules.iter().filter(|module| module.name != "vivid") {
        // Some are there already.
        pi.ask(&format!("insmod /modules/{}.ko", module.name))?;
    }
    pi.run("insmod /modules/vivid.ko node_types=1 vid_cap_nr=8")?;
    let told = pi.run("/app/edge-agent devices")?;
    contains(&told, "/dev/video8  vivid (vivid, platform:vivid-000)")?;
    let modes = told
        .lines()
        .filter(|line| line.contains("320x180 at "))
        .count();
    ensure!(modes > 0, "vivid has no mode of 320x180: {told}");
    pi.run(&format!("sed s/video0/video8/ {PLAIN} >/tmp/vivid.toml"))?;
    pi.start_agent("/tmp/vivid.toml")?;
    let from = pi.said()?;
    pi.run("/app/board-guest press /dev/video8 Disconnect")?;
    let line = pi.wait_said(from, "camera lost")?;
    pi.wait_levels(ALL, 0)?;
    ensure!(pi.agent_lives()?, "the agent ended");
    pi.wait_for("rmmod vivid", |told| told.code == 0)?;
    pi.run("insmod /modules/vivid.ko node_types=1 vid_cap_nr=8")?;
    pi.wait_healthy()?;
    Ok(format!("{line}; back when the driver was loaded again"))
}

/// A car of this colour is told as such, switches these pins and no other.
fn passes(pi: &mut Pi, colour: &str, wanted: u32) -> Result<String> {
    let (event, seen) = pi.passage(colour)?;
    ensure!(event["colour"] == colour, "the event is {event}");
    ensure!(
        seen & ALL == wanted,
        "pins {:#x} were on instead of {wanted:#x}",
        seen & ALL
    );
    if wanted != 1 << STAYS {
        pi.wait_levels(ALL, 0)?;
    }
    let pin = wanted.trailing_zeros();
    Ok(format!("score {}, GPIO{pin} on, alone", event["score"]))
}

fn contains(text: &str, wanted: &str) -> Result<()> {
    if !text.contains(wanted) {
        bail!("{wanted:?} is not in: {text}");
    }
    Ok(())
}
