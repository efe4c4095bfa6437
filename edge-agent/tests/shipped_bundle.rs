//! The program with the bundle that it ships with, from end to end.

mod common;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use common::{plain, program, run};
use serde_json::Value;

fn sim(folder: &Path, rest: &str) {
    let config = format!("[jsonl]\npath = \"events.jsonl\"\n[source]\nkind = \"sim\"\n{rest}\n");
    std::fs::write(folder.join("agent.toml"), config).unwrap();
}

#[test]
fn bench_says_where_the_time_went_and_ends_after_as_many_frames_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    sim(folder.path(), "duration_ms = 20000");
    let options = [
        "bench",
        "--config",
        "agent.toml",
        "--json",
        "--frames",
        "250",
    ];
    let told = run(folder.path(), &options);
    assert_eq!(told.code, 0, "{}", told.err);
    let report: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(report["frames"], 250);
    let names: Vec<_> = report["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stage| stage["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["decode", "gate", "track", "views", "classify"]);
    assert_eq!(report["resident_kib"].as_array().unwrap().len(), 11);
    assert!(!folder.path().join("events.jsonl").exists());
}

#[test]
fn classify_goes_on_after_pictures_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::create_dir_all(path.join("in/deeper")).unwrap();
    std::fs::create_dir(path.join("none")).unwrap();
    plain(&path.join("in/b.png"), [200, 20, 20]);
    plain(&path.join("in/deeper/a.png"), [20, 20, 200]);
    std::fs::write(path.join("in/text.jpg"), "not a picture").unwrap();
    let jpeg = models::RgbFrame::filled(64, 64, [9, 99, 9]).unwrap();
    let jpeg = models::picture::jpeg(jpeg.view(), 90).unwrap();
    std::fs::write(path.join("in/torn.jpg"), &jpeg[..jpeg.len() / 2]).unwrap();
    let told = run(path, &["classify", "--json", "gone.png", "none", "in"]);
    assert_eq!(told.code, 1);
    let lines: Vec<Value> = told
        .out
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let paths: Vec<&str> = lines
        .iter()
        .filter_map(|line| line["path"].as_str())
        .collect();
    assert_eq!(paths, ["in/b.png", "in/deeper/a.png"]);
    for line in &lines {
        assert_eq!(line["top3"].as_array().map(Vec::len), Some(3), "{line}");
        let unknown = line["colour"] == "unknown";
        assert_eq!(
            line["reason"],
            if unknown {
                "unsure".into()
            } else {
                Value::Null
            },
            "{line}"
        );
    }
    let told: Vec<&str> = told.err.lines().collect();
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(
        told[0].starts_with("none has no pictures; looked for jpg, "),
        "{told:?}"
    );
    assert!(
        told[1].starts_with("cannot read gone.png: No such file"),
        "{told:?}"
    );
    assert_eq!(
        told[2],
        "cannot read in/text.jpg: it is not a JPEG, PNG, BMP or WebP picture"
    );
    assert_eq!(
        told[3],
        "cannot read in/torn.jpg: the JPEG is cut off before its end"
    );
}

#[test]
fn classify_is_readable_without_json() {
    let folder = tempfile::tempdir().unwrap();
    plain(&folder.path().join("a.png"), [200, 20, 20]);
    let told = run(folder.path(), &["classify", "a.png"]);
    assert_eq!(
        (told.code, told.out.lines().count()),
        (0, 1),
        "{}",
        told.err
    );
    assert!(told.out.starts_with("a.png  "), "{}", told.out);
}

#[test]
fn the_same_scene_gives_the_same_bytes_on_output_and_in_the_file() {
    let mut outputs = Vec::new();
    for _ in 0..2 {
        let folder = tempfile::tempdir().unwrap();
        sim(folder.path(), "duration_ms = 12000");
        let told = run(folder.path(), &["run", "--config", "agent.toml"]);
        assert_eq!(told.code, 0, "{}", told.err);
        assert!(told.err.starts_with("300 frames, "), "{}", told.err);
        let file = std::fs::read_to_string(folder.path().join("events.jsonl")).unwrap();
        assert_eq!(file, told.out);
        outputs.push(told.out);
    }
    assert!(outputs[0].lines().count() >= 2, "{}", outputs[0]);
    assert_eq!(outputs[0], outputs[1]);
}

#[test]
fn unusable_frames_are_dropped_counted_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::create_dir(path.join("frames")).unwrap();
    for number in 0..5 {
        plain(&path.join(format!("frames/{number}.png")), [90, 90, 90]);
    }
    std::fs::write(path.join("frames/2a.jpg"), "text").unwrap();
    std::fs::write(path.join("frames/3a.png"), b"\x89PNG\r\n\x1a\nrest").unwrap();
    let config = "[source]\nkind = \"replay\"\nfolder = \"frames\"\n";
    std::fs::write(path.join("agent.toml"), config).unwrap();
    let told = run(path, &["run", "--config", "agent.toml"]);
    assert_eq!((told.code, told.out.as_str()), (0, ""), "{}", told.err);
    let lines: Vec<&str> = told.err.lines().collect();
    assert!(
        lines[0].starts_with("frame 3 dropped: cannot read frames/2a.jpg: "),
        "{lines:?}"
    );
    assert!(
        lines[1].starts_with("frame 5 dropped: cannot read frames/3a.png: "),
        "{lines:?}"
    );
    assert!(
        lines[2].starts_with("5 frames (2 dropped), 0 vehicles, "),
        "{lines:?}"
    );
}

#[test]
fn an_interrupt_finishes_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    sim(folder.path(), "duration_ms = 86400000");
    let mut child = program()
        .current_dir(folder.path())
        .args(["run", "--config", "agent.toml"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let id = child.id().to_string();
    assert!(
        std::process::Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let file = std::fs::read_to_string(folder.path().join("events.jsonl")).unwrap();
    let told: Vec<String> = std::iter::once(first).chain(rest).collect();
    assert_eq!(file.lines().collect::<Vec<_>>(), told);
    let events = String::from_utf8(output.stderr).unwrap();
    assert!(
        events.contains(&format!(", {} vehicles, ", told.len())),
        "{events}"
    );
}

#[test]
fn a_reader_that_leaves_ends_the_run_quietly() {
    let folder = tempfile::tempdir().unwrap();
    let config = "[source]\nkind = \"sim\"\nduration_ms = 86400000\n";
    std::fs::write(folder.path().join("agent.toml"), config).unwrap();
    let mut child = program()
        .current_dir(folder.path())
        .args(["run", "--config", "agent.toml"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"));
}

#[test]
fn without_a_config_a_minute_of_the_drawn_road_is_watched() {
    let folder = tempfile::tempdir().unwrap();
    let told = run(folder.path(), &["run"]);
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(told.err.starts_with("1500 frames, "), "{}", told.err);
    assert!(told.out.lines().count() >= 8, "{}", told.out);
}
