//! rustfmt and clippy, which a minimal Rust installation lacks.

use crate::say;
use crate::shell::Tool;
use anyhow::{Context, Result};

/// Adds the missing ones through rustup.
pub fn ensure() -> Result<()> {
    let missing: Vec<&str> = [("fmt", "rustfmt"), ("clippy", "clippy")]
        .into_iter()
        .filter(|(command, _)| !Tool::cargo().args([command, "--version"]).works())
        .map(|(_, component)| component)
        .collect();
    if missing.is_empty() {
        say::line("components", "rustfmt and clippy: already there");
        return Ok(());
    }
    let what = format!("adding {} for the checks", missing.join(" and "));
    let step = say::begin("components", &what);
    Tool::new("rustup")
        .args(["component", "add"])
        .args(&missing)
        .run()
        .with_context(|| format!("add {} to your Rust by hand", missing.join(" and ")))?;
    step.done();
    Ok(())
}
