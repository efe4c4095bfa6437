//! Runs that went on from the same weights, exported as one network.

mod common;

use std::fs;
use std::path::Path;

use common::{command_line, draw, success};

/// What the manifest of a bundle says of where its weights came from, and its network's bytes.
fn exported(at: &Path, line: &str, out: &str) -> (String, Vec<u8>) {
    let line = format!("export {line} --quantise none --out {out}");
    success(command_line(at, &line).output().unwrap());
    let manifest = fs::read_to_string(at.join(out).join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let from = manifest["training"]["pretrained"].as_str().unwrap();
    let model = fs::read(at.join(out).join("model.onnx")).unwrap();
    (from.into(), model)
}

#[test]
fn runs_from_the_same_weights_are_averaged_and_others_are_not() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    draw(&at.join("data"), &["black", "red", "white"], 20);
    let train = |more: &str| {
        let line = format!(
            "train --data-train data --input-size 32 --batch-size 8 --device cpu --workers 2 \
             --epochs 1 {more}"
        );
        success(command_line(at, &line).output().unwrap());
    };
    train("--pretrained none");
    let on = "--pretrained runs/1/weights/best.safetensors --split runs/1/split.json";
    train(on);
    train(&format!("{on} --seed 1"));

    let (alone, two) = exported(at, "runs/2", "alone");
    let (_, same) = exported(at, "runs/2 --average runs/2", "same");
    assert!(two == same, "the mean of a run and itself is the run");
    let (from, mean) = exported(at, "runs/2 --average runs/3", "mean");
    assert_eq!(from, format!("{alone} (the mean of 2 runs from there)"));
    assert!(mean != two);
    let line = "evaluate --run runs/2 --average runs/3 --data data --split runs/1/split.json";
    success(command_line(at, line).output().unwrap());

    let refused = |line: &str, expected: &str| {
        let output = command_line(at, line).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(expected), "{text}");
        assert!(!at.join("bundle").exists());
    };
    refused(
        "export runs/2 --average runs/1 --out bundle",
        "runs/1 cannot be averaged with runs/2: it has other weights to start from; give runs that",
    );
    refused(
        "export runs/2 --average data --out bundle",
        "data is not a run folder",
    );
}
