//! What the `[[rule]]` tables may say, and what is told of those that may not.

use super::*;
use crate::pin::Line;

#[derive(Deserialize)]
struct File {
    rule: Vec<RuleConfig>,
}

const THEN: &str = "then = { log = \"x\" }";

fn parse(keys: &str) -> Result<RuleConfig, String> {
    let file: Result<File, _> = toml::from_str(&format!("[[rule]]\n{keys}\n"));
    file.map(|mut file| file.rule.remove(0))
        .map_err(|error| error.message().to_string())
}

fn refusal(keys: &str) -> String {
    let rule = match parse(keys) {
        Ok(rule) => rule,
        Err(told) => return told,
    };
    let colours = ["black", "red"].map(String::from);
    let lane = |number| LaneConfig {
        number,
        name: None,
        polygon_px: vec![],
        direction: None,
    };
    let pin = |name: &str| PinConfig {
        name: name.into(),
        line: Line::Number(1),
        chip: None,
        active_low: false,
        safe: Level::Off,
    };
    let known = Known {
        colours: Some(&colours),
        lanes: &[lane(1), lane(2)],
        pins: &[pin("barrier"), pin("lamp")],
    };
    rule.check(4, &known).unwrap_err().to_string()
}

#[test]
fn names_that_nothing_has_are_refused_with_what_there_is() {
    for (keys, expected) in [
        (
            "when = { colour = [\"red\", \"gold\"] }\nthen = { log = \"x\" }",
            "rule 5: when.colour names \"gold\"; the bundle's colours: black, red; or \"unknown\"",
        ),
        (
            "name = \"exit\"\nwhen = { lane = [1, 3] }\nthen = { log = \"x\" }",
            "rule 5 (exit): when.lane names 3; lanes here: 1, 2",
        ),
        (
            "then = { pulse = { pin = \"gate\", hold_ms = 500 } }",
            "rule 5: then: pin names \"gate\"; pins here: barrier, lamp",
        ),
    ] {
        assert_eq!(refusal(keys), expected);
    }
    let bare = Known {
        colours: None,
        lanes: &[],
        pins: &[],
    };
    let told = |keys: &str| parse(keys).unwrap().check(0, &bare);
    assert_eq!(
        told(&format!("when = {{ lane = 1 }}\n{THEN}"))
            .unwrap_err()
            .to_string(),
        "rule 1: when.lane names 1; the config has no [[lane]]"
    );
    assert_eq!(
        told("then = { set = { pin = \"a\", level = \"on\" } }")
            .unwrap_err()
            .to_string(),
        "rule 1: then: pin names \"a\"; the config has no [[pin]]"
    );
    // The bundle is not open yet: any colour may be.
    assert_eq!(
        told(&format!("when = {{ colour = \"gold\" }}\n{THEN}")),
        Ok(())
    );
}

#[test]
fn rules_that_cannot_be_meant_are_refused() {
    for (keys, expected) in [
        (
            "when = { colour = \"red\", unknown = true }",
            "rule 5: when.unknown contradicts when.colour; leave one of them out",
        ),
        (
            "when = { colour = \"unknown\", unknown = false }",
            "rule 5: when.unknown contradicts when.colour; leave one of them out",
        ),
        (
            "without_clock = \"act\"",
            "rule 5: without_clock is about a schedule; give between or days, or leave it out",
        ),
        (
            "when = { min_score = 1.5 }",
            "rule 5: when.min_score = 1.5 is out of range; allowed: 0 to 1",
        ),
        (
            "every_ms = 0",
            "rule 5: every_ms = 0 is out of range; allowed: 1 to 86400000",
        ),
        (
            "max_per_minute = 0",
            "rule 5: max_per_minute = 0 is out of range; allowed: 1 to 6000",
        ),
        (
            "when = { direction = \"lef\" }",
            "unknown variant `lef`, expected one of `left`, `right`, `up`, `down`, `none`",
        ),
        (
            "days = [\"monday\"]",
            "unknown variant `monday`, expected one of `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`",
        ),
        (
            "between = \"7-19\"",
            "\"7-19\" is no span of time; write it as \"07:00-19:00\"",
        ),
    ] {
        assert_eq!(refusal(&format!("{keys}\n{THEN}")), expected);
    }
    for key in ["colour", "lane", "direction", "camera"] {
        assert_eq!(
            refusal(&format!("when = {{ {key} = [] }}\n{THEN}")),
            "an empty list fits nothing; give a value, or leave the key out for any",
            "{key}"
        );
    }
    // "None: every day", as the sample says.
    assert!(parse(&format!("days = []\n{THEN}")).is_ok());
    assert_eq!(
        refusal("then = { hold = { pin = \"lamp\", hold_ms = 0 } }"),
        "rule 5: then: hold_ms = 0 is out of range; allowed: 1 to 86400000"
    );
    assert_eq!(
        refusal("then = { log = \" \" }"),
        "rule 5: then: log is empty; write what the log shall say"
    );
    assert_eq!(refusal(""), "missing field `then`");
    let told = refusal("then = { ring = 3 }");
    assert_eq!(
        told,
        "unknown variant `ring`, expected one of `pulse`, `hold`, `set`, `log`"
    );
}

#[test]
fn a_rule_comes_back_as_it_was_written() {
    let keys = "name = \"exit\"\nbetween = \"22:00-06:00\"\ndays = [\"fri\", \"sat\"]\nwithout_clock = \"act\"\nevery_ms = 500\nmax_per_minute = 6\nwhen = { colour = [\"red\"], lane = 2, direction = \"left\", camera = \"n\", min_score = 0.8, unknown = false, wrong_way = true }\nthen = { pulse = { pin = \"barrier\", hold_ms = 500 } }";
    let rule = parse(keys).unwrap();
    let text = toml::to_string(&rule).unwrap();
    assert_eq!(toml::from_str::<RuleConfig>(&text).unwrap(), rule);
    assert_eq!(rule.when.lane, [2]);
}
