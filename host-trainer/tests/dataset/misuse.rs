//! What the commands say when they are asked for what cannot be.

use std::fs;

use crate::common::{complaint, draw, host_trainer, success};

#[test]
fn misuse_is_one_line_and_exit_code_2() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    fs::create_dir(at.join("empty")).unwrap();
    draw(&at.join("one"), &["red"], 2);
    draw(&at.join("two"), &["red", "blue"], 6);
    draw(&at.join("parts/train"), &["red", "blue"], 2);
    draw(&at.join("mixed"), &["red", "blue"], 2);
    draw(&at.join("mixed/val"), &["red", "blue"], 2);
    fs::write(at.join("w.safetensors"), "no weights").unwrap();
    fs::write(at.join("there.json"), "{}").unwrap();
    let cases = [
        (
            "check none",
            "there is no folder none; give one that holds a folder of pictures",
        ),
        (
            "check empty",
            "empty holds no class folders; put the pictures of each",
        ),
        (
            "check one",
            "one has the one class red; a classifier needs at least two",
        ),
        (
            "check mixed",
            "mixed holds class folders such as blue beside val, which itself holds a folder blue",
        ),
        (
            "check two --run runs/9",
            "runs/9 is not a run folder (it has no run.json)",
        ),
        (
            "check two --pretrained gone.safetensors",
            "cannot access the weights file gone.safetensors: No such file",
        ),
        (
            "check two --pretrained w.safetensors",
            "w.safetensors is not a usable weights file",
        ),
        (
            "check two --pretrained w --input-size 7",
            "--input-size: input width is 7; 16 to 1024",
        ),
        ("split none --out s.json", "there is no folder none;"),
        (
            "split parts --out s.json",
            "parts is divided already, into parts/train; give one of these",
        ),
        (
            "split two --out there.json",
            "there.json exists already; remove it or choose another",
        ),
        (
            "split two --out s.json --val-share 0.9",
            "--val-share is 0.9; 0 to 0.5 can be",
        ),
        (
            "split two --out s.json --test-share -1",
            "--test-share is -1; 0 to 0.5 can be",
        ),
        (
            "check two --html none/page.html",
            "cannot write none/page.html: there is no folder none",
        ),
        (
            "split two --out none/s.json",
            "cannot write none/s.json: there is no folder none",
        ),
        (
            "split two --out s.json --val-share 0 --test-share 0",
            "--val-share and --test-share are both 0; there is nothing to divide",
        ),
    ];
    for (command, expected) in cases {
        let command = format!("dataset {command}");
        let output = host_trainer(at, &command.split(' ').collect::<Vec<_>>());
        let (code, line) = complaint(&output);
        assert_eq!(code, 2, "{command}: {line}");
        assert!(
            line.starts_with("host-trainer: ") && line.contains(expected),
            "{command}: {line}"
        );
        assert!(
            output.stdout.is_empty() && !at.join("s.json").exists(),
            "{command}"
        );
    }
    let both = ["dataset", "check", "two", "--run", "r", "--pretrained", "w"];
    let output = host_trainer(at, &both);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot be used with"));
}

#[test]
fn what_cannot_be_done_is_one_line_and_exit_code_1() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    draw(&at.join("few"), &["red", "blue"], 3);
    let options = "train --data-train few --pretrained none --epochs 1 --input-size 32 --batch-size 2 \
                   --val-share 0.34 --test-share 0";
    success(host_trainer(
        at,
        &options.split_whitespace().collect::<Vec<_>>(),
    ));
    let output = host_trainer(at, &["dataset", "check", "few", "--run", "runs/1"]);
    let (code, line) = complaint(&output);
    assert_eq!(code, 1, "{line}");
    assert!(
        line.contains("labels cannot be checked: fewer than two classes have the 5 photographs"),
        "{line}"
    );
}
