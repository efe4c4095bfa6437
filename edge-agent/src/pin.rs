//! Pins as the config names them: the `[[pin]]` tables. Which line of which chip, which level
//! is safe. Names and numbers only; who drives a line is elsewhere.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::config::{BadValue, within};

/// A `[[pin]]` table.
#[derive(schemars::JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinConfig {
    /// Its name in rules.
    pub name: String,
    /// Which line of the chip.
    pub line: Line,
    /// The chip's label, such as `pinctrl-bcm2711`; without it the board's own header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chip: Option<String>,
    /// Whether "on" is the low voltage.
    #[serde(default)]
    pub active_low: bool,
    /// The level at start, at the end, and while the camera is lost.
    #[serde(default)]
    pub safe: Level,
}

/// A line of a chip.
#[derive(
    schemars::JsonSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(
    untagged,
    expecting = "a line is a number such as 17, or a name such as \"GPIO17\""
)]
pub enum Line {
    /// Its offset.
    Number(u32),
    /// Its name on the board.
    Name(String),
}

/// What a pin can be, whatever the voltage.
#[derive(
    schemars::JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Not active.
    #[default]
    Off,
    /// Active.
    On,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::On => "on",
        })
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => write!(f, "{name:?}"),
        }
    }
}

/// Refuses pins without a name or line of their own.
pub fn check(pins: &[PinConfig]) -> Result<(), BadValue> {
    let (mut names, mut lines) = (BTreeSet::new(), BTreeSet::new());
    for pin in pins {
        if pin.name.trim().is_empty() {
            return Err(BadValue::new("pin.name", "is empty; give the pin a name"));
        }
        if !names.insert(&pin.name) {
            let problem = format!("= {:?} stands twice; give each pin its own", pin.name);
            return Err(BadValue::new("pin.name", problem));
        }
        let key = |key: &str| format!("pin {:?}: {key}", pin.name);
        match &pin.line {
            Line::Number(number) => within(key("line"), *number, 0, 1023)?,
            Line::Name(name) if name.trim().is_empty() => {
                let problem = "is empty; give a number such as 17 or a name such as \"GPIO17\"";
                return Err(BadValue::new(key("line"), problem));
            }
            Line::Name(_) => {}
        }
        if pin.chip.as_ref().is_some_and(|chip| chip.trim().is_empty()) {
            let problem = "is empty; leave it out for the board's own header";
            return Err(BadValue::new(key("chip"), problem));
        }
        if !lines.insert((&pin.chip, &pin.line)) {
            let problem = format!("= {} is another pin's already", pin.line);
            return Err(BadValue::new(key("line"), problem));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct File {
        pin: Vec<PinConfig>,
    }

    fn read(text: &str) -> Result<Vec<PinConfig>, String> {
        let file: File = toml::from_str(text).map_err(|error| error.message().to_string())?;
        check(&file.pin).map_err(|bad| bad.to_string())?;
        Ok(file.pin)
    }

    #[test]
    fn a_pin_needs_a_name_and_a_line() {
        let pins = read("[[pin]]\nname = \"barrier\"\nline = 17\n\n[[pin]]\nname = \"lamp\"\nline = \"GPIO27\"\nchip = \"pinctrl-rp1\"\nactive_low = true\nsafe = \"on\"").unwrap();
        assert_eq!(pins[0].line, Line::Number(17));
        assert_eq!((pins[0].active_low, pins[0].safe), (false, Level::Off));
        assert_eq!(pins[1].line, Line::Name("GPIO27".into()));
        assert_eq!((pins[1].active_low, pins[1].safe), (true, Level::On));
    }

    #[test]
    fn refusals_name_the_pin() {
        let pin = |name: &str, rest: &str| format!("[[pin]]\nname = {name:?}\n{rest}\n");
        for (text, expected) in [
            (
                pin("", "line = 1"),
                "pin.name is empty; give the pin a name",
            ),
            (
                pin("a", "line = 1") + &pin("a", "line = 2"),
                "pin.name = \"a\" stands twice; give each pin its own",
            ),
            (
                pin("a", "line = 1") + &pin("b", "line = 1"),
                "pin \"b\": line = 1 is another pin's already",
            ),
            (
                pin("a", "line = 5000"),
                "pin \"a\": line = 5000 is out of range; allowed: 0 to 1023",
            ),
            (
                pin("a", "line = \" \""),
                "pin \"a\": line is empty; give a number such as 17 or a name such as \"GPIO17\"",
            ),
            (
                pin("a", "line = 1\nchip = \"\""),
                "pin \"a\": chip is empty; leave it out for the board's own header",
            ),
            (
                pin("a", "line = true"),
                "a line is a number such as 17, or a name such as \"GPIO17\"",
            ),
            (
                pin("a", "line = 1\nsafe = \"high\""),
                "unknown variant `high`, expected `off` or `on`",
            ),
        ] {
            assert_eq!(read(&text).unwrap_err(), expected, "{text}");
        }
        let apart = pin("a", "line = 1\nchip = \"x\"") + &pin("b", "line = 1\nchip = \"y\"");
        assert_eq!(read(&apart).map(|pins| pins.len()), Ok(2));
    }
}
