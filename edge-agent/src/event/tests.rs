//! The event's JSON beside what is published of it: golden line, table of fields, JSON Schema.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde_json::{Map, Value};

use super::*;

/// A label with its probability.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Ranked")]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct RankedForm {
    /// The label.
    colour: String,
    /// Its probability, 0 to 1.
    score: f32,
}

/// A rectangle, pixels of the frame.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Box")]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct BoxForm {
    /// Left edge, pixels from the frame's left.
    x: u32,
    /// Top edge, pixels from the frame's top.
    y: u32,
    /// Pixels across.
    width: u32,
    /// Pixels down.
    height: u32,
}

fn full() -> Event {
    Event {
        schema: SCHEMA,
        id: id("b-1", "gate", 3, 120, 0),
        sequence: 1,
        camera: "gate".into(),
        bundle: "b-1".into(),
        boot_id: Some("5d7c1c5c-9a4e-4f0e-8a53-1d6f5c8f2a10".into()),
        time: Some("2026-03-01T07:15:02.250Z".into()),
        clock_synced: Some(true),
        first_frame: 3,
        last_frame: 60,
        first_t_ms: 120,
        last_t_ms: 2400,
        lane: Some(2),
        lane_name: Some("exit".into()),
        wrong_way: Some(false),
        direction: Direction::Left,
        colour: "red".into(),
        score: rounded(0.912_345),
        top3: vec![Ranked {
            colour: "red".into(),
            score: rounded(0.912_345),
        }],
        reason: None,
        early: false,
        bounds: Rect {
            x: 1,
            y: 2,
            width: 3,
            height: 4,
        },
        best_frame: 30,
        frames_seen: 55,
    }
}

/// The event of recorded frames without lanes whose colour is not known.
fn bare() -> Event {
    Event {
        boot_id: None,
        time: None,
        clock_synced: None,
        lane: None,
        lane_name: None,
        wrong_way: None,
        colour: UNKNOWN.into(),
        reason: Some(Reason::Dark),
        ..full()
    }
}

fn object(event: &Event) -> Map<String, Value> {
    match serde_json::to_value(event).unwrap() {
        Value::Object(map) => map,
        other => panic!("{other}"),
    }
}

fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../deploy")
        .join(name)
}

#[test]
fn the_json_is_the_published_one() {
    let event = full();
    let json = serde_json::to_string(&event).unwrap();
    assert_eq!(
        json,
        concat!(
            r#"{"schema":1,"id":"cc1c8ac918e6eacc","sequence":1,"camera":"gate","bundle":"b-1","#,
            r#""boot_id":"5d7c1c5c-9a4e-4f0e-8a53-1d6f5c8f2a10","#,
            r#""time":"2026-03-01T07:15:02.250Z","clock_synced":true,"#,
            r#""first_frame":3,"last_frame":60,"first_t_ms":120,"last_t_ms":2400,"#,
            r#""lane":2,"lane_name":"exit","wrong_way":false,"#,
            r#""direction":"left","colour":"red","score":0.9123,"#,
            r#""top3":[{"colour":"red","score":0.9123}],"reason":null,"early":false,"#,
            r#""box":{"x":1,"y":2,"width":3,"height":4},"best_frame":30,"frames_seen":55}"#
        )
    );
    assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
    // As a later version may write it.
    let later = json.replacen('{', r#"{"speed_kmh":50,"#, 1);
    assert_eq!(serde_json::from_str::<Event>(&later).unwrap(), event);
    let json = serde_json::to_string(&bare()).unwrap();
    assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), bare());
}

/// The rows of the published table: field to its columns type, unit and range, null when.
fn published() -> BTreeMap<String, Vec<String>> {
    let text = std::fs::read_to_string(deploy("event-schema.md")).unwrap();
    text.lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .map(|row| {
            let (field, rest) = row.split_once("` |").unwrap();
            let columns = rest.trim_end_matches('|').split(" | ");
            let columns = columns.map(|column| column.trim().to_string());
            (field.to_string(), columns.collect())
        })
        .collect()
}

#[test]
fn the_table_names_every_field_and_when_it_is_null() {
    let table = published();
    let known: Vec<String> = object(&full()).keys().cloned().collect();
    let listed: Vec<String> = table.keys().cloned().collect();
    let mut sorted = known.clone();
    sorted.sort();
    assert_eq!(listed, sorted);
    for (field, columns) in &table {
        assert_eq!(columns.len(), 4, "{field}: {columns:?}");
        let may_be_null = columns[2] != "never";
        let is_null = object(&full())[field].is_null() || object(&bare())[field].is_null();
        assert_eq!(may_be_null, is_null, "{field}");
    }
    let text = std::fs::read_to_string(deploy("event-schema.md")).unwrap();
    use Reason::{Blurred, Dark, Disagree, Failed, Shape, Small, Unsure};
    for reason in [Shape, Small, Dark, Blurred, Disagree, Unsure, Failed] {
        let row = format!("- `{}`: ", reason.name());
        assert!(text.contains(&row), "{row}");
        let json = serde_json::to_value(reason).unwrap();
        assert_eq!(json, Value::from(reason.name()));
    }
}

#[test]
fn the_published_example_is_an_event() {
    let text = std::fs::read_to_string(deploy("event-schema.md")).unwrap();
    let example = text.split("```json\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    let event: Event = serde_json::from_str(example).unwrap();
    assert_eq!(event.schema, SCHEMA);
    // In the order in which the agent writes them.
    let json = serde_json::to_string(&event).unwrap();
    let squeezed: String = example.split_whitespace().collect();
    assert_eq!(squeezed, json.split_whitespace().collect::<String>());
}

/// With `UPDATE_PUBLISHED=1` in the environment the file is written anew.
#[test]
fn the_json_schema_is_the_published_one() {
    // As it is written: every field is there, null or not.
    let settings = schemars::generate::SchemaSettings::default().for_serialize();
    let schema = settings.into_generator().into_root_schema_for::<Event>();
    let required = schema.get("required").and_then(Value::as_array);
    assert_eq!(required.map(Vec::len), Some(object(&full()).len()));
    let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    let path = deploy("event.schema.json");
    if std::env::var_os("UPDATE_PUBLISHED").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    // Not assert_eq: it would print both files.
    assert!(published == text, "{} is out of date", path.display());
}

#[test]
fn the_longer_axis_gives_the_direction() {
    for (dx, dy, expected) in [
        (-9.0, 5.0, Direction::Left),
        (9.0, -5.0, Direction::Right),
        (3.0, 9.0, Direction::Down),
        (3.0, -9.0, Direction::Up),
        (2.0, -3.0, Direction::None),
    ] {
        assert_eq!(Direction::of(dx, dy), expected);
        assert_eq!(Direction::of(-dx, -dy), expected.opposite());
    }
}
