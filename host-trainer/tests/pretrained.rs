//! `--pretrained`: what a person reads where the weights cannot be had.

mod common;

use std::fs;
use std::path::Path;

use common::{command_line, draw};

/// What a run that cannot start says.
fn complaint(folder: &Path, pretrained: &str) -> (i32, String) {
    let output = command_line(folder, &format!("train --pretrained {pretrained}"))
        .output()
        .unwrap();
    assert!(!folder.join("runs").exists());
    common::complaint(&output)
}

#[test]
fn offline_the_way_out_is_said_and_a_file_of_the_right_length_is_not_believed() {
    let place = tempfile::tempdir().unwrap();
    let path = place
        .path()
        .join("cache/car-colour/weights/mobilenet_v3_small-047dcff4.pth");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, vec![0; 10_306_551]).unwrap();
    let (code, text) = complaint(place.path(), "imagenet");
    assert_eq!(code, 1, "{text}");
    let url = "http://127.0.0.1:9/models/mobilenet_v3_small-047dcff4.pth";
    assert!(text.contains(&format!("cannot fetch {url}: ")), "{text}");
    assert!(
        text.contains(&format!("put it at {}", path.display())),
        "{text}"
    );
    assert!(text.contains("or give --pretrained FILE"), "{text}");
    let (_, text) = complaint(place.path(), "imagenet --model large");
    assert!(text.contains("mobilenet_v3_large-5c1a4163.pth"), "{text}");
}

#[test]
fn a_bundle_is_gone_on_from() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    let run = |line: &str| common::success(command_line(at, line).output().unwrap());
    draw(&at.join("data"), &["black", "red", "white"], 40);
    let train = "train --data-train data --input-size 32 --batch-size 8 --device cpu --workers 2 \
                 --pretrained";
    run(&format!("{train} none --epochs 12"));
    run("export runs/1 --quantise none --out bundle");
    // Steps this small leave the network where it was, which shows that it began as the bundle.
    let told = run(&format!(
        "{train} bundle --epochs 1 --split runs/1/split.json --lr 0.000000001 --ema 0"
    ));
    assert!(told.contains("pretrained   bundle\n"), "{told}");
    run("export runs/2 --quantise none --out again");
    let accuracy = |bundle: &str| -> f64 {
        let told = run(&format!("evaluate --bundle {bundle} --data data"));
        let line = told.lines().find(|line| line.starts_with("accuracy"));
        line.unwrap()[8..].trim().parse().unwrap()
    };
    let [before, after] = ["bundle", "again"].map(accuracy);
    assert!(before > 0.6, "{before}");
    assert!((before - after).abs() < 0.1, "{before} {after}");
    let told = run(&format!("{train} bundle --epochs 1 --classes red,white"));
    assert!(
        told.contains("pretrained   bundle, new last layer\n"),
        "{told}"
    );

    fs::remove_dir_all(at.join("runs")).unwrap();
    let (code, text) = complaint(at, "bundle --model large --data-train data");
    assert_eq!(code, 2, "{text}");
    let expected = "bundle: its network is a mobilenet_v3_small; --model is mobilenet_v3_large";
    assert!(text.contains(expected), "{text}");
    let (code, text) = complaint(at, "data --data-train data");
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("data"), "{text}");
    let (code, text) = complaint(at, "imagenet --model efficientnet-lite0 --data-train data");
    assert_eq!(code, 2, "{text}");
    let expected = "torchvision publishes no weights of efficientnet_lite0; give --pretrained FILE";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn labels_are_checked_by_whichever_network_weights_are_of() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    draw(&at.join("data"), &["black", "red"], 20);
    let run = |line: &str| common::success(command_line(at, line).output().unwrap());
    run(
        "train --data-train data --input-size 32 --batch-size 8 --device cpu --workers 2 \
         --epochs 1 --pretrained none --model efficientnet-lite0",
    );
    run("export runs/1 --quantise none --out bundle");
    for weights in ["runs/1/weights/best.safetensors", "bundle"] {
        let told = command_line(
            at,
            &format!("dataset check data --input-size 32 --pretrained {weights}"),
        )
        .output()
        .unwrap();
        let text = String::from_utf8_lossy(&told.stdout);
        assert!(text.contains(weights), "{told:?}");
        assert_ne!(told.status.code(), Some(2), "{told:?}");
    }
}

#[test]
fn a_file_of_torch_is_read_and_must_hold_the_network() {
    let place = tempfile::tempdir().unwrap();
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/src/weights/pth/fixtures/");
    for (name, expected) in [
        (
            "checkpoint.pth",
            "has no parameter features.0.0.weight; it must hold a mobilenet_v3_small",
        ),
        (
            "whole_model.pth",
            "is not a usable weights file: it holds Python objects (torch.nn.modules.linear.Linear)",
        ),
    ] {
        fs::create_dir_all(place.path().join("data/train")).unwrap();
        // The ending says nothing.
        fs::copy(Path::new(fixture).join(name), place.path().join("w.bin")).unwrap();
        draw(&place.path().join("data/train"), &["red", "white"], 6);
        let (code, text) = complaint(place.path(), "w.bin");
        assert_eq!(code, 2, "{text}");
        assert!(text.contains(expected), "{text}");
    }
}
