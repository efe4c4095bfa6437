//! What must be there, what for, how it is recognised, and the packages that bring it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::Release;
use crate::setup::cross;
use crate::shell::Tool;
use crate::target::Target;
use crate::workspace;

/// What packages are wanted for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Compiling the workspace.
    Build,
    /// Fetching libtorch.
    Fetch,
    /// Building and running aarch64 tests.
    Cross,
    /// Building and running the agent for 32-bit ARM.
    Cross32,
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
    /// Asking which files are the project's, and of what day they are.
    Git,
}

/// One thing that must be there.
pub struct Need {
    /// What it is wanted for.
    pub purpose: Purpose,
    /// What it is and why.
    pub why: &'static str,
    /// Whether it is there.
    pub there: fn() -> bool,
    /// Packages that bring it.
    pub packages: fn(release: &Release) -> Vec<String>,
}

/// All of them.
pub const NEEDS: &[Need] = &[
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
        there: || cross::has_tool(Target::Aarch64, "gcc"),
        packages: |_| words("gcc-aarch64-linux-gnu"),
    },
    Need {
        purpose: Purpose::Cross,
        why: "aarch64 C library",
        there: || cross::has_library(Target::Aarch64),
        packages: |_| words("libc6-dev-arm64-cross"),
    },
    Need {
        purpose: Purpose::Cross,
        why: "aarch64 emulator: runs the tests",
        there: || Target::Aarch64.is_here() || cross::emulator(Target::Aarch64).is_some(),
        packages: |_| words("qemu-user-static"),
    },
    Need {
        purpose: Purpose::Cross32,
        why: "32-bit ARM linker",
        there: || cross::has_tool(Target::Armv7, "gcc"),
        packages: |_| words("gcc-arm-linux-gnueabihf"),
    },
    Need {
        purpose: Purpose::Cross32,
        why: "32-bit ARM C library",
        there: || cross::has_library(Target::Armv7),
        packages: |_| words("libc6-dev-armhf-cross"),
    },
    Need {
        purpose: Purpose::Cross32,
        why: "32-bit ARM emulator: starts what was built",
        there: || Target::Armv7.is_here() || cross::emulator(Target::Armv7).is_some(),
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
        there: || cross::has_tool(Target::Aarch64, "gcc"),
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
        purpose: Purpose::Git,
        why: "git: says which files the rules are about, and of what day the package is",
        there: || workspace::on_path(&["git"]).is_some(),
        packages: |_| words("git"),
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

/// The words of a text.
pub fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(String::from).collect()
}

#[cfg(test)]
mod tests {
    use super::super::release;
    use super::*;

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
}
