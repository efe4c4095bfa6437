//! The places that sinks deliver to, each of which can fail, get stuck and be mended. Tests
//! only.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex};

use crate::disk::Disk;
use crate::sink::jsonl::{Jsonl, JsonlConfig};
use crate::sink::mqtt::broker::{self, Heard, Relay, subscribe};
use crate::sink::mqtt::{self, MqttConfig};
use crate::sink::webhook::server::{Manner, Server};
use crate::sink::webhook::{self, WebhookConfig};
use crate::sink::{Sink, stream};

/// Where events go.
pub trait Place {
    /// A sink that delivers here.
    fn sink(&self) -> Box<dyn Sink>;
    /// Whether the sink keeps what it cannot deliver, also when it ends.
    fn keeps(&self) -> bool;
    /// Every attempt fails from now on.
    fn fail(&self);
    /// No attempt returns from now on.
    fn stick(&self);
    /// All is well from now on.
    fn mend(&self);
    /// Events that arrived, in order, without those that arrived again.
    fn received(&self) -> Vec<u64>;
}

fn sequences(text: &str) -> Vec<u64> {
    let parse = |line: &str| serde_json::from_str::<crate::event::Event>(line).ok();
    // The last line may be in the making.
    let events = text.lines().filter_map(parse);
    events.map(|event| event.sequence).collect()
}

/// A file on a disk that fails.
pub struct File {
    folder: tempfile::TempDir,
    disk: Disk,
}

impl File {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            disk: Disk::default(),
        }
    }
}

impl Place for File {
    fn sink(&self) -> Box<dyn Sink> {
        let path = self.folder.path().join("events.jsonl");
        Box::new(Jsonl::on(self.disk.clone(), &path, &JsonlConfig::default()).unwrap())
    }

    fn keeps(&self) -> bool {
        false
    }

    fn fail(&self) {
        self.disk.faults().all(io::ErrorKind::StorageFull);
    }

    fn stick(&self) {
        self.disk.faults().stick();
    }

    fn mend(&self) {
        self.disk.faults().mend();
    }

    fn received(&self) -> Vec<u64> {
        let path = self.folder.path().join("events.jsonl");
        sequences(&std::fs::read_to_string(path).unwrap_or_default())
    }
}

/// A folder of pictures on a disk that fails. Every event has one.
pub struct Crops {
    folder: tempfile::TempDir,
    disk: Disk,
}

impl Crops {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            disk: Disk::default(),
        }
    }
}

impl Place for Crops {
    fn sink(&self) -> Box<dyn Sink> {
        let picture = models::RgbFrame::filled(1, 1, [7, 7, 7]).unwrap();
        Box::new(crate::keep::Crops::boundless(
            self.disk.clone(),
            self.folder.path(),
            Box::new(move |_| Some(picture.clone())),
        ))
    }

    fn keeps(&self) -> bool {
        false
    }

    fn fail(&self) {
        self.disk.faults().all(io::ErrorKind::StorageFull);
    }

    fn stick(&self) {
        self.disk.faults().stick();
    }

    fn mend(&self) {
        self.disk.faults().mend();
    }

    fn received(&self) -> Vec<u64> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        // Named after the test events' numbers, which are their ids.
        paths.sort();
        let told = paths
            .iter()
            .filter(|path| path.extension().is_some_and(|kind| kind == "json"));
        told.flat_map(|path| sequences(&std::fs::read_to_string(path).unwrap_or_default()))
            .collect()
    }
}

/// A stream whose reader is odd.
pub struct Stream(Arc<Reader>);

struct Reader {
    mood: Mutex<Mood>,
    changed: Condvar,
    bytes: Mutex<Vec<u8>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Well,
    Failing,
    Stuck,
}

impl Stream {
    pub fn new() -> Self {
        Self(Arc::new(Reader {
            mood: Mutex::new(Mood::Well),
            changed: Condvar::new(),
            bytes: Mutex::default(),
        }))
    }

    fn set(&self, mood: Mood) {
        *self.0.mood.lock().unwrap() = mood;
        self.0.changed.notify_all();
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut mood = self.0.mood.lock().unwrap();
        while *mood == Mood::Stuck {
            mood = self.0.changed.wait(mood).unwrap();
        }
        if *mood == Mood::Failing {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        let count = bytes.len().min(100);
        self.0.bytes.lock().unwrap().extend(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Place for Stream {
    fn sink(&self) -> Box<dyn Sink> {
        let reader = Self(Arc::clone(&self.0));
        Box::new(stream::Stream::to("stream".into(), reader))
    }

    fn keeps(&self) -> bool {
        false
    }

    fn fail(&self) {
        self.set(Mood::Failing);
    }

    fn stick(&self) {
        self.set(Mood::Stuck);
    }

    fn mend(&self) {
        self.set(Mood::Well);
    }

    fn received(&self) -> Vec<u64> {
        sequences(&String::from_utf8_lossy(&self.0.bytes.lock().unwrap()))
    }
}

/// A real broker behind a relay.
pub struct Broker {
    folder: tempfile::TempDir,
    _broker: broker::Broker,
    relay: Relay,
    heard: Arc<Heard>,
}

impl Broker {
    /// None where there is no mosquitto, which is said.
    pub fn new() -> Option<Self> {
        let mut broker = broker::Broker::new("allow_anonymous true\npersistence false")?;
        broker.start();
        let relay = Relay::to(broker.port);
        relay.open();
        Some(Self {
            folder: tempfile::tempdir().unwrap(),
            heard: subscribe(broker.port, None),
            _broker: broker,
            relay,
        })
    }
}

impl Place for Broker {
    fn sink(&self) -> Box<dyn Sink> {
        let config = MqttConfig {
            host: Some("127.0.0.1".into()),
            port: self.relay.port,
            spool: Some(self.folder.path().join("spool")),
            max_back_off_s: 1,
            ..MqttConfig::default()
        };
        let started = mqtt::start(&config, "test", |told| eprintln!("{told}"));
        Box::new(started.unwrap().unwrap())
    }

    fn keeps(&self) -> bool {
        true
    }

    fn fail(&self) {
        self.relay.cut();
    }

    fn stick(&self) {
        self.relay.stall();
    }

    fn mend(&self) {
        self.relay.cut();
        self.relay.open();
    }

    fn received(&self) -> Vec<u64> {
        self.heard.distinct()
    }
}

/// A web server.
pub struct Web {
    folder: tempfile::TempDir,
    server: Server,
}

impl Web {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            server: Server::start(),
        }
    }
}

impl Place for Web {
    fn sink(&self) -> Box<dyn Sink> {
        let config = WebhookConfig {
            url: Some(format!("http://127.0.0.1:{}/", self.server.port)),
            spool: Some(self.folder.path().join("spool")),
            timeout_ms: 2000,
            max_back_off_s: 1,
            ..WebhookConfig::default()
        };
        let started = webhook::start(&config, |told| eprintln!("{told}"));
        Box::new(started.unwrap().unwrap())
    }

    fn keeps(&self) -> bool {
        true
    }

    fn fail(&self) {
        self.server.set(Manner::Close);
    }

    fn stick(&self) {
        self.server.set(Manner::Stuck);
    }

    fn mend(&self) {
        self.server.set(Manner::Status(200, ""));
    }

    fn received(&self) -> Vec<u64> {
        let mut taken = self.server.taken();
        // Given up as too late and taken after all: it comes twice in a row.
        taken.dedup();
        taken
    }
}
