//! The chips and lines of this machine as plain data, and which of them a `[[pin]]` means.
//! Opens nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::pin::{Line, PinConfig};

/// Chips that are a board's 40-pin header, whose line numbers are the BCM numbers. Found by
/// label: the kernel numbers chips as they come. A Pi 5 also has a `pinctrl-bcm2712`, which is
/// not its header.
const HEADERS: &[&str] = &["pinctrl-rp1", "pinctrl-bcm2711", "pinctrl-bcm2835"];

/// What is said where there is nothing to switch.
pub const NONE: &str = "no GPIO chip here: there is no /dev/gpiochip*; this is no board with pins, or the \
     container was not given --device /dev/gpiochip0";

/// A GPIO chip.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Chip {
    /// Its device.
    pub path: PathBuf,
    /// The kernel's name, which another boot may give to another chip.
    pub name: String,
    /// What it is.
    pub label: String,
    /// Its lines.
    pub lines: Vec<LineInfo>,
    /// Why it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A line of a chip.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LineInfo {
    /// Its number on the chip.
    pub number: u32,
    /// Its name on the board, may be empty.
    pub name: String,
    /// Who has it, may be empty.
    pub consumer: String,
    /// Whether somebody has it.
    pub used: bool,
    /// "input" or "output".
    pub direction: &'static str,
    /// The pin of the config that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin: Option<String>,
}

/// Where a pin is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The chip's device.
    pub path: PathBuf,
    /// The line's number.
    pub number: u32,
    /// The chip's label.
    pub label: String,
    /// The line's name on the board, may be empty.
    pub name: String,
}

impl Place {
    /// Whether it is on a Raspberry Pi's header.
    pub fn is_header(&self) -> bool {
        HEADERS.contains(&self.label.as_str())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.number)?;
        if !self.name.is_empty() {
            write!(f, " ({})", self.name)?;
        }
        write!(f, " of {}", self.label)
    }
}

/// Where the pins are, in their order; or the sentence that refuses the first that is nowhere.
pub fn places(pins: &[PinConfig], chips: &[Chip]) -> Result<Vec<Place>, String> {
    let mut taken: BTreeMap<Place, &str> = BTreeMap::new();
    let mut places = Vec::new();
    for pin in pins {
        let place = place(pin, chips).map_err(|why| format!("pin {:?}: {why}", pin.name))?;
        if let Some(other) = taken.insert(place.clone(), &pin.name) {
            return Err(format!(
                "pin {:?}: line = {} is pin {other:?} already: {place}",
                pin.name, pin.line
            ));
        }
        places.push(place);
    }
    Ok(places)
}

/// Where a pin is now that was at `before`. A chip that was plugged in again has another number,
/// and another chip may have its old one: only its label is its own.
pub fn again(pin: &PinConfig, before: &Place, chips: &[Chip]) -> Result<Place, String> {
    let same = |chip: &&Chip| chip.label == before.label;
    let same: Vec<Chip> = chips.iter().filter(same).cloned().collect();
    if !same.is_empty() {
        return place(pin, &same);
    }
    let there = chips.iter().find(|chip| chip.path == before.path);
    if let Some(problem) = there.and_then(|chip| chip.problem.clone()) {
        return Err(problem);
    }
    let here = match chips {
        [] => String::from("none"),
        _ => labels(chips),
    };
    Err(format!(
        "chip {:?} is not there; chips here: {here}",
        before.label
    ))
}

fn place(pin: &PinConfig, chips: &[Chip]) -> Result<Place, String> {
    if chips.is_empty() {
        return Err(format!(
            "{NONE}; gpio.driver = \"none\" tells what would be switched"
        ));
    }
    let here = match (&pin.chip, &pin.line) {
        (Some(wanted), _) => {
            let fits = |chip: &&Chip| chip.label == *wanted || chip.name == *wanted;
            let found: Vec<&Chip> = chips.iter().filter(fits).collect();
            match found[..] {
                [] => {
                    return Err(format!(
                        "chip = {wanted:?} is not there; chips here: {}",
                        labels(chips)
                    ));
                }
                [_] => found,
                _ => {
                    let names: Vec<&str> = found.iter().map(|chip| &*chip.name).collect();
                    return Err(format!(
                        "chip = {wanted:?} is the label of {}; give one of these names",
                        names.join(" and ")
                    ));
                }
            }
        }
        (None, line) => {
            let header = HEADERS
                .iter()
                .find_map(|label| chips.iter().find(|chip| chip.label == *label));
            match (header, line) {
                (Some(chip), _) => vec![chip],
                (None, Line::Name(_)) => chips.iter().collect(),
                (None, Line::Number(_)) => match chips {
                    [chip] => vec![chip],
                    _ => {
                        return Err(format!(
                            "chip is missing; this board has no header that is known, chips here: {}",
                            labels(chips)
                        ));
                    }
                },
            }
        }
    };
    let fits = |info: &LineInfo| match &pin.line {
        Line::Number(number) => info.number == *number,
        Line::Name(name) => info.name == *name,
    };
    let found: Vec<Place> = here
        .iter()
        .flat_map(|chip| chip.lines.iter().map(move |info| (*chip, info)))
        .filter(|(_, info)| fits(info))
        .map(|(chip, info)| Place {
            path: chip.path.clone(),
            number: info.number,
            label: chip.label.clone(),
            name: info.name.clone(),
        })
        .collect();
    match &found[..] {
        [place] => Ok(place.clone()),
        [] => Err(missing(pin, &here)),
        [first, second, ..] => Err(format!(
            "line = {} is both {first} and {second}; give the line's number and the chip",
            pin.line
        )),
    }
}

fn missing(pin: &PinConfig, chips: &[&Chip]) -> String {
    if let Some(problem) = chips.iter().find_map(|chip| chip.problem.as_ref()) {
        return problem.clone();
    }
    let lines: Vec<String> = chips.iter().map(|chip| summary(chip)).collect();
    format!(
        "line = {} is not there; lines here: {} (`edge-agent pins` lists them)",
        pin.line,
        lines.join("; ")
    )
}

/// A chip's lines in few words: the numbers, and the names as far as there are any.
fn summary(chip: &Chip) -> String {
    let numbers = match chip.lines.len() {
        0 => "none".into(),
        1 => "0".into(),
        count => format!("0 to {}", count - 1),
    };
    let names: Vec<&str> = chip
        .lines
        .iter()
        .map(|line| &*line.name)
        .filter(|name| !name.is_empty())
        .collect();
    let names = if names.is_empty() {
        String::new()
    } else {
        format!(" ({})", names.join(", "))
    };
    format!("{numbers}{names} of {}", chip.label)
}

fn labels(chips: &[Chip]) -> String {
    let labels: Vec<&str> = chips
        .iter()
        .map(|chip| match chip.label.as_str() {
            // A chip that cannot be read has a name only.
            "" => chip.name.as_str(),
            label => label,
        })
        .collect();
    labels.join(", ")
}

#[cfg(test)]
mod tests;
