//! The sink against a real broker that dies, comes back, stalls, refuses and encrypts.

use std::cell::RefCell;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use super::broker::{Broker, Heard, Relay, subscribe, wait_for};
use super::*;
use crate::sink::certificates::{certificates, openssl};
use crate::sink::{LAST_GRACE, Sink};
use crate::testing::an_event;

const OPEN: &str = "allow_anonymous true\npersistence false";

pub fn config(port: u16, folder: &Path) -> MqttConfig {
    MqttConfig {
        host: Some("127.0.0.1".into()),
        port,
        spool: Some(folder.join("spool")),
        max_back_off_s: 1,
        ..MqttConfig::default()
    }
}

fn started(config: &MqttConfig) -> Spooled {
    config.check().unwrap();
    start(config, "gate 1", |told| eprintln!("{told}"))
        .unwrap()
        .unwrap()
}

fn deliver(sink: &mut Spooled, numbers: std::ops::Range<u64>) {
    for number in numbers {
        sink.deliver(&an_event(number)).unwrap();
    }
}

/// All of them came, in order; what came twice came with the same id.
fn assert_heard(heard: &Heard, count: u64) {
    wait_for("all events", || heard.distinct().len() as u64 >= count);
    assert_eq!(heard.distinct(), (0..count).collect::<Vec<_>>());
    for (sequence, id) in &*heard.events.lock().unwrap() {
        assert_eq!(*id, an_event(*sequence).id);
    }
}

#[test]
fn events_status_and_sensors_arrive() {
    let Some(mut broker) = Broker::new(OPEN) else {
        return;
    };
    broker.start();
    let heard = subscribe(broker.port, None);
    let folder = tempfile::tempdir().unwrap();
    let mut sink = started(&MqttConfig {
        discovery: true,
        ..config(broker.port, folder.path())
    });
    deliver(&mut sink, 0..100);
    assert_heard(&heard, 100);
    let status = "edge-agent/gate 1/status";
    assert_eq!(heard.other(status).as_deref(), Some("online"));
    let word = Topics::new("edge-agent", "gate 1").default_client_id();
    let colour = format!("homeassistant/sensor/{word}/colour/config");
    let colour = colour.as_str();
    assert!(heard.other(colour).unwrap().contains("Last colour"));
    // Who comes later learns the status too.
    let later = subscribe(broker.port, None);
    wait_for("the retained status", || {
        later.other(status).as_deref() == Some("online")
    });
    wait_for("the retained sensor", || later.other(colour).is_some());
    assert!(later.distinct().is_empty(), "an event was retained");
    let queue = sink.queue();
    sink.finish(LAST_GRACE).unwrap();
    wait_for("the last status", || {
        heard.other(status).as_deref() == Some("offline")
    });
    assert_eq!(queue.spool().counts().waiting, 0);
    assert_eq!(
        heard.events.lock().unwrap().len(),
        100,
        "nothing came twice"
    );
}

/// The broker dies and returns while events are sent.
fn broker_dies(config_of_broker: &str, kill: fn(&mut Broker)) {
    let Some(mut broker) = Broker::new(config_of_broker) else {
        return;
    };
    broker.start();
    let heard = subscribe(broker.port, None);
    let relay = Relay::to(broker.port);
    relay.open();
    let folder = tempfile::tempdir().unwrap();
    let mut sink = started(&config(relay.port, folder.path()));
    let mut sent = 0;
    for round in 1..=4 {
        deliver(&mut sink, sent..sent + 150);
        sent += 150;
        let some = sent - 100;
        wait_for("some events", || heard.distinct().len() as u64 >= some);
        kill(&mut broker);
        relay.cut();
        deliver(&mut sink, sent..sent + 150);
        sent += 150;
        broker.start();
        // The subscriber must be back before the events are, or nobody hears them.
        wait_for("the subscriber", || {
            heard.subscribed.load(Ordering::SeqCst) > round
        });
        relay.open();
    }
    assert_heard(&heard, sent);
    sink.finish(LAST_GRACE).unwrap();
}

#[test]
fn a_broker_that_is_killed_and_forgets_its_sessions_costs_no_event() {
    broker_dies(OPEN, Broker::kill);
}

#[test]
fn a_broker_that_restarts_with_its_sessions_costs_no_event() {
    broker_dies("allow_anonymous true\npersistence true", Broker::stop);
}

#[test]
fn a_day_without_a_broker_costs_no_event() {
    let Some(mut broker) = Broker::new(OPEN) else {
        return;
    };
    let relay = Relay::to(broker.port);
    let folder = tempfile::tempdir().unwrap();
    let mut sink = started(&config(relay.port, folder.path()));
    // One a second, for a day.
    let day = 86_400;
    deliver(&mut sink, 0..day / 2);
    // The agent is restarted meanwhile.
    sink.finish(LAST_GRACE).unwrap();
    drop(sink);
    let mut sink = started(&config(relay.port, folder.path()));
    deliver(&mut sink, day / 2..day);
    let queue = sink.queue();
    assert_eq!(queue.spool().counts().waiting, day);
    broker.start();
    let heard = subscribe(broker.port, None);
    relay.open();
    let last = || {
        heard
            .events
            .lock()
            .unwrap()
            .last()
            .map(|(sequence, _)| *sequence)
    };
    wait_for("the last event", || last() == Some(day - 1));
    assert_heard(&heard, day);
    sink.finish(LAST_GRACE).unwrap();
    assert_eq!(queue.spool().counts(), crate::spool::Counts::default());
}

#[test]
fn a_stuck_broker_is_left_after_a_while_and_delays_nobody() {
    let Some(mut broker) = Broker::new(OPEN) else {
        return;
    };
    broker.start();
    let heard = subscribe(broker.port, None);
    let relay = Relay::to(broker.port);
    relay.stall();
    let folder = tempfile::tempdir().unwrap();
    let mut sink = started(&config(relay.port, folder.path()));
    deliver(&mut sink, 0..2000);
    assert_eq!(sink.queue().spool().counts().waiting, 2000);
    relay.cut();
    relay.open();
    assert_heard(&heard, 2000);
    // Dropped while stuck: what was not acknowledged is still there, and the broker says that
    // the agent is gone.
    relay.stall();
    let status = "edge-agent/gate 1/status";
    wait_for("the last will", || {
        heard.other(status).as_deref() == Some("offline")
    });
    deliver(&mut sink, 2000..2020);
    drop(sink);
    relay.cut();
    relay.open();
    // A thread that was left while stuck keeps the spool until it notices.
    let again = RefCell::new(None);
    wait_for("the spool", || {
        let sink = start(&config(relay.port, folder.path()), "gate 1", |_| {});
        again.replace(sink.ok().flatten());
        again.borrow().is_some()
    });
    assert_heard(&heard, 2020);
}

/// What the sinks of a test told the operator.
static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn note(told: &str) {
    TOLD.lock().unwrap().push(told.to_string());
}

fn was_told(part: &str) -> bool {
    TOLD.lock().unwrap().iter().any(|told| told.contains(part))
}

#[test]
fn tls_and_a_password_let_in_who_has_them_and_nobody_else() {
    let Some(mut broker) = Broker::new("") else {
        return;
    };
    let folder = broker.folder().to_path_buf();
    certificates(&folder);
    let made = Command::new("mosquitto_passwd")
        .args(["-c", "-b"])
        .arg(folder.join("users"))
        .args(["agent", "hunter2"])
        .status();
    assert!(made.unwrap().success());
    let plain = broker.port;
    let secure = super::broker::free_port();
    let f = folder.display();
    let text = format!(
        "listener {plain} 127.0.0.1\nlistener {secure} 127.0.0.1\ncertfile {f}/server.pem\n\
         keyfile {f}/server.key\nallow_anonymous false\npassword_file {f}/users\nuser root\n\
         max_queued_messages 0\n"
    );
    std::fs::write(folder.join("mosquitto.conf"), text).unwrap();
    broker.start();
    let heard = subscribe(plain, Some(("agent", "hunter2")));
    let spool = tempfile::tempdir().unwrap();
    let secret = spool.path().join("password");
    std::fs::write(&secret, "wrong-hunter\n").unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    // Away at first, as the network is after a boot: the reason after that one is told as well.
    let relay = Relay::to(secure);
    let config = MqttConfig {
        username: Some("agent".into()),
        password_file: Some(secret.clone()),
        tls: true,
        ca_file: folder.join("ca.pem"),
        ..config(relay.port, spool.path())
    };
    assert!(!format!("{config:?}").contains("hunter"));
    let mut sink = start(&config, "gate 1", note).unwrap().unwrap();
    deliver(&mut sink, 0..20);
    wait_for("the first reason", || was_told("; events wait in "));
    relay.open();
    wait_for("the refusal", || {
        was_told("it refuses this user; look at mqtt.username")
    });
    assert!(heard.distinct().is_empty());
    // Mended while it runs.
    std::fs::write(&secret, "hunter2\n").unwrap();
    assert_heard(&heard, 20);
    wait_for("the good news", || was_told(": connected"));
    sink.finish(LAST_GRACE).unwrap();
    drop(sink);
    // A broker whose certificate comes from somebody else is not talked to.
    openssl(
        &folder,
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout x.key -out other.pem -days 2 -subj /CN=other-ca",
    );
    let config = MqttConfig {
        ca_file: folder.join("other.pem"),
        ..config
    };
    let mut sink = start(&config, "gate 1", note).unwrap().unwrap();
    deliver(&mut sink, 20..21);
    wait_for("the refusal", || was_told("certificate"));
    sink.finish(LAST_GRACE).unwrap();
    assert_eq!(heard.distinct().len(), 20);
    assert!(!was_told("hunter"), "{:?}", TOLD.lock().unwrap());
}

#[test]
fn what_cannot_be_used_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let good = config(1883, folder.path());
    let open = folder.path().join("open");
    std::fs::write(&open, "hunter2\n").unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o644)).unwrap();
    for (config, told) in [
        (
            MqttConfig {
                username: Some("agent".into()),
                password_file: Some(open),
                ..good.clone()
            },
            "mqtt.password_file: ",
        ),
        (
            MqttConfig {
                tls: true,
                ca_file: "no.pem".into(),
                ..good.clone()
            },
            "mqtt.ca_file: cannot read certificates from no.pem: ",
        ),
        (
            MqttConfig {
                spool: Some("/dev/null/spool".into()),
                ..good
            },
            "mqtt.spool: cannot use /dev/null/spool: ",
        ),
    ] {
        let refusal = start(&config, "x", |_| {}).err().unwrap().to_string();
        assert!(refusal.starts_with(told), "{refusal}");
        assert!(!refusal.contains("hunter2"), "{refusal}");
        assert_eq!(refusal.lines().count(), 1);
    }
}

#[test]
fn the_table_is_checked() {
    for (text, told) in [
        ("host = \"b\"", "mqtt.spool is missing; give a folder"),
        ("host = \" \"\nspool = \"s\"", "mqtt.host is empty"),
        (
            "port = 0",
            "mqtt.port = 0 is out of range; allowed: 1 to 65535",
        ),
        (
            "max_in_flight = 0",
            "mqtt.max_in_flight = 0 is out of range",
        ),
        (
            "topic_prefix = \"a/#\"",
            "mqtt.topic_prefix = \"a/#\" is no topic; allowed: ",
        ),
        ("password_file = \"p\"", "mqtt.username is missing"),
    ] {
        let config: MqttConfig = toml::from_str(text).unwrap();
        let refusal = config.check().unwrap_err().to_string();
        assert!(refusal.starts_with(told), "{refusal}");
    }
    assert_eq!(MqttConfig::default().check(), Ok(()));
    assert!(
        start(&MqttConfig::default(), "x", |_| {})
            .unwrap()
            .is_none()
    );
}
