//! A camera for the emulated board: the kernel module v4l2loopback, built from Debian's source
//! for the guest's kernel and kept beside it. The kernel's headers are unpacked for the build,
//! not installed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::cross;
use super::debs::Debs;
use super::guest::{self, Guest};
use crate::say;
use crate::shell::Tool;
use crate::target::Target;

/// The guest and the module for its kernel, brought when they are not there.
pub fn ensure() -> Result<(Guest, PathBuf)> {
    let guest = guest::ensure()?;
    let built = place(&guest)?.join("v4l2loopback.ko");
    if built.is_file() {
        return Ok((guest, built));
    }
    let step = say::begin(
        "camera",
        "the kernel module that plays the board's camera: some 12 MB to download, then built",
    );
    let guest = match build(&guest) {
        Ok(()) => guest,
        // A mirror has the headers of its newest kernel only.
        Err(error) => {
            println!("           not for this kernel ({error:#}); taking the kernel of the day");
            let guest = guest::renew()?;
            build(&guest)?;
            guest
        }
    };
    step.done();
    let built = place(&guest)?.join("v4l2loopback.ko");
    Ok((guest, built))
}

/// Beside the guest's root, so that it goes when the guest does.
fn place(guest: &Guest) -> Result<PathBuf> {
    let home = guest
        .kernel
        .ancestors()
        .nth(3)
        .context("the kernel lies in no folder")?;
    Ok(home.join("camera"))
}

fn build(guest: &Guest) -> Result<()> {
    let place = place(guest)?;
    let partial = place.with_extension("partial");
    let _ = fs::remove_dir_all(&partial);
    fs::create_dir_all(&partial).with_context(|| format!("cannot create {}", partial.display()))?;
    build_in(guest, &partial)?;
    let _ = fs::remove_dir_all(&place);
    fs::create_dir_all(&place).with_context(|| format!("cannot create {}", place.display()))?;
    let (from, to) = (
        partial.join("v4l2loopback/v4l2loopback.ko"),
        place.join("v4l2loopback.ko"),
    );
    fs::rename(&from, &to).with_context(|| format!("the build made no {}", from.display()))?;
    let _ = fs::remove_dir_all(&partial);
    Ok(())
}

fn build_in(guest: &Guest, place: &Path) -> Result<()> {
    let host = Tool::new("dpkg").arg("--print-architecture").read()?;
    let release = &guest.release;
    let names = headers(release, host.trim())
        .with_context(|| format!("{release} is no name of a Debian kernel for arm64"))?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let root = place.join("root");
    let debs = Debs::update(place, &["arm64", host.trim()])?;
    debs.unpack(&names, &root)?;
    let sources = root.join("usr/src");
    let found = fs::read_dir(&sources)
        .with_context(|| format!("cannot read {}", sources.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.to_string_lossy().contains("/v4l2loopback-"));
    let Some(found) = found else {
        bail!("v4l2loopback-dkms brought no source");
    };
    let module = place.join("v4l2loopback");
    fs::rename(&found, &module).with_context(|| format!("cannot move {}", found.display()))?;
    let headers = sources.join(format!("linux-headers-{release}"));
    // The headers name each other by where they would be installed.
    let makefile = headers.join("Makefile");
    let text = fs::read_to_string(&makefile)
        .with_context(|| format!("cannot read {}", makefile.display()))?;
    let text = text.replace("/usr/src/", &format!("{}/", sources.display()));
    fs::write(&makefile, text).with_context(|| format!("cannot write {}", makefile.display()))?;
    let prefix = cross::tools(Target::Aarch64);
    let kbuild = module.join("Kbuild");
    fs::write(&kbuild, "obj-m := v4l2loopback.o\n")
        .with_context(|| format!("cannot write {}", kbuild.display()))?;
    Tool::new("make")
        .arg("-s")
        .arg("-C")
        .arg(&headers)
        .arg(format!("M={}", module.display()))
        .args(["ARCH=arm64", "modules"])
        .arg(format!("CROSS_COMPILE={prefix}"))
        .arg(format!("CC={prefix}gcc"))
        .run_quietly()?;
    Tool::new(format!("{prefix}strip"))
        .arg("--strip-debug")
        .arg(module.join("v4l2loopback.ko"))
        .run_quietly()
}

/// The packages that a module for the kernel `6.1.0-56-arm64` is built with on this machine.
fn headers(release: &str, host: &str) -> Option<Vec<String>> {
    let abi = release.strip_suffix("-arm64")?;
    let mut parts = abi.split(['.', '-', '+']);
    let series = format!("{}.{}", parts.next()?, parts.next()?);
    // Newer kernels have one set of build programs each, older ones one a series.
    let kbuild = match abi.contains("+deb") {
        true => format!("linux-kbuild-{abi}:{host}"),
        false => format!("linux-kbuild-{series}:{host}"),
    };
    Some(vec![
        format!("linux-headers-{release}:arm64"),
        format!("linux-headers-{abi}-common"),
        kbuild,
        "v4l2loopback-dkms".into(),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernels_headers_are_named_by_its_release() {
        let found = headers("6.1.0-56-arm64", "amd64").unwrap().join(" ");
        assert_eq!(
            found,
            "linux-headers-6.1.0-56-arm64:arm64 linux-headers-6.1.0-56-common \
             linux-kbuild-6.1:amd64 v4l2loopback-dkms"
        );
        let found = headers("6.12.57+deb13-arm64", "arm64").unwrap().join(" ");
        assert!(
            found.contains("linux-kbuild-6.12.57+deb13:arm64"),
            "{found}"
        );
        assert_eq!(headers("6.1.0-56-amd64", "amd64"), None);
    }
}
