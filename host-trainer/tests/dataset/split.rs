//! `dataset split`: by photograph, or at random and honest about it.

use std::fs;

use models::picture;

use crate::common::{draw, host_trainer, success};
use crate::fixtures::{json, save};

#[test]
fn a_split_keeps_copies_together_and_a_random_one_says_what_it_tore_apart() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    draw(&at.join("set"), &["black", "red", "white"], 20);
    for class in ["black", "red", "white"] {
        for n in 0..20 {
            let frame = picture::read(&at.join(format!("set/{class}/{n}.png"))).unwrap();
            save(&at.join(format!("set/{class}/copy{n}.jpg")), &frame);
        }
    }
    fs::write(at.join("set/red/list.jpg"), "bread, milk").unwrap();
    let split = |options: &str| {
        let options = format!("dataset split set {options}");
        host_trainer(at, &options.split(' ').collect::<Vec<_>>())
    };
    let output = split("--out group.json --val-share 0.2 --test-share 0.2");
    let skipped = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(skipped.contains("list.jpg: it is not a JPEG"), "{skipped}");
    let text = success(output);
    assert!(text.contains("validation   0 of "), "{text}");
    assert!(text.contains("test         0 of "), "{text}");
    let file = json(&fs::read_to_string(at.join("group.json")).unwrap());
    let parts = file["parts"].as_object().unwrap();
    assert_eq!(
        parts.keys().collect::<Vec<_>>(),
        ["test", "train", "validation"]
    );
    let all: usize = parts
        .values()
        .map(|paths| paths.as_array().unwrap().len())
        .sum();
    assert_eq!(all, 120, "all that can be read");

    let text = success(split(
        "--out random.json --random --val-share 0.3 --test-share 0",
    ));
    assert!(
        text.contains("all            84          36           0\n"),
        "{text}"
    );
    let torn = text
        .lines()
        .find(|line| line.starts_with("validation"))
        .unwrap();
    let count: u32 = torn.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(count > 15, "{torn}");
    assert!(torn.contains(" of 36 pictures ("), "{torn}");
    let (first, again) = ("random.json", "again.json");
    success(split(
        "--out again.json --random --val-share 0.3 --test-share 0",
    ));
    let read = |name: &str| fs::read(at.join(name)).unwrap();
    assert_eq!(read(first), read(again));
    success(split(
        "--out other.json --random --val-share 0.3 --test-share 0 --seed 1",
    ));
    assert_ne!(read(first), read("other.json"));

    let used = "evaluate --data set --split group.json --part test --json";
    let output = host_trainer(at, &used.split(' ').collect::<Vec<_>>());
    let report = json(&success(output));
    let test = file["parts"]["test"].as_array().unwrap().len();
    assert_eq!(
        report["pictures"], test,
        "train's split.json, and evaluate reads it"
    );
}
