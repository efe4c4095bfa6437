//! Labelling in a real browser: one key a picture, undo, skip, what is in the file after each, and
//! a phone's screen. Adapting to what was labelled is `adapt.rs`'s.

mod serving;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use serving::Server;
use serving::browser::Browser;

fn crops(folder: &Path) {
    fs::create_dir(folder).unwrap();
    for (index, colour) in ["red", "white", "black", "silver", "grey", "blue"]
        .iter()
        .enumerate()
    {
        let frame = road_sim::portrait(colour, index as u64, 128, 80).unwrap();
        let bytes = models::picture::jpeg(frame.view(), 90).unwrap();
        fs::write(folder.join(format!("{index:016x}.jpg")), bytes).unwrap();
        let event =
            json!({ "camera": "gate", "time": "2026-05-01T12:00:00.000Z", "colour": colour });
        fs::write(folder.join(format!("{index:016x}.json")), event.to_string()).unwrap();
    }
}

/// The labels in the file, by id.
fn written(folder: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(folder.join("labels.jsonl")).unwrap();
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let text = |value: &Value| value.as_str().unwrap().to_string();
    lines
        .map(|line| (text(&line["id"]), text(&line["label"])))
        .collect()
}

#[test]
fn labels_come_over_plain_http_too_and_only_for_what_is_there() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("crops");
    crops(&folder);
    let server = Server::start(place.path(), &["--crops", "crops"]);
    assert!(
        server
            .said
            .contains("crops        6 pictures, 0 labelled, in crops/labels.jsonl")
    );
    let desk = server.get("/api/crops").json();
    let id = desk["crops"][0]["id"].as_str().unwrap().to_string();
    assert_eq!(desk["crops"].as_array().unwrap().len(), 6);
    assert_eq!(desk["crops"][0]["camera"], "gate");
    assert_eq!(desk["crops"][0].as_object().unwrap().len(), 3, "{desk}");
    assert_eq!(
        server
            .get(&format!("/api/crops/{id}/picture"))
            .header("content-type"),
        "image/jpeg"
    );
    let post = |path: &str, body: &str| {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            server.address,
            body.len()
        );
        server.raw(format!("{head}{body}").as_bytes())
    };
    let path = format!("/api/crops/{id}/label");
    assert!(post(&path, r#"{"label":"red"}"#).starts_with("HTTP/1.1 200"));
    assert_eq!(written(&folder), [(id.clone(), "red".to_string())]);
    for (path, body, status) in [
        (path.as_str(), r#"{"label":"gold"}"#, "400"),
        (path.as_str(), "red", "400"),
        ("/api/crops/none/label", r#"{"label":"red"}"#, "404"),
        ("/api/crops/..%2Flabels/label", r#"{"label":"red"}"#, "404"),
    ] {
        let answer = post(path, body);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{path} {body}: {answer}"
        );
    }
    assert_eq!(written(&folder), [(id, "red".to_string())]);
    assert_eq!(server.get("/api/crops/labels/picture").status, 404);
}

#[test]
fn without_crops_the_page_says_how_to_begin() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path(), &[]);
    let (status, reason) = server.get("/api/crops").refusal();
    assert_eq!(status, 404);
    assert!(reason.contains("--crops DIR"), "{reason}");
}

#[test]
fn a_key_labels_a_picture_and_is_taken_back_with_another() {
    let browser = match Browser::start() {
        Ok(browser) => browser,
        Err(reason) => {
            println!("skip: {reason}; `cargo xtask setup` brings it");
            return;
        }
    };
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("crops");
    crops(&folder);
    let server = Server::start(place.path(), &["--crops", "crops"]);
    browser.screen(360, 640);
    browser.open(&server.url("/label"));
    browser.wait("document.body.dataset.ready === 'true' && document.getElementById('picture').naturalWidth > 0");
    if let Some(to) = std::env::var_os("PAGE_SCREENSHOTS") {
        for (name, width, height) in [
            ("small phone", 360, 640),
            ("phone", 390, 844),
            ("desktop", 1280, 900),
        ] {
            browser.screen(width, height);
            browser.screenshot(&Path::new(&to).join(format!("label, {name}.png")));
        }
        browser.screen(360, 640);
    }
    // Everything that answers is on a small phone's screen at once, and large enough for a thumb.
    let out = browser.run(
        "return [...document.querySelectorAll('button')].filter((b) => b.checkVisibility()).filter((b) => {
            const box = b.getBoundingClientRect();
            return box.right > innerWidth || box.left < 0 || box.height < 40 || box.bottom > innerHeight;
        }).map((b) => b.innerText)",
    );
    assert_eq!(out, json!([]));
    let names = browser.spoken_names("button, img");
    assert!(
        names.len() > 12 && names.iter().all(|name| !name.trim().is_empty()),
        "{names:?}"
    );

    let shown = || browser.run("return document.getElementById('picture').src.split('/').at(-2)");
    let count = |text: &str| {
        browser.wait(&format!(
            "document.getElementById('count').textContent === '{text}'"
        ))
    };
    let first = shown();
    browser.press("1");
    count("1 labelled, 5 to go");
    let classes = server.get("/api/crops").json()["classes"].clone();
    assert_eq!(
        written(&folder),
        [(
            first.as_str().unwrap().to_string(),
            classes[0].as_str().unwrap().to_string()
        )]
    );
    let second = shown();
    assert_ne!(first, second);
    browser.press("z");
    count("0 labelled, 6 to go");
    assert_eq!((shown(), written(&folder).len()), (first.clone(), 0));
    browser.press("n");
    count("1 labelled, 5 to go");
    assert_eq!(written(&folder)[0].1, "not a vehicle");
    browser.press("s");
    count("1 labelled, 4 to go");
    browser.press("9");
    count("2 labelled, 3 to go");
    // A key that means nothing labels nothing.
    browser.press("!");
    browser.click("#choices button:nth-child(11)");
    count("3 labelled, 2 to go");
    assert!(
        written(&folder)
            .iter()
            .any(|(_, label)| *label == classes[10])
    );
    // Opened again it goes on where it was; what was skipped is asked again.
    browser.open(&server.url("/label"));
    count("3 labelled, 3 to go");
    for left in [
        "4 labelled, 2 to go",
        "5 labelled, 1 to go",
        "6 labelled, 0 to go",
    ] {
        browser.press("2");
        count(left);
    }
    browser.wait("!document.getElementById('done').hidden");
    assert!(browser.texts("#next")[0].contains("host-trainer adapt --crops"));
    let severe: Vec<_> = browser
        .log()
        .into_iter()
        .filter(|(level, _)| level == "SEVERE")
        .collect();
    assert!(severe.is_empty(), "{severe:?}");
}
