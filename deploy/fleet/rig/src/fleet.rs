//! A fleet's folder with its secrets, made by `fleet.sh` in a temporary place.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::client::Login;

/// The folder with the fleet's files, the one above this crate.
pub fn folder() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Reads one of the fleet's files.
pub fn file(name: &str) -> Result<String> {
    let path = folder().join(name);
    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// Secrets and data of a fleet that lives as long as this.
pub struct Fleet {
    place: TempDir,
}

impl Fleet {
    /// Makes certificates and passwords for a broker on 127.0.0.1.
    pub fn new() -> Result<Self> {
        let place = tempfile::Builder::new().prefix("fleet-").tempdir()?;
        let fleet = Self { place };
        fleet.run(&["init", "127.0.0.1"])?;
        // The broker's own user has to get to its files.
        crate::process::let_pass(fleet.state())?;
        Ok(fleet)
    }

    /// Where secrets/, data/ and .env lie.
    pub fn state(&self) -> &Path {
        self.place.path()
    }

    /// Runs `fleet.sh`; what it says on its standard output.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        let output = self.try_run(arguments)?;
        let told = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            bail!("fleet.sh {}: {told}", arguments.join(" "));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs `fleet.sh`, whatever comes of it.
    pub fn try_run(&self, arguments: &[&str]) -> Result<Output> {
        Command::new("sh")
            .arg(folder().join("fleet.sh"))
            .args(arguments)
            .env("FLEET_STATE", self.state())
            .output()
            .context("cannot run fleet.sh")
    }

    /// Lets devices in; where they lie: their part of the agent's config and their files.
    pub fn add(&self, names: &[String]) -> Result<PathBuf> {
        let to = self.state().join("handed-out");
        let mut arguments = vec!["add", "--to"];
        let shown = to.display().to_string();
        arguments.push(&shown);
        arguments.extend(names.iter().map(String::as_str));
        self.run(&arguments)?;
        Ok(to)
    }

    /// How a device that was added logs in.
    pub fn device(&self, name: &str, port: u16) -> Result<Login> {
        let password = self.state().join("handed-out").join(name);
        self.login(name, &password.join("mqtt-password"), port)
    }

    /// How the collector logs in.
    pub fn collector(&self, port: u16) -> Result<Login> {
        let secret = self.state().join("secrets/collector_mqtt_password");
        self.login("collector", &secret, port)
    }

    fn login(&self, name: &str, password: &Path, port: u16) -> Result<Login> {
        let text = fs::read_to_string(password)
            .with_context(|| format!("cannot read {}", password.display()))?;
        Ok(Login {
            port,
            ca_file: self.state().join("secrets/ca.pem"),
            username: name.into(),
            password: text.trim_end().into(),
            client_id: name.into(),
        })
    }

    /// A setting of the fleet's .env.
    pub fn setting(&self, name: &str) -> Result<String> {
        let text = fs::read_to_string(self.state().join(".env")).context("cannot read .env")?;
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
            .map(String::from)
            .with_context(|| format!(".env has no {name}"))
    }
}
