//! The program: what it writes, what it refuses and with which exit code.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use road_sim::Passage;

fn road_sim(arguments: &[&str], out: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_road-sim"))
        .args(arguments)
        .arg("--out")
        .arg(out)
        .output()
        .unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn frames_come_with_times_and_truth() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("scene");
    let scene = [
        "frames",
        "--seconds",
        "8",
        "--fps",
        "10",
        "--width",
        "320",
        "--height",
        "180",
    ];
    let done = road_sim(&[&scene[..], &["--colours", "red,blue"]].concat(), &out);
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let pictures = models::picture::list(&out).unwrap();
    assert_eq!(pictures.len(), 80);
    assert_eq!(models::picture::read(&pictures[0]).unwrap().width(), 320);
    let timestamps = fs::read_to_string(out.join("timestamps.jsonl")).unwrap();
    assert_eq!(timestamps.lines().count(), 80);
    assert_eq!(
        timestamps.lines().next(),
        Some(r#"{"frame":"000001.png","t_ms":0}"#)
    );
    assert_eq!(
        timestamps.lines().nth(3),
        Some(r#"{"frame":"000004.png","t_ms":300}"#)
    );
    let truth = fs::read_to_string(out.join("truth.jsonl")).unwrap();
    let passages: Vec<Passage> = truth
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(!passages.is_empty());
    assert!(
        passages
            .iter()
            .all(|p| p.colour == "red" || p.colour == "blue")
    );
    assert_eq!(names(folder.path()), ["scene"]);
}

#[test]
fn a_filled_folder_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("scene");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("mine.txt"), "kept").unwrap();
    for command in [&["frames"][..], &["pictures", "--per-class", "1"]] {
        let done = road_sim(command, &out);
        assert_eq!(done.status.code(), Some(2));
        let text = String::from_utf8(done.stderr).unwrap();
        let expected = format!(
            "road-sim: {} is not empty: name a new folder, or empty this one\n",
            out.display()
        );
        assert_eq!(text, expected);
    }
    assert_eq!(names(&out), ["mine.txt"]);
    assert_eq!(names(folder.path()), ["scene"]);
}

#[test]
fn an_empty_folder_is_filled_and_a_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let scene = [
        "frames",
        "--seconds",
        "0.2",
        "--width",
        "160",
        "--height",
        "90",
    ];
    let out = folder.path().join("scene");
    fs::create_dir(&out).unwrap();
    assert!(road_sim(&scene, &out).status.success());
    assert_eq!(names(&out).len(), 7);
    let file = folder.path().join("file");
    fs::write(&file, "kept").unwrap();
    let done = road_sim(&scene, &file);
    assert_eq!(done.status.code(), Some(2));
    assert!(
        String::from_utf8(done.stderr)
            .unwrap()
            .contains("is not a folder")
    );
}

#[test]
fn misuse_exits_with_two_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("scene");
    for (arguments, text) in [
        (
            &["frames", "--colours", "beige"][..],
            "no paint for the vehicle colour \"beige\"",
        ),
        (
            &["frames", "--seconds", "-1"],
            "a scene of 0 ms cannot be drawn",
        ),
        (
            &["frames", "--light", "moon"],
            "there is no light \"moon\": use sun or overcast",
        ),
        (
            &["frames", "--yuyv", "--width", "321"],
            "--width 321 is odd: YUYV has pixels in pairs",
        ),
        (
            &["pictures", "--per-class", "1", "--road-share", "2"],
            "--road-share 2 is no share",
        ),
    ] {
        let done = road_sim(arguments, &out);
        let found = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(2), "{found}");
        assert!(found.contains(text), "{found}");
    }
    assert!(names(folder.path()).is_empty());
}

#[test]
fn pictures_fill_a_folder_for_each_class() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("drawn");
    let command = [
        "pictures",
        "--per-class",
        "4",
        "--colours",
        "green,white",
        "--road-share",
        "0.5",
    ];
    let done = road_sim(&command, &out);
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    assert_eq!(names(&out), ["green", "white"]);
    for class in ["green", "white"] {
        let expected = [
            "portrait-00001.png",
            "portrait-00002.png",
            "road-00001.png",
            "road-00002.png",
        ];
        assert_eq!(names(&out.join(class)), expected);
    }
    for picture in models::picture::list(&out).unwrap() {
        let frame = models::picture::read(&picture).unwrap();
        assert!((32..=300).contains(&frame.width()), "{}", picture.display());
    }
}
