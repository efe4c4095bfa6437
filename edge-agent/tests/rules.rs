//! Rules from the config to what the program says it does: drawn road, shipped bundle.

mod common;

use common::{Told, run};

/// Two lanes of the drawn road are not needed: every vehicle is in the one lane.
const CONFIG: &str = r#"
camera = "north"
[source]
kind = "sim"
duration_ms = 12000
[[lane]]
number = 4
name = "all"
polygon_px = [[0, 0], [640, 0], [640, 360], [0, 360]]
[gpio]
driver = "none"
[[pin]]
name = "barrier"
line = 17
"#;

fn with(rules: &str) -> Told {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("agent.toml"), format!("{CONFIG}{rules}")).unwrap();
    run(folder.path(), &["run", "--config", "agent.toml"])
}

#[test]
fn what_rules_want_done_is_told() {
    let told = with(
        r#"
[[rule]]
when = { lane = 4 }
then = { pulse = { pin = "barrier", hold_ms = 500 } }
[[rule]]
name = "count"
max_per_minute = 1
then = { log = "the first" }
[[rule]]
when = { camera = "south" }
then = { log = "never" }
[[rule]]
between = "00:00-24:00"
then = { log = "recorded frames have no clock" }
"#,
    );
    assert_eq!(told.code, 0, "{}", told.err);
    let events: Vec<serde_json::Value> = told
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(events.len() >= 2, "{}", told.out);
    for event in &events {
        assert_eq!(
            (&event["lane"], &event["lane_name"]),
            (&4.into(), &"all".into())
        );
        // Drawn frames: nothing of when and where they were run.
        for field in ["boot_id", "time", "clock_synced"] {
            assert!(event[field].is_null(), "{event}");
        }
    }
    let lines: Vec<&str> = told.err.lines().collect();
    let pulses = "pin barrier: pulse 500 ms (gpio.driver is \"none\")";
    let count = lines.iter().filter(|line| **line == pulses).count();
    assert_eq!(count, events.len(), "{}", told.err);
    let first = format!(
        "rule 2 (count): the first (event {}, {})",
        events[0]["id"].as_str().unwrap(),
        events[0]["colour"].as_str().unwrap()
    );
    assert_eq!(lines.iter().filter(|line| **line == first).count(), 1);
    // Those, and the summary.
    assert_eq!(lines.len(), events.len() + 2, "{}", told.err);
}

#[test]
fn names_that_nothing_has_end_the_start() {
    for (rule, expected) in [
        (
            "when = { colour = [\"gold\"] }\nthen = { log = \"x\" }",
            "agent.toml: rule 1: when.colour names \"gold\"; the bundle's colours: black, blue, ",
        ),
        (
            "when = { lane = 1 }\nthen = { log = \"x\" }",
            "agent.toml: rule 1: when.lane names 1; lanes here: 4",
        ),
        (
            "then = { set = { pin = \"gate\", level = \"on\" } }",
            "agent.toml: rule 1: then: pin names \"gate\"; pins here: barrier",
        ),
    ] {
        let told = with(&format!("[[rule]]\n{rule}\n"));
        assert_eq!(told.code, 78, "{}", told.err);
        assert!(told.err.starts_with(expected), "{}", told.err);
        assert_eq!((told.err.lines().count(), told.out.as_str()), (1, ""));
    }
}
