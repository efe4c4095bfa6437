//! A real mosquitto for tests, a relay in front of it that can be cut and stalled, and a
//! subscriber that stays. Compiled for tests only.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Read;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rumqttc::{Client, Event, MqttOptions, Packet, QoS};

/// Waits for what must come.
pub fn wait_for(what: &str, done: impl Fn() -> bool) {
    for _ in 0..12_000 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("waited two minutes for {what}");
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn program() -> Option<PathBuf> {
    let folders = [
        "/usr/sbin",
        "/usr/bin",
        "/usr/local/sbin",
        "/opt/homebrew/sbin",
    ];
    let found = folders.iter().map(|f| Path::new(f).join("mosquitto"));
    found.into_iter().find(|path| path.is_file())
}

/// A broker with its files.
pub struct Broker {
    pub port: u16,
    folder: tempfile::TempDir,
    child: Option<Child>,
}

impl Broker {
    /// Prepares one with further lines of config. None, and a word why, where there is no
    /// mosquitto.
    pub fn new(config: &str) -> Option<Self> {
        if program().is_none() {
            eprintln!("skipped: no mosquitto here; `cargo xtask setup` installs it");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        // Nothing may be lost between its acknowledgement and the subscriber.
        let text = format!(
            "listener {port} 127.0.0.1\npersistence_location {}/\nmax_inflight_messages 0\n\
             max_queued_messages 0\nallow_zero_length_clientid true\nuser root\n{config}\n",
            folder.path().display()
        );
        std::fs::write(folder.path().join("mosquitto.conf"), text).unwrap();
        Some(Self {
            port,
            folder,
            child: None,
        })
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts it and waits until it listens. Again when it ends, as when somebody took its port in
    /// the meantime, or does not listen.
    pub fn start(&mut self) {
        for _ in 0..6 {
            self.spawn();
            if self.listens_soon() {
                return;
            }
            self.kill();
            std::thread::sleep(Duration::from_secs(1));
        }
        let said = std::fs::read_to_string(self.log()).unwrap_or_default();
        panic!("mosquitto does not start; it says:\n{said}");
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("mosquitto.log")
    }

    fn spawn(&mut self) {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log());
        let child = Command::new(program().unwrap())
            .arg("-c")
            .arg(self.folder.path().join("mosquitto.conf"))
            .stdout(Stdio::null())
            .stderr(log.unwrap())
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    /// Whether it takes connections within half a minute.
    fn listens_soon(&mut self) -> bool {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(30) {
            let ended = |child: &mut Child| child.try_wait().unwrap().is_some();
            if self.child.as_mut().is_none_or(ended) {
                return false;
            }
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }

    /// Kills it; it writes nothing any more.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Asks it to end; it keeps its sessions when it is told to.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let asked = Command::new("kill").arg(child.id().to_string()).status();
            assert!(asked.unwrap().success());
            child.wait().unwrap();
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Forwards connections to the broker, or not.
pub struct Relay {
    pub port: u16,
    shared: Arc<RelayShared>,
}

#[derive(Default)]
struct RelayShared {
    open: AtomicBool,
    stalled: AtomicBool,
    sockets: Mutex<Vec<TcpStream>>,
}

impl Relay {
    /// Cut at first.
    pub fn to(broker: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(RelayShared::default());
        let state = Arc::clone(&shared);
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let mut sockets = state.sockets.lock().unwrap();
                if state.stalled.load(Ordering::SeqCst) {
                    // Kept open, never read.
                    sockets.push(near);
                } else if state.open.load(Ordering::SeqCst)
                    && let Ok(far) = TcpStream::connect(("127.0.0.1", broker))
                {
                    sockets.push(near.try_clone().unwrap());
                    sockets.push(far.try_clone().unwrap());
                    forward(near.try_clone().unwrap(), far.try_clone().unwrap());
                    forward(far, near);
                }
            }
        });
        Self { port, shared }
    }

    /// Forwards from now on.
    pub fn open(&self) {
        self.shared.stalled.store(false, Ordering::SeqCst);
        self.shared.open.store(true, Ordering::SeqCst);
    }

    /// Ends what there is and refuses what comes.
    pub fn cut(&self) {
        self.shared.open.store(false, Ordering::SeqCst);
        self.shared.stalled.store(false, Ordering::SeqCst);
        self.end_all();
    }

    /// Takes connections and answers nothing.
    pub fn stall(&self) {
        self.shared.stalled.store(true, Ordering::SeqCst);
        self.end_all();
    }

    fn end_all(&self) {
        for socket in self.shared.sockets.lock().unwrap().drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream) {
    std::thread::spawn(move || {
        let mut bytes = [0; 16 * 1024];
        while let Ok(count) = from.read(&mut bytes) {
            if count == 0 || std::io::Write::write_all(&mut to, &bytes[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    });
}

/// What came, and how often it subscribed.
#[derive(Default)]
pub struct Heard {
    /// Sequence of the event and its id, in the order of arrival.
    pub events: Mutex<Vec<(u64, String)>>,
    /// Last message of each other topic.
    pub others: Mutex<BTreeMap<String, String>>,
    /// Subscriptions made.
    pub subscribed: AtomicU64,
}

impl Heard {
    /// Events that came, without those that came again.
    pub fn distinct(&self) -> Vec<u64> {
        let events = self.events.lock().unwrap();
        let mut ids = std::collections::BTreeSet::new();
        let first = events.iter().filter(|(_, id)| ids.insert(id.clone()));
        first.map(|(sequence, _)| *sequence).collect()
    }

    /// The last message of a topic.
    pub fn other(&self, topic: &str) -> Option<String> {
        self.others.lock().unwrap().get(topic).cloned()
    }
}

/// Subscribes to everything, again after each reconnect.
pub fn subscribe(broker: u16, login: Option<(&str, &str)>) -> Arc<Heard> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = format!("hearer-{}", COUNT.fetch_add(1, Ordering::SeqCst));
    let heard = Arc::new(Heard::default());
    let mut options = MqttOptions::new(name, "127.0.0.1", broker);
    options.set_max_packet_size(1 << 20, 1 << 20);
    if let Some((user, password)) = login {
        options.set_credentials(user, password);
    }
    let (client, mut connection) = Client::new(options, 10);
    let told = Arc::clone(&heard);
    std::thread::spawn(move || {
        for event in connection.iter() {
            match event {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    client.try_subscribe("#", QoS::AtMostOnce).unwrap();
                }
                Ok(Event::Incoming(Packet::SubAck(_))) => {
                    told.subscribed.fetch_add(1, Ordering::SeqCst);
                }
                Ok(Event::Incoming(Packet::Publish(message))) => {
                    if message.topic.ends_with("/event") {
                        let event: crate::event::Event =
                            serde_json::from_slice(&message.payload).unwrap();
                        told.events.lock().unwrap().push((event.sequence, event.id));
                    } else {
                        let text = String::from_utf8(message.payload.to_vec()).unwrap();
                        told.others.lock().unwrap().insert(message.topic, text);
                    }
                }
                Ok(_) => {}
                Err(_) if Arc::strong_count(&told) == 1 => return,
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    });
    wait_for("the subscription", || {
        heard.subscribed.load(Ordering::SeqCst) > 0
    });
    heard
}
