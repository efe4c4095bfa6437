//! What dpkg runs, tried: nothing waits for a camera, and a purge leaves nothing behind. The rest of
//! these scripts is seen on the emulated board.

use std::fs;
use std::path::PathBuf;

use super::tree::SCRIPTS;
use crate::shell::Tool;
use crate::temp::Temp;
use crate::workspace;

/// Words after which `systemctl` waits for a service to be ready.
const STARTS: &[&str] = &[
    "start",
    "restart",
    "try-restart",
    "reload-or-restart",
    "try-reload-or-restart",
    "--now",
];

fn source(script: &str) -> PathBuf {
    workspace::root().join("deploy/debian").join(script)
}

/// A device's state and config, and `postrm` for those.
fn device() -> Temp {
    let device = Temp::new()
        .file("etc/agent.toml", "")
        .file("state/.lock", "")
        .file("state/north/events.jsonl", "");
    let place = device.path().display().to_string();
    let script = fs::read_to_string(source("postrm")).unwrap();
    let script = script
        .replace("/var/lib/edge-agent", &format!("{place}/state"))
        .replace("/etc/edge-agent", &format!("{place}/etc"))
        .replace("/run/systemd", &format!("{place}/run"));
    device.file("postrm", &script)
}

#[test]
fn no_script_waits_for_a_first_frame() {
    for script in SCRIPTS {
        let text = fs::read_to_string(source(script)).unwrap();
        let lines = text.lines().map(str::trim);
        // What is only said is run by nobody.
        for line in lines.filter(|line| !line.starts_with("echo ")) {
            let Some((_, words)) = line.split_once("systemctl ") else {
                continue;
            };
            let has = |wanted: &str| words.split(' ').any(|word| word == wanted);
            let starts = STARTS.iter().any(|start| has(start));
            assert!(!starts || has("--no-block"), "{script}: {line}");
        }
    }
}

#[test]
fn a_purge_removes_state_and_config() {
    let device = device();
    let purge = |what| Tool::new("sh").args(["postrm", what]).dir(device.path());
    purge("remove").read().unwrap();
    assert!(device.path().join("state/north/events.jsonl").is_file());
    purge("purge").read().unwrap();
    assert!(!device.path().join("state").exists());
    assert!(!device.path().join("etc").exists());
}

#[test]
fn a_purge_empties_a_partition() {
    let device = device();
    // A folder that is mounted onto itself is as busy as a disk.
    let mounted = |script: &str| {
        Tool::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-ec"])
            .arg(format!("mount --bind state state; {script}"))
            .dir(device.path())
    };
    if !mounted(":").works() {
        eprintln!("skipped: no file system can be mounted here");
        return;
    }
    mounted("mkdir state/lost+found; sh postrm purge")
        .read()
        .unwrap();
    let left = fs::read_dir(device.path().join("state")).unwrap();
    assert_eq!(left.count(), 0);
    assert!(!device.path().join("etc").exists());
}
