//! A machine with cameras that are not there: builds the library that plays them, plugs them in
//! and out, and follows the program that runs with it. Holds no test itself.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::common::{Told, program};

/// Longest wait for a line of a program; only a broken program makes anyone wait so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// The library of cameras, built once.
fn library() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build("tests/camera/fake.c", "fake-camera.so"))
}

/// Builds a library to be preloaded.
pub fn build(source: &str, name: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let built = folder.join(format!("{}-{name}", std::process::id()));
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-w", "-o"])
        .args([&built, &source])
        .arg("-ldl")
        .status()
        .expect("the C compiler, which also links Rust programs");
    assert!(status.success(), "cc cannot build {}", source.display());
    // Another run of the tests may have it loaded: replaced as a whole.
    let place = folder.join(name);
    std::fs::rename(&built, &place).unwrap();
    place
}

/// The machine.
pub struct Rig {
    folder: tempfile::TempDir,
    /// Another library to preload, and the variable that tells it the folder.
    also: Option<(PathBuf, &'static str)>,
}

impl Rig {
    /// Without cameras.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("dev/v4l/by-id")).unwrap();
        Self { folder, also: None }
    }

    /// With other devices beside the cameras.
    #[allow(dead_code, reason = "the camera's own tests need none")]
    pub fn with(library: &Path, variable: &'static str) -> Self {
        Self {
            also: Some((library.to_path_buf(), variable)),
            ..Self::new()
        }
    }

    /// What stands in a file that a library writes.
    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }

    /// Plugs a camera in, in place of what was there; the lines say what it is.
    pub fn plug(&self, node: &str, lines: &str) {
        let new = self.folder.path().join("new");
        std::fs::write(&new, lines).unwrap();
        std::fs::rename(new, self.folder.path().join("dev").join(node)).unwrap();
    }

    /// Pulls a camera out.
    pub fn unplug(&self, node: &str) {
        std::fs::remove_file(self.folder.path().join("dev").join(node)).unwrap();
    }

    /// Gives a node a name that lasts.
    pub fn name(&self, node: &str, name: &str) {
        let link = self.folder.path().join("dev/v4l/by-id").join(name);
        std::os::unix::fs::symlink(format!("../../{node}"), link).unwrap();
    }

    /// Stores frames; the lines that a camera needs to give them.
    pub fn frames(&self, name: &str, frames: &[Vec<u8>]) -> String {
        let folder = self.folder.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        for (number, bytes) in frames.iter().enumerate() {
            std::fs::write(folder.join(number.to_string()), bytes).unwrap();
        }
        format!("frames = {}\ncount = {}\n", folder.display(), frames.len())
    }

    /// The program on this machine.
    fn program(&self, arguments: &[&str]) -> Command {
        let mut command = program();
        let mut libraries = library().as_os_str().to_os_string();
        if let Some((other, variable)) = &self.also {
            libraries.push(":");
            libraries.push(other);
            command.env(variable, self.folder.path());
        }
        command
            .current_dir(self.folder.path())
            .env("LD_PRELOAD", libraries)
            .env("FAKE_CAMERA", self.folder.path())
            .args(arguments);
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, arguments: &[&str]) -> Told {
        let told: Told = self.program(arguments).output().unwrap().into();
        assert!(!told.err.contains("panicked"), "{}", told.err);
        told
    }

    /// Runs `run` with this config to its end.
    pub fn refusal(&self, config: &str) -> Told {
        std::fs::write(self.folder.path().join("agent.toml"), config).unwrap();
        self.run(&["run", "--config", "agent.toml"])
    }

    /// Starts `run` with this config.
    pub fn start(&self, config: &str) -> Running {
        std::fs::write(self.folder.path().join("agent.toml"), config).unwrap();
        let mut child = self
            .program(&["run", "--config", "agent.toml"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Running {
            events: follow(child.stdout.take().unwrap()),
            lines: follow(child.stderr.take().unwrap()),
            child,
            seen: Vec::new(),
        }
    }

    /// The kernel's rules that were broken.
    pub fn faults(&self) -> String {
        self.text("faults")
    }
}

fn follow(output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines() {
            let Ok(line) = line else { return };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The program at work.
pub struct Running {
    child: Child,
    events: Receiver<String>,
    lines: Receiver<String>,
    /// Every line on standard error until now.
    pub seen: Vec<String>,
}

impl Running {
    /// Waits for the next line on standard error that holds all of this.
    pub fn line(&mut self, holds: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(holds) {
                        return line;
                    }
                }
                Err(_) => panic!("no line {holds:?} after {:#?}", self.seen),
            }
        }
    }

    /// Waits for the next event.
    pub fn event(&mut self) -> serde_json::Value {
        let line = self.events.recv_timeout(PATIENCE);
        let line = line.unwrap_or_else(|_| panic!("no event after {:#?}", self.seen));
        serde_json::from_str(&line).unwrap()
    }

    /// Descriptors that the program has open.
    pub fn descriptors(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.child.id());
        std::fs::read_dir(folder).unwrap().count()
    }

    /// Asks it to end; its last line. It must end well.
    pub fn stop(mut self) -> String {
        // SAFETY: a signal to a child that was not waited for, so its number is still its own.
        unsafe { libc::kill(self.child.id() as i32, libc::SIGTERM) };
        let last = self.line(" frames/s, ");
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}: {:#?}", self.seen);
        assert!(!self.seen.iter().any(|line| line.contains("panicked")));
        last
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended, unless the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
