//! The C library that a program needs, as the versions of its symbols tell. Runs nothing of the
//! program, so that it may be for another processor.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};

use crate::shell::Tool;

/// A version of glibc, such as 2.36.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Version(pub u32, pub u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// The oldest glibc that has every symbol this program names.
pub fn needed(program: &Path) -> Result<Version> {
    let told = Tool::new("readelf")
        .args(["--version-info", "--wide"])
        .arg(program)
        .read()?;
    newest(&told).with_context(|| format!("{} names no version of glibc", program.display()))
}

fn newest(told: &str) -> Option<Version> {
    told.split("GLIBC_").skip(1).filter_map(version).max()
}

fn version(text: &str) -> Option<Version> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.'));
    let (major, rest) = text[..end.unwrap_or(text.len())].split_once('.')?;
    // A third number, as in 2.2.5, is of libraries older than any in use.
    let minor = rest.split('.').next()?;
    Some(Version(major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_symbol_counts() {
        let told = "\
Version needs section '.gnu.version_r' contains 3 entries:
  000000: Version: 1  File: libm.so.6  Cnt: 2
  0x0010:   Name: GLIBC_2.29  Flags: none  Version: 12
  0x0020:   Name: GLIBC_2.9  Flags: none  Version: 8
  0x0030:   Name: GLIBC_2.2.5  Flags: none  Version: 7
  0x0040:   Name: GCC_4.2.0  Flags: none  Version: 4
";
        assert_eq!(newest(told), Some(Version(2, 29)));
        assert_eq!(newest("GCC_4.2.0 GLIBC_PRIVATE"), None);
        assert_eq!(Version(2, 36).to_string(), "2.36");
    }

    #[test]
    fn a_program_of_this_machine_can_be_asked() {
        let here = needed(&std::env::current_exe().unwrap()).unwrap();
        assert!(here >= Version(2, 17), "{here}");
    }
}
