//! What fuzzing needs besides Rust: cargo-fuzz, which knows how to compile for libFuzzer, and
//! the targets compiled by it. Nothing here runs them.

use crate::say;
use crate::setup::{self, Part};
use crate::shell::Tool;
use crate::workspace;
use anyhow::{Context, Result};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// The version that is installed, into the cache folder.
const CARGO_FUZZ: &str = "0.13.2";

/// `address` where this toolchain has its library: it finds what unsafe code of other crates
/// does wrong. Else `none`.
pub fn sanitizer() -> Result<&'static str> {
    let folder = Tool::new("rustc")
        .args(["--print", "target-libdir"])
        .read()?;
    let entries = fs::read_dir(folder.trim()).context("cannot read the toolchain's folder")?;
    let has = entries
        .flatten()
        .any(|entry| entry.file_name().to_string_lossy().ends_with("asan.a"));
    Ok(if has { "address" } else { "none" })
}

/// Compiles all targets; the folder of the programs.
pub fn build(place: &Path, sanitizer: &str) -> Result<PathBuf> {
    setup::ensure(&[Part::Packages])?;
    let path = ensure_cargo_fuzz()?;
    let crate_folder = workspace::root().join("deploy/fuzz");
    let (from, to) = (
        workspace::root().join("Cargo.lock"),
        crate_folder.join("Cargo.lock"),
    );
    fs::copy(&from, &to).with_context(|| format!("cannot write {}", to.display()))?;
    let what = "the agent and what it is made of, compiled so that the fuzzer sees where an \
                input leads; minutes the first time";
    let step = say::begin("build", what);
    Tool::cargo()
        .args(["fuzz", "build", "--fuzz-dir"])
        .arg(&crate_folder)
        .arg("--target-dir")
        .arg(place)
        .args(["--sanitizer", sanitizer])
        .env("PATH", path)
        // The sanitizer is not among what a stable compiler does unasked.
        .env("RUSTC_BOOTSTRAP", "1")
        .run()?;
    step.done();
    let host = Tool::new("rustc").args(["--print", "host-tuple"]).read()?;
    Ok(place.join(host.trim()).join("release"))
}

/// PATH with cargo-fuzz in it, which is installed if it is missing.
fn ensure_cargo_fuzz() -> Result<OsString> {
    let home = workspace::cache()?.join(format!("cargo-fuzz-{CARGO_FUZZ}"));
    let folder = home.join("bin");
    if !folder.join("cargo-fuzz").is_file() {
        let what = "installing it into the cache folder: it compiles for libFuzzer, the fuzzer";
        let step = say::begin("cargo-fuzz", what);
        Tool::cargo()
            .args(["install", "cargo-fuzz", "--locked", "--version", CARGO_FUZZ])
            .arg("--root")
            .arg(&home)
            .run()?;
        step.done();
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder).chain(env::split_paths(&path));
    env::join_paths(folders).context("PATH cannot be extended")
}
