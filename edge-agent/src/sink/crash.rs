//! Kill -9 for tests: a test runs itself as a child process, the child writes as fast as it
//! can and tells what is safe, and is killed at a moment it does not know. Also a small file
//! system that can be filled up. Compiled for tests only.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Names the folder to a child.
const FOLDER: &str = "EDGE_AGENT_TEST_CRASH_FOLDER";
/// Names the small file system to a test that runs inside its mount namespace.
const SMALL: &str = "EDGE_AGENT_TEST_SMALL_FOLDER";
/// How often to kill, for a longer run than everyone's: rounded up to whole [`BLOCK`]s.
const KILLS: &str = "EDGE_AGENT_TEST_KILLS";
/// Kills in one folder: what it holds is read after each.
pub const BLOCK: u32 = 50;

/// The folder to write to, in a child.
pub fn child_folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// Tells the parent a number; the pipe keeps it when this process is killed.
pub fn tell(number: u64) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(format!("\n{number}\n").as_bytes());
    let _ = out.flush();
}

/// This test binary, to run one test of it.
fn itself(test: &str) -> Vec<String> {
    let program = std::env::current_exe().unwrap();
    let arguments = [test, "--exact", "--nocapture", "--test-threads=1"];
    std::iter::once(program.display().to_string())
        .chain(arguments.map(String::from))
        .collect()
}

/// Blocks of kills that were asked for.
pub fn blocks() -> u32 {
    let kills = std::env::var(KILLS).ok().and_then(|text| text.parse().ok());
    kills.unwrap_or(BLOCK).div_ceil(BLOCK)
}

/// Runs the child `test` and kills it, again and again; `check` gets the last number each
/// child told.
pub fn kill_again_and_again(
    test: &str,
    folder: &Path,
    rounds: u32,
    mut check: impl FnMut(u32, u64),
) {
    let mut random = u64::from(std::process::id()) << 32 | 0x4f6c_dd1d;
    for round in 0..rounds {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let itself = itself(test);
        let mut child = Command::new(&itself[0])
            .args(&itself[1..])
            .env(FOLDER, folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut numbers = std::iter::from_fn(|| {
            lines
                .by_ref()
                .map_while(Result::ok)
                .find_map(|line| line.parse::<u64>().ok())
        });
        let first = numbers.next();
        assert!(first.is_some(), "the child of {test} told nothing");
        // Any moment will do: nothing waits for anything here.
        std::thread::sleep(Duration::from_micros(random % 20_000));
        child.kill().unwrap();
        let last = numbers.last().or(first).unwrap_or(0);
        child.wait().unwrap();
        check(round, last);
    }
}

/// Runs the rest of `test` on a file system of `kib`; false where this process is not the one
/// to do that: it then either did it in a child, or said why it cannot.
pub fn on_a_small_disk(test: &str, kib: u32) -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os(SMALL) {
        return Some(folder.into());
    }
    let folder = tempfile::tempdir().unwrap();
    let mount = format!("mount -t tmpfs -o size={kib}k none \"${SMALL}\" || exit 77; exec \"$@\"",);
    let output = Command::new("unshare")
        .args(["--mount", "--map-root-user", "sh", "-c", &mount, "sh"])
        .args(itself(test))
        .env(SMALL, folder.path())
        .output();
    match output {
        Ok(output) if output.status.success() => {}
        Ok(output) if output.status.code() == Some(101) => panic!(
            "{}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ),
        Ok(output) => eprintln!(
            "skipped {test}: no mount in a namespace of its own here: {}",
            String::from_utf8_lossy(&output.stderr)
        ),
        Err(error) => eprintln!("skipped {test}: cannot run unshare (util-linux): {error}"),
    }
    None
}

/// Fills the small disk up, leaving nothing; removing the file makes room again.
pub fn fill(folder: &Path) -> PathBuf {
    let path = folder.join("ballast");
    let mut file = std::fs::File::create(&path).unwrap();
    while file.write_all(&[7; 1024]).is_ok() {}
    path
}
