//! The files of the package, laid out as they will lie on the device, and what dpkg wants to know
//! about them. Builds nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cross::glibc;
use crate::setup::cross;
use crate::shell::Tool;
use crate::target::Target;
use crate::workspace;

/// From the project, to the device.
const FILES: &[(&str, &str)] = &[
    (
        "deploy/systemd/edge-agent.service",
        "usr/lib/systemd/system/edge-agent.service",
    ),
    (
        "deploy/systemd/edge-agent@.service",
        "usr/lib/systemd/system/edge-agent@.service",
    ),
    (
        "deploy/systemd/edge-agent.rules",
        "usr/lib/udev/rules.d/70-edge-agent.rules",
    ),
    (
        "deploy/systemd/edge-agent.sysusers",
        "usr/lib/sysusers.d/edge-agent.conf",
    ),
    (
        "deploy/systemd/edge-agent.tmpfiles",
        "usr/lib/tmpfiles.d/edge-agent.conf",
    ),
    ("deploy/debian/agent.toml", "etc/edge-agent/agent.toml"),
    (
        "deploy/debian/copyright",
        "usr/share/doc/edge-agent/copyright",
    ),
    ("deploy/README.md", "usr/share/doc/edge-agent/README.md"),
    (
        "deploy/event-schema.md",
        "usr/share/doc/edge-agent/event-schema.md",
    ),
    (
        "deploy/event.schema.json",
        "usr/share/doc/edge-agent/event.schema.json",
    ),
    (
        "edge-agent/agent.example.toml",
        "usr/share/doc/edge-agent/examples/agent.example.toml",
    ),
];

/// Files that dpkg leaves as the technician made them.
const CONFFILES: &str = "/etc/edge-agent/agent.toml\n";

/// What dpkg runs.
pub const SCRIPTS: &[&str] = &["postinst", "prerm", "postrm"];

/// Lays out the package under `root`; `time` is that of the sources, in seconds since 1970.
pub fn lay(root: &Path, agent: &Path, target: Target, version: &str, time: &str) -> Result<()> {
    copy(agent, &root.join("usr/bin/edge-agent"), 0o755)?;
    for (from, to) in FILES {
        copy(&source(from), &root.join(to), 0o644)?;
    }
    manual(root, agent, target)?;
    changes(root, version, time)?;
    let needs = glibc::needed(agent)?;
    let sums = Tool::new("sh")
        .args(["-c", "find usr -type f -print0 | sort -z | xargs -0 md5sum"])
        .dir(root)
        .read()?;
    let kib = Tool::new("du")
        .args(["-sk", "--apparent-size"])
        .arg(root)
        .read()?;
    let kib = kib.split_whitespace().next().unwrap_or("0");
    let control = read("deploy/debian/control")?
        .replace("@VERSION@", version)
        .replace("@ARCHITECTURE@", target.debian())
        .replace("@INSTALLED_KIB@", kib)
        .replace("@LIBC@", &needs.to_string());
    let about = root.join("DEBIAN");
    write(&about.join("control"), &control)?;
    write(&about.join("md5sums"), &sums)?;
    write(&about.join("conffiles"), CONFFILES)?;
    for script in SCRIPTS {
        let from = source("deploy/debian").join(script);
        copy(&from, &about.join(script), 0o755)?;
    }
    Ok(())
}

/// Manual pages and completions, which the program itself writes.
fn manual(root: &Path, agent: &Path, target: Target) -> Result<()> {
    let share = root.join("usr/share");
    cross::program(target, agent)
        .args(["manual", "--out"])
        .arg(&share)
        .read()?;
    let pages = share.join("man/man1");
    let list = fs::read_dir(&pages).with_context(|| format!("cannot read {}", pages.display()))?;
    for page in list.filter_map(Result::ok) {
        squeeze(&page.path())?;
    }
    Ok(())
}

/// The project's changes, and the package's own in Debian's form.
fn changes(root: &Path, version: &str, time: &str) -> Result<()> {
    let folder = root.join("usr/share/doc/edge-agent");
    let changes = folder.join("changelog");
    copy(&source("deploy/CHANGELOG.md"), &changes, 0o644)?;
    let control = read("deploy/debian/control")?;
    let maintainer = control
        .lines()
        .find_map(|line| line.strip_prefix("Maintainer: "))
        .context("deploy/debian/control names no maintainer")?;
    let date = Tool::new("date")
        .args(["-u", "-R", "-d", &format!("@{time}")])
        .read()?;
    let own = folder.join("changelog.Debian");
    let text = format!(
        "edge-agent ({version}) stable; urgency=medium\n\n  * As changelog.gz says.\n\n -- {maintainer}  {date}"
    );
    write(&own, &text)?;
    squeeze(&changes)?;
    squeeze(&own)
}

fn squeeze(file: &Path) -> Result<()> {
    Tool::new("gzip").arg("-9n").arg(file).read().map(drop)
}

fn source(path: &str) -> PathBuf {
    workspace::root().join(path)
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(source(path)).with_context(|| format!("cannot read {path}"))
}

fn write(path: &Path, text: &str) -> Result<()> {
    make_parent(path)?;
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    allow(path, 0o644)
}

fn copy(from: &Path, to: &Path, mode: u32) -> Result<()> {
    make_parent(to)?;
    fs::copy(from, to)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    allow(to, mode)
}

/// Folders are open to all whatever this user's umask is.
fn make_parent(path: &Path) -> Result<()> {
    let folder = path.parent().context("no folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))
}

fn allow(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .with_context(|| format!("cannot chmod {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_there() {
        for (from, _) in FILES {
            assert!(source(from).is_file(), "{from}");
        }
        for conffile in CONFFILES.lines() {
            let packed = FILES
                .iter()
                .any(|(_, to)| Some(*to) == conffile.strip_prefix('/'));
            assert!(packed, "{conffile}");
        }
    }

    #[test]
    fn the_scripts_are_scripts() {
        for script in SCRIPTS {
            let file = source("deploy/debian").join(script);
            Tool::new("sh").arg("-n").arg(&file).read().unwrap();
            let text = fs::read_to_string(&file).unwrap();
            assert!(
                text.starts_with("#!/bin/sh\n") && text.contains("\nset -e\n"),
                "{script}"
            );
        }
    }
}
