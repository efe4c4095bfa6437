//! Adapting a bundle to a site whose light is not that of its training pictures: what labels
//! bring, and every refusal. The pictures are drawn.

mod common;

use std::fs;
use std::path::Path;

use common::{command_line, complaint, draw, success};
use models::{Bundle, Runner, picture};
use serde_json::json;

const COLOURS: [&str; 4] = ["black", "red", "silver", "white"];

/// A small bundle, its run, and a site's pictures under a light that turns everything blue and dark.
fn scene(at: &Path) {
    draw(&at.join("data"), &COLOURS, 60);
    let line = "train --data-train data --epochs 10 --input-size 32 --batch-size 16 --test-share 0.2 \
                --device cpu --pretrained none";
    success(command_line(at, line).output().unwrap());
    success(
        command_line(at, "export runs/1 --out bundle --force")
            .output()
            .unwrap(),
    );
    site(at, "crops", 0);
    site(at, "later", 1000);
}

/// Fifteen vehicles of each colour, two pictures of each, with labels.
fn site(at: &Path, name: &str, seed: u64) {
    let folder = at.join(name);
    fs::create_dir(&folder).unwrap();
    let mut labels = String::new();
    for (class, colour) in COLOURS.iter().enumerate() {
        for n in 0..15u64 {
            for view in 0..2u64 {
                let drawn = seed + 1 + n * 200 + view * 50 + class as u64;
                let mut frame = road_sim::portrait(colour, drawn, 60, 45).unwrap();
                for pixel in frame.data_mut().as_chunks_mut::<3>().0 {
                    let [red, green, blue] = pixel.map(f32::from);
                    *pixel = [red * 0.35, green * 0.45, blue * 0.6 + 20.0].map(|v| v as u8);
                }
                let id = format!("{colour}{n:02}-{view}");
                let bytes = picture::jpeg(frame.view(), 90).unwrap();
                fs::write(folder.join(format!("{id}.jpg")), bytes).unwrap();
                let note = json!({ "vehicle": format!("{colour}{n}") }).to_string();
                fs::write(folder.join(format!("{id}.json")), note).unwrap();
                labels += &format!("{}\n", json!({ "id": id, "label": colour }));
            }
        }
    }
    fs::write(folder.join("labels.jsonl"), labels).unwrap();
}

/// The share of a site's pictures that a bundle gets right.
fn right(bundle: &Path, folder: &Path) -> f64 {
    let mut runner = Runner::new(&Bundle::open(bundle).unwrap()).unwrap();
    let pictures = picture::list(folder).unwrap();
    let right = pictures.iter().filter(|path| {
        let frame = picture::read(path).unwrap();
        let best = runner
            .classify(frame.view())
            .unwrap()
            .top(1)
            .remove(0)
            .colour;
        path.file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with(&best)
    });
    right.count() as f64 / pictures.len() as f64
}

#[test]
fn a_few_dozen_labels_make_a_bundle_that_knows_the_site() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    scene(at);
    let run = |line: &str| command_line(at, line).output().unwrap();

    // The bundle alone is enough.
    let text = success(run(
        "adapt --bundle bundle --crops crops --steps 80 --out site",
    ));
    assert!(
        text.contains("site         120 pictures, 120 with a colour (60 vehicles)"),
        "{text}"
    );
    assert!(text.contains("of the bundle's drawn cars"), "{text}");
    let (before, after) = (
        right(&at.join("bundle"), &at.join("later")),
        right(&at.join("site"), &at.join("later")),
    );
    assert!(after > before + 0.1, "{before} {after}\n{text}");
    let bundle = Bundle::open(&at.join("bundle")).unwrap();
    let site = Bundle::open(&at.join("site")).unwrap();
    assert_eq!(site.manifest().version, "0.1.0-site");
    assert_eq!(
        site.manifest().training.pretrained,
        format!("bundle {}, 80 steps from there", bundle.id())
    );
    let card = String::from_utf8(site.file("CARD.md").unwrap().to_vec()).unwrap();
    assert!(card.contains("## Adapted to one site"), "{card}");
    assert!(
        card.contains("- Adapted to one site with labels of 120 pictures; started from: bundle "),
        "{card}"
    );
    assert!(
        card.contains("On 120 labelled pictures of vehicles that were not learned from"),
        "{card}"
    );

    // What labels bring, as a table.
    let text = success(run(
        "adapt --bundle bundle --crops crops --steps 40 --curve 10 --repeats 1",
    ));
    let rows: Vec<&str> = text
        .lines()
        .skip_while(|line| !line.starts_with("labels"))
        .collect();
    assert_eq!(rows.len(), 3, "{text}");
    assert!(
        rows[1].trim_start().starts_with("none") && rows[2].trim_start().starts_with("10"),
        "{text}"
    );

    refuses(at);
}

/// Every refusal is one line and leaves nothing.
fn refuses(at: &Path) {
    let wrong = fs::read_to_string(at.join("crops/labels.jsonl")).unwrap();
    // Each vehicle's label is one of the others', by its number: nothing can be learned of it.
    let shuffled: Vec<String> = wrong
        .lines()
        .enumerate()
        .map(|(n, line)| {
            let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["label"] = COLOURS[(n / 2 * 7 + n / 30) % 4].into();
            line.to_string()
        })
        .collect();
    fs::write(at.join("shuffled.jsonl"), shuffled.join("\n")).unwrap();
    let few: Vec<&str> = wrong.lines().step_by(12).take(8).collect();
    fs::write(at.join("few.jsonl"), few.join("\n")).unwrap();
    fs::write(
        at.join("gold.jsonl"),
        "{\"id\":\"red00-0\",\"label\":\"gold\"}\n",
    )
    .unwrap();
    fs::write(
        at.join("others.jsonl"),
        "{\"id\":\"elsewhere\",\"label\":\"red\"}\n",
    )
    .unwrap();
    fs::create_dir(at.join("empty")).unwrap();
    for (rest, code, says) in [
        (
            "--crops crops --labels few.jsonl",
            1,
            "8 vehicles have a label; 10 or more are needed",
        ),
        (
            "--crops crops --labels gold.jsonl",
            2,
            "gold.jsonl:1: the label \"gold\" is none of",
        ),
        (
            "--crops crops --labels others.jsonl",
            1,
            "none of the 1 labels belongs to a picture in crops",
        ),
        (
            "--crops crops --labels no.jsonl",
            2,
            "there is no file of labels no.jsonl",
        ),
        (
            "--crops empty",
            2,
            "empty holds no pictures; let the agent fill it",
        ),
        (
            "--crops crops --data data",
            2,
            "--data needs --split, or --run",
        ),
        ("--crops crops --run empty", 2, "empty is not a run folder"),
    ] {
        let line = format!("adapt --bundle bundle --out refused {rest}");
        let (found, line) = complaint(&command_line(at, &line).output().unwrap());
        assert_eq!(found, code, "{line}");
        assert!(line.contains(says), "{line}");
        assert!(!at.join("refused").exists());
    }
    // Labels of which nothing can be learned: whether a bundle answers them worse afterwards is
    // luck; that it is refused then, and only then, is not.
    let forget =
        "adapt --bundle site --crops crops --labels shuffled.jsonl --steps 40 --out refused";
    let output = command_line(at, forget).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = text
        .lines()
        .find_map(|line| line.strip_prefix("on vehicles that were not learned from: "))
        .unwrap();
    let (before, rest) = told.split_once(" before, ").unwrap();
    let (after, _) = rest.split_once(" after").unwrap();
    let worse = after.parse::<f64>().unwrap() < before.parse().unwrap();
    assert_eq!(output.status.code(), Some(i32::from(worse)), "{text}");
    assert_eq!(at.join("refused").exists(), !worse);
    if worse {
        let (_, line) = complaint(&output);
        assert!(line.contains("nothing was written"), "{line}");
    }
}

#[test]
fn its_own_pictures_guard_what_the_bundle_knew() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    scene(at);
    let line = "adapt --bundle bundle --crops crops --run runs/1 --steps 40 --out site";
    let output = command_line(at, line).output().unwrap();
    // Whether it passes is the network's luck; what it says and leaves is not.
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.contains("of the bundle's own pictures"),
        "{text}{errors}"
    );
    assert!(
        text.contains("on the bundle's own test pictures: "),
        "{text}{errors}"
    );
    match output.status.code() {
        Some(0) => {
            let site = Bundle::open(&at.join("site")).unwrap();
            assert_eq!(site.manifest().metrics[0].split, "own test");
        }
        Some(1) => {
            let says =
                "adapting loses too much on the bundle's own test pictures, even 25 % of the way: ";
            assert!(errors.contains(says), "{errors}");
            assert!(!at.join("site").exists());
        }
        other => panic!("{other:?} {errors}"),
    }
    // Without labels and without own pictures there is nothing to judge by.
    fs::remove_file(at.join("crops/labels.jsonl")).unwrap();
    let line = "adapt --bundle bundle --crops crops --out unjudged";
    let output = command_line(at, line).output().unwrap();
    let (code, line) = complaint(&output);
    let reason = match code {
        2 => "nobody could tell whether the new bundle is worse",
        _ => "are needed to learn without labels",
    };
    assert!(line.contains(reason), "{line}");
    assert!(!at.join("unjudged").exists());
}
