//! mosquitto with the fleet's own configuration; only its folders and its port are moved.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::fleet::{self, Fleet};
use crate::process::{self, Usage};

/// A running broker.
pub struct Broker {
    /// Where it listens on 127.0.0.1.
    pub port: u16,
    owner: String,
    place: TempDir,
    child: Option<Child>,
}

/// The program, where this machine has it.
pub fn program() -> Option<PathBuf> {
    // Debian puts it where the path of other users than root does not lead.
    process::find("mosquitto", &["/usr/sbin".into(), "/usr/local/sbin".into()])
}

impl Broker {
    /// Starts it with the fleet's secrets. None, and a word why, where there is no mosquitto.
    pub fn start(fleet: &Fleet) -> Result<Option<Self>> {
        if program().is_none() {
            eprintln!("skipped: no mosquitto here; `cargo xtask setup --only broker` installs it");
            return Ok(None);
        }
        let place = tempfile::Builder::new().prefix("fleet-broker-").tempdir()?;
        process::let_pass(place.path())?;
        let port = process::free_port()?;
        let config = moved(
            &fleet::file("mosquitto/mosquitto.conf")?,
            fleet,
            place.path(),
            port,
        );
        fs::write(place.path().join("mosquitto.conf"), config)?;
        fs::write(place.path().join("acl"), fleet::file("mosquitto/acl")?)?;
        let mut broker = Self {
            port,
            owner: fleet.setting("FLEET_USER")?,
            place,
            child: None,
        };
        broker.up()?;
        Ok(Some(broker))
    }

    /// Starts it, or starts it again after [`Self::kill`] or [`Self::stop`].
    pub fn up(&mut self) -> Result<()> {
        let program = program().context("mosquitto has gone")?;
        let log = self.place.path().join("log");
        let out = File::create(&log)?;
        let mut child = process::command_as(&self.owner, &program)
            .arg("-c")
            .arg(self.place.path().join("mosquitto.conf"))
            .stdout(out.try_clone()?)
            .stderr(out)
            .stdin(Stdio::null())
            .spawn()
            .context("cannot start mosquitto")?;
        process::wait_for_port(&mut child, self.port, &log)?;
        self.child = Some(child);
        Ok(())
    }

    /// Lets it read its files again, as `fleet.sh` does after a change.
    pub fn reload(&self) -> Result<()> {
        process::signal(self.child()?, "HUP")
    }

    /// Ends it the orderly way.
    pub fn stop(&mut self) -> Result<()> {
        process::signal(self.child()?, "TERM")?;
        if let Some(mut child) = self.child.take() {
            child.wait()?;
        }
        Ok(())
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// What it has used.
    pub fn usage(&self) -> Result<Usage> {
        process::usage(self.child()?.id())
    }

    /// What it has said.
    pub fn log(&self) -> String {
        fs::read_to_string(self.place.path().join("log")).unwrap_or_default()
    }

    fn child(&self) -> Result<&Child> {
        self.child.as_ref().context("the broker is not running")
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The configuration with the container's folders and port replaced.
fn moved(text: &str, fleet: &Fleet, place: &Path, port: u16) -> String {
    let state = fleet.state().display();
    text.replace(
        "/mosquitto/secrets/",
        &format!("{state}/secrets/mosquitto/"),
    )
    .replace("/mosquitto/data/", &format!("{state}/data/mosquitto/"))
    .replace("/mosquitto/config/", &format!("{}/", place.display()))
    .replace("listener 8883", &format!("listener {port} 127.0.0.1"))
}
