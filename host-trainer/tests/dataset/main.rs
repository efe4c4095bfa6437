//! `dataset check` and `dataset split` as a person runs them: everything that was planted in a
//! drawn dataset is found, and nothing is touched.

mod bombs;
mod clean;
#[path = "../common/mod.rs"]
mod common;
mod cut;
mod fixtures;
mod misuse;
mod split;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::{complaint, draw, host_trainer, success};
use fixtures::{json, portrait, save};
use models::resample::resize;
use models::{RgbFrame, picture};
use serde_json::Value;

fn mirrored(frame: &RgbFrame) -> RgbFrame {
    let mut copy = frame.clone();
    for row in copy.data_mut().chunks_mut(frame.width() as usize * 3) {
        let pixels: Vec<_> = row.chunks(3).rev().flatten().copied().collect();
        row.copy_from_slice(&pixels);
    }
    copy
}

/// Every file below a folder with its bytes.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.insert(path.display().to_string(), fs::read(&path).unwrap());
        }
    }
    found
}

/// Whether some set of `kind` holds all of `paths`.
fn together(kind: &Value, paths: &[&str]) -> bool {
    kind.as_array().unwrap().iter().any(|set| {
        let members: Vec<_> = set
            .as_array()
            .unwrap()
            .iter()
            .map(|member| member["path"].as_str().unwrap())
            .collect();
        paths.iter().all(|path| members.contains(path))
    })
}

fn paths(list: &Value) -> Vec<&str> {
    let list = list.as_array().unwrap().iter();
    list.map(|entry| entry["path"].as_str().unwrap_or_default())
        .collect()
}

/// A dataset of drawn cars with one of everything that can be wrong.
fn plant(at: &Path) {
    for (part, each) in [("train", 24), ("val", 6)] {
        draw(&at.join(part), &["black", "red", "white"], each);
    }
    // Other seeds in `val`, so that no drawing is there by accident twice.
    for class in ["black", "red", "white"] {
        for n in 0..6 {
            let frame = portrait(class, 90_000 + n * 100);
            save(&at.join(format!("val/{class}/{n}.png")), &frame);
        }
    }
    let read = |path: &str| picture::read(&at.join(path)).unwrap();
    let copy = |from: &str, to: &str| _ = fs::copy(at.join(from), at.join(to)).unwrap();
    fs::write(at.join("train/red/list.jpg"), "bread, milk").unwrap();
    let jpeg = picture::jpeg(read("train/red/9.png").view(), 90).unwrap();
    fs::write(at.join("train/red/cut.jpg"), &jpeg[..jpeg.len() / 2]).unwrap();
    fs::write(
        at.join("train/red/bomb.png"),
        fixtures::png_bomb(50_000, 20_000),
    )
    .unwrap();
    copy("train/red/0.png", "train/red/<b>again&.png");
    copy("train/red/1.png", "train/white/contra.png");
    copy("train/red/2.png", "val/red/leak.png");
    let red = read("train/red/3.png");
    save(
        &at.join("train/red/rescaled.jpg"),
        &resize(red.view(), 41, 33),
    );
    save(
        &at.join("val/black/mirrored.png"),
        &mirrored(&read("train/black/3.png")),
    );
    save(
        &at.join("train/black/encoded.jpg"),
        &read("train/white/3.png"),
    );
    for n in 0..3 {
        let frame = portrait("red", 70_000 + n * 100);
        save(&at.join(format!("train/white/wrong{n}.png")), &frame);
    }
    save(&at.join("train/red/tiny.png"), &resize(red.view(), 12, 9));
    save(
        &at.join("train/red/strip.png"),
        &resize(red.view(), 300, 40),
    );
    save(
        &at.join("train/red/plain.png"),
        &RgbFrame::filled(60, 45, [9, 9, 9]).unwrap(),
    );
    fs::create_dir(at.join("val/green")).unwrap();
    fs::write(at.join("train/red/notes.txt"), "x").unwrap();
    save(&at.join("cover.png"), &red);
}

#[test]
fn everything_planted_is_found_and_nothing_is_touched() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    plant(&at.join("data"));
    draw(&at.join("clean"), &["black", "red", "white"], 30);
    let options = "train --data-train clean --pretrained none --epochs 4 --input-size 32 --batch-size 8 --device cpu";
    success(host_trainer(at, &options.split(' ').collect::<Vec<_>>()));
    let before = contents(&at.join("data"));

    let options = "dataset check data --run runs/1 --device cpu --json --html page.html";
    let options: Vec<_> = options.split(' ').collect();
    let output = host_trainer(at, &options);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (code, line) = complaint(&output);
    assert_eq!(code, 1);
    assert!(
        line.starts_with(
            "host-trainer: to be fixed before training can be trusted: 3 unreadable files, \
             1 empty class folder, 1 file in several classes, 1 file in several parts, "
        ),
        "{line}"
    );
    let report = json(&text);
    assert_eq!(
        report["must_be_fixed"],
        serde_json::json!([
            "unreadable",
            "empty-classes",
            "contradictions",
            "leaks",
            "near-leaks"
        ])
    );
    assert_eq!(report["parts"], serde_json::json!(["train", "val"]));
    let reasons: Vec<_> = report["unreadable"].as_array().unwrap().iter().collect();
    let reason = |name: &str| {
        let found = reasons
            .iter()
            .find(|r| r["path"] == format!("data/train/red/{name}"));
        found.unwrap()["reason"].as_str().unwrap()
    };
    assert_eq!(
        reason("list.jpg"),
        "it is not a JPEG, PNG, BMP or WebP picture"
    );
    assert_eq!(reason("cut.jpg"), "the JPEG is cut off before its end");
    assert_eq!(
        reason("bomb.png"),
        "50000x20000 pixels are more than the 67108864 that are decoded"
    );
    let exact = |kind: &str, paths: &[&str]| together(&report[kind]["exact"], paths);
    let near = |kind: &str, paths: &[&str]| together(&report[kind]["near"], paths);
    assert!(exact(
        "repeats",
        &["data/train/red/0.png", "data/train/red/<b>again&.png"]
    ));
    assert!(exact(
        "contradictions",
        &["data/train/red/1.png", "data/train/white/contra.png"]
    ));
    assert!(exact(
        "leaks",
        &["data/train/red/2.png", "data/val/red/leak.png"]
    ));
    assert!(near(
        "repeats",
        &["data/train/red/3.png", "data/train/red/rescaled.jpg"]
    ));
    assert!(near(
        "leaks",
        &["data/train/black/3.png", "data/val/black/mirrored.png"]
    ));
    assert!(near(
        "contradictions",
        &["data/train/white/3.png", "data/train/black/encoded.jpg"]
    ));
    for (name, oddity) in [
        ("tiny", "too-small"),
        ("strip", "strip"),
        ("plain", "blank"),
    ] {
        let path = format!("data/train/red/{name}.png");
        let odd = report["odd"].as_array().unwrap().iter();
        let mut found = odd.filter(|odd| odd["path"] == path);
        assert_eq!(found.next().unwrap()["oddity"], oddity);
    }
    assert_eq!(
        report["empty_class_folders"],
        serde_json::json!(["data/val/green"])
    );
    assert_eq!(report["stray"], serde_json::json!(["data/cover.png"]));
    assert_eq!(report["not_pictures"]["txt"], 1);

    let suspects = &report["labels"]["suspects"];
    let first: Vec<_> = paths(suspects).into_iter().take(12).collect();
    for n in 0..3 {
        let path = format!("data/train/white/wrong{n}.png");
        assert!(
            first.contains(&path.as_str()),
            "{path} is not among {first:?}"
        );
        let mut found = suspects
            .as_array()
            .unwrap()
            .iter()
            .filter(|s| s["path"] == path);
        assert_eq!(found.next().unwrap()["suggested"], "red");
    }
    assert!(
        report["labels"]["agreement"].as_f64().unwrap() > 0.7,
        "{}",
        report["labels"]
    );
    assert_eq!(
        report["labels"]["unjudged_classes"],
        serde_json::json!(["green"])
    );

    let page = fs::read_to_string(at.join("page.html")).unwrap();
    assert!(page.contains("&lt;b&gt;again&amp;.png") && !page.contains("<b>again"));
    assert!(page.matches("data:image/jpeg;base64,").count() > 20);
    assert!(
        !page.contains("<script") && !page.contains("http"),
        "the page needs nothing else"
    );
    assert_eq!(page.matches("<h2").count(), page.matches("</h2>").count());

    assert_eq!(
        contents(&at.join("data")),
        before,
        "a check changes nothing"
    );
    let again = host_trainer(at, &options);
    assert_eq!(
        String::from_utf8_lossy(&again.stdout),
        text,
        "the same again"
    );

    let weights = "runs/1/weights/best.safetensors --input-size 32";
    let options = format!("dataset check data --pretrained {weights} --json");
    let output = host_trainer(at, &options.split(' ').collect::<Vec<_>>());
    let pretrained = json(&String::from_utf8_lossy(&output.stdout));
    assert_eq!(
        pretrained["labels"]["suspects"],
        report["labels"]["suspects"]
    );

    let all = "unreadable,empty-classes,contradictions,leaks,near-leaks";
    let output = host_trainer(at, &["dataset", "check", "data", "--allow", all]);
    let text = success(output);
    for expected in [
        "parts        train ",
        "MUST BE FIXED\n  3 files cannot be read; remove or replace them\n",
        "    data/train/red/cut.jpg: the JPEG is cut off before its end\n",
        "  1 file is in several classes, at most one of them right; keep that one\n",
        "    data/train/red/1.png  data/train/white/contra.png\n",
        "WORTH A LOOK\n",
        "the part train has no green",
        "    data/train/red/tiny.png: 12x9, smaller than 32 pixels\n",
        "labels       not checked: give --run RUN or --pretrained FILE for that\n",
    ] {
        assert!(text.contains(expected), "{expected} is not in {text}");
    }
}

#[test]
fn a_clean_folder_passes() {
    let place = tempfile::tempdir().unwrap();
    draw(&place.path().join("set"), &["blue", "yellow"], 20);
    let text = success(host_trainer(place.path(), &["dataset", "check", "set"]));
    assert!(
        text.contains("classes      2: blue 20, yellow 20\n"),
        "{text}"
    );
    assert!(
        text.contains("pictures     40 of 40 can be read; they show "),
        "{text}"
    );
    assert!(!text.contains("MUST BE FIXED"), "{text}");
}

#[cfg(unix)]
#[test]
fn names_that_are_no_text_are_reported_all_the_same() {
    use std::os::unix::ffi::OsStrExt;
    let place = tempfile::tempdir().unwrap();
    draw(&place.path().join("set"), &["blue", "yellow"], 20);
    let name = std::ffi::OsStr::from_bytes(b"\xff\xfe.jpg");
    fs::write(place.path().join("set/blue").join(name), "no picture").unwrap();
    let output = host_trainer(place.path(), &["dataset", "check", "set", "--json"]);
    let report = json(&String::from_utf8_lossy(&output.stdout));
    assert_eq!(report["unreadable"].as_array().unwrap().len(), 1);
    assert_eq!(output.status.code(), Some(1));
}

/// Real photographs: copies across folders are found, by name.
#[test]
fn finds_what_is_known_of_real_photographs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/vcor12");
    if !folder.is_dir() {
        eprintln!("skipped: there is no {}", folder.display());
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let folder = fs::canonicalize(folder).unwrap().display().to_string();
    let output = host_trainer(place.path(), &["dataset", "check", &folder, "--json"]);
    let (code, line) = complaint(&output);
    assert_eq!(code, 1);
    assert!(line.contains("3 files in several classes, "), "{line}");
    let report = json(&String::from_utf8_lossy(&output.stdout));
    assert_eq!(report["parts"], serde_json::json!(["extra", "train"]));
    assert_eq!(report["readable"], 6412);
    let path = |below: &str| format!("{folder}/{below}");
    let contradiction = [
        path("train/blue/733e046b07.jpg"),
        path("train/red/733e046b07.jpg"),
    ];
    let contradiction = contradiction.each_ref().map(String::as_str);
    assert!(together(&report["contradictions"]["exact"], &contradiction));
    let leak = [
        path("extra/silver/7fda62fbff.jpg"),
        path("train/silver/4ab740235a.jpg"),
    ];
    let leak = leak.each_ref().map(String::as_str);
    assert!(together(&report["leaks"]["near"], &leak));
    assert!(report["repeats"]["near"].as_array().unwrap().len() > 600);
}
