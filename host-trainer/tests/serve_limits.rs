//! What `host-trainer serve` does with clients that are wrong, foreign, slow, many or gone, and
//! with a wrong command line. Its numbers are `serve.rs`'s.

mod serving;

use std::io::Write;
use std::net::TcpListener;
use std::thread;
use std::time::Instant;

use models::picture;
use serving::{PATIENCE, Reply, Server, agent, car, common::command, read_all};

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
    let (status, text) = server.classify_all(&many).refusal();
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
        let output = command(place.path(), &all).output().unwrap();
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
    let mut command = command(place.path(), &["serve", "--listen", "0.0.0.0:0"]);
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
