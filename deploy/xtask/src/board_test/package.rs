//! The package on a Debian with systemd: installed, running as its own user, updated with signed
//! bundles, started again with the board, upgraded and removed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::checks::Checks;
use super::debian;
use super::kit::Kit;
use super::pi::Pi;
use super::report::{Report, emulated};
use crate::cross;
use crate::setup::debian as packages;
use crate::shell::Tool;

mod bundle;

/// The pins of red and white vehicles in `deploy/board/agent.toml`.
const RED: u32 = 1 << 17;
/// See [`RED`].
const WHITE: u32 = 1 << 24;
/// All pins of that config.
const ALL: u32 = 1 << 17 | 1 << 27 | 1 << 22 | 1 << 23 | 1 << 24;
/// Highest exposure that the service may have.
const MOST_EXPOSED: f32 = 2.0;
/// Where the service looks for its config.
const CONFIG: &str = "/etc/edge-agent/agent.toml";
/// Brings the later version.
const UPGRADE: &str = "dpkg --force-confold -i /app/edge-agent-newer.deb";
/// Tells the service's process.
const MAIN_PID: &str = "systemctl show -p MainPID --value edge-agent";

/// Runs the checks.
pub fn run(kit: &Kit<'_>, deb: &Path, checks: &mut Checks, report: &mut Report) -> Result<()> {
    let mut board = None;
    checks.check("debian", || {
        let mut files = kit.files();
        let unpacked = unpack(deb, kit.place)?;
        report.add(
            "program",
            cross::size(&unpacked.join("usr/bin/edge-agent"))?,
        );
        report.add("package", cross::size(deb)?);
        let newer = newer(&unpacked, kit.place)?;
        let plain = kit.place.join("edge-agent.deb");
        fs::copy(deb, &plain).with_context(|| format!("cannot copy {}", deb.display()))?;
        files.extend([plain, newer]);
        files.extend(bundle::make(kit.place)?);
        let card = debian::make_card(kit, &packages::ensure()?, &files)?;
        let pi = board.insert((card.clone(), debian::boot(kit, &card, "debian-1")?));
        systemd_is_up(&mut pi.1, report)
    });
    let Some((card, mut pi)) = board else {
        return Ok(());
    };
    println!(
        "  the board's serial line: {}",
        pi.machine.serial.log.display()
    );
    installed(&mut pi, checks);
    serving(&mut pi, checks, report);
    bundle::check(&mut pi, checks);
    let mut again = None;
    checks.check("power on again", || {
        pi.run("sync")?;
        pi.machine.cut_power()?;
        let mut pi = debian::boot(kit, &card, "debian-2")?;
        let seen = starts_with_the_board(&mut pi, report);
        again = Some(pi);
        seen
    });
    if let Some(mut pi) = again {
        leaving(&mut pi, checks);
    }
    Ok(())
}

fn systemd_is_up(pi: &mut Pi, report: &mut Report) -> Result<String> {
    let up = "systemctl is-system-running";
    let state = pi.wait_for(up, |told| told.text == "running" || told.text == "degraded")?;
    let failed = pi.run("systemctl --failed --no-legend --plain --no-pager")?;
    ensure!(state == "running", "systemd is {state}: {failed}");
    let seconds = emulated(pi.uptime()?);
    report.add("power on until systemd is up", seconds.clone());
    let version = pi.run("systemctl --version | head -n 1")?;
    Ok(format!("{version}, up {seconds} after power on"))
}

/// The first installation.
fn installed(pi: &mut Pi, checks: &mut Checks) {
    checks.check("install", || {
        pi.run("ip link set lo up 2>/dev/null || busybox ip link set lo up")?;
        pi.run("dpkg -i /app/edge-agent.deb")?;
        let told = pi.run("dpkg -s edge-agent | grep ^Status; id edge-agent")?;
        contains(&told, "Status: install ok installed")?;
        contains(&told, "(edge-agent)")?;
        Ok(told.replace('\n', "; "))
    });
    checks.check("the package's files", || {
        let changed = pi.run("dpkg --verify edge-agent")?;
        ensure!(changed.is_empty(), "other than in the package: {changed}");
        pi.run("edge-agent --version")
    });
}

/// The unit with a camera and pins.
fn serving(pi: &mut Pi, checks: &mut Checks, report: &mut Report) {
    checks.check("service", || {
        pi.run("systemctl enable --now camera")?;
        let events = pi.events.clone();
        pi.run(&format!(
            "sed s#/tmp/events.jsonl#{events}# /app/agent.toml >{CONFIG} && \
             cat /app/store.toml >>{CONFIG} && cp /app/minisign.pub /etc/edge-agent/"
        ))?;
        pi.run("systemctl enable --now edge-agent || systemctl --no-pager -l status edge-agent")?;
        pi.wait_healthy()?;
        let told = pi.run("systemctl --no-pager status edge-agent | head -n 12")?;
        contains(&told, "active (running)")?;
        let other =
            pi.run("journalctl -b -o cat --no-pager -q | grep 'mode is different'; true")?;
        ensure!(other.is_empty(), "systemd expects other folders: {other}");
        let status = told.lines().find(|line| line.contains("Status:"));
        Ok(status.unwrap_or("active (running)").trim().into())
    });
    checks.check("unprivileged", || {
        let told = pi.run(&format!(
            "p=$({MAIN_PID}); \
             stat -c 'user %U' /proc/$p; grep -E '^(CapEff|NoNewPrivs|Seccomp):|VmHWM' \
             /proc/$p/status | tr '\\t' ' '",
        ))?;
        for wanted in [
            "user edge-agent",
            "CapEff: 0000000000000000",
            "NoNewPrivs: 1",
        ] {
            contains(&told, wanted)?;
        }
        Ok(told.replace('\n', "; "))
    });
    checks.check("priority", || {
        // Name and niceness of each thread.
        let threads = format!("awk '{{print $2, $19}}' /proc/$({MAIN_PID})/task/*/stat");
        let told = pi.run(&threads)?;
        contains(&told, "(edge-agent) 0")?;
        contains(&told, "(live) 10")?;
        Ok("the live picture comes after the frames".into())
    });
    checks.check("exposure", || {
        let told = pi.run("systemd-analyze security --no-pager edge-agent | tail -n 1")?;
        let exposure = exposure(&told).with_context(|| format!("no exposure in: {told}"))?;
        ensure!(exposure <= MOST_EXPOSED, "{told}");
        report.add("exposure of the service", exposure.to_string());
        Ok(format!("{exposure} as installed"))
    });
    checks.check("red", || passes(pi, "red", RED));
    checks.check("white", || passes(pi, "white", WHITE));
    checks.check("crash", || {
        pi.run("systemctl kill -s KILL edge-agent")?;
        pi.wait_for("systemctl show -p NRestarts --value edge-agent", |told| {
            told.text == "1"
        })?;
        pi.wait_healthy()?;
        pi.wait_levels(ALL, 0)?;
        Ok("systemd started it again, pins are off".into())
    });
    checks.check("reload", || {
        let from = pi.said()?;
        pi.run("systemctl reload edge-agent")?;
        pi.wait_said(from, "read again")
    });
    checks.check("wrong config", || {
        let from = pi.said()?;
        pi.run(&format!("cp {CONFIG} /tmp/kept.toml"))?;
        pi.run(&format!("sed s/fps/fsp/ /tmp/kept.toml >{CONFIG}"))?;
        pi.run("systemctl --no-block restart edge-agent")?;
        let line = pi.wait_said(from, "FAIL config: ");
        pi.run(&format!("cat /tmp/kept.toml >{CONFIG}"))?;
        pi.run("systemctl restart edge-agent")?;
        pi.wait_healthy()?;
        line
    });
}

/// After power on nobody touches anything: camera and service are there as they were.
fn starts_with_the_board(pi: &mut Pi, report: &mut Report) -> Result<String> {
    let watches = emulated(pi.wait_healthy()?);
    let event = passes(pi, "red", RED)?;
    let first = emulated(pi.uptime()?);
    let memory = pi.memory(MAIN_PID)?;
    report.add("power on until it watches", watches.clone());
    report.add("power on until a first vehicle's event", first.clone());
    report.add("memory after that", memory.clone());
    Ok(format!(
        "watches {watches} after power on, event after {first}; {event}; {memory}"
    ))
}

/// Upgrade, removal and purge.
fn leaving(pi: &mut Pi, checks: &mut Checks) {
    checks.check("upgrade", || {
        let before = pi.run(&format!("cat {CONFIG}"))?;
        let old = pi.run(MAIN_PID)?;
        pi.run(UPGRADE)?;
        let told = pi.run("dpkg -s edge-agent | grep ^Version")?;
        contains(&told, "+newer")?;
        ensure!(
            pi.run(&format!("cat {CONFIG}"))? == before,
            "the config changed"
        );
        // The old one may still answer.
        pi.wait_for(MAIN_PID, |told| told.text != "0" && told.text != old)?;
        pi.wait_healthy()?;
        passes(pi, "red", RED)?;
        Ok(format!("{told}; config kept, runs again"))
    });
    checks.check("upgrade, no camera", || {
        pi.run("systemctl stop camera; rm -f /tmp/next")?;
        // The agent has the node open for a moment whenever it tries.
        pi.wait_for("rmmod v4l2loopback", |told| told.code == 0)?;
        pi.run(UPGRADE)?;
        let told = pi.run("dpkg -s edge-agent | grep ^Status")?;
        contains(&told, "Status: install ok installed")?;
        let state = "systemctl is-active edge-agent";
        pi.wait_for(state, |told| told.text == "activating")?;
        pi.run("systemctl start camera")?;
        pi.wait_healthy()?;
        passes(pi, "red", RED)?;
        Ok("dpkg does not wait for the camera, the agent does".into())
    });
    checks.check("remove", || {
        pi.run("dpkg -r edge-agent")?;
        pi.wait_levels(ALL, 0)?;
        let told = pi.ask("systemctl is-active edge-agent; pidof edge-agent")?;
        ensure!(told.text == "inactive", "after the removal: {}", told.text);
        let events = pi.events.clone();
        pi.run(&format!("test -s {CONFIG} && test -s {events}"))?;
        Ok("ended with pins off; config and events are still there".into())
    });
    checks.check("purge", || {
        // As a partition of its own: it cannot be removed while it is mounted.
        pi.run("mount --bind /var/lib/edge-agent /var/lib/edge-agent")?;
        pi.run("dpkg -P edge-agent")?;
        let left = pi.run("ls -d /etc/edge-agent 2>/dev/null; ls -A /var/lib/edge-agent")?;
        ensure!(left.is_empty(), "left behind: {left}");
        let failed = pi.run("systemctl --failed --no-legend --plain --no-pager")?;
        ensure!(failed.is_empty(), "systemd has failed units: {failed}");
        Ok("nothing is left".into())
    });
}

fn passes(pi: &mut Pi, colour: &str, wanted: u32) -> Result<String> {
    let (event, seen) = pi.passage(colour)?;
    ensure!(event["colour"] == colour, "the event is {event}");
    ensure!(
        seen & ALL & wanted == wanted,
        "pins {:#x} were on",
        seen & ALL
    );
    Ok(format!(
        "score {}, pins {:#x} were on",
        event["score"],
        seen & ALL
    ))
}

fn contains(text: &str, wanted: &str) -> Result<()> {
    if !text.contains(wanted) {
        bail!("{wanted:?} is not in: {text}");
    }
    Ok(())
}

/// `→ Overall exposure level for edge-agent.service: 1.4 OK`
fn exposure(told: &str) -> Option<f32> {
    let (_, level) = told.split_once("exposure level for ")?;
    level.split_once(": ")?.1.split(' ').next()?.parse().ok()
}

/// What the package holds.
fn unpack(deb: &Path, place: &Path) -> Result<PathBuf> {
    let folder = place.join("newer");
    let _ = fs::remove_dir_all(&folder);
    Tool::new("dpkg-deb")
        .arg("-R")
        .arg(deb)
        .arg(&folder)
        .read()?;
    Ok(folder)
}

/// The same package with a later version, as the next release would be.
fn newer(folder: &Path, place: &Path) -> Result<PathBuf> {
    let control = folder.join("DEBIAN/control");
    let text = fs::read_to_string(&control)
        .with_context(|| format!("cannot read {}", control.display()))?;
    let lines = text
        .lines()
        .map(|line| match line.starts_with("Version: ") {
            true => format!("{line}+newer\n"),
            false => format!("{line}\n"),
        });
    fs::write(&control, lines.collect::<String>())
        .with_context(|| format!("cannot write {}", control.display()))?;
    let newer = place.join("edge-agent-newer.deb");
    Tool::new("dpkg-deb")
        .args(["--root-owner-group", "-Zxz", "-z1", "-b"])
        .args([folder, &*newer])
        .read()?;
    Ok(newer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exposure_is_read_as_systemd_prints_it() {
        let told = "→ Overall exposure level for edge-agent.service: 1.4 OK 🙂";
        assert_eq!(exposure(told), Some(1.4));
        assert_eq!(exposure("Unit edge-agent.service not found."), None);
    }
}
