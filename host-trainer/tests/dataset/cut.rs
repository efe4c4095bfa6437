//! `dataset cut`: all pictures that the boxes ask for, or no folder.

use std::fs;

use crate::common::{complaint, host_trainer, success};
use crate::fixtures::{portrait, save};

#[test]
fn a_cut_that_fails_leaves_nothing_and_can_be_run_again() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    let car = portrait("red", 1);
    let mut boxes = String::new();
    for n in 0..8 {
        save(&at.join(format!("frames/{n}.png")), &car);
        boxes +=
            &format!(r#"{{"frame":"{n}.png","detections":[{{"x":{n},"y":5,"w":40,"h":35}}]}}"#);
        boxes.push('\n');
    }
    fs::write(at.join("boxes.jsonl"), boxes).unwrap();
    let cut = || {
        let words = "dataset cut frames --boxes boxes.jsonl --out cuts/street";
        host_trainer(at, &words.split(' ').collect::<Vec<_>>())
    };
    // The first frame's picture can be cut, the second's cannot.
    let second = at.join("frames/1.png");
    for damaged in [None, Some("bread, milk")] {
        match damaged {
            None => fs::remove_file(&second).unwrap(),
            Some(text) => fs::write(&second, text).unwrap(),
        }
        let (code, line) = complaint(&cut());
        assert_eq!(code, 1, "{line}");
        assert!(line.contains("cannot read frames/1.png"), "{line}");
        assert_eq!(fs::read_dir(at.join("cuts")).unwrap().count(), 0);
    }
    save(&second, &car);
    let told = success(cut());
    assert!(
        told.contains("4 pictures of 1 vehicles into cuts/street"),
        "{told}"
    );
    let street = at.join("cuts/street");
    assert_eq!(fs::read_dir(&street).unwrap().count(), 8);
    let permissions = |folder| fs::metadata(folder).unwrap().permissions();
    assert_eq!(permissions(street), permissions(at.join("cuts")));
    let (code, line) = complaint(&cut());
    assert_eq!(code, 2, "{line}");
    assert!(line.contains("cuts/street exists already"), "{line}");
}
