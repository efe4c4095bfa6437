//! lintian, Debian's own check of packages: errors fail, warnings are shown.

use std::path::Path;

use anyhow::{Result, bail};

use crate::shell::Tool;

/// What this package does on purpose, and why.
const MEANT: &[&str] = &[
    // The maintainer's address leads nowhere: the package is no part of Debian.
    "bogus-mail-host",
    "bogus-mail-host-in-debian-changelog",
    // Nobody filed an intent to package.
    "initial-upload-closes-no-bugs",
    // The package's own scripts are short and call systemd itself.
    "maintainer-script-calls-systemctl",
];

/// Fails when lintian finds an error.
pub fn check(package: &Path) -> Result<()> {
    let told = Tool::new("lintian")
        .args(["--allow-root", "--tag-display-limit", "0"])
        .arg(format!("--suppress-tags={}", MEANT.join(",")))
        .arg(package)
        .read_all()?;
    for line in told.lines() {
        println!("           {line}");
    }
    match errors(&told) {
        0 => Ok(()),
        count => bail!(
            "lintian finds {count} errors in {}, above",
            package.display()
        ),
    }
}

fn errors(told: &str) -> usize {
    told.lines().filter(|line| line.starts_with("E: ")).count()
}

#[cfg(test)]
mod tests {
    use super::errors;

    #[test]
    fn warnings_are_no_errors() {
        let told = "W: edge-agent: x\nE: edge-agent: y\nN: E: z\nE: edge-agent: w\n";
        assert_eq!(errors(told), 2);
    }
}
