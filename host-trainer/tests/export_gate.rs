//! Export of a network that 8-bit weights or half precision ruin: refused with one line; 8-bit weights
//! are let through by `--force`.

mod common;

use std::fs;
use std::path::Path;

use common::{command_line, complaint, draw, success};

#[test]
fn weights_that_eight_bits_ruin_are_not_exported_unless_forced() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    train(at, 6);
    let weights = at.join("runs/1/weights/best.safetensors");
    // A hidden number that is always zero, with huge weights after it: floats do not notice it,
    // but it takes the whole range of the 8-bit integers of the last layer.
    edit(&weights, "classifier.0.weight", |row, _, value| {
        if row == 0 { 0.0 } else { value }
    });
    edit(&weights, "classifier.0.bias", |row, _, value| {
        if row == 0 { -10.0 } else { value }
    });
    edit(&weights, "classifier.3.weight", |_, column, value| {
        if column == 0 { 1e6 } else { value }
    });

    let export = "export runs/1 --out bundle";
    let (code, line) = complaint(&command_line(at, export).output().unwrap());
    assert_eq!(code, 1);
    let start = "host-trainer: 8-bit weights lose too much on the test pictures: top-1 ";
    assert!(line.starts_with(start), "{line}");
    assert!(line.contains(" may be lost)"), "{line}");
    let end = "; export with --quantise none, or with --force if that may be";
    assert!(line.ends_with(end), "{line}");
    assert!(!at.join("bundle").exists());

    let forced = format!("{export} --force");
    let text = success(command_line(at, &forced).output().unwrap());
    assert!(
        text.contains("forced       8-bit weights lose too much"),
        "{text}"
    );
    let card = fs::read_to_string(at.join("bundle/CARD.md")).unwrap();
    assert!(card.contains("## Exported with --force"), "{card}");

    let float = "export runs/1 --out float --quantise none";
    success(command_line(at, float).output().unwrap());

    // In half precision those weights are infinite, and nothing times them is no number.
    let half = "export runs/1 --out half --quantise none --arithmetic half";
    let (code, line) = complaint(&command_line(at, half).output().unwrap());
    assert_eq!(code, 1);
    let start = "host-trainer: half precision loses too much on the test pictures: top-1 ";
    assert!(line.starts_with(start), "{line}");
    let end = "; export with --arithmetic single, or with --force if that may be";
    assert!(line.ends_with(end), "{line}");
    // Nor does force make a bundle that a device would refuse.
    let half = format!("{half} --force");
    let (code, line) = complaint(&command_line(at, &half).output().unwrap());
    assert_eq!(code, 1);
    let start = "gets logits that differ by NaN from those at export (at most 0.25 may be)";
    assert!(line.contains(start), "{line}");
    assert!(!at.join("half").exists());
}

#[test]
fn half_precision_that_loses_little_is_told_by_manifest_and_card() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    train(at, 2);
    let export = "export runs/1 --out bundle --quantise none --arithmetic half";
    let text = success(command_line(at, export).output().unwrap());
    let told = text.lines().find(|line| line.starts_with("half  "));
    assert!(told.unwrap().ends_with(" at most"), "{text}");
    let bundle = models::Bundle::open(&at.join("bundle")).unwrap();
    let arithmetic = bundle.manifest().arithmetic;
    assert_eq!(arithmetic, models::manifest::Arithmetic::Half);
    let card = fs::read_to_string(at.join("bundle/CARD.md")).unwrap();
    assert!(card.contains("## Half precision"), "{card}");

    let evaluate = "evaluate --bundle bundle --data data --half";
    let text = success(command_line(at, evaluate).output().unwrap());
    assert!(text.contains("accuracy     "), "{text}");
}

/// A run at 32 pixels on drawn cars.
fn train(at: &Path, epochs: u32) {
    draw(&at.join("data"), &["black", "red", "white"], 30);
    let line = format!(
        "train --data-train data --epochs {epochs} --input-size 32 --batch-size 8 --test-share 0.3 \
         --device cpu --pretrained none"
    );
    success(command_line(at, &line).output().unwrap());
}

/// Changes each number of an array in a safetensors file: 8 bytes of length, that many bytes of
/// JSON with every array's shape and place, then the numbers.
fn edit(file: &Path, name: &str, change: impl Fn(usize, usize, f32) -> f32) {
    let mut bytes = fs::read(file).unwrap();
    let start = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..start]).unwrap();
    let number = |value: &serde_json::Value| value.as_u64().unwrap() as usize;
    let array = &header[name];
    let columns = array["shape"].get(1).map_or(1, number);
    let place = &array["data_offsets"];
    let numbers = &mut bytes[start + number(&place[0])..start + number(&place[1])];
    for (at, four) in numbers.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        *four = change(at / columns, at % columns, f32::from_le_bytes(*four)).to_le_bytes();
    }
    fs::write(file, bytes).unwrap();
}
