//! SIGHUP: a new config between two frames, whatever the peers do, again and again.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use crate::manager::{PATIENCE, Service, endless};

#[test]
fn a_new_config_is_taken_between_two_frames_and_a_wrong_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("agent.toml");
    fs::write(&config, endless("first", "")).unwrap();
    let service = Service::start(folder.path());
    service.await_message("READY=1");
    service.await_event_of("first");
    for (text, told) in [
        (
            endless("wrong", "camra = 3"),
            "agent.toml:2: camra: unknown key",
        ),
        (
            endless("wrong", "[bundle]\npath = \"gone\""),
            "agent.toml: bundle.path: bundle gone: ",
        ),
        // What shows only when it is opened.
        (
            endless("wrong", "").replace("events.jsonl", "no/events.jsonl"),
            "agent.toml: jsonl.path: cannot append to no/events.jsonl",
        ),
    ] {
        fs::write(&config, text).unwrap();
        service.signal("HUP");
        let line = service.await_log(told);
        let line = line.last().unwrap();
        assert!(line.ends_with("; the config before it goes on"), "{line}");
        service.await_message("RELOADING=1");
        service.await_message("READY=1");
        service.await_event_of("first");
    }
    fs::write(&config, endless("second", "")).unwrap();
    service.signal("HUP");
    service.await_log("agent.toml read again");
    let told = service.await_message("RELOADING=1");
    assert!(!told.iter().any(|line| line == "STOPPING=1"));
    let told = service.await_message("READY=1");
    assert!(told[0].starts_with("MONOTONIC_USEC="), "{told:?}");
    service.await_event_of("second");
    let (events, log) = service.end();
    // Each vehicle that was counted has its event, in the file as on standard output.
    let summary = log.last().unwrap();
    assert!(
        summary.contains(&format!(" {} vehicles, ", events.len())),
        "{summary}"
    );
    let kept = fs::read_to_string(folder.path().join("events.jsonl")).unwrap();
    let kept: Vec<Value> = kept
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(kept, events);
    let cameras: Vec<&str> = events
        .iter()
        .filter_map(|event| event["camera"].as_str())
        .collect();
    let second = cameras
        .iter()
        .position(|camera| *camera == "second")
        .unwrap();
    assert!(second > 0);
    assert!(cameras[..second].iter().all(|camera| *camera == "first"));
    assert!(cameras[second..].iter().all(|camera| *camera == "second"));
}

/// A request to the webhook's peer.
struct Request {
    body: String,
    /// The connection, if it is not answered.
    held: Option<TcpStream>,
}

/// A peer that answers nothing until it is let go.
fn stuck_peer() -> (u16, Arc<AtomicBool>, Receiver<Request>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let answers = Arc::new(AtomicBool::new(false));
    let (sender, requests) = channel();
    let shared = Arc::clone(&answers);
    std::thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            let (shared, sender) = (Arc::clone(&shared), sender.clone());
            std::thread::spawn(move || {
                let mut reader = BufReader::new(socket.try_clone().unwrap());
                loop {
                    let mut head = String::new();
                    while !head.ends_with("\r\n\r\n") {
                        if reader.read_line(&mut head).unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    let head = head.to_lowercase();
                    let length = head.split("content-length: ").nth(1).unwrap();
                    let length = length.split("\r\n").next().unwrap().parse().unwrap();
                    let mut body = vec![0; length];
                    if reader.read_exact(&mut body).is_err() {
                        return;
                    }
                    let body = String::from_utf8(body).unwrap();
                    if !shared.load(Ordering::SeqCst) {
                        let held = Some(socket);
                        let _ = sender.send(Request { body, held });
                        return;
                    }
                    let _ = sender.send(Request { body, held: None });
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
                    if (&socket).write_all(answer).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (port, answers, requests)
}

#[test]
fn a_peer_that_is_stuck_holds_up_no_new_config_and_loses_no_event() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("agent.toml");
    let (port, answers, requests) = stuck_peer();
    let text = |camera: &str| {
        let hook = format!(
            "[webhook]\nurl = \"http://127.0.0.1:{port}/\"\nspool = \"spool\"\n\
             timeout_ms = 120000\nmax_back_off_s = 1\n"
        );
        endless(camera, "") + &hook
    };
    fs::write(&config, text("first")).unwrap();
    let service = Service::start(folder.path());
    let first = requests.recv_timeout(PATIENCE).unwrap();
    answers.store(true, Ordering::SeqCst);
    fs::write(&config, text("second")).unwrap();
    service.signal("HUP");
    service.await_log("agent.toml read again");
    // The spool went on to the next sink although the request before is still waited for.
    let again = requests.recv_timeout(PATIENCE).unwrap();
    assert_eq!(again.body, first.body);
    let mut held = first.held.unwrap();
    held.set_nonblocking(true).unwrap();
    let still_open = held.read(&mut [0]).unwrap_err().kind();
    assert_eq!(still_open, ErrorKind::WouldBlock);
    let mut arrived = vec![again.body];
    while !arrived.last().unwrap().contains("\"camera\":\"second\"") {
        arrived.push(requests.recv_timeout(PATIENCE).unwrap().body);
    }
    let (events, _) = service.end();
    let numbers = events
        .iter()
        .map(|event| event["sequence"].as_u64().unwrap());
    assert!(numbers.eq(1..=events.len() as u64));
    let arrived: Vec<Value> = arrived
        .iter()
        .map(|body| serde_json::from_str(body).unwrap())
        .collect();
    assert_eq!(arrived, events[..arrived.len()]);
}

/// A webhook that nobody answers, and the file with its token.
fn with_token(folder: &Path, camera: &str) -> (String, PathBuf) {
    let hook = "[webhook]\nurl = \"http://127.0.0.1:9/\"\nspool = \"spool\"\n\
                token_file = \"token\"\n";
    let token = folder.join("token");
    fs::write(&token, "word\n").unwrap();
    fs::set_permissions(&token, Permissions::from_mode(0o600)).unwrap();
    (endless(camera, "") + hook, token)
}

#[test]
fn a_config_that_the_world_is_in_the_way_of_is_tried_until_it_works() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("agent.toml");
    let (text, token) = with_token(folder.path(), "first");
    fs::write(&config, &text).unwrap();
    let service = Service::start(folder.path());
    service.await_event_of("first");
    let hidden = folder.path().join("hidden");
    let get_in_its_way = || {
        fs::rename(&token, &hidden).unwrap();
        // The new config and the one before it are the same.
        service.signal("HUP");
        service.await_log("; the config before it goes on");
        let line = service.await_log("; trying again until it works");
        let line = line.last().unwrap();
        assert!(line.contains("webhook.token_file: "), "{line}");
    };
    let events = folder.path().join("events.jsonl");
    let written = || fs::metadata(&events).unwrap().len();
    get_in_its_way();
    let before = written();
    fs::rename(&hidden, &token).unwrap();
    while written() == before {
        std::thread::sleep(Duration::from_millis(5));
    }
    // A new config is taken meanwhile.
    get_in_its_way();
    fs::write(&config, endless("second", "")).unwrap();
    service.signal("HUP");
    service.await_event_of("second");
    let (told, _) = service.end();
    let kept = fs::read_to_string(&events).unwrap();
    assert_eq!(kept.lines().count(), told.len());
}

#[test]
fn a_stop_is_heard_while_nothing_works() {
    let folder = tempfile::tempdir().unwrap();
    let (text, token) = with_token(folder.path(), "a");
    fs::write(folder.path().join("agent.toml"), text).unwrap();
    let service = Service::start(folder.path());
    service.await_event_of("a");
    fs::remove_file(token).unwrap();
    service.signal("HUP");
    service.await_log("; trying again until it works");
    // The service manager hears that the loop turns.
    service.await_message("STATUS=waiting for frames");
    service.end();
}

#[test]
fn the_page_comes_back_with_each_reload_and_nothing_piles_up() {
    let folder = tempfile::tempdir().unwrap();
    // A port that was free a moment ago.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let page = format!("[http]\nlisten = \"127.0.0.1:{port}\"\n");
    fs::write(folder.path().join("agent.toml"), endless("a", "") + &page).unwrap();
    let service = Service::start(folder.path());
    let answers = || {
        service.await_log(&format!("page at http://127.0.0.1:{port}/"));
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        write!(stream, "GET /state HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    };
    let count = |what: &str| {
        let folder = format!("/proc/{}/{what}", service.child.id());
        fs::read_dir(folder).unwrap().count()
    };
    answers();
    let mut counts = Vec::new();
    for _ in 0..8 {
        service.signal("HUP");
        answers();
        service.await_event_of("a");
        counts.push((count("fd"), count("task")));
    }
    // A connection may not be closed yet at the moment of counting.
    let (fds, tasks) = counts[1];
    let (last_fds, last_tasks) = counts[7];
    assert!(last_fds <= fds + 2 && last_tasks <= tasks + 2, "{counts:?}");
    let (_, log) = service.end();
    assert!(!log.iter().any(|line| line.contains("cannot listen")));
}
