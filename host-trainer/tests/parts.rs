//! Which pictures train, choose the epoch and test: folders in folders, splits, validation folders,
//! extra pictures.

mod common;

use std::fs;
use std::path::Path;

use common::{command_line, draw, success};

const COLOURS: [&str; 2] = ["blue", "red"];
const SHORT: &str = "--pretrained none --epochs 1 --input-size 32 --batch-size 8 --device cpu";

/// `train` with these options; gives what it says of `pictures`.
fn pictures(at: &Path, options: &str) -> String {
    let text = train(at, options);
    let line = text.lines().find_map(|line| line.strip_prefix("pictures "));
    line.unwrap_or_else(|| panic!("{text}")).trim().to_string()
}

fn train(at: &Path, options: &str) -> String {
    let line = format!("train {SHORT} {options}");
    success(command_line(at, &line).output().unwrap())
}

#[test]
fn pictures_in_folders_with_like_names_all_train() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    for (below, each) in [("night", 2), ("night-rain", 3), ("night.2", 4)] {
        draw(&at.join(below), &COLOURS, each);
        for class in COLOURS {
            fs::create_dir_all(at.join("data").join(class)).unwrap();
            let to = at.join("data").join(class).join(below);
            fs::rename(at.join(below).join(class), to).unwrap();
        }
    }
    draw(&at.join("val"), &COLOURS, 1);
    assert_eq!(
        pictures(at, "--data-train data --data-val val"),
        "18 train (0 of them extra), 2 validation, 0 test"
    );
}

#[test]
fn a_split_goes_before_the_usual_validation_folder_and_not_beside_another() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    draw(&at.join("data/train"), &COLOURS, 10);
    draw(&at.join("data/val"), &COLOURS, 3);
    assert_eq!(
        pictures(at, ""),
        "20 train (0 of them extra), 6 validation, 0 test"
    );
    let divided = pictures(at, "--val-share 0.2 --test-share 0.2");
    assert_eq!(divided, "12 train (0 of them extra), 4 validation, 4 test");
    assert_eq!(pictures(at, "--split runs/2/split.json"), divided);
    for option in ["--split group", "--val-share 0.2", "--test-share 0.2"] {
        let line = format!("train {SHORT} --data-val data/val {option}");
        let output = command_line(at, &line).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains("cannot be used with"), "{text}");
    }
}

#[test]
fn copies_of_held_out_pictures_do_not_come_back_as_extra_ones() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    draw(&at.join("data"), &COLOURS, 10);
    let text = train(
        at,
        "--data-train data --data-extra data --val-share 0.2 --test-share 0.2",
    );
    assert!(
        text.contains("duplicates   8 extra pictures show a held-out photograph: left out"),
        "{text}"
    );
    assert!(
        text.contains("24 train (12 of them extra), 4 validation, 4 test"),
        "{text}"
    );
    // Drawn at random, copies are on both sides in any case.
    let random = pictures(
        at,
        "--data-train data --data-extra data --split random --val-share 0.2 --test-share 0.2",
    );
    assert_eq!(random, "32 train (20 of them extra), 4 validation, 4 test");
}

#[test]
fn the_words_for_weights_are_no_folders() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    draw(&at.join("data"), &COLOURS, 10);
    fs::create_dir(at.join("none")).unwrap();
    train(at, "--data-train data");
    let checked = command_line(at, "dataset check data").output().unwrap();
    success(checked);
    let output = command_line(at, "dataset check data --pretrained ./none").output();
    let text = String::from_utf8_lossy(&output.unwrap().stderr).into_owned();
    assert!(text.contains("./none: cannot read manifest.json"), "{text}");
}
