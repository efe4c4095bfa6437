//! Rules by tables: what matches, at what time, how often.

use super::*;
use crate::event::Direction;
use crate::testing::an_event;

#[derive(serde::Deserialize)]
struct File {
    rule: Vec<RuleConfig>,
}

const THEN: &str = "then = { pulse = { pin = \"barrier\", hold_ms = 500 } }";

fn rules_in(text: &str, zone: &str) -> Rules {
    let file: File = toml::from_str(text).unwrap();
    Rules::new(&file.rule, super::zone(Some(zone)).unwrap())
}

fn rule(keys: &str) -> Rules {
    rules_in(&format!("[[rule]]\n{keys}\n{THEN}\n"), "UTC0")
}

fn event() -> Event {
    Event {
        camera: "north".into(),
        lane: Some(2),
        wrong_way: Some(false),
        direction: Direction::Left,
        colour: "red".into(),
        score: 0.9,
        ..an_event(1)
    }
}

fn at(t_ms: u64) -> Now {
    Now { t_ms, wall: None }
}

fn wall(time: &str, synced: bool) -> Now {
    let time = time.parse().unwrap();
    Now {
        t_ms: 0,
        wall: Some(Reading {
            time,
            synced,
            known: synced,
        }),
    }
}

/// A server was heard, and is silent now.
fn outage(time: &str) -> Now {
    let wall = wall(time, true).wall;
    Now {
        t_ms: 0,
        wall: wall.map(|reading| Reading {
            synced: false,
            ..reading
        }),
    }
}

fn pulses(actions: &[Action]) -> usize {
    let pulse = |action: &&Action| matches!(action, Action::Pulse { .. });
    actions.iter().filter(pulse).count()
}

#[test]
fn conditions() {
    let unknown = Event {
        colour: UNKNOWN.into(),
        score: 0.4,
        ..event()
    };
    let nowhere = Event {
        lane: None,
        wrong_way: None,
        ..event()
    };
    // Each row: conditions, and whether the red, the unknown and the laneless event match.
    for (when, expected) in [
        ("", [true, true, true]),
        ("colour = [\"red\", \"blue\"]", [true, false, true]),
        ("colour = \"blue\"", [false, false, false]),
        ("colour = [\"red\", \"unknown\"]", [true, true, true]),
        ("unknown = true", [false, true, false]),
        ("unknown = false", [true, false, true]),
        ("lane = 2", [true, true, false]),
        ("lane = [1, 3]", [false, false, false]),
        ("direction = \"left\"", [true, true, true]),
        ("direction = [\"up\", \"down\"]", [false, false, false]),
        ("camera = \"north\"", [true, true, true]),
        ("camera = [\"south\"]", [false, false, false]),
        ("min_score = 0.8", [true, false, true]),
        ("min_score = 0.95", [false, false, false]),
        ("wrong_way = true", [false, false, false]),
        ("wrong_way = false", [true, true, false]),
        (
            "colour = [\"red\"], lane = 2, direction = \"left\", min_score = 0.8",
            [true, false, false],
        ),
    ] {
        let mut rules = rule(&format!("when = {{ {when} }}"));
        let told = [event(), unknown.clone(), nowhere.clone()]
            .map(|event| !rules.decide(&event, &at(0)).is_empty());
        assert_eq!(told, expected, "{when}");
    }
}

#[test]
fn every_rule_that_matches_acts_in_its_turn() {
    let text = r#"
[[rule]]
name = "lamp"
then = { hold = { pin = "lamp", hold_ms = 3000 } }
[[rule]]
when = { colour = "blue" }
then = { log = "never" }
[[rule]]
then = { set = { pin = "gate", level = "on" } }
[[rule]]
name = "count"
then = { log = "one more" }
"#;
    let actions = rules_in(text, "UTC0").decide(&event(), &at(0));
    let told: Vec<String> = actions.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "pin lamp: hold 3000 ms",
            "pin gate: set on",
            "rule 4 (count): one more (event 0000000000000001, red)"
        ]
    );
    let pulse = rule("").decide(&event(), &at(0));
    assert_eq!(pulse[0].to_string(), "pin barrier: pulse 500 ms");
}

#[test]
fn schedules_are_kept_in_local_time() {
    const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";
    for (keys, time, expected) in [
        // Winter: one hour ahead of UTC.
        ("between = \"07:00-19:00\"", "2026-01-15T05:59:59Z", false),
        ("between = \"07:00-19:00\"", "2026-01-15T06:00:00Z", true),
        ("between = \"07:00-19:00\"", "2026-01-15T18:00:00Z", false),
        // Summer: two.
        ("between = \"07:00-19:00\"", "2026-07-15T05:00:00Z", true),
        ("between = \"07:00-19:00\"", "2026-07-15T17:00:00Z", false),
        // Sunday 2026-03-29: the clock goes from 02:00 to 03:00. The skipped hour never comes.
        ("between = \"02:00-03:00\"", "2026-03-29T00:59:59Z", false),
        ("between = \"02:00-03:00\"", "2026-03-29T01:00:00Z", false),
        ("between = \"03:00-04:00\"", "2026-03-29T01:00:00Z", true),
        // Sunday 2026-10-25: the hour from 02:00 comes twice, and both count.
        ("between = \"02:00-03:00\"", "2026-10-24T23:59:59Z", false),
        ("between = \"02:00-03:00\"", "2026-10-25T00:30:00Z", true),
        ("between = \"02:00-03:00\"", "2026-10-25T01:30:00Z", true),
        ("between = \"02:00-03:00\"", "2026-10-25T02:00:00Z", false),
        // The day is the local one: Friday 23:30 UTC is Saturday here.
        ("days = [\"fri\"]", "2026-01-16T22:30:00Z", true),
        ("days = [\"fri\"]", "2026-01-16T23:30:00Z", false),
        ("days = [\"sat\"]", "2026-01-16T23:30:00Z", true),
        // Over midnight, in the night of the change to summer time.
        (
            "days = [\"sat\"]\nbetween = \"22:00-06:00\"",
            "2026-03-29T03:59:00Z",
            true,
        ),
        (
            "days = [\"sat\"]\nbetween = \"22:00-06:00\"",
            "2026-03-29T04:00:00Z",
            false,
        ),
    ] {
        let mut rules = rules_in(&format!("[[rule]]\n{keys}\n{THEN}"), BERLIN);
        let acts = !rules.decide(&event(), &wall(time, true)).is_empty();
        assert_eq!(acts, expected, "{keys} at {time}");
    }
}

#[test]
fn without_a_trustworthy_clock_the_rule_says_what_happens() {
    let inside = "2026-01-15T12:00:00Z";
    let outside = "2026-01-15T22:00:00Z";
    for (keys, now, expected) in [
        ("", wall(inside, true), true),
        ("", wall(outside, true), false),
        ("", wall(inside, false), false),
        ("", at(0), false),
        ("without_clock = \"hold\"", wall(inside, false), false),
        ("without_clock = \"act\"", wall(outside, false), true),
        ("without_clock = \"act\"", at(0), true),
        // With a clock it makes no difference.
        ("without_clock = \"act\"", wall(outside, true), false),
        ("without_clock = \"hold\"", wall(inside, true), true),
        // What was set once is believed when the server falls silent.
        ("", outage(inside), true),
        ("", outage(outside), false),
        ("without_clock = \"act\"", outage(outside), false),
    ] {
        let mut rules = rule(&format!("between = \"07:00-19:00\"\n{keys}"));
        let acts = pulses(&rules.decide(&event(), &now)) == 1;
        assert_eq!(acts, expected, "{keys:?} {now:?}");
    }
    // No schedule, no clock needed.
    assert_eq!(rule("").decide(&event(), &at(0)).len(), 1);
}

#[test]
fn a_rule_that_waits_for_the_time_says_so_once() {
    let mut rules = rule("between = \"07:00-19:00\"\nwhen = { colour = \"red\" }");
    let mut told = |event: &Event, now: &Now| -> Vec<String> {
        let actions = rules.decide(event, now);
        actions.iter().map(ToString::to_string).collect()
    };
    let inside = "2026-01-15T12:00:00Z";
    let blue = Event {
        colour: "blue".into(),
        ..event()
    };
    assert_eq!(told(&blue, &wall(inside, false)), [""; 0]);
    // Frames that are not of now have no clock to wait for.
    assert_eq!(told(&event(), &at(0)), [""; 0]);
    assert_eq!(
        told(&event(), &wall(inside, false)),
        [
            "rule 1: not done, no time server was heard yet, so the time of day is not known; \
             without_clock = \"act\" does it all the same"
        ]
    );
    assert_eq!(told(&event(), &wall(inside, false)), [""; 0]);
    assert_eq!(
        told(&event(), &wall(inside, true)),
        ["pin barrier: pulse 500 ms"]
    );
}

/// Which of the events at these times make the rule fire.
fn firings(keys: &str, times: &[u64]) -> Vec<u64> {
    let mut rules = rule(keys);
    let fires = |t_ms: &u64| !rules.decide(&event(), &at(*t_ms)).is_empty();
    times.iter().copied().filter(fires).collect()
}

#[test]
fn limits() {
    for (keys, times, expected) in [
        ("", &[0, 0, 1][..], &[0, 0, 1][..]),
        (
            "every_ms = 1000",
            &[0, 999, 1000, 1500, 2000],
            &[0, 1000, 2000],
        ),
        // What is held back does not lengthen the wait.
        ("every_ms = 1000", &[0, 900, 1800], &[0, 1800]),
        (
            "max_per_minute = 2",
            &[0, 10, 20, 59_999, 60_000, 60_005, 60_010],
            &[0, 10, 60_000, 60_010],
        ),
        (
            "max_per_minute = 2\nevery_ms = 1000",
            &[0, 500, 1000, 2000, 60_000, 60_500, 61_000],
            &[0, 1000, 60_000, 61_000],
        ),
        // The clock jumps ahead: limits are over.
        ("every_ms = 1000", &[0, 3_600_000_000], &[0, 3_600_000_000]),
        // It goes back: the rule fires, and keeps its limits from there on.
        (
            "every_ms = 1000",
            &[5_000_000, 100, 600, 1100],
            &[5_000_000, 100, 1100],
        ),
        (
            "max_per_minute = 1",
            &[5_000_000, 100, 59_000, 60_100],
            &[5_000_000, 100, 60_100],
        ),
    ] {
        assert_eq!(firings(keys, times), expected, "{keys}");
    }
}

#[test]
fn the_wall_clock_does_not_move_the_limits() {
    let mut rules = rule("every_ms = 1000");
    let mut fires = |t_ms, time| {
        let now = Now {
            t_ms,
            ..wall(time, true)
        };
        !rules.decide(&event(), &now).is_empty()
    };
    assert!(fires(0, "2026-01-15T12:00:00Z"));
    // An hour later on the wall, half a second for the camera; then the wall goes back a year.
    assert!(!fires(500, "2026-01-15T13:00:00Z"));
    assert!(fires(1000, "2025-01-15T12:00:00Z"));
    assert!(!fires(1500, "2025-01-15T12:00:00Z"));
}

#[test]
fn what_does_not_match_uses_up_no_limit() {
    let mut rules = rule("when = { colour = \"blue\" }\nevery_ms = 1000");
    let blue = Event {
        colour: "blue".into(),
        ..event()
    };
    assert!(rules.decide(&event(), &at(0)).is_empty());
    assert_eq!(rules.decide(&blue, &at(1)).len(), 1);
}

#[test]
fn a_zone_that_nobody_knows_is_told() {
    assert_eq!(
        zone(Some("Europe/Nowhere")).unwrap_err().to_string(),
        "time_zone = \"Europe/Nowhere\" is not known here; give a name such as \"Europe/Berlin\" \
         or a POSIX zone such as \"CET-1CEST,M3.5.0,M10.5.0/3\""
    );
    assert!(zone(None).is_ok());
}
