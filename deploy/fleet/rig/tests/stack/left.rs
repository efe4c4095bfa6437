//! What a killed run leaves behind.

use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use fleet_rig::database::Database;

/// The running child of this process whose name is `postgres`.
fn server_of(parent: u32) -> Option<u32> {
    fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let rest = stat.split_once("(postgres) ")?.1;
        (rest.split(' ').nth(1)?.parse() == Ok(parent)).then_some(pid)
    })
}

fn wait(what: &str, mut seen: impl FnMut() -> bool) {
    let start = Instant::now();
    while !seen() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_killed_measurement_leaves_no_server() {
    let Some(_here) = Database::start().unwrap() else {
        return;
    };
    let mut run = Command::new(env!("CARGO_BIN_EXE_fleet-rig"))
        .args(["storage", "--rows", "100000000"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut server = None;
    wait("no server was started", || {
        server = server_of(run.id());
        server.is_some()
    });
    run.kill().unwrap();
    run.wait().unwrap();
    // Where nobody reaps orphans, it stays as a zombie.
    let stat = format!("/proc/{}/stat", server.unwrap());
    wait("the server outlives the run", || {
        fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "))
    });
}
