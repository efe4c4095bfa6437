//! The kinds of device that the agent is built for, under their various names.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::setup::Part;
use crate::workspace;

/// A kind of device.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Target {
    /// 64-bit ARM boards, such as a Raspberry Pi 3 and later
    #[value(name = "aarch64-unknown-linux-gnu")]
    Aarch64,
    /// 32-bit ARM boards, such as a Raspberry Pi 2 and later under 32-bit Raspberry Pi OS
    #[value(name = "armv7-unknown-linux-gnueabihf")]
    Armv7,
    /// PCs
    #[value(name = "x86_64-unknown-linux-gnu")]
    X86,
}

impl Target {
    /// Its name in Rust.
    pub fn triple(self) -> &'static str {
        match self {
            Self::Aarch64 => "aarch64-unknown-linux-gnu",
            Self::Armv7 => "armv7-unknown-linux-gnueabihf",
            Self::X86 => "x86_64-unknown-linux-gnu",
        }
    }

    /// Its name in Debian.
    pub fn debian(self) -> &'static str {
        match self {
            Self::Aarch64 => "arm64",
            Self::Armv7 => "armhf",
            Self::X86 => "amd64",
        }
    }

    /// What the names of GNU's tools for it begin with, and of Debian's folder of its libraries.
    pub fn gnu(self) -> &'static str {
        match self {
            Self::Aarch64 => "aarch64-linux-gnu",
            Self::Armv7 => "arm-linux-gnueabihf",
            Self::X86 => "x86_64-linux-gnu",
        }
    }

    /// The processor's name in Rust and in QEMU.
    pub fn processor(self) -> &'static str {
        match self {
            Self::Aarch64 => "aarch64",
            Self::Armv7 => "arm",
            Self::X86 => "x86_64",
        }
    }

    /// Whether this machine is one.
    pub fn is_here(self) -> bool {
        self.processor() == env::consts::ARCH
    }

    /// This target's folder of what cargo builds.
    pub fn built(self) -> PathBuf {
        let target = workspace::target();
        match self.is_here() {
            true => target,
            false => beside(&target).join(self.triple()),
        }
    }

    /// The part of the set-up that builds for it, unless this machine is one.
    pub fn part(self) -> Part {
        match self {
            Self::Aarch64 | Self::X86 => Part::Cross,
            Self::Armv7 => Part::Cross32,
        }
    }
}

/// The folder of all targets: with a target in cargo's settings this program lies in that one's.
fn beside(target: &Path) -> &Path {
    let mut targets = Target::value_variants().iter();
    match targets.any(|other| target.ends_with(other.triple())) {
        true => target.parent().unwrap_or(target),
        false => target,
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.triple())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_given_by_its_rust_name() {
        for target in Target::value_variants() {
            let value = target.to_possible_value().unwrap();
            assert_eq!(value.get_name(), target.triple());
        }
    }

    #[test]
    fn a_target_in_cargos_settings_is_no_folder_of_the_others() {
        let x86 = Path::new("/t/x86_64-unknown-linux-gnu");
        assert_eq!(beside(x86), Path::new("/t"));
        assert_eq!(beside(Path::new("/t")), Path::new("/t"));
    }

    #[test]
    fn what_is_built_lies_where_this_test_was_built() {
        let here = env::current_exe().unwrap();
        for target in Target::value_variants() {
            let built = target.built();
            match target.is_here() {
                true => assert!(here.starts_with(&built), "{}", built.display()),
                false => {
                    assert!(built.ends_with(target.triple()), "{}", built.display());
                    let beside = built.parent().unwrap();
                    assert!(here.starts_with(beside), "{}", built.display());
                }
            }
        }
    }
}
