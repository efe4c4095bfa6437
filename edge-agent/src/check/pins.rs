//! Whether the pins that the config names can be there: the chips of this machine, and whether
//! the agent may use them. Requests no line, so that nothing moves.

use std::fs;
use std::path::Path;

use rustix::fs::{Access, access};

use super::row::Row;
use crate::config::Config;

/// A row if there are pins.
pub fn rows(config: &Config) -> Option<Row> {
    let names: Vec<&str> = config.pins.iter().map(|pin| pin.name.as_str()).collect();
    match names.is_empty() {
        true => None,
        false => Some(row(&names.join(", "), Path::new("/dev"))),
    }
}

fn row(names: &str, devices: &Path) -> Row {
    let entries = fs::read_dir(devices).into_iter().flatten().flatten();
    let mut chips: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.display().to_string().contains("/gpiochip"))
        .collect();
    chips.sort();
    if chips.is_empty() {
        let told = format!("no GPIO chip for {names}");
        return Row::fail("pins", told, "take [[pin]] away, or load the chip's driver");
    }
    let refused = |path: &&std::path::PathBuf| {
        access(path.as_path(), Access::READ_OK | Access::WRITE_OK).is_err()
    };
    match chips.iter().find(refused) {
        Some(chip) => Row::fail(
            "pins",
            format!("no permission for {}, wanted for {names}", chip.display()),
            "give it to the agent's group with a udev rule",
        ),
        None => Row::ok("pins", format!("{names}; {} GPIO chips", chips.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chips() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(
            row("barrier", folder.path()).to_string(),
            "FAIL pins: no GPIO chip for barrier; take [[pin]] away, or load the chip's driver"
        );
        fs::write(folder.path().join("gpiochip0"), "").unwrap();
        fs::write(folder.path().join("gpiochip1"), "").unwrap();
        fs::write(folder.path().join("tty0"), "").unwrap();
        assert_eq!(
            row("barrier, lamp", folder.path()).to_string(),
            "ok   pins: barrier, lamp; 2 GPIO chips"
        );
    }
}
