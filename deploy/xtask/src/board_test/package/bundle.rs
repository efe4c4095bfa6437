//! Signed bundles installed on the board: one that proves nothing yet is on trial, can be taken back,
//! and one whose signature is another's is refused.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::contains;
use crate::board_test::checks::Checks;
use crate::board_test::pi::Pi;
use crate::shell::Tool;
use crate::workspace;

/// Of the bundle that is made from the shipped one.
const VERSION: &str = "0.5.1";
/// What the config says about bundles.
const STORE: &str = "
[bundle]
store = \"/var/lib/edge-agent\"
public_key = \"/etc/edge-agent/minisign.pub\"
";

/// The files for the board: a signed archive, one with a signature that is not its own, the key
/// and the lines for the config.
pub fn make(place: &Path) -> Result<Vec<PathBuf>> {
    Tool::cargo()
        .args(["build", "--quiet", "--workspace", "--bin", "edge-agent"])
        .run()?;
    let folder = place.join("bundle");
    let _ = fs::remove_dir_all(&folder);
    let artifacts = workspace::root().join("models/artifacts");
    let shipped = fs::read_dir(&artifacts)
        .with_context(|| format!("cannot read {}", artifacts.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.join("manifest.json").is_file())
        .with_context(|| format!("no bundle in {}", artifacts.display()))?;
    Tool::new("cp").arg("-r").args([&shipped, &folder]).read()?;
    let manifest = folder.join("manifest.json");
    let text = fs::read_to_string(&manifest)
        .with_context(|| format!("cannot read {}", manifest.display()))?;
    let mut text: serde_json::Value =
        serde_json::from_str(&text).context("the shipped manifest is no JSON")?;
    text["version"] = VERSION.into();
    let text = serde_json::to_string_pretty(&text).context("a manifest is JSON")?;
    fs::write(&manifest, text).with_context(|| format!("cannot write {}", manifest.display()))?;
    let sum = Tool::new("sha256sum").arg("manifest.json").dir(&folder);
    fs::write(folder.join("manifest.sha256"), sum.read()?).context("cannot write its hash")?;

    let file = |name: &str| place.join(name);
    let (archive, forged) = (file("bundle.tar"), file("forged.tar"));
    let _ = fs::remove_file(&archive);
    let told = Tool::new(workspace::program("edge-agent")?)
        .args(["bundle", "pack"])
        .arg(&folder)
        .arg("--out")
        .arg(&archive)
        .read()?;
    let mut words = told.split_whitespace();
    let comment = words.find(|word| word.starts_with("bundle:"));
    let comment = comment.with_context(|| format!("no bundle:ID to sign in: {told}"))?;
    fs::copy(&archive, &forged).with_context(|| format!("cannot write {}", forged.display()))?;
    let sign = |key: &str, archive: &Path| -> Result<()> {
        let (secret, public) = (file(&format!("{key}.key")), file(&format!("{key}.pub")));
        Tool::new("minisign")
            .args(["-G", "-W", "-f", "-s"])
            .arg(&secret)
            .arg("-p")
            .arg(&public)
            .read()?;
        Tool::new("minisign")
            .args(["-S", "-W", "-t", comment, "-s"])
            .arg(&secret)
            .arg("-m")
            .arg(archive)
            .read()
            .map(drop)
    };
    sign("minisign", &archive)?;
    sign("stranger", &forged)?;
    let config = file("store.toml");
    fs::write(&config, STORE).with_context(|| format!("cannot write {}", config.display()))?;
    let names = ["bundle.tar.minisig", "forged.tar.minisig", "minisign.pub"];
    Ok([archive, forged, config]
        .into_iter()
        .chain(names.map(file))
        .collect())
}

/// Installs and takes back.
pub fn check(pi: &mut Pi, checks: &mut Checks) {
    // Not runuser: it asks PAM, which is not configured on the test's Debian.
    let agent = "setpriv --reuid edge-agent --regid edge-agent --init-groups edge-agent bundle";
    let config = "--config /etc/edge-agent/agent.toml";
    checks.check("forged bundle", || {
        let told = pi.ask(&format!("{agent} install /app/forged.tar {config}"))?;
        ensure!(told.code == 1, "ended with {}: {}", told.code, told.text);
        contains(&told.text, "was made with another key")?;
        Ok(told.text)
    });
    checks.check("signed bundle", || {
        let told = pi.run(&format!("{agent} install /app/bundle.tar {config}"))?;
        contains(&told, VERSION)?;
        let from = pi.said()?;
        pi.run("systemctl reload edge-agent")?;
        pi.wait_said(from, "read again")?;
        pi.wait_healthy()?;
        let listed = pi.run(&format!("{agent} list {config}"))?;
        let line = listed.lines().find(|line| line.contains(VERSION));
        let line = line.with_context(|| format!("not in the list: {listed}"))?;
        contains(line, "trial")?;
        super::passes(pi, "red", super::RED)?;
        Ok(line.into())
    });
    checks.check("bundle taken back", || {
        let told = pi.run(&format!("{agent} rollback {config}"))?;
        let from = pi.said()?;
        pi.run("systemctl reload edge-agent")?;
        pi.wait_said(from, "read again")?;
        pi.wait_healthy()?;
        super::passes(pi, "red", super::RED)?;
        Ok(told.lines().last().unwrap_or_default().into())
    });
}
