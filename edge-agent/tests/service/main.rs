//! The program as a service manager sees it: ready, alive, waiting, reloading, stopping; the
//! journal's priorities; and `check` and `config`, which come before a run.

#[path = "../common/mod.rs"]
mod common;
mod manager;
mod reload;

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;

use common::{program, run};
use manager::{Service, endless};
use serde_json::Value;

#[test]
fn a_run_is_ready_with_its_first_frame_and_alive_while_it_turns() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("agent.toml"), endless("a", "")).unwrap();
    let service = Service::start(folder.path());
    let before = service.await_message("READY=1");
    assert_eq!(before, ["READY=1"]);
    for _ in 0..3 {
        service.await_message("WATCHDOG=1");
    }
    let status = service.await_message("frames/s, ");
    let status = status.last().unwrap();
    assert!(status.starts_with("STATUS="), "{status}");
    assert!(status.ends_with(" vehicles so far"), "{status}");
    service.end();
}

#[test]
fn a_camera_that_is_away_is_no_stuck_loop() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("agent.toml");
    let camera = "[source]\nkind = \"v4l2\"\ndevice = \"/dev/v4l/by-id/none-such\"\n";
    fs::write(&config, camera).unwrap();
    let service = Service::start(folder.path());
    let mut told = service.await_message("EXTEND_TIMEOUT_USEC=60000000");
    for _ in 0..2 {
        told.extend(service.await_message("WATCHDOG=1"));
    }
    assert!(!told.iter().any(|line| line == "READY=1"), "{told:?}");
    assert!(
        told.iter().any(|line| line == "STATUS=waiting for frames"),
        "{told:?}"
    );
    // Out of the waiting as well a new config is taken.
    fs::write(&config, endless("drawn", "")).unwrap();
    service.signal("HUP");
    service.await_message("READY=1");
    service.await_event_of("drawn");
    service.end();
}

#[test]
fn the_journal_is_told_a_priority() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let told_to = |stream: &dyn Fn(&File) -> String| {
        let file = File::create(&path).unwrap();
        let stream = stream(&file);
        let mut command = program();
        command
            .args(["run", "--config", "no.toml"])
            .current_dir(folder.path());
        command.env("JOURNAL_STREAM", stream).stderr(file);
        assert_eq!(command.status().unwrap().code(), Some(78));
        let mut text = String::new();
        File::open(&path)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        text
    };
    let journal = told_to(&|file| {
        let there = file.metadata().unwrap();
        format!("{}:{}", there.dev(), there.ino())
    });
    assert!(journal.starts_with("<3>no.toml: No such file"), "{journal}");
    let other = told_to(&|_| "1:1".into());
    assert!(other.starts_with("no.toml: No such file"), "{other}");
}

#[test]
fn check_says_what_a_run_would_miss() {
    let folder = tempfile::tempdir().unwrap();
    let check = |text: &str| {
        fs::write(folder.path().join("agent.toml"), text).unwrap();
        run(folder.path(), &["check", "--config", "agent.toml"])
    };
    let told = check("");
    assert_eq!(told.code, 0, "{}", told.out);
    assert!(
        told.out
            .starts_with("ok   config: agent.toml\nok   bundle: car-colour "),
        "{}",
        told.out
    );
    for (text, code, row) in [
        (
            "camra = 1\n",
            78,
            "FAIL config: agent.toml:1: camra: unknown key",
        ),
        (
            "[bundle]\npath = \"gone\"\n",
            78,
            "FAIL bundle: bundle gone: cannot read manifest.json",
        ),
        (
            "[source]\nkind = \"replay\"\nfolder = \"gone\"\n",
            78,
            "FAIL source: source.folder: cannot read gone",
        ),
        (
            "[jsonl]\npath = \"gone/e.jsonl\"\n",
            78,
            "FAIL jsonl.path: cannot write into gone: No such file",
        ),
        (
            "[jsonl]\npath = \".\"\n",
            78,
            "FAIL jsonl.path: . is no regular file; give",
        ),
        (
            "[crops]\ndir = \"gone\"\n",
            78,
            "FAIL crops.dir: cannot write into gone: No such file",
        ),
        (
            "[bundle]\nstore = \".\"\n",
            0,
            "ok   bundle.store: . can be written, ",
        ),
        // A run begins with the bundle compiled in.
        (
            "[bundle]\nstore = \"agent.toml\"\n",
            1,
            "FAIL bundle.store: agent.toml is no folder",
        ),
        (
            "[bundle]\nstore = \"gone\"\n",
            0,
            "ok   bundle.store: . can be written, ",
        ),
        (
            "[[rule]]\nwhen = { colour = \"gold\" }\nthen = { log = \"gold\" }\n",
            78,
            "FAIL rules: rule 1: when.colour names \"gold\"; the bundle's colours: ",
        ),
        (
            "[mqtt]\nhost = \"h\"\nspool = \"s\"\n\
             [webhook]\nurl = \"http://h/\"\nspool = \"s\"\n",
            78,
            "FAIL config: agent.toml: mqtt.spool and webhook.spool are the same folder",
        ),
        (
            "[webhook]\nurl = \"http://h/\"\nspool = \"a/b\"\ntoken_file = \"gone\"\n",
            78,
            "FAIL webhook: webhook.token_file: cannot read gone: No such file",
        ),
        (
            "[webhook]\nurl = \"http://h/\"\nspool = \"a/b\"\n",
            0,
            "ok   webhook.spool: . can be written, ",
        ),
        (
            "[mqtt]\nhost = \"h\"\nspool = \"agent.toml/spool\"\n",
            78,
            "FAIL mqtt.spool: agent.toml is no folder",
        ),
        (
            "[mqtt]\nhost = \"h\"\nspool = \"s\"\ntls = true\nca_file = \"agent.toml\"\n",
            78,
            "FAIL mqtt: mqtt.ca_file: ",
        ),
        (
            "[http]\nlisten = \"127.0.0.1:0\"\n",
            0,
            "ok   http: 127.0.0.1:0 is free; for this machine",
        ),
        (
            "[http]\nlisten = \"127.0.0.1:0\"\ntoken_file = \"agent.toml\"\n",
            78,
            "FAIL http: http.token_file: agent.toml is open to every user",
        ),
        // Without a page nobody asks for its token.
        ("[http]\ntoken_file = \"gone\"\n", 0, "ok   bundle: "),
        (
            "[[pin]]\nname = \"lamp\"\nline = 900\n",
            78,
            "FAIL pins: pin \"lamp\": ",
        ),
        (
            "[gpio]\ndriver = \"none\"\n[[pin]]\nname = \"lamp\"\nline = 900\n",
            0,
            "ok   pins: gpio.driver is \"none\": what would be switched is told",
        ),
        (
            "[source]\nkind = \"v4l2\"\ndevice = \"/dev/v4l/by-id/none-such\"\n",
            0,
            "warn source: source.device: ",
        ),
    ] {
        let told = check(text);
        assert_eq!(told.code, code, "{text}{}", told.out);
        assert!(
            told.out.lines().any(|line| line.starts_with(row)),
            "{text}{}",
            told.out
        );
        assert_eq!(told.err, "");
    }
}

#[test]
fn config_prints_its_sample_and_its_schema() {
    let folder = tempfile::tempdir().unwrap();
    let sample = run(folder.path(), &["config", "--default"]);
    fs::write(folder.path().join("agent.toml"), &sample.out).unwrap();
    let told = run(folder.path(), &["check", "--config", "agent.toml"]);
    assert_eq!(told.code, 0, "{}", told.out);
    let schema = run(folder.path(), &["config", "--schema"]);
    let schema: Value = serde_json::from_str(&schema.out).unwrap();
    assert_eq!(schema["title"], "Config");
    assert_eq!(run(folder.path(), &["config"]).code, 2);
}

#[test]
fn check_tells_of_a_port_that_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let text = format!("[http]\nlisten = \"{address}\"\n");
    fs::write(folder.path().join("agent.toml"), text).unwrap();
    let told = run(folder.path(), &["check", "--config", "agent.toml"]);
    assert_eq!(told.code, 0, "{}", told.out);
    let row = format!("warn http: cannot listen on {address}: Address already in use");
    assert!(
        told.out.lines().any(|line| line.starts_with(&row)),
        "{}",
        told.out
    );
}
