//! `edge-agent pins`: the chips and lines of this machine, and which of them the config names;
//! `edge-agent pins test` switches one pin for somebody who watches it. How lines are found and
//! driven is elsewhere.

mod trial;

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use crate::log;
use crate::pin::PinConfig;
use crate::plan::configured;
use crate::sink::gpio::chips::{Chip, LineInfo, NONE, places};
use crate::sink::gpio::list;

/// Arguments of `pins`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Config file (TOML) whose pins are marked in the list.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One JSON array.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Switch a pin a few times and say what is to be seen.
    Test(trial::Args),
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if let Some(Command::Test(args)) = &args.command {
        return trial::run(args);
    }
    let pins = configured(args.config.as_deref())?.0.pins;
    let mut chips = list();
    let unfound = mark(&mut chips, &pins);
    let text = if args.json {
        serde_json::to_string_pretty(&chips)? + "\n"
    } else {
        chips.iter().map(readable).collect::<Vec<_>>().join("\n")
    };
    // Whoever reads may have seen enough.
    if let Err(error) = io::stdout().lock().write_all(text.as_bytes())
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        return Err(error.into());
    }
    if chips.is_empty() {
        log::error(format_args!("{NONE}"));
    } else {
        let tell = |problem: &String| log::error(format_args!("{problem}"));
        unfound.iter().for_each(tell);
    }
    let usable = chips.iter().any(|chip| chip.problem.is_none());
    Ok(if usable && unfound.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Marks the lines that the pins are; why the others are nowhere comes back.
fn mark(chips: &mut [Chip], pins: &[PinConfig]) -> Vec<String> {
    let mut unfound = Vec::new();
    for pin in pins {
        let place = match places(std::slice::from_ref(pin), chips) {
            Ok(places) => places.into_iter().next(),
            Err(problem) => {
                unfound.push(problem);
                None
            }
        };
        let Some(place) = place else { continue };
        let chip = chips.iter_mut().find(|chip| chip.path == place.path);
        let lines = chip.into_iter().flat_map(|chip| &mut chip.lines);
        for line in lines.filter(|line| line.number == place.number) {
            line.pin = Some(pin.name.clone());
        }
    }
    unfound
}

fn readable(chip: &Chip) -> String {
    let mut text = match &chip.problem {
        Some(problem) => return format!("{}\n  not usable: {problem}\n", chip.path.display()),
        None => format!("{}  {}\n", chip.path.display(), chip.label),
    };
    let width = |of: fn(&LineInfo) -> &str| {
        let lengths = chip.lines.iter().map(|line| of(line).chars().count());
        lengths.max().unwrap_or(0)
    };
    let name = width(|line| &line.name);
    for line in &chip.lines {
        let holder = match (line.used, line.consumer.as_str()) {
            (false, _) => "",
            (true, "") => "held",
            (true, consumer) => consumer,
        };
        let pin = match &line.pin {
            Some(pin) => format!("  <- pin {pin}"),
            None => String::new(),
        };
        let row = format!(
            "  {:>4}  {:name$}  {:6}  {holder}{pin}",
            line.number, line.name, line.direction
        );
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", row.trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chips() -> Vec<Chip> {
        let line = |number: u32, name: &str, consumer: &str, used| LineInfo {
            number,
            name: name.into(),
            consumer: consumer.into(),
            used,
            direction: "input",
            pin: None,
        };
        vec![
            Chip {
                path: "/dev/gpiochip4".into(),
                name: "gpiochip4".into(),
                label: "pinctrl-rp1".into(),
                lines: vec![
                    line(0, "ID_SDA", "", false),
                    line(1, "GPIO17", "edge-agent", true),
                    line(2, "", "", true),
                ],
                problem: None,
            },
            Chip {
                path: "/dev/gpiochip5".into(),
                name: "gpiochip5".into(),
                problem: Some("Input/output error".into()),
                ..Chip::default()
            },
        ]
    }

    fn pin(text: &str) -> PinConfig {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn lines_are_listed_with_their_holder_and_pin() {
        let mut chips = chips();
        let pins = [
            pin("name = \"barrier\"\nline = \"GPIO17\""),
            pin("name = \"lamp\"\nline = 9"),
        ];
        let unfound = mark(&mut chips, &pins);
        assert_eq!(unfound.len(), 1);
        assert!(unfound[0].starts_with("pin \"lamp\": line = 9 is not there"));
        let text: String = chips.iter().map(readable).collect();
        assert_eq!(
            text,
            "/dev/gpiochip4  pinctrl-rp1\n     \
             0  ID_SDA  input\n     \
             1  GPIO17  input   edge-agent  <- pin barrier\n     \
             2          input   held\n\
             /dev/gpiochip5\n  not usable: Input/output error\n"
        );
    }
}
