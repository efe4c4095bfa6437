//! A run that learns from a finished one: what cannot be is said before anything is made.

mod common;

use common::{command_line, draw, success};

const SHORT: &str = "train --data-train data --pretrained none --batch-size 8 --device cpu \
                     --workers 2 --epochs 1";

#[test]
fn a_teacher_that_does_not_fit_is_named_and_nothing_is_made() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    draw(&at.join("data"), &["black", "red", "white"], 20);
    let train = |more: &str| {
        let line = format!("{SHORT} {more}");
        command_line(at, &line).output().unwrap()
    };
    success(train("--input-size 32 --save-ret teacher"));
    let refused = |more: &str, expected: &str| {
        let output = train(more);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(expected), "{text}");
        assert!(!at.join("runs").exists());
    };
    refused(
        "--input-size 32 --classes red,white --teacher teacher/1",
        "teacher/1 knows black, red, white; this run is about red, white",
    );
    refused(
        "--input-size 32 --seed 5 --teacher teacher/1",
        "trained on pictures that this run holds out: give --split",
    );
    refused(
        "--input-size 32 --teacher data",
        "--teacher: data is not a run folder",
    );
    refused("--teacher-share 0.5", "--teacher <RUN>");

    // Its input may have another size.
    success(train(
        "--input-size 64 --teacher teacher/1 --save-ret larger",
    ));
    let told = success(train("--input-size 32 --teacher teacher/1"));
    assert!(told.contains("teachers     1, 0.7 of the loss"), "{told}");
    let record = std::fs::read_to_string(at.join("runs/1/run.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    assert_eq!(record["teaching"]["share"], 0.7);
    // What it learned from must still be there when it goes on.
    let path = at.join("runs/1/run.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"epochs\": 1", "\"epochs\": 2")).unwrap();
    let weights = at.join("teacher/1/weights");
    std::fs::copy(
        at.join("runs/1/weights/best.safetensors"),
        weights.join("best.safetensors"),
    )
    .unwrap();
    let output = command_line(at, "train --resume runs/1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("are not those that this run began with"),
        "{text}"
    );
}
