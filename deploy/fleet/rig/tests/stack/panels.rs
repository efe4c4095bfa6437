//! Every query of the dashboard, run in the database with Grafana's rights. The macros are replaced
//! as Grafana's documentation of its PostgreSQL data source says; Grafana itself is not run.

use fleet_rig::collector::Message;
use fleet_rig::database::Database;
use jiff::SignedDuration;
use serde_json::Value;

use crate::yaml::{list, text};
use crate::{message, told};

fn dashboard() -> Value {
    let text = fleet_rig::fleet::file("grafana/dashboards/fleet.json").unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The query as Grafana sends it: the last day, groups of an hour.
fn expanded(query: &str, devices: &str) -> String {
    let mut query = query.to_string();
    for (name, made) in [
        (
            "$__timeFilter",
            "{0} BETWEEN now() - interval '1 day' AND now() + interval '1 minute'",
        ),
        (
            "$__timeGroupAlias",
            "floor(extract(epoch FROM {0}) / 3600) * 3600 AS \"time\"",
        ),
    ] {
        while let Some(at) = query.find(name) {
            let open = at + name.len();
            let close = open + query[open..].find(')').unwrap();
            let column = query[open + 1..close].split(',').next().unwrap();
            let made = made.replace("{0}", column);
            query.replace_range(at..=close, &made);
        }
    }
    let query = query
        .replace("$device", devices)
        .replace("$zone", "Europe/Berlin");
    assert!(!query.contains('$'), "{query}");
    query
}

fn rows(database: &Database, query: &str) -> Vec<Value> {
    let wrapped = format!("SELECT row_to_json(row) FROM ({query}) AS row");
    let answer = database.sql_as("grafana", &wrapped);
    let answer = answer.unwrap_or_else(|error| panic!("{query}\n{error}"));
    answer
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Two cameras: `gate` online with 30 events and one missing, `bridge` offline with 5 and a clock
/// that follows nobody.
fn filled(database: &Database) {
    let minute = SignedDuration::from_mins(1);
    let unsynced = |row: &mut Message| {
        let mut event: Value = serde_json::from_str(&row.value).unwrap();
        event["clock_synced"] = false.into();
        event["colour"] = "unknown".into();
        event["reason"] = "dark".into();
        row.value = event.to_string();
    };
    let mut batch: Vec<_> = (1..=31u64)
        .filter(|n| *n != 20)
        .map(|n| told("gate", n, minute * (40 - n as i32)))
        .collect();
    for n in 1..=5u64 {
        let mut row = told("bridge", n, minute * (90 - n as i32));
        unsynced(&mut row);
        batch.push(row);
    }
    let mut timeless = told("bridge", 6, SignedDuration::from_hours(24 * 900));
    timeless.time.clone_from(&batch[0].time);
    unsynced(&mut timeless);
    batch.push(timeless);
    let time = batch[0].time.clone();
    batch.push(message(&time, "edge-agent/gate/status", "online"));
    batch.push(message(&time, "edge-agent/bridge/status", "offline"));
    batch.push(message(&time, "edge-agent/bridge/status", "lost"));
    database.copy(&batch).unwrap();
}

#[test]
fn every_panel_has_an_answer() {
    let Some(database) = Database::start().unwrap() else {
        return;
    };
    let dashboard = dashboard();
    // Before the first device: no rows, and no error.
    for panel in list(&dashboard, "panels") {
        rows(
            &database,
            &expanded(text(&panel["targets"][0], "rawSql"), "''"),
        );
    }
    filled(&database);
    let variable = text(&dashboard["templating"]["list"][0], "query");
    let found = rows(&database, variable);
    let devices: Vec<&str> = found.iter().map(|row| text(row, "device")).collect();
    assert_eq!(devices, ["bridge", "gate"]);
    for panel in list(&dashboard, "panels") {
        let target = &panel["targets"][0];
        let found = rows(
            &database,
            &expanded(text(target, "rawSql"), "'bridge','gate'"),
        );
        let title = text(panel, "title");
        assert!(!found.is_empty(), "{title} is empty");
        if text(target, "format") == "time_series" {
            let first = &found[0];
            assert!(first["time"].is_number(), "{title}: {first}");
            let number = |(name, value): (&String, &Value)| name != "time" && value.is_number();
            assert!(
                first.as_object().unwrap().iter().any(number),
                "{title}: {first}"
            );
        }
    }
}

#[test]
fn the_numbers_are_right_and_follow_the_choice_of_cameras() {
    let Some(database) = Database::start().unwrap() else {
        return;
    };
    filled(&database);
    let dashboard = dashboard();
    let shown = |title: &str, devices: &str| -> Vec<Value> {
        let panels = list(&dashboard, "panels");
        let panel = panels.iter().find(|panel| text(panel, "title") == title);
        let query = text(&panel.unwrap()["targets"][0], "rawSql");
        rows(&database, &expanded(query, devices))
    };
    let both = "'bridge','gate'";
    let sum = |rows: &[Value], name: &str| -> f64 {
        rows.iter().map(|row| row[name].as_f64().unwrap()).sum()
    };
    for (title, column, devices, expected) in [
        ("Vehicles", "vehicles", both, 35.0),
        ("Vehicles", "vehicles", "'gate'", 30.0),
        ("Unknown colour", "unknown", "'bridge'", 1.0),
        ("Online", "online", both, 1.0),
        ("Offline", "offline", both, 1.0),
        ("Offline", "offline", "'gate'", 0.0),
        ("Clock not synchronised", "devices", both, 1.0),
        ("Events without a possible time", "events", both, 1.0),
        ("Vehicles by colour", "vehicles", both, 35.0),
        ("By hour of the day", "vehicles", both, 35.0),
        ("By camera", "vehicles", both, 35.0),
        ("Devices coming and going", "changes", both, 2.0),
        ("Missing events", "missing", both, 1.0),
    ] {
        assert_eq!(
            sum(&shown(title, devices), column),
            expected,
            "{title} of {devices}"
        );
    }
    for row in shown("Why colours are unknown", "'bridge'") {
        assert_eq!(
            (text(&row, "metric"), row["share"].as_f64()),
            ("dark", Some(1.0))
        );
    }
    // A row for each hour; those of a device without a synchronised clock say nothing.
    let way = shown("From the road to here", both);
    assert_eq!(sum(&way, "later than ten seconds"), 0.0);
    let longest = way.iter().map(|row| row["longest"].as_f64().unwrap());
    let longest = longest.fold(0.0, f64::max);
    assert!((longest - 1.0).abs() < 0.01, "{way:?}");
    // Offline devices come first.
    assert_eq!(text(&shown("Devices", both)[0], "device"), "bridge");
    assert_eq!(shown("Latest events", both).len(), 35);
    assert_eq!(shown("Rejected messages", both).len(), 1);
}

#[test]
fn panels_have_their_own_place_and_the_provisioned_source() {
    let dashboard = dashboard();
    let source = crate::yaml::read("grafana/provisioning/datasources/fleet.yaml");
    let uid = text(&source["datasources"][0], "uid");
    let panels = list(&dashboard, "panels");
    let side = |panel: &Value, name: &str| panel["gridPos"][name].as_u64().unwrap();
    for (index, panel) in panels.iter().enumerate() {
        assert_eq!(text(&panel["datasource"], "uid"), uid);
        assert_eq!(text(&panel["targets"][0]["datasource"], "uid"), uid);
        assert!(side(panel, "x") + side(panel, "w") <= 24);
        for other in &panels[index + 1..] {
            assert_ne!(panel["id"], other["id"]);
            let apart = |at, size| {
                side(panel, at) + side(panel, size) <= side(other, at)
                    || side(other, at) + side(other, size) <= side(panel, at)
            };
            let titles = (text(panel, "title"), text(other, "title"));
            assert!(apart("x", "w") || apart("y", "h"), "{titles:?}");
        }
    }
}
