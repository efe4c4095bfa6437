//! A PostgreSQL of this machine in a temporary folder, set up by the fleet's own `init.sh`. Without
//! TimescaleDB, which is no package of Debian's.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::collector::Message;
use crate::fleet::{self, Fleet};
use crate::process;

/// What the collector's rows are written with: the statement of Telegraf's driver, in text form.
const COPY: &str = "COPY inbox (time, topic, value) FROM STDIN";

/// The server that this process has running, for as long as somebody has a database on it.
static RUNNING: Mutex<Weak<Server>> = Mutex::new(Weak::new());
/// The next database's number.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A fleet's database, alone on a server that it may share.
pub struct Database {
    name: String,
    server: Arc<Server>,
}

/// A running server.
struct Server {
    programs: PathBuf,
    owner: String,
    port: u16,
    place: TempDir,
    /// Whose passwords the roles have; roles belong to the whole server.
    fleet: Fleet,
}

/// Where the server's programs are, the newest version first.
fn programs() -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .collect();
    versions.sort();
    let found = versions
        .pop()
        .filter(|folder| folder.join("initdb").is_file());
    found.or_else(|| Some(process::find("initdb", &[])?.parent()?.to_path_buf()))
}

impl Database {
    /// Makes a database with the fleet's tables. None, and a word why, where there is no
    /// PostgreSQL.
    pub fn start() -> Result<Option<Self>> {
        let Some(programs) = programs() else {
            eprintln!(
                "skipped: no PostgreSQL here; `cargo xtask setup --only database` installs it"
            );
            return Ok(None);
        };
        let server = {
            let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
            match running.upgrade() {
                Some(server) => server,
                None => {
                    let server = Arc::new(Server::start(programs)?);
                    *running = Arc::downgrade(&server);
                    server
                }
            }
        };
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let database = Self {
            name: format!("fleet_{number}"),
            server,
        };
        let make = format!("CREATE DATABASE {}", database.name);
        answer(database.client("postgres", "postgres"), &make)?;
        database.set_up()?;
        Ok(Some(database))
    }

    /// Runs the fleet's `init.sh`, as the image does and as an upgrade does.
    pub fn set_up(&self) -> Result<()> {
        // Roles are changed by one at a time.
        let _alone = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let output = Command::new("sh")
            .arg(fleet::folder().join("database/init.sh"))
            .env("FLEET_SQL", fleet::folder().join("database"))
            .env("FLEET_SECRETS", self.server.fleet.state().join("secrets"))
            .env("POSTGRES_DB", &self.name)
            .env("PGHOST", self.server.place.path())
            .env("PGPORT", self.server.port.to_string())
            .output()
            .context("cannot run init.sh")?;
        if !output.status.success() {
            bail!("init.sh: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    /// A role's password, as `fleet.sh` made it.
    pub fn password(&self, role: &str) -> Result<String> {
        let path = self
            .server
            .fleet
            .state()
            .join(format!("secrets/{role}_db_password"));
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    /// Writes messages as the collector does; all or none.
    pub fn copy(&self, messages: &[Message]) -> Result<()> {
        let rows: String = messages
            .iter()
            .map(|message| {
                let value = escaped(&message.value);
                format!("{}\t{}\t{value}\n", message.time, escaped(&message.topic))
            })
            .collect();
        let mut command = self.client("collector", &self.name);
        command.args(["-c", COPY]);
        answer(command, &rows).map(drop)
    }

    /// What a statement says as the database's owner: a line a row, fields between `|`.
    pub fn sql(&self, statement: &str) -> Result<String> {
        self.sql_as("postgres", statement)
    }

    /// The same with a role's rights.
    pub fn sql_as(&self, role: &str, statement: &str) -> Result<String> {
        answer(self.client(role, &self.name), statement)
    }

    /// The same over TCP, where the role's password counts.
    pub fn sql_with_password(&self, role: &str, password: &str, statement: &str) -> Result<String> {
        let mut command = self.client(role, &self.name);
        command
            .env("PGHOST", "127.0.0.1")
            .env("PGPASSWORD", password);
        answer(command, statement)
    }

    fn client(&self, role: &str, database: &str) -> Command {
        let mut command = Command::new(self.server.programs.join("psql"));
        command
            .args([
                "-X",
                "-q",
                "-A",
                "-t",
                "-w",
                "-v",
                "ON_ERROR_STOP=1",
                "-U",
                role,
                "-d",
                database,
            ])
            .env("PGHOST", self.server.place.path())
            .env("PGPORT", self.server.port.to_string())
            // Tests read its complaints, as they read the server's.
            .env("LC_ALL", "C");
        command
    }
}

impl Server {
    fn start(programs: PathBuf) -> Result<Self> {
        let place = tempfile::Builder::new().prefix("fleet-db-").tempdir()?;
        let owner = server_user()?;
        if process::is_root() {
            let status = Command::new("chown")
                .arg(&owner)
                .arg(place.path())
                .status()?;
            if !status.success() {
                bail!("cannot give {} to {owner}", place.path().display());
            }
        }
        let server = Self {
            programs,
            owner,
            port: process::free_port()?,
            place,
            fleet: Fleet::new()?,
        };
        let data = server.data();
        server.run(&[
            "initdb",
            "-D",
            &data,
            "-U",
            "postgres",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--lc-messages=C",
            "--no-sync",
            "--auth-local=trust",
            "--auth-host=scram-sha-256",
        ])?;
        server.launch()?;
        Ok(server)
    }

    /// Starts the server, on a thread that lasts as long as it, and waits until it answers.
    fn launch(&self) -> Result<()> {
        let log = self.place.path().join("log");
        let out = fs::File::create(&log)?;
        let mut command = process::command_as(&self.owner, &self.programs.join("postgres"));
        command
            .args(["-D", &self.data(), "-p", &self.port.to_string()])
            .arg("-k")
            .arg(self.place.path())
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "timezone=UTC"])
            .current_dir(self.place.path())
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out);
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            let mut child = match command.spawn() {
                Ok(child) => child,
                Err(error) => return drop(tell.send(format!("it did not start: {error}"))),
            };
            let ended = child.wait();
            let _ = tell.send(format!("it ended: {ended:?}"));
        });
        let start = Instant::now();
        while self
            .run(&[
                "pg_isready",
                "-q",
                "-h",
                &self.socket(),
                "-p",
                &self.port.to_string(),
            ])
            .is_err()
        {
            let end = told.try_recv().ok();
            if end.is_some() || start.elapsed() > Duration::from_secs(60) {
                let why = end.unwrap_or_else(|| "it does not answer".into());
                let log = fs::read_to_string(&log).unwrap_or_default();
                bail!("PostgreSQL: {why}\n{log}");
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn socket(&self) -> String {
        self.place.path().display().to_string()
    }

    fn data(&self) -> String {
        self.place.path().join("data").display().to_string()
    }

    /// Runs one of the server's programs as the server's user.
    fn run(&self, words: &[&str]) -> Result<()> {
        let program = self.programs.join(words[0]);
        let log = self.place.path().join("setup-log");
        let out = fs::File::create(&log)?;
        let status = process::command_as(&self.owner, &program)
            .args(&words[1..])
            .current_dir(self.place.path())
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .status()
            .with_context(|| format!("cannot start {}", program.display()))?;
        if !status.success() {
            bail!(
                "{}: {}",
                words[0],
                fs::read_to_string(log).unwrap_or_default()
            );
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.run(&["pg_ctl", "-D", &self.data(), "-m", "immediate", "stop"]);
    }
}

/// `user:group` that the server runs as: it refuses to be the superuser's.
fn server_user() -> Result<String> {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let ids = |name: &str| {
        passwd.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            (fields.first() == Some(&name))
                .then(|| Some(format!("{}:{}", fields.get(2)?, fields.get(3)?)))?
        })
    };
    ids("postgres")
        .or_else(|| ids("nobody"))
        .context("neither a user postgres nor a user nobody for the server to run as")
}

fn answer(mut command: Command, input: &str) -> Result<String> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start psql")?;
    // The server answers a COPY only at its end, so that neither side waits for the other.
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_string())
}

/// A value in the text form of COPY.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('\t', "\\t")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
}
