//! What becomes of messages in the database, written as the collector writes them: with COPY.

use fleet_rig::database::Database;
use jiff::SignedDuration;
use serde_json::Value;

use crate::{message, told};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The example of the published description of events, seen now.
fn example() -> Value {
    let path = fleet_rig::fleet::folder().join("../event-schema.md");
    let text = std::fs::read_to_string(path).unwrap();
    let block = text.split("```json").nth(1).unwrap();
    let mut event: Value = serde_json::from_str(block.split("```").next().unwrap()).unwrap();
    event["time"] = fleet_rig::event::now().into();
    event
}

fn now() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%d %H:%M:%S.%3f")
        .to_string()
}

#[test]
fn whatever_the_user_s_language_the_server_complains_in_english() {
    let Some(database) = Database::start().unwrap() else {
        return;
    };
    assert_eq!(database.sql("SHOW lc_messages").unwrap(), "C");
    let error = database.sql("SELECT * FROM nothing").unwrap_err();
    assert!(error.to_string().contains("does not exist"), "{error}");
}

#[test]
fn an_event_is_stored_once_however_often_it_comes() {
    let Some(database) = Database::start().unwrap() else {
        return;
    };
    let batch: Vec<_> = (1..=50).map(|n| told("gate", n, DAY / 24)).collect();
    database.copy(&batch).unwrap();
    // The same batch again, a part of it twice in one statement, later than at first.
    let late = now();
    let mut again = [&batch[..], &batch[10..20]].concat();
    again.iter_mut().for_each(|row| row.time.clone_from(&late));
    database.copy(&again).unwrap();
    let counts = "SELECT (SELECT count(*) FROM events), (SELECT sum(vehicles) FROM hourly),
        (SELECT repeated FROM devices), (SELECT count(*) FROM inbox),
        (SELECT count(*) FROM events WHERE received - time < interval '2 seconds')";
    assert_eq!(database.sql(counts).unwrap(), "50|50|60|0|50");
    // The same id from another device is another event.
    let mut other = batch[0].clone();
    other.topic = "edge-agent/bridge/event".into();
    database.copy(&[other]).unwrap();
    assert_eq!(database.sql("SELECT count(*) FROM events").unwrap(), "51");
}

#[test]
fn every_field_of_the_published_event_is_kept() {
    let Some(database) = Database::start().unwrap() else {
        return;
    };
    let event = example();
    let row = message(&now(), "edge-agent/north gate/event", &event.to_string());
    database.copy(&[row]).unwrap();
    let stored = database
        .sql("SELECT to_jsonb(e) - 'details' || e.details::jsonb FROM events AS e")
        .unwrap();
    let stored: Value = serde_json::from_str(&stored).unwrap();
    assert_eq!(stored["device"], "north gate");
    for (name, value) in event.as_object().unwrap() {
        match (name.as_str(), value) {
            ("schema", _) => assert!(stored.get(name).is_none()),
            ("time", _) => {
                let parsed = |v: &Value| v.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
                assert_eq!(parsed(&stored[name]), parsed(value));
            }
            _ => assert_eq!(&stored[name], value, "{name}"),
        }
    }
}

#[test]
fn what_is_no_event_is_set_aside_and_harms_no_other() {
    let Some(database) = Database::start().unwrap() else {
        return;
    };
    let changed = |change: fn(&mut Value)| {
        let mut event = example();
        change(&mut event);
        event.to_string()
    };
    let damaged = [
        (
            "edge-agent/gate/event",
            "{\"schema\":1,".to_string(),
            "invalid input syntax",
        ),
        (
            "edge-agent/gate/event",
            "[".repeat(16_000),
            "stack depth limit exceeded",
        ),
        (
            "edge-agent/gate/event",
            "[]".into(),
            "not an event of schema 1",
        ),
        (
            "edge-agent/gate/event",
            changed(|e| e["schema"] = 2.into()),
            "not an event of schema 1",
        ),
        (
            "edge-agent/gate/event",
            changed(|e| e["id"] = Value::Null),
            "null value in column \"id\"",
        ),
        (
            "edge-agent/gate/event",
            changed(|e| e["time"] = "soon".into()),
            "invalid input syntax",
        ),
        (
            "edge-agent/gate/event",
            changed(|e| e["lane"] = 1e9.into()),
            "out of range",
        ),
        (
            "edge-agent/gate/event",
            changed(|e| e["colour"] = "\0".into()),
            "unsupported Unicode",
        ),
        (
            "edge-agent/gate/status",
            "asleep".into(),
            "a status is online or offline",
        ),
        ("edge-agent/gate/else", "x".into(), "no such topic"),
        ("event", changed(|_| ()), "null value in column"),
    ];
    let mut batch = vec![told("gate", 1, DAY)];
    for (topic, value, _) in &damaged {
        batch.push(message(&now(), topic, value));
    }
    batch.push(told("gate", 2, DAY));
    database.copy(&batch).unwrap();
    assert_eq!(database.sql("SELECT count(*) FROM events").unwrap(), "2");
    let why = database
        .sql("SELECT why FROM rejected ORDER BY number")
        .unwrap();
    assert_eq!(why.lines().count(), damaged.len(), "{why}");
    for (line, (_, _, part)) in why.lines().zip(&damaged) {
        assert!(line.contains(part), "{line}");
    }
}

#[test]
fn events_without_a_possible_time_are_kept_and_not_counted() {
    let Some(database) = Database::start().unwrap() else {
        return;
    };
    let mut recorded = told("gate", 1, DAY);
    let mut event: Value = serde_json::from_str(&recorded.value).unwrap();
    event["time"] = Value::Null;
    recorded.value = event.to_string();
    let stale = |days: i32| {
        let mut row = told("gate", 2, DAY * days);
        row.time = now();
        row
    };
    let batch = [recorded.clone(), recorded, stale(100), stale(-3), stale(59)];
    database.copy(&batch).unwrap();
    let counts = "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM untimed_events),
        (SELECT sum(vehicles) FROM hourly), (SELECT count(*) FROM rejected)";
    assert_eq!(database.sql(counts).unwrap(), "1|3|1|0");
}

#[test]
fn gaps_in_the_numbers_are_noticed_and_a_new_run_is_none() {
    let Some(database) = Database::start().unwrap() else {
        return;
    };
    // Told in this order: 3 to 5 are missing, then the agent starts again; one is without a time.
    let mut batch: Vec<_> = [1, 2, 6, 7, 1, 2].map(|n| told("gate", n, DAY)).into();
    batch.push(told("gate", 3, DAY * 900));
    batch.push(told("gate", 4, DAY));
    batch.push(told("bridge", 40, DAY));
    database.copy(&batch).unwrap();
    database.copy(&batch).unwrap();
    let gaps = "SELECT device, before, missing FROM missing_events";
    assert_eq!(database.sql(gaps).unwrap(), "gate|6|3");
}

#[test]
fn events_that_waited_are_counted_as_late() {
    let Some(database) = Database::start().unwrap() else {
        return;
    };
    let mut late = told("gate", 2, DAY);
    late.time = now();
    let mut unsure = told("gate", 3, DAY);
    let mut event: Value = serde_json::from_str(&unsure.value).unwrap();
    event["clock_synced"] = false.into();
    unsure.value = event.to_string();
    unsure.time = now();
    database
        .copy(&[told("gate", 1, DAY), late, unsure])
        .unwrap();
    let counted = "SELECT sum(vehicles), sum(late), round(max(longest_s)) FROM hourly";
    assert_eq!(database.sql(counted).unwrap(), "3|1|86400");
}

#[test]
fn a_device_s_row_shows_its_newest_event_and_its_last_change() {
    let Some(database) = Database::start().unwrap() else {
        return;
    };
    let status = |time: &str, value: &str| message(time, "edge-agent/gate/status", value);
    let hour = SignedDuration::from_hours(1);
    let (older, newer) = (told("gate", 6, hour * 2), told("gate", 7, hour));
    database
        .copy(&[
            status("2026-03-01 07:00:00", "online"),
            older,
            newer.clone(),
            status("2026-03-01 08:00:00", "offline"),
            // Told again when the collector came back.
            status("2026-03-01 09:00:00", "offline"),
        ])
        .unwrap();
    let row = database
        .sql("SELECT status, status_since, last_event_received AT TIME ZONE 'UTC' FROM devices")
        .unwrap();
    let received = newer.time.trim_end_matches('0').trim_end_matches('.');
    assert_eq!(row, format!("offline|2026-03-01 08:00:00+00|{received}"));
    let changes = database
        .sql("SELECT status FROM status_changes ORDER BY since")
        .unwrap();
    assert_eq!(changes, "online\noffline");
}

#[test]
fn the_roles_may_what_they_need_and_their_passwords_are_the_secrets() {
    let Some(database) = Database::start().unwrap() else {
        return;
    };
    let refused = |role: &str, statement: &str, why: &str| {
        let told = database.sql_as(role, statement).unwrap_err().to_string();
        assert!(told.contains(why), "{role}: {statement}: {told}");
    };
    refused("collector", "SELECT * FROM events", "permission denied");
    refused("collector", "DELETE FROM inbox", "permission denied");
    refused("collector", "CREATE TABLE mine ()", "permission denied");
    refused(
        "collector",
        "SELECT take_status('gate', 'online', now())",
        "permission denied",
    );
    refused(
        "grafana",
        "INSERT INTO inbox VALUES (NULL)",
        "cannot execute INSERT",
    );
    refused(
        "grafana",
        "SET default_transaction_read_only = off; DELETE FROM events",
        "permission denied",
    );
    for role in ["collector", "grafana"] {
        let password = database.password(role).unwrap();
        let login = |password: &str| database.sql_with_password(role, password, "SELECT 1");
        assert_eq!(login(&password).unwrap(), "1");
        assert!(login("wrong").is_err());
    }
}

#[test]
fn setting_up_again_is_an_upgrade_that_loses_nothing() {
    let Some(database) = Database::start().unwrap() else {
        return;
    };
    database.copy(&[told("gate", 1, DAY)]).unwrap();
    database.set_up().unwrap();
    database.copy(&[told("gate", 2, DAY)]).unwrap();
    assert_eq!(database.sql("SELECT count(*) FROM events").unwrap(), "2");
}
