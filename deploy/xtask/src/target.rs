//! The kinds of device that the agent is built for, under their various names.

use std::env;
use std::fmt;

/// A kind of device.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Target {
    /// 64-bit ARM boards, such as a Raspberry Pi 3 and later
    #[value(name = "aarch64-unknown-linux-gnu")]
    Aarch64,
    /// PCs
    #[value(name = "x86_64-unknown-linux-gnu")]
    X86,
}

impl Target {
    /// Its name in Rust.
    pub fn triple(self) -> &'static str {
        match self {
            Self::Aarch64 => "aarch64-unknown-linux-gnu",
            Self::X86 => "x86_64-unknown-linux-gnu",
        }
    }

    /// Its name in Debian.
    pub fn debian(self) -> &'static str {
        match self {
            Self::Aarch64 => "arm64",
            Self::X86 => "amd64",
        }
    }

    /// Whether this machine is one.
    pub fn is_here(self) -> bool {
        self.triple().split('-').next() == Some(env::consts::ARCH)
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
    use clap::ValueEnum;

    #[test]
    fn a_target_is_given_by_its_rust_name() {
        for target in Target::value_variants() {
            let value = target.to_possible_value().unwrap();
            assert_eq!(value.get_name(), target.triple());
        }
    }
}
