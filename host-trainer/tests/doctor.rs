//! `host-trainer doctor` on the machine that runs the tests, which can train.

mod common;

use common::command_line;

fn said(arguments: &str) -> String {
    let place = tempfile::tempdir().unwrap();
    let output = command_line(place.path(), arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert_eq!(errors, "");
    // It only looks.
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_text_has_a_line_for_each_thing() {
    let text = said("doctor --steps 1 --batch-size 4 --input-size 64");
    let names: Vec<&str> = text
        .lines()
        .filter_map(|line| line.get(..12)?.split_whitespace().next())
        .collect();
    for name in [
        "libtorch",
        "cuda",
        "driver",
        "processor",
        "memory",
        "disk",
        "weights",
        "cpu",
        "ready",
    ] {
        assert!(names.contains(&name), "no {name} in\n{text}");
    }
    assert!(
        text.contains(" pictures of 64 x 64 a second, 4 at a time"),
        "{text}"
    );
    assert!(
        text.contains("mobilenet_v3_small-047dcff4.pth (10 MB)"),
        "{text}"
    );
}

#[test]
fn json_is_one_object_for_programs() {
    let text = said("doctor --json --steps 1 --batch-size 4 --input-size 64");
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["can_train"], true);
    assert_eq!(report["program"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(report["devices"][0]["device"], "cpu");
    assert!(report["devices"][0]["images_per_second"].as_f64().unwrap() > 0.0);
    assert!(
        report["libtorch"]["version"]
            .as_str()
            .unwrap()
            .starts_with("2.11")
    );
    assert_ne!(report["program"]["tch"], "?");
    assert_eq!(report["weights"][1]["kept"], serde_json::Value::Null);
    assert!(report["memory"]["total_bytes"].as_u64().unwrap() > 0);
}
