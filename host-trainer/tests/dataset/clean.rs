//! `dataset clean`: training without the labels that are probably wrong.

use std::fs;
use std::path::Path;

use crate::common::{complaint, draw, host_trainer, success};
use crate::fixtures::json;

fn clean(at: &Path, options: &str) -> std::process::Output {
    let options = format!("dataset clean split.json {options}");
    host_trainer(at, &options.split(' ').collect::<Vec<_>>())
}

#[test]
fn sure_suspects_leave_training_and_no_other_part() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    fs::write(
        at.join("split.json"),
        r#"{"grouped":true,"parts":{"train":["red/1.jpg","red/2.jpg","white/11.jpg"],
            "validation":["red/3.jpg"],"test":["white/4.jpg"]}}"#,
    )
    .unwrap();
    let found = |suspects: &str| {
        let text = format!(r#"{{"parts":[],"labels":{{"suspects":[{suspects}]}}}}"#);
        fs::write(at.join("found.json"), text).unwrap();
    };
    let suspect = |path: &str, probability: f32| {
        format!(r#"{{"path":"{path}","suggested_probability":{probability}}}"#)
    };
    found(
        &[
            suspect("set/red/1.jpg", 0.9),
            suspect("set/red/2.jpg", 0.4),
            suspect("set/red/3.jpg", 0.9),
            suspect("set/white/4.jpg", 0.9),
            // Only the end of a name is the same as 11.jpg's.
            suspect("set/white/1.jpg", 0.9),
        ]
        .join(","),
    );
    let text = success(clean(at, "--found found.json --out clean.json"));
    assert!(
        text.contains("1 of 3 training pictures; 4 pictures are suspected"),
        "{text}"
    );
    let split = json(&fs::read_to_string(at.join("clean.json")).unwrap());
    assert_eq!(
        split["parts"],
        json(
            r#"{"train":["red/2.jpg","white/11.jpg"],"validation":["red/3.jpg"],"test":["white/4.jpg"]}"#
        )
    );
    assert_eq!(split["grouped"], true);
    success(clean(at, "--found found.json --sure 0.3 --out all.json"));
    let split = json(&fs::read_to_string(at.join("all.json")).unwrap());
    assert_eq!(split["parts"]["train"], json(r#"["white/11.jpg"]"#));
}

#[test]
fn what_a_check_prints_is_understood_and_other_files_are_not() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    draw(&at.join("set"), &["black", "red"], 10);
    success(host_trainer(
        at,
        &["dataset", "split", "set", "--out", "split.json"],
    ));
    let told = success(host_trainer(at, &["dataset", "check", "set", "--json"]));
    fs::write(at.join("found.json"), told).unwrap();
    let refused = |options: &str, expected: &str| {
        let (code, text) = complaint(&clean(at, options));
        assert_eq!(code, 2, "{text}");
        assert!(text.contains(expected), "{text}");
    };
    refused(
        "--found found.json --out clean.json",
        "found.json says nothing of labels; give `dataset check` --run or --pretrained",
    );
    refused(
        "--found split.json --sure 2 --out clean.json",
        "--sure is 2; 0 to 1 can be",
    );
    refused(
        "--found none.json --out clean.json",
        "cannot read none.json",
    );
    fs::write(at.join("list.txt"), "bread").unwrap();
    refused(
        "--found list.txt --out clean.json",
        "is not what `dataset check --json` prints",
    );
    refused(
        "--found found.json --out split.json",
        "split.json exists already",
    );
    assert!(!at.join("clean.json").exists());
}
