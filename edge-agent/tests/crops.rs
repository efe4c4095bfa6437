//! The program keeps pictures for labelling: each beside its own event, of the vehicle that the
//! event is about, and small.

mod common;

use std::collections::BTreeSet;

use common::run;
use models::{Bundle, Runner, picture};
use serde_json::Value;

/// Forty seconds of the drawn road.
const CONFIG: &str = "camera = \"road\"\n[source]\nkind = \"sim\"\nduration_ms = 40000\n\
                      [crops]\ndir = \"crops\"\nmax_side_px = 96\nmin_free_mib = 0\n";

#[test]
fn a_kept_picture_shows_the_vehicle_of_its_event() {
    let folder = tempfile::tempdir().unwrap();
    let crops = folder.path().join("crops");
    std::fs::create_dir(&crops).unwrap();
    std::fs::write(folder.path().join("agent.toml"), CONFIG).unwrap();
    let told = run(folder.path(), &["run", "--config", "agent.toml"]);
    assert_eq!(told.code, 0, "{}", told.err);
    let mut runner = Runner::new(&Bundle::shipped().unwrap()).unwrap();
    let mut colours = BTreeSet::new();
    for line in told.out.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let stem = event["id"].as_str().unwrap();
        let beside = std::fs::read_to_string(crops.join(format!("{stem}.json"))).unwrap();
        assert_eq!(beside.trim_end(), line);
        let picture = picture::read(&crops.join(format!("{stem}.jpg"))).unwrap();
        assert!(picture.width().max(picture.height()) <= 96, "{stem}");
        if event["colour"] != "unknown" {
            let seen = runner.classify(picture.view()).unwrap().top(1).remove(0);
            assert_eq!(event["colour"], seen.colour.as_str(), "{line}");
            colours.insert(seen.colour);
        }
    }
    // Pictures of one colour could be in each other's place unnoticed.
    assert!(colours.len() >= 3, "{colours:?}");
    let files = std::fs::read_dir(&crops).unwrap().count();
    assert_eq!(files, 2 * told.out.lines().count());
}

#[test]
fn a_folder_that_is_not_there_is_one_line_and_78() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("agent.toml"), CONFIG).unwrap();
    let told = run(folder.path(), &["run", "--config", "agent.toml"]);
    assert_eq!(told.code, 78);
    assert_eq!(
        told.err,
        "agent.toml: crops.dir: cannot use crops: No such file or directory (os error 2); make \
         that folder\n"
    );
}
