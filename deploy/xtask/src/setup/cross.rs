//! The aarch64 target, for tests on the agent's architecture: rustup's own when it can be
//! fetched, else Debian's build of Rust unpacked beside rustup. No container is needed and
//! nothing is installed over the user's Rust.

use crate::say;
use crate::shell::Tool;
use crate::workspace;
use anyhow::{Context, Result, bail};
use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// The agent's target.
pub const TARGET: &str = "aarch64-unknown-linux-gnu";
/// Emulator names, preferred first.
pub const EMULATORS: &[&str] = &["qemu-aarch64-static", "qemu-aarch64"];
const LINKED: &str = "aarch64-cross";
const DEBIAN_LIBRARIES: &str = "/usr/aarch64-linux-gnu";

/// What builds for the target.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Toolchain {
    /// This machine is aarch64 itself.
    Native,
    /// rustup's target in the toolchain in use.
    Rustup,
    /// The unpacked one, linked into rustup.
    Linked,
}

/// Whether this machine is aarch64.
pub fn native() -> bool {
    env::consts::ARCH == "aarch64"
}

/// The toolchain, if it is there.
pub fn find() -> Option<Toolchain> {
    if native() {
        return Some(Toolchain::Native);
    }
    let installed = Tool::new("rustup").args(["target", "list", "--installed"]);
    if has_line(&installed.read().unwrap_or_default(), TARGET) {
        return Some(Toolchain::Rustup);
    }
    let linked = Tool::cargo().args([&format!("+{LINKED}"), "-V"]).works()
        && Tool::new("rustc")
            .args([&format!("+{LINKED}"), "-V"])
            .works();
    linked.then_some(Toolchain::Linked)
}

/// Finds the toolchain or brings it; the packages must be there.
pub fn ensure() -> Result<()> {
    match find() {
        Some(Toolchain::Native) => say::line("cross", "not needed: this machine is aarch64"),
        Some(_) => say::line("cross", "already there"),
        None => bring()?,
    }
    Ok(())
}

/// `cargo COMMAND` for the target; tests run under the emulator.
pub fn cargo(toolchain: Toolchain, command: &str) -> Tool {
    let tool = match toolchain {
        Toolchain::Native => return Tool::cargo().arg(command),
        Toolchain::Rustup => Tool::cargo(),
        Toolchain::Linked => Tool::cargo().arg(format!("+{LINKED}")),
    };
    let emulator = workspace::on_path(EMULATORS).unwrap_or_else(|| EMULATORS[0].into());
    let runner = format!("{} -L {DEBIAN_LIBRARIES}", emulator.display());
    tool.args([command, "--target", TARGET])
        .env(
            "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER",
            "aarch64-linux-gnu-gcc",
        )
        .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER", runner)
}

/// What the names of the compiler's and linker's tools for the target begin with.
pub fn tools() -> &'static str {
    if native() { "" } else { "aarch64-linux-gnu-" }
}

/// A program for the target, to be run here: as it is where this machine is one, else emulated.
pub fn program(file: &Path) -> Tool {
    if native() {
        return Tool::new(file);
    }
    let emulator = workspace::on_path(EMULATORS).unwrap_or_else(|| EMULATORS[0].into());
    Tool::new(emulator).args(["-L", DEBIAN_LIBRARIES]).arg(file)
}

fn bring() -> Result<()> {
    let step = say::begin(
        "cross",
        "Rust's standard library for aarch64, to test on the agent's architecture",
    );
    if workspace::on_path(&["rustup"]).is_none() {
        bail!("rustup is not on PATH; it adds the aarch64 target: install Rust with rustup");
    }
    let add = Tool::new("rustup").args(["target", "add", TARGET]);
    if let Err(refusal) = add.run_quietly() {
        println!("           not to be had that way; taking Debian's build of Rust instead");
        unpack_debian().with_context(|| {
            format!("no Rust for aarch64. rustup had said: {refusal:#}\nThen, from Debian")
        })?;
    }
    if find().is_none() {
        bail!("Rust for aarch64 was fetched but does not run; try `rustup target add {TARGET}`");
    }
    step.done();
    Ok(())
}

/// Unpacks Debian's Rust with its aarch64 library under the cache folder and links it.
fn unpack_debian() -> Result<()> {
    if workspace::on_path(&["apt-get"]).is_none() || workspace::on_path(&["dpkg-deb"]).is_none() {
        bail!("this machine has no apt-get and dpkg-deb");
    }
    let home = workspace::cache()?.join("rust-aarch64");
    let partial = home.with_extension("partial");
    remove(&partial)?;
    let built = unpack_into(&partial);
    if built.is_ok() {
        remove(&home)?;
        fs::rename(partial.join("ready"), &home)
            .with_context(|| format!("cannot create {}", home.display()))?;
    }
    remove(&partial)?;
    built?;
    Tool::new("rustup")
        .args(["toolchain", "link", LINKED])
        .arg(home.join("usr"))
        .run()
}

fn unpack_into(partial: &Path) -> Result<()> {
    let (debs, ready) = (partial.join("debs"), partial.join("ready"));
    for folder in ["debs", "ready", "lists/partial", "cache/archives/partial"] {
        let folder = partial.join(folder);
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let host = Tool::new("dpkg").arg("--print-architecture").read()?;
    let host = host.trim();
    // Package lists of its own: needs no root and leaves the machine's architectures alone.
    let options: Vec<String> = [
        format!("Dir::State::Lists={}", partial.join("lists").display()),
        format!("Dir::Cache={}", partial.join("cache").display()),
        format!("APT::Architectures::={host}"),
        "APT::Architectures::=arm64".into(),
    ]
    .into_iter()
    .flat_map(|option| ["-o".to_string(), option])
    .collect();
    let apt = |program: &str| Tool::new(program).arg("-qq").args(&options).dir(&debs);

    println!("           $ apt-get update, with lists of its own");
    apt("apt-get").arg("update").read()?;
    let policy = apt("apt-cache").args(["policy", "rustc-web"]).read()?;
    let version = candidate(&policy).context(
        "this distribution has no rustc-web package; a connection to rustup's server is needed",
    )?;
    let series = series(version).with_context(|| format!("odd version {version} of rustc-web"))?;
    println!("           unpacking Debian's Rust {version} beside yours");
    apt("apt-get")
        .arg("download")
        .arg(format!("rustc-web={version}"))
        .arg(format!("libstd-rust-web-{series}={version}"))
        .arg(format!("libstd-rust-web-dev={version}"))
        .arg(format!("libstd-rust-web-dev:arm64={version}"))
        .read()?;
    let library = files(&debs)?
        .into_iter()
        .find(|file| file.contains(&format!("libstd-rust-web-{series}_")))
        .context("libstd-rust-web was not downloaded")?;
    let depends = Tool::new("dpkg-deb")
        .args(["-f", &library, "Depends"])
        .read()?;
    let llvm = llvm_package(&depends)
        .with_context(|| format!("no libllvm among the packages it needs: {depends}"))?;
    apt("apt-get").args(["download", llvm]).read()?;
    for deb in files(&debs)? {
        Tool::new("dpkg-deb")
            .args(["-x", &deb])
            .arg(&ready)
            .read()?;
    }
    arrange(&ready.join("usr"), env::consts::ARCH)
}

/// rustup looks for `bin` and `lib`; Debian keeps libraries one folder deeper.
fn arrange(usr: &Path, arch: &str) -> Result<()> {
    let multiarch = format!("{arch}-linux-gnu");
    for file in files(&usr.join("lib").join(&multiarch))? {
        let name = Path::new(&file).file_name().unwrap_or_default();
        let link = usr.join("lib").join(name);
        if name.to_string_lossy().contains(".so") && !link.is_symlink() {
            symlink(Path::new(&multiarch).join(name), &link)
                .with_context(|| format!("cannot link {}", link.display()))?;
        }
    }
    remove(&usr.join("share"))?;
    // The user's own cargo drives it.
    let cargo = Tool::new("rustup").args(["which", "cargo"]).read()?;
    let link = usr.join("bin/cargo");
    if link.is_symlink() || link.exists() {
        fs::remove_file(&link).with_context(|| format!("cannot replace {}", link.display()))?;
    }
    symlink(cargo.trim(), &link).with_context(|| format!("cannot link {}", link.display()))
}

fn files(folder: &Path) -> Result<Vec<String>> {
    let list = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    Ok(list
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| !path.is_dir())
        .map(|path| path.to_string_lossy().into_owned())
        .collect())
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}

fn has_line(text: &str, wanted: &str) -> bool {
    text.lines().any(|line| line.trim() == wanted)
}

fn candidate(policy: &str) -> Option<&str> {
    policy
        .lines()
        .find_map(|line| line.trim().strip_prefix("Candidate: "))
        .filter(|version| *version != "(none)")
}

/// `1.96.0+dfsg1-1` is of series `1.96`, which is part of package names.
fn series(version: &str) -> Option<String> {
    let mut parts = version.split('.');
    Some(format!("{}.{}", parts.next()?, parts.next()?))
}

fn llvm_package(depends: &str) -> Option<&str> {
    depends
        .split([',', '|'])
        .filter_map(|part| part.split_whitespace().next())
        .find(|name| name.starts_with("libllvm"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apts_answers_are_read() {
        let policy = "rustc-web:\n  Installed: (none)\n  Candidate: 1.96.0+dfsg1-1~deb12u2\n";
        assert_eq!(candidate(policy), Some("1.96.0+dfsg1-1~deb12u2"));
        assert_eq!(candidate("x:\n  Candidate: (none)\n"), None);
        assert_eq!(candidate(""), None);
        assert_eq!(series("1.96.0+dfsg1-1~deb12u2").as_deref(), Some("1.96"));
        assert_eq!(series("7"), None);
        let depends = "libc6 (>= 2.34), libgcc-s1 (>= 4.2), libllvm19 (>= 1:19.1.0)";
        assert_eq!(llvm_package(depends), Some("libllvm19"));
        assert_eq!(llvm_package("libc6"), None);
    }

    #[test]
    fn an_installed_target_is_a_whole_line() {
        let list = "aarch64-unknown-linux-gnu\nx86_64-unknown-linux-gnu\n";
        assert!(has_line(list, TARGET));
        assert!(!has_line("aarch64-unknown-linux-gnullvm\n", TARGET));
    }

    #[test]
    fn the_emulator_runs_the_tests_unless_native() {
        let shown = |toolchain| cargo(toolchain, "test").args(["-p", "models"]).shown();
        assert_eq!(shown(Toolchain::Native), "cargo test -p models");
        assert_eq!(
            shown(Toolchain::Rustup),
            "cargo test --target aarch64-unknown-linux-gnu -p models"
        );
        assert_eq!(
            shown(Toolchain::Linked),
            "cargo +aarch64-cross test --target aarch64-unknown-linux-gnu -p models"
        );
    }
}
