//! Packages of the Debian family: found by what they provide, installed only when missing.
//! A machine of another family works too when it provides the same things.

mod needs;

use std::env;
use std::fs;

use anyhow::{Result, bail};

use crate::say;
use crate::shell::Tool;
use crate::workspace;
pub use needs::Purpose;
use needs::{NEEDS, Need};

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

#[cfg(test)]
mod tests {
    use super::*;
    use needs::words;

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
    fn the_ids_in_os_release_are_not_mistaken() {
        let text = "NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\nBUG_REPORT_URL=x\n";
        let release = release(text);
        assert_eq!((&*release.id, &*release.version), ("debian", "12"));
    }
}
