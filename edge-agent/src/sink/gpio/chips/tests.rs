//! Which line a pin means on boards as they are, and what is said when it means none.

use super::*;

fn chip(name: &str, label: &str, lines: &[&str]) -> Chip {
    let line = |(number, name): (usize, &&str)| LineInfo {
        number: number as u32,
        name: name.to_string(),
        ..LineInfo::default()
    };
    Chip {
        path: format!("/dev/{name}").into(),
        name: name.into(),
        label: label.into(),
        lines: lines.iter().enumerate().map(line).collect(),
        problem: None,
    }
}

/// A Pi 5 whose header is not the first chip.
fn pi() -> Vec<Chip> {
    vec![
        chip("gpiochip0", "gpio-brcmstb@107d508500", &["-", "2712_BOOT"]),
        chip("gpiochip4", "pinctrl-rp1", &["ID_SDA", "ID_SCL", "GPIO2"]),
        chip("gpiochip11", "mcp23017", &["", "GPIO2"]),
        chip("gpiochip12", "pcf8574", &["LED", "LED"]),
    ]
}

fn place_of(chips: &[Chip], pin: &str) -> Result<String, String> {
    let pin: PinConfig = toml::from_str(&format!("name = \"a\"\n{pin}")).unwrap();
    let place = places(&[pin], chips)?.remove(0);
    Ok(format!("{} {place}", place.path.display()))
}

#[test]
fn the_header_is_found_by_its_label() {
    for (pin, expected) in [
        ("line = 2", "/dev/gpiochip4 line 2 (GPIO2) of pinctrl-rp1"),
        (
            "line = \"GPIO2\"",
            "/dev/gpiochip4 line 2 (GPIO2) of pinctrl-rp1",
        ),
        (
            "line = 0\nchip = \"mcp23017\"",
            "/dev/gpiochip11 line 0 of mcp23017",
        ),
        (
            "line = \"GPIO2\"\nchip = \"gpiochip11\"",
            "/dev/gpiochip11 line 1 (GPIO2) of mcp23017",
        ),
    ] {
        assert_eq!(place_of(&pi(), pin), Ok(expected.into()), "{pin}");
    }
    let old = [
        chip("gpiochip0", "pinctrl-bcm2835", &["", ""]),
        chip("gpiochip1", "raspberrypi-exp-gpio", &["BT_ON"]),
    ];
    assert_eq!(
        place_of(&old, "line = 1"),
        Ok("/dev/gpiochip0 line 1 of pinctrl-bcm2835".into())
    );
}

#[test]
fn other_boards_have_a_chip_or_names() {
    let single = [chip("gpiochip0", "gpio-sunxi", &["", "RELAY"])];
    let found = "/dev/gpiochip0 line 1 (RELAY) of gpio-sunxi";
    assert_eq!(place_of(&single, "line = 1"), Ok(found.into()));
    let several = [
        chip("gpiochip0", "gpio-a", &["LED"]),
        chip("gpiochip1", "gpio-b", &["RELAY"]),
    ];
    let found = "/dev/gpiochip1 line 0 (RELAY) of gpio-b";
    assert_eq!(place_of(&several, "line = \"RELAY\""), Ok(found.into()));
    let told = place_of(&several, "line = 0").unwrap_err();
    assert_eq!(
        told,
        "pin \"a\": chip is missing; this board has no header that is known, chips here: \
         gpio-a, gpio-b"
    );
}

#[test]
fn refusals_say_what_is_there() {
    let mut denied = chip("gpiochip0", "", &[]);
    denied.problem = Some("permission denied for /dev/gpiochip0".into());
    let twins = [
        chip("gpiochip0", "twin", &[""]),
        chip("gpiochip1", "twin", &[""]),
    ];
    for (chips, pin, expected) in [
        (
            &[][..],
            "line = 1",
            "no GPIO chip here: there is no /dev/gpiochip*; this is no board with pins, or the container was not given --device /dev/gpiochip0; gpio.driver = \"none\" tells what would be switched",
        ),
        (
            &pi()[..],
            "line = 17",
            "line = 17 is not there; lines here: 0 to 2 (ID_SDA, ID_SCL, GPIO2) of pinctrl-rp1 (`edge-agent pins` lists them)",
        ),
        (
            &pi()[..],
            "line = \"GPIO17\"",
            "line = \"GPIO17\" is not there; lines here: 0 to 2 (ID_SDA, ID_SCL, GPIO2) of pinctrl-rp1 (`edge-agent pins` lists them)",
        ),
        (
            &pi()[..],
            "line = 1\nchip = \"pinctrl-bcm2711\"",
            "chip = \"pinctrl-bcm2711\" is not there; chips here: gpio-brcmstb@107d508500, pinctrl-rp1, mcp23017, pcf8574",
        ),
        (
            &pi()[..],
            "line = \"LED\"\nchip = \"pcf8574\"",
            "line = \"LED\" is both line 0 (LED) of pcf8574 and line 1 (LED) of pcf8574; give the line's number and the chip",
        ),
        (
            &twins[..],
            "line = 0\nchip = \"twin\"",
            "chip = \"twin\" is the label of gpiochip0 and gpiochip1; give one of these names",
        ),
        (
            &[denied.clone()][..],
            "line = 1",
            "permission denied for /dev/gpiochip0",
        ),
    ] {
        let told = place_of(chips, pin).unwrap_err();
        assert_eq!(told, format!("pin \"a\": {expected}"), "{pin}");
    }
}

#[test]
fn a_line_is_one_pin_whatever_it_is_called() {
    let pins: Vec<PinConfig> = ["line = 2", "line = \"GPIO2\"\nchip = \"pinctrl-rp1\""]
        .iter()
        .zip(["barrier", "lamp"])
        .map(|(line, name)| toml::from_str(&format!("name = {name:?}\n{line}")).unwrap())
        .collect();
    assert_eq!(
        places(&pins, &pi()),
        Err(
            "pin \"lamp\": line = \"GPIO2\" is pin \"barrier\" already: line 2 (GPIO2) of \
             pinctrl-rp1"
                .into()
        )
    );
}

#[test]
fn a_chip_that_was_plugged_in_again_is_known_by_its_label() {
    let pin: PinConfig = toml::from_str("name = \"a\"\nline = 1\nchip = \"mcp23017\"").unwrap();
    let number = |chips: &[Chip]| {
        let before = places(std::slice::from_ref(&pin), &pi()).unwrap().remove(0);
        again(&pin, &before, chips).map(|place| place.path.display().to_string())
    };
    assert_eq!(number(&pi()), Ok("/dev/gpiochip11".into()));
    let here = chip("gpiochip4", "pinctrl-rp1", &["", ""]);
    let other = chip("gpiochip11", "siren", &["", ""]);
    let back = chip("gpiochip13", "mcp23017", &["", ""]);
    let mut shut = chip("gpiochip11", "", &[]);
    shut.problem = Some("permission denied for /dev/gpiochip11".into());
    for (chips, expected) in [
        (
            vec![here.clone(), other.clone(), back],
            Ok("/dev/gpiochip13"),
        ),
        (
            vec![here.clone(), other],
            Err("chip \"mcp23017\" is not there; chips here: pinctrl-rp1, siren"),
        ),
        (
            vec![here, shut],
            Err("permission denied for /dev/gpiochip11"),
        ),
        (
            vec![],
            Err("chip \"mcp23017\" is not there; chips here: none"),
        ),
    ] {
        let expected = expected.map(String::from).map_err(String::from);
        assert_eq!(number(&chips), expected);
    }
}

#[test]
fn another_chip_beside_it_changes_nothing_for_a_line_that_was_found() {
    let pin = |line: &str| -> PinConfig {
        toml::from_str(&format!("name = \"a\"\nline = {line}")).unwrap()
    };
    let own = chip("gpiochip0", "gpio-sunxi", &["", "RELAY"]);
    let beside = chip("gpiochip1", "ftdi-cbus", &["", "RELAY"]);
    for line in ["1", "\"RELAY\""] {
        let pin = pin(line);
        let alone = std::slice::from_ref(&own);
        let before = places(std::slice::from_ref(&pin), alone).unwrap().remove(0);
        let now = again(&pin, &before, &[own.clone(), beside.clone()]);
        assert_eq!(now, Ok(before));
    }
}
