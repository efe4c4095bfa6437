//! The power fails while events are written to a card: what was synced before must be there at the
//! next start, and the log goes on.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::clips::{FPS, SIZE};
use super::kit::Kit;
use super::pi::{Pi, SAID};
use crate::shell::Tool;
use crate::workspace;

/// The card's file system on the board, and the events on it.
const CARD: &str = "/tmp/card";
const LOG: &str = "/tmp/card/events.jsonl";
/// Debian puts it where the path of other users than root does not lead.
const MKFS: &str = "/usr/sbin/mkfs.ext4";
/// The card's size; QEMU wants a power of two.
const CARD_BYTES: u64 = 64 << 20;
/// What the kernel needs for a Raspberry Pi's card.
const DRIVERS: [&str; 2] = ["bcm2835", "ext4"];

/// Cuts the power in the midst of events.
pub fn cut(kit: &Kit<'_>, agent: &Path) -> Result<String> {
    let image = kit.place.join("card.img");
    format(&image)?;
    let mut pi = boot(kit, agent, &image, "power-1")?;
    start(&mut pi)?;
    // The third event shows that the second was synced: that happens twenty times as often.
    pi.wait_for(&format!("cat {LOG}"), |told| told.text.lines().count() >= 3)?;
    let before = ids(&pi.run(&format!("cat {LOG}"))?)?;
    pi.machine.cut_power()?;

    let mut pi = boot(kit, agent, &image, "power-2")?;
    let found = pi.run(&format!("cat {LOG}"))?;
    let kept = whole(&found);
    let promised = &before[..before.len() - 1];
    for id in promised {
        ensure!(
            kept.contains(id),
            "event {id} was synced and is gone; left is: {found}"
        );
    }
    start(&mut pi)?;
    let more = kept.len() + 2;
    let longer = pi.wait_for(&format!("cat {LOG}"), |told| {
        told.text.lines().count() >= more
    })?;
    let after = ids(&longer).context("after the power cut")?;
    ensure!(after.starts_with(&kept), "older events changed: {longer}");
    pi.run("kill $(cat /tmp/agent.pid)")?;
    Ok(format!(
        "{} events were told before it, {} are on the card after it, and the log goes on",
        before.len(),
        kept.len()
    ))
}

fn format(image: &Path) -> Result<()> {
    let file = File::create(image).with_context(|| format!("cannot write {}", image.display()))?;
    file.set_len(CARD_BYTES).context("the card has no room")?;
    make_file_system(image, None)
}

/// Makes an ext4 file system in a file, with what lies below a folder.
pub fn make_file_system(image: &Path, root: Option<&Path>) -> Result<()> {
    let found = workspace::on_path(&["mkfs.ext4"]);
    let mut make = Tool::new(found.unwrap_or_else(|| MKFS.into())).args(["-q", "-F"]);
    if let Some(root) = root {
        make = make.arg("-d").arg(root);
    }
    make.arg(image).read().map(drop)
}

fn boot(kit: &Kit<'_>, agent: &Path, image: &Path, name: &str) -> Result<Pi> {
    let drive = format!("if=sd,format=raw,file={}", image.display());
    let mut pi = kit.boot(agent, name, &DRIVERS, &[], &["-drive".into(), drive])?;
    pi.wait_for("ls /dev/mmcblk0", |told| told.code == 0)?;
    pi.run(&format!(
        "mkdir {CARD} && mount -t ext4 /dev/mmcblk0 {CARD}"
    ))?;
    Ok(pi)
}

/// An agent that sees one car after the other, and writes events to the card.
fn start(pi: &mut Pi) -> Result<()> {
    let (width, height) = SIZE;
    let lines = [
        "[source]",
        "kind = \\\"replay\\\"",
        "file = \\\"/app/blue.yuyv\\\"",
        &format!("width_px = {width}"),
        &format!("height_px = {height}"),
        &format!("fps = {FPS}.0"),
        "repeat = 0",
        "[jsonl]",
        &format!("path = \\\"{LOG}\\\""),
        "sync_ms = 100",
    ];
    let lines = lines.map(|line| format!("echo \"{line}\"")).join("; ");
    pi.run(&format!(
        "({lines}) >/tmp/replay.toml; /app/edge-agent run --config /tmp/replay.toml \
         >/tmp/agent.out 2>{SAID} & echo $! >/tmp/agent.pid"
    ))
    .map(drop)
}

/// The ids of events, one a line; each line must be whole.
fn ids(text: &str) -> Result<Vec<String>> {
    text.lines()
        .map(|line| id(line).with_context(|| format!("no event but: {line}")))
        .collect()
}

/// The ids of the events before the first line that is not whole.
fn whole(text: &str) -> Vec<String> {
    text.lines().map_while(id).collect()
}

fn id(line: &str) -> Option<String> {
    let event: Value = serde_json::from_str(line).ok()?;
    Some(event.get("id")?.as_str()?.to_string())
}
