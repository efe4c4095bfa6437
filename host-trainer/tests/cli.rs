//! The program as a person runs it: the whole way on drawn pictures, and what it says of bad
//! input.

mod common;

use std::fs;

use common::{complaint, draw, host_trainer, success};
use models::picture;

#[test]
fn from_a_folder_to_a_measured_bundle() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    draw(&at.join("data/train"), &["black", "red", "white"], 20);
    // Two files that are no pictures must not stop anything.
    fs::write(at.join("data/train/red/list.jpg"), "bread, milk").unwrap();
    let whole = fs::read(at.join("data/train/red/3.png")).unwrap();
    let jpeg = picture::jpeg(picture::decode(&whole).unwrap().view(), 90).unwrap();
    fs::write(at.join("data/train/red/cut.jpg"), &jpeg[..jpeg.len() / 2]).unwrap();

    let options =
        "--epochs 2 --input-size 32 --batch-size 8 --test-share 0.2 --device cpu --pretrained none";
    let train: Vec<&str> = ["train"].into_iter().chain(options.split(' ')).collect();
    let output = host_trainer(at, &train);
    let skipped = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(skipped.lines().count(), 2, "{skipped}");
    assert!(
        skipped.contains("cut.jpg: the JPEG is cut off before its end"),
        "{skipped}"
    );
    assert!(
        skipped.contains("list.jpg: it is not a JPEG, PNG, BMP or WebP picture"),
        "{skipped}"
    );
    let text = success(output);
    assert!(text.contains("classes      3: black red white"), "{text}");
    assert!(text.contains("best epoch"), "{text}");
    let run = at.join("runs/1");
    for file in [
        "weights/best.safetensors",
        "weights/last.safetensors",
        "run.json",
        "split.json",
    ] {
        assert!(run.join(file).is_file(), "{file}");
    }
    let indices = fs::read_to_string(run.join("class_indices.json")).unwrap();
    let indices: serde_json::Value = serde_json::from_str(&indices).unwrap();
    assert_eq!(
        indices,
        serde_json::json!({"0": "black", "1": "red", "2": "white"})
    );
    assert_eq!(
        fs::read_to_string(run.join("log.jsonl"))
            .unwrap()
            .lines()
            .count(),
        2
    );

    let log = fs::read_to_string(run.join("train_log.json")).unwrap();
    let log: serde_json::Value = serde_json::from_str(&log).unwrap();
    assert_eq!(log["train parameters"]["optim"], "AdamW");
    assert_eq!(log["dataset"]["number classes"], 3);
    assert_eq!(log["model"]["total parameters"], 1_520_931);
    assert!(
        log["epoch_2"]["valid info"]["red"]["F1 score"].is_number(),
        "{log}"
    );

    let text = success(host_trainer(at, &["export", "runs/1", "--out", "bundle"]));
    assert!(
        text.contains("agreement    libtorch and tract differ by"),
        "{text}"
    );
    let float = "export runs/1 --quantise none --out float --also yard=data/train";
    success(host_trainer(at, &float.split(' ').collect::<Vec<_>>()));
    let card = fs::read_to_string(at.join("float/CARD.md")).unwrap();
    assert!(
        card.contains("## Measured elsewhere: yard\n\nOn "),
        "{card}"
    );
    let size = |name: &str| {
        fs::metadata(at.join(name).join("model.onnx"))
            .unwrap()
            .len()
    };
    assert!(size("bundle") * 3 < size("float"));

    let bundle = ["evaluate", "--bundle", "bundle", "--data", "data/train"];
    let held_out = ["--split", "runs/1/split.json", "--json"];
    let text = success(host_trainer(at, &[bundle.as_slice(), &held_out].concat()));
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let manifest = fs::read_to_string(at.join("bundle/manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(report["accuracy"], manifest["metrics"][0]["top1"]);
    assert_eq!(report["pictures"], manifest["metrics"][0]["pictures"]);

    // The float weights of the run itself, and with mirror images.
    let run = ["evaluate", "--run", "runs/1", "--data", "data/train"];
    let text = success(host_trainer(at, &[run.as_slice(), &held_out].concat()));
    let plain: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(plain["bundle_id"], "best weights");
    let text = success(host_trainer(
        at,
        &[run.as_slice(), &held_out, &["--flip"]].concat(),
    ));
    let flipped: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&plain["flip"], &flipped["flip"]),
        (&false.into(), &true.into())
    );
    assert_eq!(plain["pictures"], flipped["pictures"]);
    let changed = || {
        let line = [run.as_slice(), &held_out, &["--changed", "pole"]].concat();
        serde_json::from_str::<serde_json::Value>(&success(host_trainer(at, &line))).unwrap()
    };
    let once = changed();
    assert_eq!(once, changed());
    assert_ne!(once["calibration_error"], plain["calibration_error"]);

    // The two unreadable files count as a failure here, after all others were evaluated.
    let output = host_trainer(at, &bundle);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("accuracy"));

    let again = host_trainer(at, &["export", "runs/1", "--out", "bundle"]);
    let (code, line) = complaint(&again);
    assert_eq!(code, 2);
    assert!(
        line.contains("bundle exists already; remove it or choose another folder"),
        "{line}"
    );

    let mut model = fs::read(at.join("bundle/model.onnx")).unwrap();
    model[1000] ^= 4;
    fs::write(at.join("bundle/model.onnx"), model).unwrap();
    let (code, line) = complaint(&host_trainer(at, &bundle));
    assert_eq!(code, 1);
    assert!(
        line.contains("bundle bundle: model.onnx is damaged"),
        "{line}"
    );
}

#[test]
fn a_validation_folder_replaces_the_split_and_frozen_layers_stay() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    draw(&at.join("train"), &["blue", "yellow"], 8);
    draw(&at.join("val"), &["blue"], 3);
    let options = "train --data-train train --data-val val --freeze-layers --epochs 1 \
                   --input-size 32 --batch-size 4 --model large --optim SGD --pretrained none --save-ret out/runs";
    let text = success(host_trainer(
        at,
        &options.split_whitespace().collect::<Vec<_>>(),
    ));
    assert!(text.contains("mobilenet_v3_large"), "{text}");
    assert!(!at.join("out/runs/1/split.json").exists());
    let text = success(host_trainer(at, &["export", "out/runs/1", "--out", "b"]));
    assert!(text.contains("on 3 validation pictures"), "{text}");
}

#[test]
fn bad_input_is_one_line_and_exit_code_2() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    fs::create_dir(at.join("empty")).unwrap();
    draw(&at.join("one"), &["red"], 2);
    draw(&at.join("two"), &["red", "blue"], 4);
    fs::write(at.join("weights.safetensors"), "no weights").unwrap();
    let cases: [(&str, &str); 11] = [
        (
            "train --pretrained none",
            "there is no folder ./data/train; give one that holds a folder of pictures",
        ),
        (
            "train --pretrained none --data-train empty",
            "empty holds no class folders; put the pictures of each",
        ),
        (
            "train --pretrained none --data-train one",
            "one has the one class red; a classifier needs at least two",
        ),
        (
            "train --data-train two --pretrained none.safetensors",
            "none.safetensors: No such file",
        ),
        (
            "train --data-train two --pretrained weights.safetensors",
            "weights.safetensors is not a usable weights file: it starts like none",
        ),
        (
            "train --data-train two --lr 0",
            "--lr is 0; 0.000000001 to 10 can be",
        ),
        (
            "train --data-train two --pretrained none --classes red,gold",
            "--classes: two has no folder gold; it has blue, red",
        ),
        (
            "train --data-train two --pretrained none --split nowhere.json",
            "cannot read the split nowhere.json: No such file",
        ),
        (
            "train --data-train two --input-size 7",
            "--input-size: input width is 7; 16 to 1024",
        ),
        (
            "export runs/9 --out b",
            "runs/9 is not a run folder (it has no run.json)",
        ),
        ("evaluate --data nowhere", "there is no folder nowhere"),
    ];
    for (command, expected) in cases {
        let output = host_trainer(at, &command.split(' ').collect::<Vec<_>>());
        let (code, line) = complaint(&output);
        assert_eq!(code, 2, "{command}: {line}");
        assert!(
            line.starts_with("host-trainer: ") && line.contains(expected),
            "{command}: {line}"
        );
        assert!(!at.join("runs").exists(), "{command} left a run folder");
    }
}

#[test]
fn a_damaged_bundle_is_one_line_and_exit_code_1() {
    let place = tempfile::tempdir().unwrap();
    draw(&place.path().join("val"), &["red"], 1);
    let arguments = ["evaluate", "--bundle", "nothing", "--data", "val"];
    let (code, line) = complaint(&host_trainer(place.path(), &arguments));
    assert_eq!(code, 1);
    assert!(
        line.contains("bundle nothing: cannot read manifest.json"),
        "{line}"
    );
}

#[test]
fn a_loss_that_is_no_number_stops_at_its_step_and_keeps_the_last_whole_epoch() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    draw(&at.join("data"), &["red", "blue"], 10);
    // Twenty epochs' warm-up: the rate is harmless in the first and bursts later.
    let options = "train --data-train data --pretrained none --epochs 40 --input-size 32 \
                   --batch-size 4 --optim SGD --lr 10 --warm-up-epochs 20 --ema 0 --device cpu";
    let output = host_trainer(at, &options.split_whitespace().collect::<Vec<_>>());
    let (code, line) = complaint(&output);
    assert_eq!(code, 1);
    assert!(line.contains("the loss became NaN at step ") || line.contains("the loss became inf"));
    assert!(line.ends_with("the weights of the last whole epoch are kept; try a lower --lr"));
    let last = host_trainer(
        at,
        &["evaluate", "--run", "runs/1", "--data", "data", "--json"],
    );
    let report: serde_json::Value = serde_json::from_str(&success(last)).unwrap();
    assert_eq!(report["pictures"], 20);
    let files = fs::read_dir(at.join("runs/1/weights")).unwrap().count();
    assert_eq!(files, 3);
}

#[test]
fn one_picture_a_class_is_too_few_and_says_so() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    draw(&at.join("data"), &["red", "blue"], 1);
    let options = ["train", "--data-train", "data", "--pretrained", "none"];
    let (code, line) = complaint(&host_trainer(at, &options));
    assert_eq!(code, 1);
    assert!(
        line.contains("no picture is left for validation; give --data-val, or more pictures"),
        "{line}"
    );
    assert!(!at.join("runs").exists());
}

#[test]
fn a_trial_of_learning_rates_suggests_one_and_draws_it() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    draw(&at.join("data"), &["red", "blue"], 10);
    let options = "train --data-train data --pretrained none --input-size 32 --batch-size 4 \
                   --device cpu --find-lr --save-ret rates";
    let output = host_trainer(at, &options.split_whitespace().collect::<Vec<_>>());
    let text = success(output);
    let suggestion = text
        .lines()
        .find_map(|line| line.strip_prefix("suggestion   --lr "))
        .unwrap();
    let rate: f64 = suggestion.parse().unwrap();
    assert!(rate > 0.0 && rate <= 0.1, "{text}");
    let chart = fs::read(at.join("rates/find-lr.png")).unwrap();
    assert!(picture::decode(&chart).unwrap().width() > 400);
    assert!(at.join("rates/find-lr.svg").is_file() && !at.join("rates/1").exists());
}
