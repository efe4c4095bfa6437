//! The step `systemd` of `cargo xtask test`: the service's files as systemd itself reads them. Starts no
//! service; whether the agent behaves as the unit expects is tested in its own crate.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::shell::Tool;
use crate::workspace;

/// The highest exposure, in tenths, that `systemd-analyze security` may find.
const THRESHOLD: &str = "20";
/// Where the units expect the program, and what stands for it where it is not installed.
const PROGRAM: &str = "/usr/bin/edge-agent";
const STAND_IN: &str = "/bin/true";

/// Runs the step.
pub fn run() -> Result<()> {
    let place = workspace::root().join("target/systemd");
    let _ = fs::remove_dir_all(&place);
    fs::create_dir_all(&place).with_context(|| format!("cannot create {}", place.display()))?;
    let single = read("edge-agent.service")?;
    let template = read("edge-agent@.service")?;
    if let Some((one, other)) = first_difference(&single, &template) {
        bail!("the two units differ beyond their instance: {one:?} and {other:?}");
    }
    for (name, text) in [("edge-agent", &single), ("edge-agent@camera", &template)] {
        let unit = place.join(format!("{name}.service"));
        write(&unit, &text.replace(PROGRAM, STAND_IN))?;
        // It says what it finds on standard error, and ends with 0 for most of it.
        let told = Tool::new("systemd-analyze")
            .args(["verify", "--man=no"])
            .arg(&unit)
            .read_all()?;
        if let Some(line) = told.lines().find(|line| line.contains("edge-agent")) {
            bail!("systemd-analyze verify: {line}");
        }
        let told = Tool::new("systemd-analyze")
            .args(["security", "--offline=true", "--no-pager"])
            .arg(format!("--threshold={THRESHOLD}"))
            .arg(&unit)
            .read()?;
        let score = told
            .lines()
            .find_map(|line| line.split_once("exposure level for ")?.1.into())
            .context("systemd-analyze security gives no exposure level")?;
        println!("           exposure of {score}");
    }
    accounts(&place)
}

/// The user and the folders in a root of their own, as an installation makes them.
fn accounts(place: &Path) -> Result<()> {
    let root = place.join("root");
    for (folder, name) in [("sysusers.d", "sysusers"), ("tmpfiles.d", "tmpfiles")] {
        let folder = root.join("usr/lib").join(folder);
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let text = read(&format!("edge-agent.{name}"))?;
        write(&folder.join("edge-agent.conf"), &text)?;
    }
    fs::create_dir_all(root.join("etc")).context("cannot create a folder for the test")?;
    write(&root.join("etc/group"), "root:x:0:\nvideo:x:44:\n")?;
    write(&root.join("etc/passwd"), "root:x:0:0::/:/bin/sh\n")?;
    let rooted = |tool: &str| Tool::new(tool).arg(format!("--root={}", root.display()));
    rooted("systemd-sysusers").arg("edge-agent.conf").read()?;
    let passwd = fs::read_to_string(root.join("etc/passwd")).unwrap_or_default();
    let group = fs::read_to_string(root.join("etc/group")).unwrap_or_default();
    if !passwd.contains("edge-agent:") || !group.contains(":edge-agent\n") {
        bail!("systemd-sysusers made no user edge-agent in the group video:\n{passwd}{group}");
    }
    if !workspace::is_root() {
        println!("           folders are not tried: only root can give them away");
        return Ok(());
    }
    rooted("systemd-tmpfiles")
        .args(["--create", "edge-agent.conf"])
        .read()?;
    for folder in ["etc/edge-agent", "var/lib/edge-agent"] {
        if !root.join(folder).is_dir() {
            bail!("systemd-tmpfiles made no /{folder}");
        }
    }
    Ok(())
}

fn source(name: &str) -> PathBuf {
    workspace::root().join("deploy/systemd").join(name)
}

fn read(name: &str) -> Result<String> {
    let path = source(name);
    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// The first setting in which the template is not the single unit with its instance put in.
fn first_difference(single: &str, template: &str) -> Option<(String, String)> {
    let plain = template
        .replace(", camera %i", "")
        .replace("%i.toml", "agent.toml")
        .replace("/%i", "")
        .replace("-%i", "");
    let settings = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(String::from).collect()
    };
    let (one, mut other) = (settings(single), settings(&plain));
    other.resize(one.len().max(other.len()), String::new());
    let pairs = one.into_iter().chain(std::iter::repeat(String::new()));
    pairs.zip(other).find(|(one, other)| one != other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units() -> [String; 2] {
        ["edge-agent.service", "edge-agent@.service"].map(|name| read(name).unwrap())
    }

    /// What a setting is set to, line by line.
    fn values<'a>(unit: &'a str, setting: &str) -> Vec<&'a str> {
        unit.lines()
            .filter_map(|line| line.strip_prefix(setting)?.strip_prefix('='))
            .collect()
    }

    #[test]
    fn what_the_check_before_a_start_finds_is_heard() {
        for unit in units() {
            let commands = values(&unit, "ExecStartPre");
            assert_eq!(commands.len(), 1);
            // To a shell the line means what it means to systemd, but for these.
            let line = commands[0]
                .replace("$$", "$")
                .replace("%i", "agent")
                .replace(PROGRAM, "echo");
            let heard = |streams: &str| {
                let line = format!("{line} {streams}");
                Tool::new("sh").arg("-c").arg(line).read().unwrap()
            };
            assert_eq!(values(&unit, "StandardOutput"), ["null"]);
            assert_eq!(heard("2>/dev/null"), "");
            assert_eq!(
                heard("2>&1 >/dev/null"),
                "check --config /etc/edge-agent/agent.toml\n"
            );
        }
    }

    #[test]
    fn a_thread_may_lower_its_priority() {
        for unit in units() {
            let filters = values(&unit, "SystemCallFilter");
            let allowed = |calls: &&str| calls.split(' ').any(|call| call == "setpriority");
            let allowed = filters.iter().rposition(allowed);
            let denied = filters.iter().rposition(|calls| calls.starts_with('~'));
            // A later line overrules an earlier one.
            assert!(allowed > denied, "{filters:?}");
        }
    }

    #[test]
    fn folders_have_the_mode_that_the_service_expects() {
        let folders = read("edge-agent.tmpfiles").unwrap();
        let mode = |folder: &str| {
            let start = format!("d {folder} ");
            let made = folders.lines().find_map(|line| line.strip_prefix(&start));
            made.and_then(|rest| rest.split(' ').next()).unwrap()
        };
        for unit in units() {
            for (setting, folder) in [
                ("ConfigurationDirectoryMode", "/etc/edge-agent"),
                ("StateDirectoryMode", "/var/lib/edge-agent"),
            ] {
                assert_eq!(values(&unit, setting), [mode(folder)], "{setting}");
            }
        }
    }

    #[test]
    fn a_setting_that_only_one_unit_has_is_found() {
        let single = "# One\nDescription=x\nExecStart=a agent.toml\n";
        let template = "# Many\nDescription=x, camera %i\nExecStart=a %i.toml\n";
        assert_eq!(first_difference(single, template), None);
        let longer = format!("{template}UMask=0\n");
        let found = Some((String::new(), "UMask=0".to_string()));
        assert_eq!(first_difference(single, &longer), found);
        let found = first_difference(&format!("{single}UMask=0\n"), template);
        assert_eq!(found, Some(("UMask=0".to_string(), String::new())));
    }
}
