//! The program with its sinks: the same JSON everywhere, refusals of what cannot be used, and a
//! kill while it writes.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::time::Duration;

use common::{Told, program, run};

/// Fifteen seconds of the drawn road give a few events.
const SIM: &str = "camera = \"road\"\n[source]\nkind = \"sim\"\nduration_ms = 15000\n";

fn run_with(folder: &Path, tables: &str) -> Told {
    std::fs::write(folder.join("agent.toml"), format!("{SIM}{tables}")).unwrap();
    run(folder, &["run", "--config", "agent.toml"])
}

/// A web server that takes every POST and passes its body on.
fn server() -> (u16, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(&socket);
            loop {
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap_or(0) > 0 {}
                let head = head.to_lowercase();
                let Some(length) = head.split("content-length: ").nth(1) else {
                    break;
                };
                let length = length.split("\r\n").next().unwrap().parse().unwrap();
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                sender.send(String::from_utf8(body).unwrap()).unwrap();
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
                (&mut &socket).write_all(answer).unwrap();
            }
        }
    });
    (port, receiver)
}

#[test]
fn the_same_json_goes_to_every_sink() {
    let folder = tempfile::tempdir().unwrap();
    let (port, posted) = server();
    let told = run_with(
        folder.path(),
        &format!(
            "[jsonl]\npath = \"events.jsonl\"\n\
             [webhook]\nurl = \"http://127.0.0.1:{port}/\"\nspool = \"spool\"\n"
        ),
    );
    assert_eq!(told.code, 0, "{}", told.err);
    let lines: Vec<&str> = told.out.lines().collect();
    assert!(lines.len() >= 2, "{}", told.err);
    let file = std::fs::read_to_string(folder.path().join("events.jsonl")).unwrap();
    assert_eq!(file, told.out);
    let posted: Vec<String> = lines
        .iter()
        .map(|_| posted.recv_timeout(Duration::from_secs(60)).unwrap())
        .collect();
    assert_eq!(posted, lines);
}

#[test]
fn a_broker_and_a_server_that_are_not_there_fail_nothing_and_keep_the_events() {
    let folder = tempfile::tempdir().unwrap();
    let tables = "[mqtt]\nhost = \"127.0.0.1\"\nport = 9\nspool = \"spool/mqtt\"\n\
                  [webhook]\nurl = \"http://127.0.0.1:9/\"\nspool = \"spool/webhook\"\n";
    let told = run_with(folder.path(), tables);
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(
        told.err.contains("mqtt broker 127.0.0.1:9: "),
        "{}",
        told.err
    );
    assert!(told.err.contains("webhook 127.0.0.1:9: "), "{}", told.err);
    let event = told.out.lines().next().unwrap();
    for spool in ["mqtt", "webhook"] {
        let path = folder.path().join(format!("spool/{spool}/{:020}.spool", 0));
        let kept = std::fs::read(path).unwrap();
        let found = kept
            .windows(event.len())
            .any(|part| part == event.as_bytes());
        assert!(found, "{spool} kept nothing");
    }
}

#[test]
fn messages_that_cannot_be_written_stop_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let tables = "[mqtt]\nhost = \"127.0.0.1\"\nport = 9\nspool = \"spool\"\n\
                  [jsonl]\npath = \"events.jsonl\"\n";
    std::fs::write(folder.path().join("agent.toml"), format!("{SIM}{tables}")).unwrap();
    let full = std::fs::File::options().write(true).open("/dev/full");
    let output = program()
        .current_dir(folder.path())
        .args(["run", "--config", "agent.toml"])
        .stderr(full.unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let file = std::fs::read(folder.path().join("events.jsonl")).unwrap();
    assert!(!file.is_empty());
    assert_eq!(file, output.stdout);
}

#[test]
fn what_sinks_cannot_use_is_one_line_and_78() {
    let folder = tempfile::tempdir().unwrap();
    let open = folder.path().join("open");
    std::fs::write(&open, "hunter2\n").unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o644)).unwrap();
    for (tables, starts) in [
        (
            "[jsonl]\npath = \"no/events.jsonl\"\n",
            "agent.toml: jsonl.path: cannot append to no/events.jsonl: No such file",
        ),
        (
            "[jsonl]\npath = \"/dev/null\"\n",
            "agent.toml: jsonl.path: cannot append to /dev/null: not a regular file; give",
        ),
        (
            "[mqtt]\nhost = \"b\"\n",
            "agent.toml: mqtt.spool is missing; give a folder",
        ),
        (
            "[mqtt]\nhost = \"b\"\nspool = \"s\"\nusername = \"u\"\npassword_file = \"open\"\n",
            "agent.toml: mqtt.password_file: open is open to every user of this machine; run: ",
        ),
        (
            "[webhook]\nurl = \"b\"\nspool = \"s\"\n",
            "agent.toml: webhook.url is no address; give one like https://",
        ),
    ] {
        let told = run_with(folder.path(), tables);
        assert_eq!(told.code, 78, "{tables}{}", told.err);
        assert!(told.err.starts_with(starts), "{tables}{}", told.err);
        assert_eq!(told.err.lines().count(), 1, "{}", told.err);
        assert!(!told.err.contains("hunter2"), "{}", told.err);
    }
}

#[test]
fn killed_while_it_writes_the_next_run_goes_on_in_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let endless = "camera = \"road\"\n[source]\nkind = \"sim\"\nduration_ms = 3600000\n\
                   [jsonl]\npath = \"events.jsonl\"\n";
    std::fs::write(folder.path().join("agent.toml"), endless).unwrap();
    let mut agent = program()
        .current_dir(folder.path())
        .args(["run", "--config", "agent.toml"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(agent.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    // One log has one writer.
    let second = run(folder.path(), &["run", "--config", "agent.toml"]);
    assert_eq!(second.code, 78);
    assert!(
        second
            .err
            .contains("another process writes to it; give each agent a file"),
        "{}",
        second.err
    );
    // The file may be a little behind standard output.
    let path = folder.path().join("events.jsonl");
    while std::fs::metadata(&path).unwrap().len() <= first.len() as u64 {
        std::thread::sleep(Duration::from_millis(5));
    }
    agent.kill().unwrap();
    agent.wait().unwrap();
    let before = std::fs::read_to_string(&path).unwrap();
    assert!(before.starts_with(&first));
    // As if it had been killed halfway through a line.
    std::fs::write(&path, format!("{before}{{\"schema\":1,\"id")).unwrap();
    let told = run_with(folder.path(), "[jsonl]\npath = \"events.jsonl\"\n");
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(
        told.err
            .contains("cut off 15 bytes of an unfinished last line"),
        "{}",
        told.err
    );
    let after = std::fs::read_to_string(&path).unwrap();
    assert_eq!(after, format!("{before}{}", told.out));
}
