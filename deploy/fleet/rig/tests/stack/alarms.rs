//! The alert rules: each query in the database, and for each the trouble that it is for. Grafana,
//! which evaluates them, is not run.

use fleet_rig::database::Database;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::yaml::{self, list, text};
use crate::{message, told};

fn rules() -> Vec<Value> {
    let file = yaml::read("grafana/provisioning/alerting/rules.yaml");
    list(&file["groups"][0], "rules").clone()
}

/// Whom a rule would report: the last column above the rule's limit.
fn reported(database: &Database, rule: &Value) -> Vec<String> {
    let steps = list(rule, "data");
    let query = text(&steps[0]["model"], "rawSql");
    let limit = steps[2]["model"]["conditions"][0]["evaluator"]["params"][0]
        .as_f64()
        .unwrap();
    let wrapped = format!("SELECT row_to_json(row) FROM ({query}) AS row");
    let answer = database.sql_as("grafana", &wrapped).unwrap();
    answer
        .lines()
        .filter_map(|line| {
            let row: Value = serde_json::from_str(line).unwrap();
            let row = row.as_object().unwrap();
            assert!(row.contains_key("time"), "{line}");
            let names = ["time", "device"];
            let value = row.iter().find(|(name, _)| !names.contains(&name.as_str()));
            let above = value.unwrap().1.as_f64().is_some_and(|value| value > limit);
            let device = row.get("device").and_then(Value::as_str);
            above.then(|| device.unwrap_or("fleet").to_string())
        })
        .collect()
}

#[test]
fn each_rule_reports_its_trouble_and_no_other() {
    let Some(database) = Database::start().unwrap() else {
        return;
    };
    let hour = SignedDuration::from_hours(1);
    let ago = |duration: SignedDuration| {
        let time = Timestamp::now() - duration;
        time.strftime("%Y-%m-%d %H:%M:%S.%3f").to_string()
    };
    let status = |device: &str, duration, value: &str| {
        message(
            &ago(duration),
            &format!("edge-agent/{device}/status"),
            value,
        )
    };
    let mut unsynced = told("adrift", 1, hour * 2);
    let mut event: Value = serde_json::from_str(&unsynced.value).unwrap();
    event["clock_synced"] = false.into();
    unsynced.value = event.to_string();
    database
        .copy(&[
            status("fine", hour * 48, "online"),
            told("fine", 1, hour * 2),
            status("lost", hour, "offline"),
            status("back soon", SignedDuration::from_mins(2), "offline"),
            status("blind", hour * 48, "online"),
            told("blind", 1, hour * 30),
            status("never saw any", hour * 30, "online"),
            unsynced,
            status("garbled", SignedDuration::from_mins(5), "hm"),
        ])
        .unwrap();
    let expected: &[(&str, &[&str])] = &[
        ("device-offline", &["lost"]),
        ("device-silent", &["blind", "never saw any"]),
        ("clock-not-synced", &["adrift"]),
        ("fleet-silent", &["fleet"]),
        ("messages-rejected", &["fleet"]),
    ];
    let rules = rules();
    assert_eq!(rules.len(), expected.len());
    for (rule, (uid, devices)) in rules.iter().zip(expected) {
        assert_eq!(text(rule, "uid"), *uid);
        let mut found = reported(&database, rule);
        found.sort();
        assert_eq!(found, *devices, "{uid}");
    }
    // All is well again.
    database.sql("TRUNCATE rejected, devices").unwrap();
    database
        .copy(&[status("fine", hour, "online"), told("fine", 2, hour / 4)])
        .unwrap();
    for rule in &rules {
        assert!(reported(&database, rule).is_empty(), "{rule}");
    }
}

#[test]
fn a_rule_s_steps_hang_together() {
    let source = yaml::read("grafana/provisioning/datasources/fleet.yaml");
    for rule in rules() {
        let steps = list(&rule, "data");
        let ids: Vec<&str> = steps.iter().map(|step| text(step, "refId")).collect();
        assert_eq!(ids, ["A", "B", "C"]);
        assert_eq!(text(&rule, "condition"), "C");
        assert_eq!(steps[0]["datasourceUid"], source["datasources"][0]["uid"]);
        // The only form of a query that alert rules take.
        assert_eq!(text(&steps[0]["model"], "format"), "time_series");
        for (step, input) in [(1, "A"), (2, "B")] {
            assert_eq!(text(&steps[step], "datasourceUid"), "__expr__");
            assert_eq!(text(&steps[step]["model"], "expression"), input);
        }
        assert!(text(&rule["annotations"], "summary").len() > 10);
    }
}
