//! Child processes: shown before they run, with an error that repeats the command; and those that
//! must not outlive this process. No shell is involved; arguments are passed as they are.

use crate::workspace;
use anyhow::{Context, Result, bail};
use std::env;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitStatus, Output, Stdio};

/// Before a program's name: it is killed when the thread that starts it ends.
pub const BOUND: [&str; 3] = ["setpriv", "--pdeathsig", "KILL"];

/// A program that is killed when the thread that starts it ends, even where this process has no
/// time to say so.
pub fn bound(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(BOUND[0]);
    command.args(&BOUND[1..]).arg(program);
    command
}

/// A command under construction.
pub struct Tool {
    command: Command,
}

impl Tool {
    /// A program found on PATH or given by path, to be run in the workspace root.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let root = workspace::root();
        let mut command = Command::new(program);
        // Busy-waiting OpenMP threads make everything several times slower beside other load.
        command.env("OMP_WAIT_POLICY", "passive");
        // What programs say is read here, and by tests. LANGUAGE would overrule LC_ALL.
        command.env("LC_ALL", "C.UTF-8").env_remove("LANGUAGE");
        // Cargo set its [env] default for this process. Handed on as a variable it would look
        // like the user's own, and differ from what a plain `cargo build` sees.
        if env::var_os("LIBTORCH").is_some_and(|value| Path::new(&value) == root.join(".libtorch"))
        {
            command.env_remove("LIBTORCH");
        }
        command.current_dir(root);
        Self { command }
    }

    /// Cargo, by way of PATH, so that rustup's `+toolchain` is understood.
    pub fn cargo() -> Self {
        let mut tool = Self::new("cargo");
        // What cargo told this process about its own package. ring's build script looks at it, and
        // with everything above it would be compiled anew whenever the caller changes.
        for (name, _) in env::vars_os() {
            let own = ["CARGO_PKG_", "CARGO_MANIFEST_"];
            if own
                .iter()
                .any(|start| name.to_string_lossy().starts_with(start))
            {
                tool.command.env_remove(name);
            }
        }
        tool
    }

    /// Adds one argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable of the child's environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs in this folder instead of the workspace root.
    pub fn dir(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// The command as one could type it.
    pub fn shown(&self) -> String {
        std::iter::once(self.command.get_program())
            .chain(self.command.get_args())
            .map(quoted)
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Shows the command and runs it on this terminal; an exit code other than 0 is an error.
    pub fn run(mut self) -> Result<()> {
        let shown = self.shown();
        println!("           $ {shown}");
        let status = self
            .command
            .stdin(Stdio::null())
            .status()
            .with_context(|| format!("cannot start `{shown}`"))?;
        if !status.success() {
            bail!("`{shown}` ended with {status}");
        }
        Ok(())
    }

    /// Shows the command and runs it, showing what it says only when it fails.
    pub fn run_quietly(self) -> Result<()> {
        println!("           $ {}", self.shown());
        self.read().map(drop)
    }

    /// Runs without showing anything and returns stdout; the error holds stderr's end.
    pub fn read(self) -> Result<String> {
        let bytes = self.read_bytes()?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Like `read`, for what is no text.
    pub fn read_bytes(self) -> Result<Vec<u8>> {
        let shown = self.shown();
        let output = self.output()?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr);
            bail!("`{shown}` ended with {}: {}", output.status, tail(&text));
        }
        Ok(output.stdout)
    }

    /// Runs without showing anything and returns stdout and stderr, whatever the exit code.
    pub fn read_all(self) -> Result<String> {
        let output = self.output()?;
        let both = [output.stdout, output.stderr].concat();
        Ok(String::from_utf8_lossy(&both).into_owned())
    }

    /// Shows the command, hands on each line of its stderr as it comes, and says how it ended.
    pub fn each_line(mut self, mut hear: impl FnMut(&str)) -> Result<ExitStatus> {
        let shown = self.shown();
        println!("           $ {shown}");
        let cannot = || format!("cannot run `{shown}`");
        let child = self.command.stdin(Stdio::null()).stderr(Stdio::piped());
        let mut child = child.spawn().with_context(cannot)?;
        // Not lines of text: a program may repeat what is none.
        for line in child
            .stderr
            .take()
            .into_iter()
            .flat_map(|stderr| BufReader::new(stderr).split(b'\n'))
        {
            hear(&String::from_utf8_lossy(&line.with_context(cannot)?));
        }
        child.wait().with_context(cannot)
    }

    /// Whether it runs and ends with 0.
    pub fn works(self) -> bool {
        self.output().is_ok_and(|output| output.status.success())
    }

    fn output(mut self) -> Result<Output> {
        let shown = self.shown();
        self.command
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot start `{shown}`"))
    }
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=+:,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The last lines of a program's complaint.
fn tail(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::thread;

    #[test]
    fn a_shown_command_can_be_typed() {
        let tool = Tool::new("cargo").args(["test", "a b", "it's", ""]);
        assert_eq!(tool.shown(), r"cargo test 'a b' 'it'\''s' ''");
    }

    #[test]
    fn a_failure_names_the_command_and_its_complaint() {
        let error = Tool::new("git").arg("no-such-command").read().unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("`git no-such-command` ended with"), "{text}");
        assert!(text.contains("not a git command"), "{text}");
        let error = Tool::new("no-such-program").run().unwrap_err();
        assert!(format!("{error:#}").contains("cannot start `no-such-program`"));
    }

    #[test]
    fn whatever_the_users_language_tools_speak_english() {
        let told = Tool::new("env").read().unwrap();
        assert!(told.lines().any(|line| line == "LC_ALL=C.UTF-8"), "{told}");
        let tool = Tool::new("env");
        let mut removed = tool.command.get_envs().filter(|(_, set)| set.is_none());
        assert!(removed.any(|(name, _)| name == "LANGUAGE"));
    }

    #[test]
    fn a_bound_program_dies_with_what_started_it() {
        let start = thread::spawn(|| {
            let mut child = bound("sh")
                .args(["-c", "echo up; exec sleep 60"])
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut line = String::new();
            let mut told = BufReader::new(child.stdout.take().unwrap());
            told.read_line(&mut line).unwrap();
            assert_eq!(line, "up\n");
            child
        });
        let mut child = start.join().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9));
    }
}
