//! The program with a service manager that listens. Holds no test.

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use crate::common::program;

/// Far longer than anything here takes, so that only a fault meets it.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// The program with a service manager that listens.
pub struct Service {
    pub child: Child,
    told: Receiver<String>,
    lines: Receiver<String>,
    events: Option<JoinHandle<Vec<Value>>>,
    event_count: Receiver<Value>,
}

impl Service {
    pub fn start(folder: &Path) -> Self {
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
    pub fn await_message(&self, wanted: &str) -> Vec<String> {
        await_line(&self.told, wanted)
    }

    /// Waits for a line of the log.
    pub fn await_log(&self, wanted: &str) -> Vec<String> {
        await_line(&self.lines, wanted)
    }

    /// Waits for an event of this camera.
    pub fn await_event_of(&self, camera: &str) {
        loop {
            let event = self.event_count.recv_timeout(PATIENCE).unwrap();
            if event["camera"] == camera {
                return;
            }
        }
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Asks it to end; its events and the last lines of its log.
    pub fn end(mut self) -> (Vec<Value>, Vec<String>) {
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
pub fn endless(camera: &str, rest: &str) -> String {
    format!(
        "camera = \"{camera}\"\n{rest}\n[source]\nkind = \"sim\"\nwidth = 320\nheight = 180\n\
         duration_ms = 86400000\nvehicles_per_minute = 30.0\n[jsonl]\npath = \"events.jsonl\"\n"
    )
}
