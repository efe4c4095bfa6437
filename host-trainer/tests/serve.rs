//! `host-trainer serve` over plain HTTP: the numbers are the Runner's, everything that a client
//! may do wrong has an answer, and nothing ends the program but a signal. The page in a browser
//! is `page.rs`'s.

mod serving;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::thread;
use std::time::Instant;

use models::{Bundle, Runner, Scores, picture};
use serde::Deserialize;
use serde_json::Value;
use serving::{PATIENCE, Reply, Server, a_run, agent, car, host_trainer, read_all, succeed};

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

fn form(pictures: &[Vec<u8>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (index, picture) in pictures.iter().enumerate() {
        let head = format!(
            "--edge\r\nContent-Disposition: form-data; name=\"p\"; filename=\"{index}.png\"\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(picture);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--edge--\r\n");
    body
}

fn post_form(server: &Server, pictures: &[Vec<u8>]) -> Reply {
    let request = agent().post(server.url("/api/classify"));
    let request = request.header("Content-Type", "multipart/form-data; boundary=edge");
    Reply::of(request.send(form(pictures).as_slice()))
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
    let answers = post_form(&server, &several).json();
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

/// A PNG that announces more pixels than are decoded.
fn bomb() -> Vec<u8> {
    let mut bomb = car("red", 1, 40, 32);
    bomb[16..20].copy_from_slice(&60_000u32.to_be_bytes());
    bomb[20..24].copy_from_slice(&60_000u32.to_be_bytes());
    let crc = !bomb[12..29].iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| {
            if c & 1 == 1 {
                0xedb8_8320 ^ (c >> 1)
            } else {
                c >> 1
            }
        })
    });
    bomb[29..33].copy_from_slice(&crc.to_be_bytes());
    bomb
}

#[test]
fn what_cannot_be_answered_is_refused_with_its_reason() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path(), &[]);
    let jpeg = picture::jpeg(picture::decode(&car("red", 3, 60, 40)).unwrap().view(), 90).unwrap();
    let huge = vec![0; (picture::MAX_FILE_BYTES + 1) as usize];
    let cases: [(&[u8], u16, &str); 6] = [
        (b"", 400, "the request is empty"),
        (
            b"a shopping list",
            422,
            "it is not a JPEG, PNG, BMP or WebP picture",
        ),
        (
            &jpeg[..jpeg.len() / 2],
            422,
            "the JPEG is cut off before its end",
        ),
        (&car("red", 3, 60, 40)[..900], 422, "it is damaged ("),
        (
            &bomb(),
            422,
            "60000x60000 pixels are more than the 67108864 that are decoded",
        ),
        (
            &huge,
            413,
            "the upload is larger than 64 MiB, the most that is read",
        ),
    ];
    for (body, status, reason) in cases {
        let (found, text) = server.classify(body).refusal();
        assert_eq!(found, status, "{text}");
        assert!(text.starts_with(reason), "{text}");
    }
    let many = vec![car("red", 1, 32, 32); 65];
    let (status, text) = post_form(&server, &many).refusal();
    assert_eq!(
        (status, text.as_str()),
        (413, "more than 64 pictures at once; send fewer")
    );
    let request = agent().post(server.url("/api/classify"));
    let request = request.header("Content-Type", "multipart/form-data");
    let (status, text) = Reply::of(request.send("x")).refusal();
    assert_eq!(status, 400);
    assert!(
        text.starts_with("the multipart/form-data does not parse"),
        "{text}"
    );

    // A body of no announced length is counted as it comes.
    let mut stream = server.connect();
    let head = format!(
        "POST /api/classify HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        server.address
    );
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = [b"100000\r\n".as_slice(), &vec![0; 1 << 20], b"\r\n"].concat();
    for _ in 0..65 {
        stream.write_all(&chunk).unwrap();
    }
    let reply = read_all(stream);
    assert!(reply.starts_with("HTTP/1.1 413 "), "{reply}");

    for (method, path, status) in [
        ("GET", "/nothing", "404"),
        ("GET", "/page.css/..", "404"),
        ("GET", "/api/classify", "405"),
        ("DELETE", "/api/runs", "405"),
        ("POST", "/", "405"),
        ("GET", "/api/runs/1", "404"),
    ] {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let reply = server.raw(request.as_bytes());
        assert!(
            reply.starts_with(&format!("HTTP/1.1 {status} ")),
            "{path}: {reply}"
        );
        assert!(reply.contains("{\"error\":\""), "{path}: {reply}");
    }
    for nonsense in [
        "\0\0\0\0\0\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
    ] {
        let reply = server.raw(nonsense.as_bytes());
        assert!(
            reply.is_empty() || reply.starts_with("HTTP/1.1 400"),
            "{reply}"
        );
    }
    assert_eq!(server.classify(&jpeg).status, 200);
}

#[test]
fn other_sites_are_kept_out() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path(), &["--host-name", "lab.example"]);
    let get = |host: &str| {
        server.raw(format!("GET /api/model HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes())
    };
    for host in ["localhost", "127.0.0.1:1", "[::1]", "lab.example:8017"] {
        assert!(get(host).starts_with("HTTP/1.1 200"), "{host}");
    }
    for host in ["evil.example", "192.168.1.1", "localhost.evil.example"] {
        let reply = get(host);
        assert!(reply.starts_with("HTTP/1.1 403"), "{reply}");
        assert!(reply.contains("this page is not served as"), "{reply}");
    }
    assert!(
        server
            .raw(b"GET / HTTP/1.0\r\n\r\n")
            .starts_with("HTTP/1.0 403")
    );
    let post = |origin: &str| {
        let request = agent()
            .post(server.url("/api/classify"))
            .header("Origin", origin);
        Reply::of(request.send(car("red", 1, 40, 32).as_slice()))
    };
    assert_eq!(post(&server.url("")).status, 200);
    for origin in ["http://evil.example", "null", "http://localhost:1"] {
        let (status, text) = post(origin).refusal();
        assert_eq!(status, 403, "{origin}");
        assert_eq!(text, "another site's page may not send pictures here");
    }
    for path in ["/", "/main.js", "/api", "/api/model", "/none"] {
        let reply = server.get(path);
        let policy = reply.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(reply.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(reply.header("cross-origin-resource-policy"), "same-origin");
    }
}

#[test]
fn slow_clients_are_cut_off_and_hold_nobody_up() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path(), &["--upload-seconds", "1"]);
    // More than there are places for connections, none of which says anything.
    let silent: Vec<_> = (0..150).map(|_| server.connect()).collect();
    let half = |text: &str| {
        let mut stream = server.connect();
        stream.write_all(text.as_bytes()).unwrap();
        stream
    };
    let head = half("GET / HTTP/1.1\r\nHost: local");
    let body =
        half("POST /api/classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n123");
    let start = Instant::now();
    assert_eq!(server.classify(&car("red", 1, 40, 32)).status, 200);
    let text = read_all(body);
    assert!(text.starts_with("HTTP/1.1 408"), "{text}");
    assert!(text.contains("longer than the 1 seconds it may"), "{text}");
    let text = read_all(head);
    assert!(
        text.is_empty() || text.starts_with("HTTP/1.1 408"),
        "{text}"
    );
    for stream in silent {
        read_all(stream);
    }
    assert!(start.elapsed() < PATIENCE / 2);
}

#[test]
fn fifty_at_once_are_all_answered() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path(), &["--workers", "2"]);
    let bytes = car("blue", 5, 320, 240);
    let colours = thread::scope(|scope| {
        let asked: Vec<_> = (0..50)
            .map(|_| scope.spawn(|| server.classify(&bytes).json()))
            .collect();
        let answers = asked.into_iter().map(|asked| asked.join().unwrap());
        answers.map(|a| a["ranked"].to_string()).collect::<Vec<_>>()
    });
    assert_eq!(colours.len(), 50);
    assert!(colours.iter().all(|found| *found == colours[0]));
}

#[test]
fn clients_that_leave_do_not_end_it_and_signals_do() {
    for signal in [libc::SIGTERM, libc::SIGINT] {
        let place = tempfile::tempdir().unwrap();
        let server = Server::start(place.path(), &["--workers", "1"]);
        for _ in 0..30 {
            let mut stream = server.connect();
            let request = b"GET /page.css HTTP/1.1\r\nHost: localhost\r\n\r\n";
            stream.write_all(request).unwrap();
        }
        // Noise, which takes long to unpack.
        let noise = (0..2400 * 1800 * 3u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8);
        let large = models::RgbFrame::new(2400, 1800, noise.collect()).unwrap();
        let large = picture::png(large.view()).unwrap();
        let head = format!(
            "POST /api/classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
            large.len()
        );
        // Leaves while its picture is looked at.
        let mut leaving = server.connect();
        leaving
            .write_all(&[head.as_bytes(), &large].concat())
            .unwrap();
        drop(leaving);
        // Is being answered when the signal comes, and still gets its answer.
        let mut asking = server.connect();
        asking.write_all(head.as_bytes()).unwrap();
        asking.write_all(&large[..large.len() - 1]).unwrap();
        let silent = server.connect();
        assert_eq!(server.get("/api/model").status, 200);
        server.signal(signal);
        asking.write_all(&large[large.len() - 1..]).unwrap();
        let text = read_all(asking);
        assert!(text.starts_with("HTTP/1.1 200 OK"), "{text}");
        let status = server.end();
        assert_eq!(status.code(), Some(0), "{status}");
        drop(silent);
    }
}

#[test]
fn misuse_is_one_line() {
    let place = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let in_use = format!("cannot listen on {taken}: Address already in use (os error 98); another");
    let cases: [(&[&str], i32, &str); 8] = [
        (&["--listen", &taken], 1, &in_use),
        (
            &["--listen", "203.0.113.1:0"],
            1,
            "this machine does not have that address",
        ),
        (&["--listen", "car"], 2, "give an IP address and a port"),
        (&["--reject-below", "2"], 2, "0 to 1 can be"),
        (&["--run", "a", "--bundle", "b"], 2, "cannot be used with"),
        (
            &["--run", "nowhere"],
            2,
            "nowhere is not a run folder (it has no run.json)",
        ),
        (
            &["--runs", "nowhere"],
            2,
            "there is no folder nowhere; give the one that holds",
        ),
        (
            &["--bundle", "nowhere"],
            1,
            "bundle nowhere: cannot read manifest.json",
        ),
    ];
    for (arguments, code, expected) in cases {
        let mut all = vec!["serve"];
        if arguments[0] != "--listen" {
            all.extend(["--listen", "127.0.0.1:0"]);
        }
        all.extend(arguments);
        let output = host_trainer(place.path(), &all).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(text.contains(expected), "{arguments:?}: {text}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        // The command line's own errors have a line that points at --help.
        let usage = text.contains("For more information, try '--help'.");
        assert!(usage || text.lines().count() == 1, "{text}");
    }
}

#[test]
fn an_open_page_warns() {
    let place = tempfile::tempdir().unwrap();
    let mut command = host_trainer(place.path(), &["serve", "--listen", "0.0.0.0:0"]);
    let mut child = command
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut warning = String::new();
    let mut errors = std::io::BufReader::new(child.stderr.take().unwrap());
    std::io::BufRead::read_line(&mut errors, &mut warning).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        warning.starts_with("host-trainer: warning: 0.0.0.0:"),
        "{warning}"
    );
    assert!(warning.contains("is open to the network"), "{warning}");
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
