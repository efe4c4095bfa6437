//! The agent on a real street's frames, which are not part of this project: where the folder is
//! absent the test says so and checks nothing.

mod common;

use std::collections::BTreeSet;
use std::path::Path;

use common::run;

/// The near lanes; further back the traffic is too dense for one box a vehicle.
const CONFIG: &str = include_str!("street.toml");

#[test]
fn passing_vehicles_become_events() {
    let frames = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/roadcam/frames");
    let Ok(frames) = frames.canonicalize() else {
        eprintln!("skipped: no street frames at {}", frames.display());
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let config = CONFIG.replace("FRAMES", &frames.display().to_string());
    std::fs::write(folder.path().join("agent.toml"), config).unwrap();
    let told = run(folder.path(), &["run", "--config", "agent.toml"]);
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(told.err.starts_with("499 frames, "), "{}", told.err);
    let mut ids = BTreeSet::new();
    let mut named = 0;
    for line in told.out.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(
            event["first_frame"].as_u64() < event["last_frame"].as_u64(),
            "{event}"
        );
        assert!(
            (0.0..=1.0).contains(&event["score"].as_f64().unwrap()),
            "{event}"
        );
        assert!(event["box"]["width"].as_u64() > Some(0), "{event}");
        assert_eq!(
            event["colour"] == "unknown",
            !event["reason"].is_null(),
            "{event}"
        );
        assert_eq!(event["top3"].as_array().map(Vec::len), Some(3), "{event}");
        named += usize::from(event["colour"] != "unknown");
        assert!(ids.insert(event["id"].to_string()), "{event} came twice");
    }
    // Far fewer or far more would mean that vehicles are lost or counted twice.
    assert!((30..=60).contains(&ids.len()), "{} events", ids.len());
    assert!(
        named * 2 > ids.len(),
        "{named} of {} have a colour",
        ids.len()
    );
}
