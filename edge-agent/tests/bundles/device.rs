//! A device in a temporary folder: a store, a key, a config, frames to watch, and archives to
//! install. Holds no test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use models::hash::sha256_hex;
use serde_json::Value;

use crate::common::{Told, plain, program, run};
use crate::signer::Signer;

/// The folder, with everything in it.
pub struct Device {
    folder: tempfile::TempDir,
    /// The key whose public part the config names.
    pub signer: Signer,
}

impl Device {
    /// A device that has only the bundle compiled in.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let signer = Signer::new(7);
        signer.write_public_key(&path.join("key.pub"));
        fs::create_dir(path.join("frames")).unwrap();
        plain(&path.join("frames/0.png"), [90, 90, 90]);
        plain(&path.join("frames/1.png"), [90, 90, 90]);
        let device = Self { folder, signer };
        device.configure("[source]\nkind = \"replay\"\nfolder = \"frames\"\n", "");
        device
    }

    /// Writes the config: tables, and further keys of `[bundle]`.
    pub fn configure(&self, tables: &str, bundle: &str) {
        let text =
            format!("[bundle]\nstore = \"store\"\npublic_key = \"key.pub\"\n{bundle}\n{tables}\n");
        fs::write(self.path("agent.toml"), text).unwrap();
    }

    /// A path in the device's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program with its config, run to its end.
    pub fn agent(&self, words: &[&str]) -> Told {
        run(
            self.folder.path(),
            &[words, &["--config", "agent.toml"]].concat(),
        )
    }

    /// The program with its config, to be started in any way.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = program();
        command.current_dir(self.folder.path());
        command.args(words).args(["--config", "agent.toml"]);
        command
    }

    /// The program with the power going at one moment.
    pub fn with_fault(&self, words: &[&str], moment: u64) -> Output {
        let mut command = self.command(words);
        command.env("EDGE_AGENT_FAULT", moment.to_string());
        command.output().unwrap()
    }

    /// A signed archive `NAME.tar` of a bundle like the shipped one, with its manifest's text
    /// changed; gives the bundle's id.
    pub fn archive(&self, name: &str, change: impl Fn(String) -> String) -> String {
        let id = self.unsigned_archive(name, change);
        self.signer
            .sign(&self.path(&format!("{name}.tar")), &format!("bundle:{id}"));
        id
    }

    /// The same without a signature. A manifest that no bundle can have is packed by tar itself.
    pub fn unsigned_archive(&self, name: &str, change: impl Fn(String) -> String) -> String {
        let artifacts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/artifacts");
        let shipped = artifacts.join(format!("car-colour-{SHIPPED}"));
        let folder = self.path(name);
        copy(&shipped, &folder);
        let manifest = folder.join("manifest.json");
        let text = change(fs::read_to_string(&manifest).unwrap());
        let hash = sha256_hex(text.as_bytes());
        fs::write(&manifest, text).unwrap();
        fs::write(
            folder.join("manifest.sha256"),
            format!("{hash}  manifest.json\n"),
        )
        .unwrap();
        let out = format!("{name}.tar");
        let told = run(self.folder.path(), &["bundle", "pack", name, "--out", &out]);
        assert_eq!(told.code, 0, "{}", told.err);
        let id = hash[..12].to_string();
        assert!(
            told.out.contains(&format!("-t bundle:{id} ")),
            "{}",
            told.out
        );
        id
    }

    /// Installs and proves a bundle without waiting for its trial.
    pub fn install_as_good(&self, name: &str) {
        let told = self.agent(&["bundle", "install", &format!("{name}.tar")]);
        assert_eq!(told.code, 0, "{}", told.err);
        let mut state = self.state();
        state["starts_left"] = Value::Null;
        fs::write(self.path("store/state.json"), state.to_string()).unwrap();
    }

    /// The store's state.
    pub fn state(&self) -> Value {
        let told = self.agent(&["bundle", "list", "--json"]);
        assert_eq!(told.code, 0, "{}", told.err);
        let listed: Value = serde_json::from_str(&told.out).unwrap();
        for bundle in listed["bundles"].as_array().unwrap() {
            assert_eq!(bundle["damaged"], Value::Null, "{listed}");
        }
        listed["state"].clone()
    }

    /// Starts the agent, which watches its two frames, and gives what it says of its bundle.
    pub fn start(&self) -> String {
        let told = self.agent(&["run"]);
        assert_eq!(told.code, 0, "{}", told.err);
        assert!(told.err.contains("2 frames"), "{}", told.err);
        let lines = told.err.lines().filter(|line| line.contains("bundle"));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Names in the store's folder of bundles.
    pub fn stored(&self) -> Vec<String> {
        let list = fs::read_dir(self.path("store/bundles")).unwrap();
        let mut names: Vec<String> = list
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// The version of the bundle compiled in.
pub const SHIPPED: &str = "0.5.0";

/// A manifest's text with another version: another bundle.
pub fn version(number: &'static str) -> impl Fn(String) -> String {
    move |text| {
        text.replacen(
            &format!("\"version\": \"{SHIPPED}\""),
            &format!("\"version\": \"{number}\""),
            1,
        )
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}
