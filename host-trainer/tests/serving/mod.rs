//! `host-trainer serve` started on a free port, and ways to speak to it. No checks.

#![allow(dead_code)] // Each test program uses a part of it.

pub mod browser;
#[path = "../common/mod.rs"]
pub mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use common::command;
use models::picture;
use serde_json::Value;

/// Longest wait for anything; a loaded machine is slow.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// Runs the program to its end, which must be a success.
pub fn succeed(folder: &Path, arguments: &[&str]) {
    common::success(command(folder, arguments).output().unwrap());
}

/// A running server; dropping it kills it.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    /// The lines it printed up to and including its address.
    pub said: String,
}

impl Server {
    /// Starts `host-trainer serve` in `folder` on a free port.
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        let all = ["serve", "--listen", "127.0.0.1:0"];
        let mut child = command(folder, &[all.as_slice(), arguments].concat())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let address = loop {
            let mut line = String::new();
            assert!(
                out.read_line(&mut line).unwrap() > 0,
                "it ended before it listened, after saying: {said}"
            );
            said += &line;
            if let Some(url) = line.strip_prefix("listening    http://") {
                break url.trim_end().trim_end_matches('/').parse().unwrap();
            }
        };
        Self {
            child,
            address,
            said,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Status and body of a GET.
    pub fn get(&self, path: &str) -> Reply {
        Reply::of(agent().get(self.url(path)).call())
    }

    /// Status and body of a POST to /api/classify.
    pub fn classify(&self, bytes: &[u8]) -> Reply {
        Reply::of(agent().post(self.url("/api/classify")).send(bytes))
    }

    /// Several pictures in one request; they are named `0.png`, `1.png`, …
    pub fn classify_all(&self, pictures: &[Vec<u8>]) -> Reply {
        let request = agent().post(self.url("/api/classify"));
        let request = request.header("Content-Type", "multipart/form-data; boundary=edge");
        Reply::of(request.send(form(pictures).as_slice()))
    }

    /// Sends these bytes and reads until the server ends the connection.
    pub fn raw(&self, request: &[u8]) -> String {
        let mut stream = self.connect();
        stream.write_all(request).unwrap();
        read_all(stream)
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    pub fn signal(&self, signal: i32) {
        // SAFETY: sends a signal to a child that has not been waited for.
        assert_eq!(unsafe { libc::kill(self.child.id() as i32, signal) }, 0);
    }

    /// Waits for the end.
    pub fn end(mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Everything until the other side ends or breaks the connection.
pub fn read_all(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A client that takes every status for an answer and goes through no proxy.
pub fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .proxy(None)
        .build()
        .new_agent()
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub bytes: Vec<u8>,
}

impl Reply {
    pub fn of(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Self {
        let mut response = response.unwrap();
        let headers = response.headers().iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.to_string(), value)
        });
        Self {
            status: response.status().as_u16(),
            headers: headers.collect(),
            bytes: response.body_mut().read_to_vec().unwrap(),
        }
    }

    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(found, _)| found == name);
        found.map_or("", |(_, value)| value)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The body of a success.
    pub fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        serde_json::from_slice(&self.bytes).unwrap()
    }

    /// Status and reason of a refusal.
    pub fn refusal(&self) -> (u16, String) {
        let body: Value = serde_json::from_slice(&self.bytes).unwrap_or_default();
        let reason = body["error"].as_str().unwrap_or_default();
        (self.status, reason.to_string())
    }
}

fn form(pictures: &[Vec<u8>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (index, picture) in pictures.iter().enumerate() {
        let head = format!(
            "--edge\r\nContent-Disposition: form-data; name=\"p\"; filename=\"{index}.png\"\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(picture);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--edge--\r\n");
    body
}

/// A drawn car as a PNG file.
pub fn car(colour: &str, seed: u64, width: u32, height: u32) -> Vec<u8> {
    let frame = road_sim::portrait(colour, seed, width, height).unwrap();
    picture::png(frame.view()).unwrap()
}

/// Draws `data/<class>/<n>.png`, trains one epoch on them into `runs/1`, and writes an
/// `answers.jsonl` in which every held-out picture was taken for red.
pub fn a_run(folder: &Path, classes: &[&str]) {
    for (index, class) in classes.iter().enumerate() {
        let place = folder.join("data").join(class);
        fs::create_dir_all(&place).unwrap();
        for n in 0..20 {
            let bytes = car(class, n * 100 + index as u64, 120, 90);
            fs::write(place.join(format!("{n}.png")), bytes).unwrap();
        }
    }
    let train = "train --data-train data --pretrained none --epochs 2 --input-size 32 --batch-size 8 \
                 --val-share 0.2 --test-share 0.1 --device cpu";
    succeed(folder, &train.split_whitespace().collect::<Vec<_>>());
    let run = folder.join("runs/1");
    let split = fs::read_to_string(run.join("split.json")).unwrap();
    let split: Value = serde_json::from_str(&split).unwrap();
    let mut lines = String::new();
    for part in ["validation", "test"] {
        for (index, path) in split["parts"][part].as_array().unwrap().iter().enumerate() {
            let path = path.as_str().unwrap();
            let red = 0.5 + index as f64 / 100.0;
            let rest = (1.0 - red) / (classes.len() - 1) as f64;
            let probabilities: serde_json::Map<String, Value> = classes
                .iter()
                .map(|class| {
                    (
                        class.to_string(),
                        (if *class == "red" { red } else { rest }).into(),
                    )
                })
                .collect();
            let line = serde_json::json!({
                "part": part,
                "path": path,
                "truth": path.split('/').next().unwrap(),
                "answer": "red",
                "probabilities": probabilities,
            });
            lines += &format!("{line}\n");
        }
    }
    fs::write(run.join("answers.jsonl"), lines).unwrap();
}
