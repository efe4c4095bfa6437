//! The program as a service manager sees it: ready, alive, waiting, reloading, stopping; the
//! journal's priorities; and `check` and `config`, which come before a run.

mod common;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use common::{program, run};
use serde_json::Value;

/// Far longer than anything here takes, so that only a fault meets it.
const PATIENCE: Duration = Duration::from_secs(120);

/// The program with a service manager that listens.
struct Service {
    child: Child,
    told: Receiver<String>,
    lines: Receiver<String>,
    events: Option<JoinHandle<Vec<Value>>>,
    event_count: Receiver<Value>,
}

impl Service {
    fn start(folder: &Path) -> Self {
        let socket = folder.join("notify");
        let listener = UnixDatagram::bind(&socket).unwrap();
        let (sender, told) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length) = listener.recv(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                if text
                    .lines()
                    .any(|line| sender.send(line.to_string()).is_err())
                {
                    return;
                }
            }
        });
        let mut child = program()
            .args(["run", "--config", "agent.toml"])
            .current_dir(folder)
            .env("NOTIFY_SOCKET", &socket)
            .env("WATCHDOG_USEC", "400000")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (line_sender, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if line_sender.send(line).is_err() {
                    return;
                }
            }
        });
        let (event_sender, event_count) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let events = std::thread::spawn(move || {
            let lines = stdout.lines().map_while(Result::ok);
            let events = lines.map(|line| serde_json::from_str::<Value>(&line).unwrap());
            events
                .inspect(|event| {
                    let _ = event_sender.send(event.clone());
                })
                .collect()
        });
        Self {
            child,
            told,
            lines,
            events: Some(events),
            event_count,
        }
    }

    /// Waits for a message to the service manager; gives what came until then, and it.
    fn await_message(&self, wanted: &str) -> Vec<String> {
        await_line(&self.told, wanted)
    }

    /// Waits for a line of the log.
    fn await_log(&self, wanted: &str) -> Vec<String> {
        await_line(&self.lines, wanted)
    }

    /// Waits for an event of this camera.
    fn await_event_of(&self, camera: &str) {
        loop {
            let event = self.event_count.recv_timeout(PATIENCE).unwrap();
            if event["camera"] == camera {
                return;
            }
        }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Asks it to end; its events and the last lines of its log.
    fn end(mut self) -> (Vec<Value>, Vec<String>) {
        self.signal("TERM");
        let events = self.events.take().unwrap().join().unwrap();
        assert!(self.child.wait().unwrap().success());
        self.await_message("STOPPING=1");
        (events, self.lines.iter().collect())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn await_line(lines: &Receiver<String>, wanted: &str) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        match lines.recv_timeout(PATIENCE) {
            Ok(line) => {
                let found = line.contains(wanted);
                seen.push(line);
                if found {
                    return seen;
                }
            }
            Err(error) => panic!("no {wanted:?} ({error}) in {seen:#?}"),
        }
    }
}

/// A drawn road without end, as fast as it goes.
fn endless(camera: &str, rest: &str) -> String {
    format!(
        "camera = \"{camera}\"\n{rest}\n[source]\nkind = \"sim\"\nwidth = 320\nheight = 180\n\
         duration_ms = 86400000\nvehicles_per_minute = 30.0\n[jsonl]\npath = \"events.jsonl\"\n"
    )
}

#[test]
fn a_run_is_ready_with_its_first_frame_and_alive_while_it_turns() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("agent.toml"), endless("a", "")).unwrap();
    let service = Service::start(folder.path());
    let before = service.await_message("READY=1");
    assert_eq!(before, ["READY=1"]);
    for _ in 0..3 {
        service.await_message("WATCHDOG=1");
    }
    let status = service.await_message("frames/s, ");
    let status = status.last().unwrap();
    assert!(status.starts_with("STATUS="), "{status}");
    assert!(status.ends_with(" vehicles so far"), "{status}");
    service.end();
}

#[test]
fn a_new_config_is_taken_between_two_frames_and_a_wrong_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("agent.toml");
    fs::write(&config, endless("first", "")).unwrap();
    let service = Service::start(folder.path());
    service.await_message("READY=1");
    service.await_event_of("first");
    for (text, told) in [
        (
            endless("wrong", "camra = 3"),
            "agent.toml:2: camra: unknown key",
        ),
        (
            endless("wrong", "[bundle]\npath = \"gone\""),
            "agent.toml: bundle.path: bundle gone: ",
        ),
        // What shows only when it is opened.
        (
            endless("wrong", "").replace("events.jsonl", "no/events.jsonl"),
            "agent.toml: jsonl.path: cannot append to no/events.jsonl",
        ),
    ] {
        fs::write(&config, text).unwrap();
        service.signal("HUP");
        let line = service.await_log(told);
        let line = line.last().unwrap();
        assert!(line.ends_with("; the config before it goes on"), "{line}");
        service.await_message("RELOADING=1");
        service.await_message("READY=1");
        service.await_event_of("first");
    }
    fs::write(&config, endless("second", "")).unwrap();
    service.signal("HUP");
    service.await_log("agent.toml read again");
    let told = service.await_message("RELOADING=1");
    assert!(!told.iter().any(|line| line == "STOPPING=1"));
    let told = service.await_message("READY=1");
    assert!(told[0].starts_with("MONOTONIC_USEC="), "{told:?}");
    service.await_event_of("second");
    let (events, log) = service.end();
    // Each vehicle that was counted has its event, in the file as on standard output.
    let summary = log.last().unwrap();
    assert!(
        summary.contains(&format!(" {} vehicles, ", events.len())),
        "{summary}"
    );
    let kept = fs::read_to_string(folder.path().join("events.jsonl")).unwrap();
    let kept: Vec<Value> = kept
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(kept, events);
    let cameras: Vec<&str> = events
        .iter()
        .filter_map(|event| event["camera"].as_str())
        .collect();
    let second = cameras
        .iter()
        .position(|camera| *camera == "second")
        .unwrap();
    assert!(second > 0);
    assert!(cameras[..second].iter().all(|camera| *camera == "first"));
    assert!(cameras[second..].iter().all(|camera| *camera == "second"));
}

#[test]
fn a_camera_that_is_away_is_no_stuck_loop() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("agent.toml");
    let camera = "[source]\nkind = \"v4l2\"\ndevice = \"/dev/v4l/by-id/none-such\"\n";
    fs::write(&config, camera).unwrap();
    let service = Service::start(folder.path());
    let mut told = service.await_message("EXTEND_TIMEOUT_USEC=60000000");
    for _ in 0..2 {
        told.extend(service.await_message("WATCHDOG=1"));
    }
    assert!(!told.iter().any(|line| line == "READY=1"), "{told:?}");
    assert!(
        told.iter().any(|line| line == "STATUS=waiting for frames"),
        "{told:?}"
    );
    // Out of the waiting as well a new config is taken.
    fs::write(&config, endless("drawn", "")).unwrap();
    service.signal("HUP");
    service.await_message("READY=1");
    service.await_event_of("drawn");
    service.end();
}

#[test]
fn the_journal_is_told_a_priority() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let told_to = |stream: &dyn Fn(&File) -> String| {
        let file = File::create(&path).unwrap();
        let stream = stream(&file);
        let mut command = program();
        command
            .args(["run", "--config", "no.toml"])
            .current_dir(folder.path());
        command.env("JOURNAL_STREAM", stream).stderr(file);
        assert_eq!(command.status().unwrap().code(), Some(78));
        let mut text = String::new();
        File::open(&path)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        text
    };
    let journal = told_to(&|file| {
        let there = file.metadata().unwrap();
        format!("{}:{}", there.dev(), there.ino())
    });
    assert!(journal.starts_with("<3>no.toml: No such file"), "{journal}");
    let other = told_to(&|_| "1:1".into());
    assert!(other.starts_with("no.toml: No such file"), "{other}");
}

#[test]
fn check_says_what_a_run_would_miss() {
    let folder = tempfile::tempdir().unwrap();
    let check = |text: &str| {
        fs::write(folder.path().join("agent.toml"), text).unwrap();
        run(folder.path(), &["check", "--config", "agent.toml"])
    };
    let told = check("");
    assert_eq!(told.code, 0, "{}", told.out);
    assert!(
        told.out
            .starts_with("ok   config: agent.toml\nok   bundle: car-colour "),
        "{}",
        told.out
    );
    for (text, code, row) in [
        (
            "camra = 1\n",
            78,
            "FAIL config: agent.toml:1: camra: unknown key",
        ),
        (
            "[bundle]\npath = \"gone\"\n",
            1,
            "FAIL bundle: bundle gone: cannot read manifest.json",
        ),
        (
            "[source]\nkind = \"replay\"\nfolder = \"gone\"\n",
            1,
            "FAIL source: source.folder: cannot read gone",
        ),
        (
            "[jsonl]\npath = \"gone/e.jsonl\"\n",
            1,
            "FAIL jsonl.path: cannot write into gone: No such file",
        ),
        (
            "[bundle]\nstore = \".\"\n",
            0,
            "ok   bundle.store: . can be written, ",
        ),
        (
            "[source]\nkind = \"v4l2\"\ndevice = \"/dev/v4l/by-id/none-such\"\n",
            0,
            "warn source: source.device: ",
        ),
    ] {
        let told = check(text);
        assert_eq!(told.code, code, "{text}{}", told.out);
        assert!(
            told.out.lines().any(|line| line.starts_with(row)),
            "{text}{}",
            told.out
        );
        assert_eq!(told.err, "");
    }
}

#[test]
fn config_prints_its_sample_and_its_schema() {
    let folder = tempfile::tempdir().unwrap();
    let sample = run(folder.path(), &["config", "--default"]);
    fs::write(folder.path().join("agent.toml"), &sample.out).unwrap();
    let told = run(folder.path(), &["check", "--config", "agent.toml"]);
    assert_eq!(told.code, 0, "{}", told.out);
    let schema = run(folder.path(), &["config", "--schema"]);
    let schema: Value = serde_json::from_str(&schema.out).unwrap();
    assert_eq!(schema["title"], "Config");
    assert_eq!(run(folder.path(), &["config"]).code, 2);
}
