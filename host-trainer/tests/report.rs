//! `report` and `compare` as a person runs them: on a run over drawn pictures whose folders and
//! files have hostile names, and on runs that are not whole.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use common::{complaint, host_trainer, success};
use models::picture;
use serde_json::Value;

/// What a page must not let through.
const HOSTILE: &str = "<img src=x onerror=alert(1)>&\"'\u{1}";

/// `folder/<class>/<n>.png`, drawn in the class's colour.
fn draw(folder: &Path, classes: &[(&str, &str)], each: u64) {
    for (index, (class, colour)) in classes.iter().enumerate() {
        fs::create_dir_all(folder.join(class)).unwrap();
        for n in 0..each {
            let frame = road_sim::portrait(colour, n * 100 + index as u64, 60, 45).unwrap();
            let bytes = picture::png(frame.view()).unwrap();
            fs::write(folder.join(class).join(format!("{HOSTILE}{n}.png")), bytes).unwrap();
        }
    }
}

/// As if training had ended before the report.
fn forget_report(run: &Path) {
    fs::remove_dir_all(run.join("plots")).unwrap();
    for file in ["report.html", "report.json", "answers.jsonl"] {
        fs::remove_file(run.join(file)).unwrap();
    }
}

const SHARES: &str = "--val-share 0.2 --test-share 0.2";

fn train(at: &Path, more: &str) {
    let options = "train --data-train cars --pretrained none --epochs 2 --input-size 32 --batch-size 8 \
                   --device cpu";
    let arguments: Vec<&str> = options
        .split_whitespace()
        .chain(more.split_whitespace())
        .collect();
    success(host_trainer(at, &arguments));
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Every value of an attribute of a page.
fn attributes(page: &str, name: &str) -> Vec<String> {
    let start = format!(" {name}=\"");
    page.match_indices(&start)
        .map(|(at, _)| {
            let rest = &page[at + start.len()..];
            rest[..rest.find('"').unwrap()].to_string()
        })
        .collect()
}

#[test]
fn a_run_becomes_one_page_that_needs_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    draw(
        &at.join("cars"),
        &[("black", "black"), (HOSTILE, "red"), ("white", "white")],
        20,
    );
    train(at, SHARES);
    let text = success(host_trainer(at, &["report", "runs/1"]));
    assert!(text.contains("validation         12"), "{text}");
    assert!(text.contains("report       runs/1/report.html"), "{text}");
    let run = at.join("runs/1");

    let mut names = BTreeSet::new();
    for file in fs::read_dir(run.join("plots")).unwrap() {
        let path = file.unwrap().path();
        names.insert(path.file_name().unwrap().to_string_lossy().into_owned());
        if path.extension().is_some_and(|e| e == "png") {
            let frame = picture::read(&path).unwrap();
            let colours: BTreeSet<[u8; 3]> = (0..frame.height())
                .map(|y| frame.view().pixel(frame.width() / 2, y))
                .collect();
            assert!(colours.len() > 2, "{} is blank", path.display());
        } else {
            let svg = fs::read_to_string(&path).unwrap();
            assert!(svg.starts_with("<svg xmlns="), "{}", path.display());
            assert!(
                !svg.contains("<img") && !svg.contains('\u{1}'),
                "{}",
                path.display()
            );
        }
    }
    for name in [
        "loss",
        "accuracy",
        "learning_rate",
        "confusion_train",
        "confusion_validation",
        "confusion_test",
        "roc_validation",
        "roc_test",
        "calibration_test",
        "coverage",
    ] {
        for extension in ["svg", "png"] {
            assert!(
                names.contains(&format!("{name}.{extension}")),
                "{name}.{extension}: {names:?}"
            );
        }
    }

    let page = fs::read_to_string(run.join("report.html")).unwrap();
    assert!(!page.contains("http://") && !page.contains("https://"));
    assert!(!page.contains("<script") && !page.contains("<link") && !page.contains("@import"));
    assert!(!page.contains("<img src=x") && page.contains("&lt;img src=x onerror=alert(1)&gt;"));
    for address in attributes(&page, "src") {
        assert!(address.starts_with("data:image/jpeg;base64,"), "{address}");
    }
    for address in attributes(&page, "href") {
        let id = address.strip_prefix('#').unwrap();
        assert!(
            page.contains(&format!("<section id=\"{id}\">")),
            "{address} leads nowhere"
        );
    }
    assert_eq!(page.matches("<h1>Training run 1</h1>").count(), 1);

    // One line for each held-out picture, and the numbers are those of the lines.
    let split = json(&run.join("split.json"));
    let answers = fs::read_to_string(run.join("answers.jsonl")).unwrap();
    let answers: Vec<Value> = answers
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let report = json(&run.join("report.json"));
    for part in ["validation", "test"] {
        let lines: Vec<&Value> = answers.iter().filter(|a| a["part"] == part).collect();
        let paths: BTreeSet<&str> = lines.iter().map(|a| a["path"].as_str().unwrap()).collect();
        let listed = split["parts"][part].as_array().unwrap();
        let listed: BTreeSet<&str> = listed.iter().map(|path| path.as_str().unwrap()).collect();
        assert_eq!(paths, listed, "{part}");
        let right = lines.iter().filter(|a| a["truth"] == a["answer"]).count();
        let of_part = report["parts"].as_array().unwrap();
        let numbers = of_part.iter().find(|p| p["part"] == part).unwrap();
        assert_eq!(numbers["pictures"], lines.len());
        assert_eq!(
            numbers["accuracy"],
            right as f64 / lines.len() as f64,
            "{part}"
        );
    }
    for answer in &answers {
        let probabilities = answer["probabilities"].as_object().unwrap();
        let sum: f64 = probabilities.values().map(|p| p.as_f64().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-4, "{answer}");
        let best = probabilities[answer["answer"].as_str().unwrap()]
            .as_f64()
            .unwrap();
        assert!(
            probabilities.values().all(|p| p.as_f64().unwrap() <= best),
            "{answer}"
        );
    }
    assert!(report["temperature"].as_f64().unwrap() > 0.0);
    assert!(report["reject_below"].as_f64().unwrap() >= 0.5);

    // A moved folder is found again, and gives the same answers.
    let before = fs::read(run.join("answers.jsonl")).unwrap();
    fs::rename(at.join("cars"), at.join("moved")).unwrap();
    let (code, line) = complaint(&host_trainer(at, &["report", "runs/1"]));
    assert_eq!(code, 2);
    assert!(
        line.contains("there is no folder") && line.contains("cars"),
        "{line}"
    );
    success(host_trainer(at, &["report", "runs/1", "--data", "moved"]));
    assert_eq!(fs::read(run.join("answers.jsonl")).unwrap(), before);

    // A picture that is gone is told, and the others are measured.
    let gone = split["parts"]["test"][0].as_str().unwrap();
    fs::remove_file(at.join("moved").join(gone)).unwrap();
    success(host_trainer(at, &["report", "runs/1", "--data", "moved"]));
    let page = fs::read_to_string(run.join("report.html")).unwrap();
    assert!(
        page.contains("Of the test pictures, 1 is no longer there"),
        "no word of {gone}"
    );
}

#[test]
fn runs_are_held_against_each_other_only_on_the_same_pictures() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    draw(
        &at.join("cars"),
        &[("black", "black"), ("red", "red"), ("white", "white")],
        20,
    );
    train(at, SHARES);
    train(at, &format!("{SHARES} --lr 0.0001"));
    train(at, &format!("{SHARES} --seed 7"));
    for run in ["runs/1", "runs/2", "runs/3"] {
        forget_report(&at.join(run));
    }

    let text = success(host_trainer(at, &["compare", "runs/1", "runs/2"]));
    assert!(
        text.contains("warning: runs/1: it has no report;")
            && text.contains("Run `host-trainer report runs/2`."),
        "{text}"
    );
    assert!(
        text.contains("validation accuracy") && !text.contains("McNemar"),
        "{text}"
    );

    // Even without reports, what the runs' splits say is enough to refuse.
    let text = success(host_trainer(at, &["compare", "runs/1", "runs/3"]));
    let refusal = "were not measured on the same validation and test pictures";
    assert!(text.contains(refusal), "{text}");

    for run in ["runs/1", "runs/2", "runs/3"] {
        success(host_trainer(at, &["report", run]));
    }
    let text = success(host_trainer(
        at,
        &["compare", "runs/1", "runs/2", "--html", "two.html"],
    ));
    assert!(!text.contains("warning"), "{text}");
    assert!(
        text.contains("runs/1 and runs/2, test: the same 12 pictures: "),
        "{text}"
    );
    assert!(text.contains("exact McNemar"), "{text}");
    let differing: Vec<&str> = text
        .lines()
        .skip_while(|line| *line != "what differs")
        .take_while(|line| !line.is_empty())
        .collect();
    assert_eq!(differing.len(), 2, "{text}");
    assert!(differing[1].starts_with("recipe: lr "), "{text}");
    let page = fs::read_to_string(at.join("two.html")).unwrap();
    assert!(!page.contains("http://") && !page.contains("https://"));
    assert!(
        page.contains("Validation accuracy") && page.contains("<polyline"),
        "{page}"
    );

    let text = success(host_trainer(at, &["compare", "runs/1", "runs/3"]));
    assert!(text.contains(refusal), "{text}");
    assert!(
        text.contains("runs/1 and runs/3, test: the splits differ; both held out "),
        "{text}"
    );

    // Weights that are newer than the report are not given its numbers.
    let path = at.join("runs/2/run.json");
    let record = fs::read_to_string(&path).unwrap();
    let best = json(&path)["best_epoch"].as_u64().unwrap();
    let other = record.replace(
        &format!("\"best_epoch\": {best}"),
        &format!("\"best_epoch\": {}", 3 - best),
    );
    fs::write(&path, other).unwrap();
    let text = success(host_trainer(at, &["compare", "runs/1", "runs/2"]));
    assert!(
        text.contains("runs/2: its report is older than its weights;"),
        "{text}"
    );
}

#[test]
fn a_validation_folder_judges_when_there_is_no_test_part() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    draw(
        &at.join("cars"),
        &[("blue", "blue"), ("yellow", "yellow")],
        8,
    );
    draw(&at.join("val"), &[("blue", "blue")], 3);
    train(at, "--data-val val");
    success(host_trainer(at, &["report", "runs/1"]));
    let page = fs::read_to_string(at.join("runs/1/report.html")).unwrap();
    assert!(page.contains("There is no test part"), "{page}");
    assert!(page.contains("was not checked"), "{page}");
    // The one class that is there has no curve: all pictures are of it.
    let report = json(&at.join("runs/1/report.json"));
    assert_eq!(report["parts"][1]["auc_macro"], Value::Null);
}

#[test]
fn what_is_missing_is_one_line_and_an_exit_code() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    draw(&at.join("cars"), &[("black", "black"), ("red", "red")], 10);
    train(at, SHARES);
    fs::create_dir(at.join("empty")).unwrap();
    draw(&at.join("other"), &[("green", "green")], 2);
    for (command, expected_code, expected) in [
        (
            "report nowhere",
            2,
            "nowhere is not a run folder (it has no run.json)",
        ),
        (
            "compare runs/1 nowhere",
            2,
            "nowhere is not a run folder (it has no run.json)",
        ),
        (
            "report runs/1 --data empty",
            2,
            "empty holds no class folders",
        ),
        (
            "report runs/1 --data other",
            2,
            "none of the run's train pictures is where it was; say where with --data",
        ),
    ] {
        let output = host_trainer(at, &command.split(' ').collect::<Vec<_>>());
        let (code, line) = complaint(&output);
        assert_eq!(code, expected_code, "{command}: {line}");
        assert!(
            line.starts_with("host-trainer: ") && line.contains(expected),
            "{command}: {line}"
        );
    }
    forget_report(&at.join("runs/1"));
    fs::remove_file(at.join("runs/1/weights/best.safetensors")).unwrap();
    let (code, line) = complaint(&host_trainer(at, &["report", "runs/1"]));
    assert_eq!(code, 1);
    assert!(line.contains("the run has no best weights yet"), "{line}");
    assert!(!at.join("runs/1/report.html").exists() && !at.join("runs/1/plots").exists());
    assert_eq!(
        host_trainer(at, &["compare", "runs/1"]).status.code(),
        Some(2)
    );
}
