//! Packages of the Debian family: found by what they provide, installed only when missing.
//! A machine of another family works too when it provides the same things.

use crate::say;
use crate::shell::Tool;
use crate::workspace;
use anyhow::{Result, bail};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// What packages are wanted for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Compiling the workspace.
    Build,
    /// Fetching libtorch.
    Fetch,
    /// Building and running aarch64 tests.
    Cross,
    /// Testing the trainer's web page in a real browser.
    Browser,
    /// Emulating a whole arm64 board.
    Board,
    /// The emulated board's camera and card.
    Module,
    /// Testing the agent's MQTT sink with a real broker.
    Broker,
    /// Testing the fleet's tables in a real PostgreSQL.
    Database,
    /// Testing the agent as a service, with signed bundles.
    Service,
    /// Checking the agent's package.
    Package,
}

/// One thing that must be there.
struct Need {
    purpose: Purpose,
    why: &'static str,
    there: fn() -> bool,
    packages: fn(release: &Release) -> Vec<String>,
}

const NEEDS: &[Need] = &[
    Need {
        purpose: Purpose::Build,
        why: "C++ compiler: the bindings of libtorch are C++",
        there: || workspace::on_path(&["c++", "g++"]).is_some(),
        packages: |_| words("g++"),
    },
    Need {
        purpose: Purpose::Build,
        why: "libclang: the camera bindings read the kernel's C headers with it",
        there: libclang,
        packages: libclang_packages,
    },
    Need {
        purpose: Purpose::Fetch,
        why: "python3 with pip: downloads libtorch and checks its hashes; not used afterwards",
        there: || Tool::new("python3").args(["-c", "import pip"]).works(),
        packages: |_| words("python3 python3-pip"),
    },
    Need {
        purpose: Purpose::Fetch,
        why: "unzip: unpacks libtorch",
        there: || workspace::on_path(&["unzip"]).is_some(),
        packages: |_| words("unzip"),
    },
    Need {
        purpose: Purpose::Cross,
        why: "aarch64 linker",
        there: || workspace::on_path(&["aarch64-linux-gnu-gcc"]).is_some(),
        packages: |_| words("gcc-aarch64-linux-gnu"),
    },
    Need {
        purpose: Purpose::Cross,
        why: "aarch64 C library",
        there: || Path::new("/usr/aarch64-linux-gnu/lib/crt1.o").is_file(),
        packages: |_| words("libc6-dev-arm64-cross"),
    },
    Need {
        purpose: Purpose::Cross,
        why: "aarch64 emulator: runs the tests",
        there: || workspace::on_path(super::cross::EMULATORS).is_some(),
        packages: |_| words("qemu-user-static"),
    },
    Need {
        purpose: Purpose::Board,
        why: "QEMU: emulates an arm64 board and counts its instructions",
        there: || workspace::on_path(&["qemu-system-aarch64"]).is_some(),
        packages: |_| words("qemu-system-arm"),
    },
    Need {
        purpose: Purpose::Board,
        why: "cpio: packs what the emulated board boots",
        there: || workspace::on_path(&["cpio"]).is_some(),
        packages: |_| words("cpio"),
    },
    Need {
        purpose: Purpose::Board,
        why: "xz: unpacks the board's kernel modules, which newer kernels have compressed",
        there: || workspace::on_path(&["xz"]).is_some(),
        packages: |_| words("xz-utils"),
    },
    Need {
        purpose: Purpose::Module,
        why: "mkfs.ext4: makes the board's card",
        there: || {
            workspace::on_path(&["mkfs.ext4"]).is_some()
                || Path::new("/usr/sbin/mkfs.ext4").is_file()
        },
        packages: |_| words("e2fsprogs"),
    },
    Need {
        purpose: Purpose::Module,
        why: "make: builds the kernel module that plays the board's camera",
        there: || workspace::on_path(&["make"]).is_some(),
        packages: |_| words("make"),
    },
    Need {
        purpose: Purpose::Module,
        why: "aarch64 compiler: that module is for the board's kernel",
        there: || {
            super::cross::native() || workspace::on_path(&["aarch64-linux-gnu-gcc"]).is_some()
        },
        packages: |_| words("gcc-aarch64-linux-gnu"),
    },
    Need {
        purpose: Purpose::Service,
        why: "systemd's tools: they read the agent's unit, user and folders",
        there: || workspace::on_path(&["systemd-analyze"]).is_some(),
        packages: |_| words("systemd"),
    },
    Need {
        purpose: Purpose::Service,
        why: "minisign: a test signs a bundle as its user would",
        there: || workspace::on_path(&["minisign"]).is_some(),
        packages: |_| words("minisign"),
    },
    Need {
        purpose: Purpose::Package,
        why: "lintian: checks the agent's package",
        there: || workspace::on_path(&["lintian"]).is_some(),
        packages: |_| words("lintian"),
    },
    Need {
        purpose: Purpose::Browser,
        why: "Chromium with its driver: the test of the trainer's web page uses the page in it",
        there: || {
            workspace::on_path(&["chromium", "chromium-browser", "google-chrome"]).is_some()
                && workspace::on_path(&["chromedriver"]).is_some()
        },
        packages: |release| match release.id.as_str() {
            "ubuntu" => words("chromium-browser chromium-chromedriver"),
            _ => words("chromium chromium-driver"),
        },
    },
    Need {
        purpose: Purpose::Broker,
        why: "mosquitto: the tests of the agent's MQTT sink and of the fleet use a real broker",
        there: || {
            // Debian puts it where the path of other users than root does not lead.
            workspace::on_path(&["mosquitto"]).is_some()
                || Path::new("/usr/sbin/mosquitto").is_file()
        },
        packages: |_| words("mosquitto"),
    },
    Need {
        purpose: Purpose::Database,
        why: "PostgreSQL: the tests of the fleet's tables and dashboard use a real server",
        there: || {
            // Debian keeps the server's programs off the path, by version.
            let versions = entries(Path::new("/usr/lib/postgresql"), |_| true);
            let server = |folder: &PathBuf| folder.join("bin/initdb").is_file();
            versions.iter().any(server) || workspace::on_path(&["initdb"]).is_some()
        },
        packages: |_| words("postgresql"),
    },
    Need {
        purpose: Purpose::Broker,
        why: "openssl: makes the certificates of those tests",
        there: || workspace::on_path(&["openssl"]).is_some(),
        packages: |_| words("openssl"),
    },
];

/// Distribution and version, as /etc/os-release names them.
#[derive(Default, PartialEq, Debug)]
struct Release {
    id: String,
    version: String,
}

/// How missing packages come onto this machine.
#[derive(PartialEq, Debug)]
enum Way {
    Install { sudo: bool },
    AskUser(String),
}

/// Installs what is missing for these purposes, or says how and fails.
pub fn ensure(purposes: &[Purpose]) -> Result<()> {
    let wanted: Vec<&Need> = NEEDS
        .iter()
        .filter(|need| purposes.contains(&need.purpose))
        .collect();
    let missing: Vec<&Need> = wanted.iter().copied().filter(|n| !(n.there)()).collect();
    if missing.is_empty() {
        if !wanted.is_empty() {
            say::line("packages", "already there");
        }
        return Ok(());
    }
    let release = release(&fs::read_to_string("/etc/os-release").unwrap_or_default());
    let packages: Vec<String> = missing
        .iter()
        .flat_map(|n| (n.packages)(&release))
        .collect();
    let step = say::begin("packages", &format!("missing: {}", packages.join(" ")));
    for need in &missing {
        println!("           - {}", need.why);
    }
    if workspace::on_path(&["apt-get"]).is_none() {
        bail!(
            "this machine has no apt-get; install what is listed above with its own package \
             manager (Debian calls it {}), then run this again",
            packages.join(" ")
        );
    }
    match way(&packages, workspace::is_root(), env::var_os("CI").is_some()) {
        Way::AskUser(command) => {
            bail!("packages are missing; install them, then run this again:\n\n  {command}\n")
        }
        Way::Install { sudo } => install(&packages, sudo)?,
    }
    if let Some(need) = missing.iter().find(|need| !(need.there)()) {
        bail!(
            "installed {}, but it is still not found ({}); report this with your distribution's \
             name and version",
            packages.join(" "),
            need.why
        );
    }
    step.done();
    Ok(())
}

fn install(packages: &[String], sudo: bool) -> Result<()> {
    apt(sudo, &["update"]).run_quietly()?;
    apt(sudo, &["install", "-y", "--no-install-recommends"])
        .args(packages)
        .run_quietly()
}

fn apt(sudo: bool, arguments: &[&str]) -> Tool {
    let tool = if sudo {
        Tool::new("sudo").args(["-n", "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"])
    } else {
        Tool::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive")
    };
    // Another apt may be at work on a machine that has just started.
    tool.args([
        "-qq",
        "-o",
        "DPkg::Lock::Timeout=300",
        "-o",
        "Dpkg::Use-Pty=0",
    ])
    .args(arguments)
}

fn way(packages: &[String], root: bool, ci: bool) -> Way {
    match (root, ci) {
        (true, _) => Way::Install { sudo: false },
        (false, true) => Way::Install { sudo: true },
        (false, false) => Way::AskUser(format!(
            "sudo apt-get install --no-install-recommends {}",
            packages.join(" ")
        )),
    }
}

fn release(text: &str) -> Release {
    let value = |key: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
            .map(|value| value.trim_matches('"').to_string())
            .unwrap_or_default()
    };
    Release {
        id: value("ID"),
        version: value("VERSION_ID"),
    }
}

fn libclang_packages(release: &Release) -> Vec<String> {
    let version = match (release.id.as_str(), release.version.as_str()) {
        ("debian", "12") | ("ubuntu", "22.04") => 14,
        ("debian", "13") => 19,
        ("ubuntu", "24.04") => 18,
        // The unversioned package exists everywhere but is several times larger.
        _ => return words("libclang-dev"),
    };
    words(&format!(
        "libclang1-{version} libclang-common-{version}-dev"
    ))
}

fn libclang() -> bool {
    if env::var_os("LIBCLANG_PATH").is_some() {
        return true;
    }
    let llvm = entries(Path::new("/usr/lib"), |name| name.starts_with("llvm"));
    let library = |name: &str| {
        name.starts_with("libclang") && !name.starts_with("libclang-cpp") && name.contains(".so")
    };
    let multiarch = PathBuf::from(format!("/usr/lib/{}-linux-gnu", env::consts::ARCH));
    let found = [multiarch, "/usr/lib".into(), "/usr/lib64".into()]
        .into_iter()
        .chain(llvm.iter().map(|folder| folder.join("lib")))
        .any(|folder| !entries(&folder, library).is_empty());
    // The library alone does not know stddef.h.
    let headers = llvm
        .iter()
        .map(|folder| folder.join("lib/clang"))
        .chain(["/usr/lib/clang".into(), "/usr/lib64/clang".into()])
        .flat_map(|folder| entries(&folder, |_| true))
        .any(|folder| folder.join("include/stddef.h").is_file());
    found && headers
}

fn entries(folder: &Path, wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let Ok(list) = fs::read_dir(folder) else {
        return Vec::new();
    };
    list.flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(&wanted))
        .map(|entry| entry.path())
        .collect()
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(String::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_and_ci_install_others_are_told_how() {
        let packages = words("g++ unzip");
        assert_eq!(way(&packages, true, false), Way::Install { sudo: false });
        assert_eq!(way(&packages, true, true), Way::Install { sudo: false });
        assert_eq!(way(&packages, false, true), Way::Install { sudo: true });
        let told = "sudo apt-get install --no-install-recommends g++ unzip";
        assert_eq!(way(&packages, false, false), Way::AskUser(told.into()));
    }

    #[test]
    fn libclang_is_named_per_release() {
        for (text, packages) in [
            (
                "ID=debian\nVERSION_ID=\"12\"\n",
                "libclang1-14 libclang-common-14-dev",
            ),
            (
                "ID=debian\nVERSION_ID=\"13\"\n",
                "libclang1-19 libclang-common-19-dev",
            ),
            (
                "VERSION_ID=\"24.04\"\nID=ubuntu\n",
                "libclang1-18 libclang-common-18-dev",
            ),
            ("ID=linuxmint\nID_LIKE=ubuntu\n", "libclang-dev"),
            ("", "libclang-dev"),
        ] {
            assert_eq!(
                libclang_packages(&release(text)),
                words(packages),
                "{text:?}"
            );
        }
    }

    #[test]
    fn the_ids_in_os_release_are_not_mistaken() {
        let text = "NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\nBUG_REPORT_URL=x\n";
        let release = release(text);
        assert_eq!((&*release.id, &*release.version), ("debian", "12"));
    }
}
