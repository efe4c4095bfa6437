//! From a finished run to a narrower network, trained on, exported, and adapted.

mod common;

use std::fs;
use std::path::Path;

use common::{command_line, draw, success};

fn run(at: &Path, line: &str) -> String {
    success(command_line(at, line).output().unwrap())
}

const TRAIN: &str = "train --data-train data --input-size 32 --batch-size 8 --device cpu \
                     --workers 2 --epochs 1";

#[test]
fn a_run_is_made_narrower_trained_on_and_exported() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    draw(&at.join("data"), &["black", "red", "white"], 20);
    run(at, &format!("{TRAIN} --pretrained none"));

    let told = run(at, "shrink runs/1 --width 0.5 --out half.safetensors");
    assert!(told.contains("host-trainer train --pretrained half.safetensors --input-size 32"));
    let on = format!("{TRAIN} --split runs/1/split.json --pretrained half.safetensors");
    run(at, &on);
    let record = fs::read_to_string(at.join("runs/2/run.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    assert_eq!(record["widths"]["hidden"], 512);
    let whole = fs::metadata(at.join("runs/1/weights/best.safetensors")).unwrap();
    let half = fs::metadata(at.join("runs/2/weights/best.safetensors")).unwrap();
    assert!(half.len() * 3 < whole.len());
    run(at, "export runs/2 --quantise weights --force --out bundle");
    run(
        at,
        "evaluate --bundle bundle --data data --split runs/1/split.json",
    );
    run(at, "compare runs/1 runs/2");
    // A bundle tells how wide its network is: the narrow one can be adapted.
    let adapt = "adapt --bundle bundle --crops data --out site --without-labels";
    let told = command_line(at, adapt).output().unwrap();
    let text = String::from_utf8_lossy(&told.stderr);
    assert!(
        !text.contains("has shape") && !text.contains("as `host-trainer export` writes"),
        "{text}"
    );

    // Averaging needs networks of the same width.
    let output = command_line(at, "export runs/1 --average runs/2 --out mean")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        text.contains("runs/2 cannot be averaged with runs/1: it has other network"),
        "{text}"
    );
}

#[test]
fn a_search_ends_at_its_target_and_tells_every_round() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    draw(&at.join("data"), &["black", "red", "white"], 20);
    run(at, &format!("{TRAIN} --pretrained none"));
    // The network at 32 pixels takes 0.88 million.
    let told = run(
        at,
        "shrink runs/1 --target-minsn 0.8 --out slim.safetensors",
    );
    assert!(told.contains("round  cuts"), "{told}");
    let report = fs::read_to_string(at.join("slim.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let rounds = report["rounds"].as_array().unwrap();
    assert!(!rounds.is_empty());
    let mut before = 0.9;
    for round in rounds {
        let cost = round["costs"][0].as_f64().unwrap();
        assert!(cost < before, "{cost} after {before}");
        before = cost;
        let cuts = round["cuts"].as_array().unwrap();
        assert!(!cuts.is_empty());
        for cut in cuts {
            let [before, after] = ["before", "after"].map(|key| cut[key].as_u64().unwrap());
            assert!(after < before && after.is_multiple_of(8), "{cut}");
            assert!(cut["divergence"].as_f64().unwrap() > -1e-6, "{cut}");
        }
    }
    assert!(before <= 0.8, "{before}");
    // It has 1.52 million parameters and takes 0.88 million instructions.
    run(
        at,
        "shrink runs/1 --target-minsn 0.85 --target-mparams 1.3 --first-round 0.2 \
         --out small.safetensors",
    );
    let report = fs::read_to_string(at.join("small.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let costs = &report["rounds"].as_array().unwrap().last().unwrap()["costs"];
    let [instructions, parameters] = [0, 1].map(|index| costs[index].as_f64().unwrap());
    assert!(instructions <= 0.85 && parameters <= 1.3, "{costs}");
    run(at, "shrink runs/1 --target-ms 1000 --out same.safetensors");
}

#[test]
fn what_cannot_be_is_said() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    draw(&at.join("data"), &["black", "red"], 20);
    run(at, &format!("{TRAIN} --pretrained none"));
    let refused = |line: &str, expected: &str| {
        let output = command_line(at, line).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(expected), "{text}");
        assert!(!at.join("x.safetensors").exists());
    };
    refused("shrink runs/1 --out x.safetensors", "--target-minsn");
    refused(
        "shrink runs/1 --target-minsn 0.02 --out x.safetensors",
        "0.02 million instructions cannot be reached: with 8 channels in every layer the network costs",
    );
    refused(
        "shrink runs/1 --target-minsn 0.8 --target-mparams 0.001 --out x.safetensors",
        "0.001 million parameters cannot be reached: with 8 channels in every layer the network costs",
    );
    refused(
        "shrink runs/1 --width 0.5 --target-mparams 1 --out x.safetensors",
        "cannot be used with",
    );
    refused(
        "shrink runs/1 --width 1.5 --out x.safetensors",
        "--width is 1.5; 0.05 to 1 can be",
    );
    refused(
        "shrink runs/1 --width 0.5 --out x.pth",
        "it must end with .safetensors",
    );
    refused(
        "shrink data --width 0.5 --out x.safetensors",
        "data is not a run folder",
    );
    let list = at.join("list.json");
    refused("front list.json --out chart", "cannot read list.json");
    fs::write(&list, "{}").unwrap();
    refused(
        "front list.json --out chart",
        "list.json is no list of measured networks: missing",
    );
    fs::write(
        &list,
        r#"{"title":"t","cost":"c","accuracy":"a",
            "networks":[{"name":"n","line":"l","cost":1,"accuracy":0.5}]}"#,
    )
    .unwrap();
    assert!(run(at, "front list.json --out chart").contains("front        n"));
    assert!(at.join("chart/front.png").exists());
}
