//! `host-trainer serve` over plain HTTP: the numbers are the Runner's, and a run shows what it
//! lists and nothing else. Wrong clients are `serve_limits.rs`'s, the page in a browser is
//! `page.rs`'s.

mod serving;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::path::Path;

use models::{Bundle, Runner, Scores, picture};
use serde::Deserialize;
use serde_json::Value;
use serving::{Server, a_run, car, succeed};

/// An answer as a client sees it, its numbers read as the 32-bit numbers they are.
#[derive(Debug, Deserialize)]
struct Answer {
    name: Option<String>,
    colour: String,
    score: f32,
    reason: Option<String>,
    ranked: Vec<models::Ranked>,
    width: u32,
}

/// Bit for bit.
fn assert_same(answer: &Answer, expected: &Scores, reject_below: f32) {
    let top = expected.top(expected.labels().len());
    let bits = |ranked: &[models::Ranked]| -> Vec<(String, u32)> {
        let pairs = ranked.iter();
        pairs
            .map(|r| (r.colour.clone(), r.score.to_bits()))
            .collect()
    };
    assert_eq!(bits(&answer.ranked), bits(&top));
    assert_eq!(answer.score.to_bits(), top[0].score.to_bits());
    let sure = top[0].score >= reject_below;
    let colour = if sure {
        top[0].colour.as_str()
    } else {
        "unknown"
    };
    assert_eq!(answer.colour, colour);
    assert_eq!(answer.reason.as_deref(), (!sure).then_some("unsure"));
}

fn cars() -> Vec<Vec<u8>> {
    let colours = ["red", "blue", "white", "black", "silver", "yellow"];
    let mut cars: Vec<Vec<u8>> = (1..)
        .zip(colours)
        .map(|(seed, colour)| car(colour, seed, 90 + 40 * seed as u32, 80))
        .collect();
    let frame = picture::decode(&cars[0]).unwrap();
    cars.push(picture::jpeg(frame.view(), 85).unwrap());
    cars
}

#[test]
fn every_probability_is_the_runners_own() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path(), &["--workers", "2"]);
    let bundle = Bundle::shipped().unwrap();
    let reject_below = bundle.manifest().decision.reject_below;
    let mut runner = Runner::new(&bundle).unwrap();
    let cars = cars();
    let expected: Vec<Scores> = cars
        .iter()
        .map(|bytes| {
            runner
                .classify(picture::decode(bytes).unwrap().view())
                .unwrap()
        })
        .collect();
    for (bytes, expected) in cars.iter().zip(&expected) {
        let answer: Answer = serde_json::from_slice(&server.classify(bytes).bytes).unwrap();
        assert_same(&answer, expected, reject_below);
    }
    let mut several = cars.clone();
    several.insert(1, b"no picture".to_vec());
    let answers = server.classify_all(&several).json();
    let answers = answers["answers"].as_array().unwrap();
    assert_eq!(answers.len(), cars.len() + 1);
    assert_eq!(
        answers[1]["error"],
        "it is not a JPEG, PNG, BMP or WebP picture"
    );
    assert_eq!(answers[1]["name"], "1.png");
    let answers = answers.iter().enumerate().filter(|(index, _)| *index != 1);
    for ((index, answer), expected) in answers.zip(&expected) {
        let answer: Answer = serde_json::from_value(answer.clone()).unwrap();
        assert_eq!(
            answer.name.as_deref(),
            Some(format!("{index}.png").as_str())
        );
        assert_same(&answer, expected, reject_below);
    }
    let facts = server.get("/api/model").json();
    assert_eq!(facts["model"]["id"], bundle.id());
    assert_eq!(facts["model"]["labels"][0], bundle.manifest().labels[0]);
    assert!(
        server.said.contains("12: black blue brown"),
        "{}",
        server.said
    );

    // The same below another threshold.
    let strict = Server::start(place.path(), &["--reject-below", "1"]);
    let answer: Answer = serde_json::from_slice(&strict.classify(&cars[1]).bytes).unwrap();
    assert_same(&answer, &expected[1], 1.0);
    assert_eq!((answer.colour.as_str(), answer.width), ("unknown", 170));
    assert!(server.said.contains("runs         none"), "{}", server.said);
}

#[test]
fn a_run_answers_like_its_bundle_and_shows_what_it_lists_and_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    a_run(at, &["black", "red", "white"]);
    succeed(
        at,
        &["export", "runs/1", "--quantise", "none", "--out", "bundle"],
    );
    fs::write(at.join("secret.png"), car("red", 1, 32, 32)).unwrap();
    fs::write(at.join("data/red/unlisted.png"), car("red", 1, 32, 32)).unwrap();
    let run = at.join("runs/1");
    let plots = run.join("plots");
    fs::remove_dir_all(&plots).unwrap();
    fs::create_dir(&plots).unwrap();
    fs::write(
        run.join("plots/roc.svg"),
        "<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
    )
    .unwrap();
    fs::write(run.join("plots/notes.txt"), "no plot").unwrap();
    fs::write(run.join("report.html"), "<style>p{}</style><p>A report</p>").unwrap();
    fs::create_dir(at.join("runs/broken")).unwrap();
    fs::write(at.join("runs/broken/run.json"), "{}").unwrap();
    symlink(at, at.join("runs/up")).unwrap();
    fs::write(at.join("run.json"), fs::read(run.join("run.json")).unwrap()).unwrap();
    symlink(at.join("secret.png"), run.join("plots/secret.svg")).unwrap();
    symlink(at.join("secret.png"), at.join("data/red/link.png")).unwrap();
    let listed = |path: &str| {
        format!(
            "{{\"part\":\"test\",\"path\":\"{path}\",\"truth\":\"black\",\"answer\":\"white\",\
             \"probabilities\":{{\"black\":0.1,\"white\":0.9}}}}\n"
        )
    };
    let answers = run.join("answers.jsonl");
    let mut lines = fs::read_to_string(&answers).unwrap();
    lines += &listed("red/link.png");
    lines += &listed("../secret.png");
    fs::write(&answers, lines).unwrap();

    let server = Server::start(at, &["--run", "runs/1"]);
    assert!(
        server.said.contains("validation pictures"),
        "{}",
        server.said
    );
    let bundle = Bundle::open(&at.join("bundle")).unwrap();
    let mut runner = Runner::new(&bundle).unwrap();
    let facts = server.get("/api/model").json();
    assert_eq!(facts["model"]["title"], "run 1");
    let bytes = car("red", 77, 100, 80);
    let expected = runner
        .classify(picture::decode(&bytes).unwrap().view())
        .unwrap();
    let answer: Answer = serde_json::from_slice(&server.classify(&bytes).bytes).unwrap();
    assert_same(&answer, &expected, 0.5);

    let runs = server.get("/api/runs").json();
    let runs = runs["runs"].as_array().unwrap();
    let names: Vec<&Value> = runs.iter().map(|run| &run["name"]).collect();
    assert_eq!(names, ["1", "broken"]);
    assert_eq!(runs[0]["model"], "mobilenet_v3_small");
    assert!(runs[0]["accuracy"].as_f64().unwrap() > 0.0);
    let problem = runs[1]["problem"].as_str().unwrap();
    assert!(
        problem.contains("is not this version's run.json"),
        "{problem}"
    );

    let details = server.get("/api/runs/1").json();
    assert_eq!(details["plots"], serde_json::json!(["roc.svg"]));
    assert_eq!(details["epochs_done"].as_array().unwrap().len(), 2);
    let plot = server.get("/api/runs/1/plots/roc.svg");
    assert_eq!(plot.header("content-type"), "image/svg+xml");
    let report = server.get("/api/runs/1/report.html");
    assert!(report.text().contains("A report"));
    let policy = report.header("content-security-policy");
    assert!(
        policy.ends_with("sandbox") && !policy.contains("script-src"),
        "{policy}"
    );

    let mistakes = server.get("/api/runs/1/answers?answer=red").json();
    let shown = mistakes["answers"].as_array().unwrap();
    assert_eq!(mistakes["found"].as_u64().unwrap(), shown.len() as u64);
    assert!(!shown.is_empty() && shown.iter().all(|a| a["truth"] != "red"));
    let scores: Vec<f64> = shown.iter().map(|a| a["score"].as_f64().unwrap()).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
    let of = |answer: &Value| {
        let text = |key: &str| answer[key].as_str().unwrap().to_string();
        let path = text("path");
        (
            format!("/api/runs/1/picture?part={}&path={path}", text("part")),
            path,
        )
    };
    let (address, path) = of(&shown[0]);
    let picture = server.get(&address);
    assert_eq!(picture.header("content-type"), "image/png");
    assert_eq!(picture.bytes, fs::read(at.join("data").join(path)).unwrap());
    assert_eq!(server.get("/api/runs/1/answers?show=nothing").status, 400);

    traversal(&server, at);
    leaving(&server, &run);
}

/// Clients that leave while a large file is on its way.
fn leaving(server: &Server, run: &Path) {
    fs::write(run.join("report.html"), vec![b' '; 8 << 20]).unwrap();
    for _ in 0..20 {
        let mut stream = server.connect();
        let request = b"GET /api/runs/1/report.html HTTP/1.1\r\nHost: localhost\r\n\r\n";
        stream.write_all(request).unwrap();
    }
    let mut stream = server.connect();
    let request = b"GET /api/runs/1/report.html HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request).unwrap();
    stream.read_exact(&mut [0; 100_000]).unwrap();
    drop(stream);
    assert_eq!(server.get("/api/runs/1/report.html").bytes.len(), 8 << 20);
}

/// None of these gives a file.
fn traversal(server: &Server, at: &Path) {
    let secret = at.join("secret.png");
    let secret = secret.to_str().unwrap();
    let pictures = [
        "red/unlisted.png",
        "red/link.png",
        "../secret.png",
        "..%2fsecret.png",
        "%2e%2e/secret.png",
        secret,
        "",
    ];
    let mut paths: Vec<String> = pictures
        .iter()
        .flat_map(|path| {
            ["validation", "test", "train"]
                .map(|part| format!("/api/runs/1/picture?part={part}&path={path}"))
        })
        .collect();
    for path in [
        "/api/runs/up",
        "/api/runs/..",
        "/api/runs/%2e%2e",
        "/api/runs/..%2f..",
        "/api/runs/%2f",
        "/api/runs/up/answers",
        "/api/runs/1/plots/secret.svg",
        "/api/runs/1/plots/notes.txt",
        "/api/runs/1/plots/..%2freport.html",
        "/api/runs/1/plots/../run.json",
        "/api/runs/1/run.json",
        "/../../../../etc/passwd",
        "/api/runs/1/..%2f..%2fsecret.png/report.html",
        "/api/runs/1%00/report.html",
    ] {
        paths.push(path.into());
    }
    for path in paths {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let reply = server.raw(request.as_bytes());
        assert!(reply.starts_with("HTTP/1.1 404 "), "{path}: {reply}");
    }
}
