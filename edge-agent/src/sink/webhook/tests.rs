//! The sink against a server that answers with every kind of status, closes, and gets stuck.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Mutex;

use super::server::{Manner, Server};
use super::*;
use crate::event::Event;
use crate::secret;
use crate::sink::{LAST_GRACE, Sink};
use crate::testing::an_event;

fn config(port: u16, folder: &Path) -> WebhookConfig {
    WebhookConfig {
        url: Some(format!("http://127.0.0.1:{port}/events?key=hunter2")),
        spool: Some(folder.join("spool")),
        timeout_ms: 500,
        max_back_off_s: 1,
        ..WebhookConfig::default()
    }
}

fn deliver(sink: &mut Spooled, numbers: std::ops::Range<u64>) {
    for number in numbers {
        sink.deliver(&an_event(number)).unwrap();
    }
}

fn wait_for(what: &str, done: impl Fn() -> bool) {
    for _ in 0..12_000 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("waited two minutes for {what}");
}

/// What the sinks of these tests told the operator.
static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn note(told: &str) {
    TOLD.lock().unwrap().push(told.to_string());
}

fn was_told(part: &str) -> bool {
    TOLD.lock().unwrap().iter().any(|told| told.contains(part))
}

#[test]
fn each_event_is_posted_with_the_token() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let token = secret::tests::file(folder.path(), "hunter2-token\n", 0o600);
    let config = WebhookConfig {
        token_file: Some(token),
        ..config(server.port, folder.path())
    };
    let mut sink = start(&config, note).unwrap().unwrap();
    deliver(&mut sink, 0..50);
    // The end waits for what the server takes gladly.
    sink.finish(LAST_GRACE).unwrap();
    assert_eq!(server.taken(), (0..50).collect::<Vec<_>>());
    for (_, head) in server.asked() {
        let head = head.to_lowercase();
        assert!(
            head.starts_with("post /events?key=hunter2 http/1.1"),
            "{head}"
        );
        assert!(
            head.contains("authorization: bearer hunter2-token"),
            "{head}"
        );
        assert!(head.contains("content-type: application/json"), "{head}");
    }
    assert!(!was_told("hunter2"));
}

#[test]
fn what_may_work_later_is_tried_again_and_the_order_stays() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let mut sink = start(&config(server.port, folder.path()), note)
        .unwrap()
        .unwrap();
    let mut sent = 0;
    for manner in [
        Manner::Status(500, ""),
        Manner::Status(503, "Retry-After: 1\r\n"),
        Manner::Status(429, ""),
        Manner::Status(408, ""),
        Manner::Status(401, ""),
        Manner::Status(403, ""),
        Manner::Status(302, "Location: /elsewhere\r\n"),
        Manner::Close,
        Manner::Stuck,
    ] {
        let before = server.asked().len();
        server.set(manner.clone());
        deliver(&mut sink, sent..sent + 10);
        sent += 10;
        wait_for("two tries", || server.asked().len() >= before + 2);
        assert_eq!(server.taken().len() as u64, sent - 10, "{manner:?}");
        server.set(Manner::Status(200, ""));
        wait_for("all", || server.taken().last() == Some(&(sent - 1)));
        // A request that was given up may still be taken, at any later time: the order is that
        // of the first arrivals.
        let mut seen = HashSet::new();
        let mut first = server.taken();
        first.retain(|number| seen.insert(*number));
        assert_eq!(first, (0..sent).collect::<Vec<_>>(), "{manner:?}");
    }
    sink.finish(LAST_GRACE).unwrap();
    assert!(was_told("status 500; events wait in "));
    assert!(was_told(
        "status 302; give webhook.url the address it points to"
    ));
    assert!(was_told(
        "status 401; look at webhook.token_file; events wait in "
    ));
    assert!(was_told("works again"));
    assert!(!was_told("hunter2"));
    assert!(!folder.path().join("spool/rejected.jsonl").exists());
}

#[test]
fn each_reason_of_an_outage_is_told_once() {
    static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let note = |told: &str| TOLD.lock().unwrap().push(told.to_string());
    let server = Server::start();
    server.set(Manner::Status(500, ""));
    let folder = tempfile::tempdir().unwrap();
    let started = start(&config(server.port, folder.path()), note);
    let mut sink = started.unwrap().unwrap();
    deliver(&mut sink, 0..1);
    for manner in [
        Manner::Status(401, ""),
        Manner::Status(500, ""),
        Manner::Status(200, ""),
    ] {
        let before = server.asked().len();
        wait_for("two tries", || server.asked().len() >= before + 2);
        server.set(manner);
    }
    let times = |part: &str| {
        let told = TOLD.lock().unwrap();
        told.iter().filter(|line| line.contains(part)).count()
    };
    wait_for("the good news", || times("works again") == 1);
    assert_eq!(times("status 500; events wait in "), 1);
    assert_eq!(times("status 401; look at webhook.token_file; "), 1);
    sink.finish(LAST_GRACE).unwrap();
}

#[test]
fn a_port_that_is_none_is_refused_and_a_right_one_is_not() {
    let check = |url: &str| {
        let config = WebhookConfig {
            url: Some(url.into()),
            spool: Some("s".into()),
            ..WebhookConfig::default()
        };
        config.check()
    };
    for port in ["0", "65536", "99999", ""] {
        for host in ["h", "127.0.0.1", "[::1]"] {
            let refusal = check(&format!("http://{host}:{port}/")).unwrap_err();
            let refusal = refusal.to_string();
            assert!(
                refusal.starts_with("webhook.url has no port from 1 to 65535; "),
                "{refusal}"
            );
        }
    }
    for url in [
        "http://[::1]/",
        "http://[::1]:1/",
        "https://h:65535/a",
        "http://h/:0",
    ] {
        assert_eq!(check(url), Ok(()), "{url}");
    }
}

#[test]
fn a_token_that_no_header_can_have_is_refused_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let token = secret::tests::file(folder.path(), "häuser2\n", 0o600);
    let config = WebhookConfig {
        token_file: Some(token),
        ..config(1, folder.path())
    };
    let refusal = check_files(&config).unwrap_err().to_string();
    assert!(refusal.starts_with("webhook.token_file: "), "{refusal}");
    assert!(refusal.contains("ASCII"), "{refusal}");
    assert!(!refusal.contains("user2"), "{refusal}");
}

#[test]
fn a_token_that_is_changed_costs_no_event() {
    let server = Server::start();
    server.set(Manner::Bearer("new"));
    let folder = tempfile::tempdir().unwrap();
    let token = secret::tests::file(folder.path(), "old\n", 0o600);
    let config = WebhookConfig {
        token_file: Some(token),
        ..config(server.port, folder.path())
    };
    let mut sink = start(&config, note).unwrap().unwrap();
    deliver(&mut sink, 0..5);
    wait_for("two tries", || server.asked().len() >= 2);
    assert!(server.taken().is_empty());
    secret::tests::file(folder.path(), "new\n", 0o600);
    wait_for("all", || server.taken() == [0, 1, 2, 3, 4]);
    sink.finish(LAST_GRACE).unwrap();
}

#[test]
fn what_will_never_work_is_set_aside_and_holds_up_nothing() {
    let server = Server::start();
    server.set(Manner::ByEvent(|sequence| match sequence % 5 {
        1 => 400,
        2 => 404,
        3 => 422,
        _ => 201,
    }));
    let folder = tempfile::tempdir().unwrap();
    let mut sink = start(&config(server.port, folder.path()), note)
        .unwrap()
        .unwrap();
    deliver(&mut sink, 0..25);
    sink.finish(LAST_GRACE).unwrap();
    let taken: Vec<u64> = (0..25).filter(|n| matches!(n % 5, 0 | 4)).collect();
    assert_eq!(server.taken(), taken);
    assert_eq!(server.asked().len(), 25, "none was tried twice");
    let path = folder.path().join("spool/rejected.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let mut set_aside = Vec::new();
    for line in text.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let event: Event = serde_json::from_value(line["event"].clone()).unwrap();
        let status = [400, 404, 422][(event.sequence % 5) as usize - 1];
        assert_eq!(line["status"], status);
        set_aside.push(event.sequence);
    }
    let expected: Vec<u64> = (0..25).filter(|n| matches!(n % 5, 1..=3)).collect();
    assert_eq!(set_aside, expected);
    assert!(was_told(
        "it rejects an event with status 400 (1 so far); such events are set aside"
    ));
}

#[test]
fn the_file_of_rejected_events_is_bounded_and_a_full_disk_loses_none() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    let mut rejected = Rejected::new(disk.clone(), folder.path());
    let event = vec![b'1'; 1 << 20];
    for _ in 0..30 {
        rejected.add(400, &event).unwrap();
        let size = |name| std::fs::metadata(folder.path().join(name)).map_or(0, |d| d.len());
        assert!(size("rejected.jsonl") + size("rejected-before.jsonl") <= 16 << 20);
    }
    disk.faults().all(std::io::ErrorKind::StorageFull);
    assert!(rejected.add(400, b"{}").is_err());
    assert_eq!(rejected.count(), 30);
}

#[test]
fn the_table_is_checked() {
    for (text, told) in [
        (
            "url = \"http://h/\"",
            "webhook.spool is missing; give a folder",
        ),
        (
            "url = \"h\"\nspool = \"s\"",
            "webhook.url is no address; give one like https://",
        ),
        (
            "url = \"ftp://h/\"\nspool = \"s\"",
            "webhook.url is no address",
        ),
        (
            "url = \"http://a:b@h/\"\nspool = \"s\"",
            "webhook.url has a user in it; put a token",
        ),
        (
            "timeout_ms = 1",
            "webhook.timeout_ms = 1 is out of range; allowed: 100 to 120000",
        ),
    ] {
        let config: WebhookConfig = toml::from_str(text).unwrap();
        let refusal = config.check().unwrap_err().to_string();
        assert!(refusal.starts_with(told), "{refusal}");
        assert!(!refusal.contains("a:b"), "{refusal}");
    }
    assert_eq!(WebhookConfig::default().check(), Ok(()));
    let folder = tempfile::tempdir().unwrap();
    let open = secret::tests::file(folder.path(), "hunter2\n", 0o644);
    let config = WebhookConfig {
        token_file: Some(open),
        ..config(1, folder.path())
    };
    let refusal = start(&config, note).err().unwrap().to_string();
    assert!(refusal.starts_with("webhook.token_file: "), "{refusal}");
    let config = WebhookConfig {
        token_file: None,
        ca_file: Some("no.pem".into()),
        ..config
    };
    let refusal = start(&config, note).err().unwrap().to_string();
    assert!(
        refusal.starts_with("webhook.ca_file: cannot read no.pem"),
        "{refusal}"
    );
}
