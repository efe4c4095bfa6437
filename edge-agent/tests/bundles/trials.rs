//! Trials in a running agent: a bundle that never lasts, one that names nothing, and a good one;
//! what counts as a start.

use std::fs;

use serde_json::Value;

use crate::device::{Device, version};
use crate::manager::{Service, endless};

/// More than a minute of the drawn road, with one minute of trial.
fn watch(device: &Device) -> (Vec<Value>, String) {
    let road = "[source]\nkind = \"sim\"\nwidth = 320\nheight = 180\n\
                duration_ms = 100000\nvehicles_per_minute = 30.0\n";
    device.configure(road, "probation_minutes = 1");
    let told = device.agent(&["run"]);
    assert_eq!(told.code, 0, "{}", told.err);
    let lines = told.out.lines();
    let events = lines.map(|line| serde_json::from_str(line).unwrap());
    (events.collect(), told.err)
}

/// A trial without an end, for a road without one.
const TRIAL: &str = "[bundle]\nstore = \"store\"\nprobation_minutes = 10080\n";

#[test]
fn a_clean_end_uses_up_no_start() {
    let device = Device::new();
    let a = device.archive("a", version("1.1.0"));
    let told = device.agent(&["bundle", "install", "a.tar"]);
    assert_eq!(told.code, 0, "{}", told.err);
    let on_trial = format!("bundle {a} is on trial, 2 starts left");
    // The frames end.
    for _ in 0..4 {
        assert_eq!(device.start(), on_trial);
    }
    // A signal.
    fs::write(device.path("agent.toml"), endless("a", TRIAL)).unwrap();
    let service = Service::start(&device.path(""));
    service.await_log(&on_trial);
    service.await_message("READY=1");
    service.end();
    let state = device.state();
    assert_eq!(state["current"], a);
    assert_eq!(state["starts_left"], 3);
}

#[test]
fn a_bundle_that_never_lasts_is_taken_back() {
    let device = Device::new();
    let a = device.archive("a", version("1.1.0"));
    let b = device.archive("b", version("1.2.0"));
    device.install_as_good("a");
    let told = device.agent(&["bundle", "install", "b.tar"]);
    assert_eq!(told.code, 0, "{}", told.err);
    let plain = fs::read(device.path("agent.toml")).unwrap();
    let road = endless("a", TRIAL);
    fs::write(device.path("agent.toml"), road).unwrap();
    for left in [2, 1, 0] {
        let service = Service::start(&device.path(""));
        service.await_log(&format!("bundle {b} is on trial, {left} starts left"));
        service.await_message("READY=1");
        // Killed.
        drop(service);
        fs::remove_file(device.path("notify")).unwrap();
    }
    fs::write(device.path("agent.toml"), plain).unwrap();
    assert_eq!(
        device.start(),
        format!(
            "bundle {b} taken back: no start of it lasted until the end of its trial\n\
             bundle {a} of the store is used"
        )
    );
    assert_eq!(device.start(), format!("bundle {a} of the store is used"));
}

#[test]
fn a_config_that_is_read_again_is_no_start() {
    let device = Device::new();
    let a = device.archive("a", version("1.1.0"));
    let told = device.agent(&["bundle", "install", "a.tar"]);
    assert_eq!(told.code, 0, "{}", told.err);
    let road = endless("a", TRIAL);
    let configure = |text: &str| fs::write(device.path("agent.toml"), text).unwrap();
    configure(&road);
    let service = Service::start(&device.path(""));
    let on_trial = format!("bundle {a} is on trial, 2 starts left");
    service.await_log(&on_trial);
    for _ in 0..6 {
        service.signal("HUP");
        let told = service.await_log("agent.toml read again");
        assert!(told.contains(&on_trial), "{told:?}");
    }
    // One that is refused when it is opened: the one before it is opened once more.
    configure(&road.replace("events.jsonl", "no/events.jsonl"));
    for _ in 0..2 {
        service.signal("HUP");
        service.await_log("; the config before it goes on");
        let told = service.await_log("starts left");
        assert_eq!(told.last(), Some(&on_trial));
    }
    let mut state = device.state();
    assert_eq!(state["current"], a);
    assert_eq!(state["starts_left"], 2);
    // In its last start, one that is refused before it is opened.
    state["starts_left"] = 0.into();
    fs::write(device.path("store/state.json"), state.to_string()).unwrap();
    let rule = "[[rule]]\nwhen = { colour = \"gold\" }\nthen = { log = \"gold\" }\n";
    configure(&(road + rule));
    service.signal("HUP");
    let told = service.await_log("when.colour names \"gold\"");
    let line = told.last().unwrap();
    assert!(line.ends_with("; the config before it goes on"), "{line}");
    assert_eq!(device.state(), state);
    // Killed; another process is a start.
    drop(service);
    device.configure("[source]\nkind = \"replay\"\nfolder = \"frames\"\n", "");
    let told = device.start();
    let taken_back = format!("bundle {a} taken back: no start of it lasted");
    assert!(told.starts_with(&taken_back), "{told}");
}

#[test]
fn a_bundle_that_names_nothing_gives_way_while_the_agent_runs() {
    let device = Device::new();
    let mute = device.archive("mute", |text| {
        version("1.1.0")(text).replacen("\"reject_below\": 0.5", "\"reject_below\": 1.0", 1)
    });
    let told = device.agent(&["bundle", "install", "mute.tar"]);
    assert_eq!(told.code, 0, "{}", told.err);
    let (events, err) = watch(&device);
    let expected = format!("bundle {mute} taken back: it had no colour for ");
    assert!(err.contains(&expected), "{err}");
    let by: Vec<bool> = events.iter().map(|event| event["bundle"] == mute).collect();
    let first_other = by.iter().position(|mute| !mute).unwrap();
    assert!(first_other >= 10, "{by:?}");
    assert!(by[first_other..].iter().all(|mute| !mute), "{by:?}");
    assert!(
        events[..first_other]
            .iter()
            .all(|event| event["colour"] == "unknown")
    );
    assert!(
        events[first_other..]
            .iter()
            .any(|event| event["colour"] != "unknown")
    );
    let numbers: Vec<u64> = events
        .iter()
        .filter_map(|event| event["sequence"].as_u64())
        .collect();
    let expected: Vec<u64> = (1..=events.len() as u64).collect();
    assert_eq!(numbers, expected);
    assert_eq!(device.state()["refused"][0], mute);
    assert_eq!(device.state()["current"], Value::Null);
}

#[test]
fn a_good_bundle_is_good_after_its_trial() {
    let device = Device::new();
    let a = device.archive("a", version("1.1.0"));
    let told = device.agent(&["bundle", "install", "a.tar"]);
    assert_eq!(told.code, 0, "{}", told.err);
    let (events, err) = watch(&device);
    assert!(
        err.contains(&format!("bundle {a} is good: its trial is over")),
        "{err}"
    );
    assert!(events.iter().all(|event| event["bundle"] == a));
    let state = device.state();
    assert_eq!(state["current"], a);
    assert_eq!(state["starts_left"], Value::Null);
    let told = device.agent(&["bundle", "install", "a.tar"]);
    assert!(told.out.ends_with("it is in use already\n"), "{}", told.out);
}
