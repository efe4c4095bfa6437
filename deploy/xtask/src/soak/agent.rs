//! The agent under soak, as a child process: its config, its numbers in /proc, its end. Also the
//! MQTT broker it sends to, where the machine has one.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::samples::Sample;
use crate::{say, shell, workspace};

/// A child that does not outlive this process's interest in it. It has to be a bound one: nothing is
/// dropped when a signal ends this process, and agent and broker take the signal of a closed
/// terminal for the wish that they read their config again.
struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The running agent.
pub struct Agent {
    child: Held,
    _broker: Option<Held>,
    page: u16,
    folder: PathBuf,
    ended: Option<ExitStatus>,
}

impl Agent {
    /// Starts it in `folder`, where the frames lie, to watch them `laps` times.
    pub fn start(program: &Path, folder: &Path, laps: u32, webhook: u16) -> Result<Self> {
        let (broker, mqtt) = match broker()? {
            Some((broker, port)) => (Some(broker), Some(port)),
            None => (None, None),
        };
        let page = free_port()?;
        let config = folder.join("agent.toml");
        fs::write(&config, text(laps, page, webhook, mqtt))
            .with_context(|| format!("cannot write {}", config.display()))?;
        let file = |name: &str| {
            File::create(folder.join(name)).with_context(|| format!("cannot make {name}"))
        };
        let child = shell::bound(program)
            .args(["run", "--config", "agent.toml"])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(file("told.jsonl")?)
            .stderr(file("agent.log")?)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        Ok(Self {
            child: Held(child),
            _broker: broker,
            page,
            folder: folder.to_path_buf(),
            ended: None,
        })
    }

    /// Its page's port.
    pub fn port(&self) -> u16 {
        self.page
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> Result<bool> {
        self.ended = self.child.0.try_wait().context("the agent is lost")?;
        Ok(self.ended.is_none())
    }

    /// Its memory, descriptors and threads now.
    pub fn sample(&self) -> Result<Sample> {
        let proc = PathBuf::from(format!("/proc/{}", self.child.0.id()));
        let status = fs::read_to_string(proc.join("status")).context("the agent has ended")?;
        let number = |key: &str| number(&status, key).context("/proc tells other than expected");
        Ok(Sample {
            resident_kib: number("VmRSS:")?,
            anonymous_kib: number("RssAnon:")?,
            threads: number("Threads:")?,
            descriptors: fs::read_dir(proc.join("fd"))?.count() as u64,
            ..Sample::default()
        })
    }

    /// Refuses an end that is none.
    pub fn ended_well(&self) -> Result<()> {
        match self.ended {
            Some(status) if status.success() => Ok(()),
            Some(status) => bail!(
                "the agent ended with {status}; {} says why",
                self.folder.join("agent.log").display()
            ),
            None => bail!("the agent has not ended"),
        }
    }

    /// The ids of the events it told on standard output.
    pub fn events(&self) -> Result<BTreeSet<String>> {
        let text = fs::read_to_string(self.folder.join("told.jsonl")).context("no told.jsonl")?;
        text.lines()
            .map(|line| id(line.as_bytes()).context("told.jsonl has a line without an id"))
            .collect()
    }
}

/// The id of an event's JSON.
pub fn id(json: &[u8]) -> Option<String> {
    let event: Value = serde_json::from_slice(json).ok()?;
    event["id"].as_str().map(String::from)
}

fn number(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Files and spools are small, so that each of their limits is met many times a day.
fn text(laps: u32, page: u16, webhook: u16, mqtt: Option<u16>) -> String {
    let mqtt = mqtt.map_or(String::new(), |port| {
        format!(
            "[mqtt]\nhost = \"127.0.0.1\"\nport = {port}\nspool = \"mqtt\"\nspool_max_mib = 1\n"
        )
    });
    format!(
        "camera = \"soak\"\n\
         [source]\nkind = \"replay\"\nfolder = \"frames\"\nrepeat = {laps}\n\
         [jsonl]\npath = \"events.jsonl\"\nmax_file_mib = 1\nmax_total_mib = 8\n\
         [webhook]\nurl = \"http://127.0.0.1:{webhook}/\"\nspool = \"webhook\"\n\
         spool_max_mib = 8\nmax_back_off_s = 2\n\
         [http]\nlisten = \"127.0.0.1:{page}\"\n{mqtt}"
    )
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no port is free")?;
    Ok(listener.local_addr()?.port())
}

fn broker() -> Result<Option<(Held, u16)>> {
    let usual = PathBuf::from("/usr/sbin/mosquitto");
    let found = workspace::on_path(&["mosquitto"]).or(Some(usual).filter(|path| path.is_file()));
    let Some(program) = found else {
        say::line(
            "mqtt",
            "left out: no mosquitto; `cargo xtask setup` brings it",
        );
        return Ok(None);
    };
    let port = free_port()?;
    let child = shell::bound(&program)
        .args(["-p", &port.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    Ok(Some((Held(child), port)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::temp::Temp;

    #[test]
    fn a_killed_soak_leaves_no_agent() {
        // As if a shell were the agent: it runs the script `run`.
        let temp = Temp::new().file("run", "echo up\nexec sleep 60\n");
        let place = temp.path().to_path_buf();
        let start = thread::spawn(move || {
            let mut agent = Agent::start(Path::new("/bin/sh"), &place, 1, 1).unwrap();
            while fs::read_to_string(place.join("told.jsonl")).unwrap() != "up\n" {
                assert!(agent.is_running().unwrap());
                thread::sleep(Duration::from_millis(10));
            }
            agent
        });
        let mut agent = start.join().unwrap();
        assert_eq!(agent.child.0.wait().unwrap().signal(), Some(9));
    }

    #[test]
    fn numbers_of_proc_are_found_by_their_key() {
        let status = "Name:\tx\nVmRSS:\t   43210 kB\nRssAnon:\t 40000 kB\nThreads:\t7\n";
        assert_eq!(number(status, "VmRSS:"), Some(43210));
        assert_eq!(number(status, "Threads:"), Some(7));
        assert_eq!(number(status, "VmSwap:"), None);
    }

    #[test]
    fn the_config_is_toml_with_every_way_out() {
        let table: toml::Table = text(144, 1, 2, Some(3)).parse().unwrap();
        for key in ["source", "jsonl", "webhook", "http", "mqtt"] {
            assert!(table.contains_key(key), "{key}");
        }
        let table: toml::Table = text(144, 1, 2, None).parse().unwrap();
        assert!(!table.contains_key("mqtt"));
    }

    #[test]
    fn an_event_has_an_id() {
        assert_eq!(id(b"{\"id\": \"a\"}"), Some("a".into()));
        assert_eq!(id(b"{}"), None);
    }
}
