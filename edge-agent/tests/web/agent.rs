//! The program on the drawn road with its page, and ways to speak to it. No checks.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Longest wait for anything; a loaded machine is slow.
pub const PATIENCE: Duration = Duration::from_secs(180);

const ROAD: &str = "camera = \"drawn road\"\nrealtime = true\n[source]\nkind = \"sim\"\n\
     duration_ms = 3600000\nvehicles_per_minute = 60.0\n[[lane]]\nnumber = 1\nname = \"near\"\n\
     polygon_px = [[0, 200], [640, 200], [640, 300], [0, 300]]\n[http]\n";

/// A running agent; dropping it kills it.
pub struct Agent {
    child: Child,
    out: Mutex<ChildStdout>,
    err: Mutex<BufReader<ChildStderr>>,
    pub address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Agent {
    /// Starts it with the page on a free port and further keys of `[http]`.
    pub fn start(keys: &str) -> Self {
        let mut agent = Self::silent(&format!("listen = \"127.0.0.1:0\"\n{keys}"));
        let line = agent.told_until("page at http://");
        let address = line.trim().trim_start_matches("page at http://");
        agent.address = address.trim_end_matches('/').parse().unwrap();
        agent
    }

    /// Starts it without waiting for the page.
    pub fn silent(http: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let token = folder.path().join("token");
        fs::write(&token, "0123456789abcdef\n").unwrap();
        fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(folder.path().join("agent.toml"), format!("{ROAD}{http}\n")).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_edge-agent"))
            .args(["run", "--config", "agent.toml"])
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            out: Mutex::new(child.stdout.take().unwrap()),
            err: Mutex::new(BufReader::new(child.stderr.take().unwrap())),
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            _folder: folder,
        }
    }

    /// Its events.
    pub fn events(&self) -> MutexGuard<'_, ChildStdout> {
        self.out.lock().unwrap()
    }

    /// The first line of its log that begins so.
    pub fn told_until(&self, start: &str) -> String {
        let mut err = self.err.lock().unwrap();
        let mut all = String::new();
        loop {
            let mut line = String::new();
            assert!(err.read_line(&mut line).unwrap() > 0, "it ended: {all}");
            if line.starts_with(start) {
                return line;
            }
            all += &line;
        }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// A request whose answer is not read yet.
    pub fn open(&self, path: &str) -> TcpStream {
        let mut stream = self.connect();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        stream
    }

    /// Head and body.
    pub fn bytes(&self, path: &str) -> (String, Vec<u8>) {
        let mut all = Vec::new();
        self.open(path).read_to_end(&mut all).unwrap();
        let end = all.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&all[..end]).into_owned();
        (head, all[end + 4..].to_vec())
    }

    /// The whole answer as text.
    pub fn get(&self, path: &str) -> String {
        let (head, body) = self.bytes(path);
        head + "\r\n\r\n" + &String::from_utf8_lossy(&body)
    }

    /// The body of a success.
    pub fn body(&self, path: &str) -> String {
        let (head, body) = self.bytes(path);
        assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
        String::from_utf8(body).unwrap()
    }

    /// The answer to these bytes.
    pub fn raw(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        String::from_utf8_lossy(&all).into_owned()
    }

    /// Asks until the answer is as wanted.
    pub fn until(&self, path: &str, wanted: impl Fn(&str) -> bool) {
        let begun = Instant::now();
        loop {
            let reply = self.get(path);
            if wanted(&reply) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{path}: {reply}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads until the text was seen.
pub fn read_until(stream: &mut TcpStream, wanted: &str) -> String {
    let mut all = String::new();
    let mut piece = [0; 4096];
    while !all.contains(wanted) {
        let count = stream.read(&mut piece).unwrap();
        assert!(count > 0, "the stream ended after: {all}");
        all += &String::from_utf8_lossy(&piece[..count]);
    }
    all
}
