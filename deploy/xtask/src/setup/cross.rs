//! What builds for devices and runs their programs here: rustup's target when it can be fetched,
//! else Debian's build of Rust unpacked beside rustup. No container is needed and nothing is
//! installed over the user's Rust.

use crate::say;
use crate::shell::Tool;
use crate::target::Target;
use crate::workspace;
use anyhow::{Context, Result, bail};
use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

/// What builds for the target.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Toolchain {
    /// This machine is of that kind itself.
    Native,
    /// rustup's target in the toolchain in use.
    Rustup,
    /// The unpacked one, linked into rustup.
    Linked,
}

/// The emulator of a target's programs, if it is there.
pub fn emulator(target: Target) -> Option<PathBuf> {
    let name = format!("qemu-{}", target.processor());
    workspace::on_path(&[&format!("{name}-static"), &name])
}

/// Whether a tool of GNU's for the target is there.
pub fn has_tool(target: Target, name: &str) -> bool {
    target.is_here() || workspace::on_path(&[&format!("{}-{name}", target.gnu())]).is_some()
}

/// Whether the target's C library is there.
pub fn has_library(target: Target) -> bool {
    target.is_here() || libraries(target).join("lib/crt1.o").is_file()
}

fn libraries(target: Target) -> PathBuf {
    Path::new("/usr").join(target.gnu())
}

/// What the unpacked toolchain is called in rustup.
fn linked(target: Target) -> String {
    format!("{}-cross", target.processor())
}

/// The toolchain, if it is there.
pub fn find(target: Target) -> Option<Toolchain> {
    if target.is_here() {
        return Some(Toolchain::Native);
    }
    let installed = Tool::new("rustup").args(["target", "list", "--installed"]);
    if has_line(&installed.read().unwrap_or_default(), target.triple()) {
        return Some(Toolchain::Rustup);
    }
    let linked = format!("+{}", linked(target));
    let works = |tool: Tool| tool.args([&linked, "-V"]).works();
    (works(Tool::cargo()) && works(Tool::new("rustc"))).then_some(Toolchain::Linked)
}

/// Finds the toolchain or brings it; the packages must be there.
pub fn ensure(target: Target) -> Result<()> {
    match find(target) {
        Some(Toolchain::Native) => say::line("cross", "not needed: this machine is of that kind"),
        Some(_) => say::line("cross", "already there"),
        None => bring(target)?,
    }
    Ok(())
}

/// `cargo COMMAND` for the target; tests run under the emulator. An error where nothing builds
/// for it.
pub fn cargo(target: Target, command: &str) -> Result<Tool> {
    let toolchain = find(target).with_context(|| {
        let part = target.part().to_possible_value();
        let part = part.as_ref().map_or("", |value| value.get_name());
        format!("run `cargo xtask setup --only {part}`")
    })?;
    Ok(cargo_of(toolchain, target, command))
}

fn cargo_of(toolchain: Toolchain, target: Target, command: &str) -> Tool {
    let tool = match toolchain {
        Toolchain::Native => return Tool::cargo().arg(command),
        Toolchain::Rustup => Tool::cargo(),
        Toolchain::Linked => Tool::cargo().arg(format!("+{}", linked(target))),
    };
    let runner = format!(
        "{} -L {}",
        emulator_or_name(target).display(),
        libraries(target).display()
    );
    let variable = |what: &str| {
        let triple = target.triple().replace('-', "_").to_uppercase();
        format!("CARGO_TARGET_{triple}_{what}")
    };
    tool.args([command, "--target", target.triple()])
        .env(&variable("LINKER"), format!("{}-gcc", target.gnu()))
        .env(&variable("RUNNER"), runner)
}

/// What the names of the compiler's and linker's tools for the target begin with.
pub fn tools(target: Target) -> String {
    match target.is_here() {
        true => String::new(),
        false => format!("{}-", target.gnu()),
    }
}

/// A program for the target, to be run here: as it is where this machine is one, else emulated.
pub fn program(target: Target, file: &Path) -> Tool {
    if target.is_here() {
        return Tool::new(file);
    }
    Tool::new(emulator_or_name(target))
        .arg("-L")
        .arg(libraries(target))
        .arg(file)
}

/// The emulator; its name where it is not there, for the error that follows to tell.
fn emulator_or_name(target: Target) -> PathBuf {
    emulator(target).unwrap_or_else(|| format!("qemu-{}-static", target.processor()).into())
}

fn bring(target: Target) -> Result<()> {
    let step = say::begin("cross", &format!("Rust's standard library for {target}"));
    if workspace::on_path(&["rustup"]).is_none() {
        bail!("rustup is not on PATH; it adds the target {target}: install Rust with rustup");
    }
    let add = Tool::new("rustup").args(["target", "add", target.triple()]);
    if let Err(refusal) = add.run_quietly() {
        println!("           not to be had that way; taking Debian's build of Rust instead");
        unpack_debian(target).with_context(|| {
            format!("no Rust for {target}. rustup had said: {refusal:#}\nThen, from Debian")
        })?;
    }
    if find(target).is_none() {
        bail!("Rust for {target} was fetched but does not run; try `rustup target add {target}`");
    }
    step.done();
    Ok(())
}

/// Unpacks Debian's Rust with its library for the target under the cache folder and links it.
fn unpack_debian(target: Target) -> Result<()> {
    if workspace::on_path(&["apt-get"]).is_none() || workspace::on_path(&["dpkg-deb"]).is_none() {
        bail!("this machine has no apt-get and dpkg-deb");
    }
    let home = workspace::cache()?.join(format!("rust-{}", target.processor()));
    let partial = home.with_extension("partial");
    remove(&partial)?;
    let built = unpack_into(target, &partial);
    if built.is_ok() {
        remove(&home)?;
        fs::rename(partial.join("ready"), &home)
            .with_context(|| format!("cannot create {}", home.display()))?;
    }
    remove(&partial)?;
    built?;
    Tool::new("rustup")
        .args(["toolchain", "link", &linked(target)])
        .arg(home.join("usr"))
        .run()
}

fn unpack_into(target: Target, partial: &Path) -> Result<()> {
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
        format!("APT::Architectures::={}", target.debian()),
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
        .arg(format!("libstd-rust-web-dev:{}={version}", target.debian()))
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
        assert!(has_line(list, Target::Aarch64.triple()));
        assert!(!has_line(
            "aarch64-unknown-linux-gnullvm\n",
            Target::Aarch64.triple()
        ));
    }

    #[test]
    fn the_emulator_runs_the_tests_unless_native() {
        let shown = |toolchain| {
            cargo_of(toolchain, Target::Aarch64, "test")
                .args(["-p", "models"])
                .shown()
        };
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
