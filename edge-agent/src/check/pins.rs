//! Whether the pins that the config names can be had: there, and free. Requests no line, so that
//! nothing moves.

use super::row::Row;
use crate::pin::PinConfig;
use crate::sink::gpio::chips::{Chip, Place, places};
use crate::sink::gpio::{Driver, GpioConfig, list};

/// A row for each pin.
pub fn rows(pins: &[PinConfig], gpio: &GpioConfig) -> Vec<Row> {
    match (pins.is_empty(), gpio.driver) {
        (true, _) => Vec::new(),
        (false, Driver::None) => {
            let told = "gpio.driver is \"none\": what would be switched is told";
            vec![Row::ok("pins", told)]
        }
        (false, _) => rows_of(pins, &list()),
    }
}

fn rows_of(pins: &[PinConfig], chips: &[Chip]) -> Vec<Row> {
    match places(pins, chips) {
        Ok(places) => {
            let each = pins.iter().zip(&places);
            each.map(|(pin, place)| row(&pin.name, place, chips))
                .collect()
        }
        Err(told) => vec![Row::fail(
            "pins",
            told,
            "correct [[pin]], or give the agent's user the chip",
        )],
    }
}

fn row(name: &str, place: &Place, chips: &[Chip]) -> Row {
    let chip = chips.iter().find(|chip| chip.path == place.path);
    let lines = chip.into_iter().flat_map(|chip| &chip.lines);
    let mut held = lines.filter(|line| line.number == place.number && line.used);
    match held.next() {
        None => Row::ok("pins", format!("{name} is {place}, which is free")),
        Some(line) => {
            let by = match line.consumer.as_str() {
                "" => "the kernel",
                consumer => consumer,
            };
            let told = format!("{name} is {place}, which {by} has");
            let advice = "right if that is the running agent; a run waits for it";
            Row::warn("pins", told, advice)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::gpio::chips::LineInfo;

    #[test]
    fn each_pin_is_free_held_or_nowhere() {
        let line = |number, consumer: &str, used| LineInfo {
            number,
            consumer: consumer.into(),
            used,
            ..LineInfo::default()
        };
        let chips = [Chip {
            path: "/dev/gpiochip0".into(),
            name: "gpiochip0".into(),
            label: "test".into(),
            lines: vec![line(0, "", false), line(1, "lamp", true), line(2, "", true)],
            problem: None,
        }];
        let told = |numbers: &[u32], chips: &[Chip]| {
            let pin = |number: &u32| {
                let text = format!("name = \"p{number}\"\nline = {number}");
                toml::from_str(&text).unwrap()
            };
            let pins: Vec<PinConfig> = numbers.iter().map(pin).collect();
            let rows = rows_of(&pins, chips);
            rows.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            told(&[0, 1, 2], &chips),
            [
                "ok   pins: p0 is line 0 of test, which is free",
                "warn pins: p1 is line 1 of test, which lamp has; right if that is the running agent; a run waits for it",
                "warn pins: p2 is line 2 of test, which the kernel has; right if that is the running agent; a run waits for it",
            ]
        );
        let nowhere = told(&[7], &chips);
        assert!(
            nowhere[0].starts_with("FAIL pins: pin \"p7\": line = 7 is not there; lines here: "),
            "{nowhere:?}"
        );
        let none = told(&[0], &[]);
        assert!(
            none[0].starts_with("FAIL pins: pin \"p0\": no GPIO chip here: "),
            "{none:?}"
        );
    }
}
