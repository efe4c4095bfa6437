//! The sink against peers that let it in and are of no use: one acknowledges nothing, one ends
//! each connection soon.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::broker::wait_for;
use super::tests::config;
use super::*;
use crate::sink::Sink;
use crate::testing::an_event;

/// A peer that speaks as much MQTT as it takes. It answers pings.
struct Unkind {
    port: u16,
    /// Connections that it let in.
    opened: Arc<AtomicU64>,
}

impl Unkind {
    /// One that ends a connection after so many acknowledgements, or never acknowledges.
    fn start(acknowledged: Option<u64>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let opened = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&opened);
        std::thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let _ = serve(&socket, acknowledged, &count);
            }
        });
        Self { port, opened }
    }

    fn opened(&self) -> u64 {
        self.opened.load(Ordering::SeqCst)
    }
}

/// Serves one connection until it ends.
fn serve(
    mut socket: &TcpStream,
    acknowledged: Option<u64>,
    opened: &AtomicU64,
) -> std::io::Result<()> {
    let mut left = acknowledged;
    while left != Some(0) {
        let (kind, body) = packet(socket)?;
        match kind >> 4 {
            1 => {
                opened.fetch_add(1, Ordering::SeqCst);
                socket.write_all(&[0x20, 2, 0, 0])?;
            }
            3 => {
                if let Some(left) = &mut left {
                    // Behind the topic.
                    let at = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
                    socket.write_all(&[0x40, 2, body[at], body[at + 1]])?;
                    *left -= 1;
                }
            }
            12 => socket.write_all(&[0xd0, 0])?,
            _ => return Ok(()),
        }
    }
    Ok(())
}

/// The first byte of a packet, and what follows its length.
fn packet(mut socket: &TcpStream) -> std::io::Result<(u8, Vec<u8>)> {
    let mut byte = [0];
    socket.read_exact(&mut byte)?;
    let [kind] = byte;
    let (mut length, mut shift) = (0, 0);
    loop {
        socket.read_exact(&mut byte)?;
        length |= usize::from(byte[0] & 0x7f) << shift;
        shift += 7;
        if byte[0] & 0x80 == 0 {
            break;
        }
    }
    let mut body = vec![0; length];
    socket.read_exact(&mut body)?;
    Ok((kind, body))
}

#[test]
fn a_broker_that_acknowledges_nothing_is_left_and_told() {
    static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let note = |told: &str| TOLD.lock().unwrap().push(told.to_string());
    let peer = Unkind::start(None);
    let folder = tempfile::tempdir().unwrap();
    let config = config(peer.port, folder.path());
    let patience = Duration::from_millis(50);
    let started = start_with(&config, "gate 1", note, patience);
    let mut sink = started.unwrap().unwrap();
    for number in 0..3 {
        sink.deliver(&an_event(number)).unwrap();
    }
    wait_for("another connection", || peer.opened() >= 3);
    assert_eq!(sink.queue().spool().counts().waiting, 3);
    sink.finish(Duration::ZERO).unwrap();
    let told = TOLD.lock().unwrap();
    let reason = "it takes events and acknowledges none; events wait in ";
    let times = told.iter().filter(|line| line.contains(reason)).count();
    assert_eq!(times, 1, "{told:?}");
    assert!(!told.iter().any(|line| line.contains(": connected")));
}

#[test]
fn a_broker_that_ends_each_connection_soon_is_told_once() {
    static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let note = |told: &str| TOLD.lock().unwrap().push(told.to_string());
    // The first acknowledgement is that of the status.
    let peer = Unkind::start(Some(1));
    let folder = tempfile::tempdir().unwrap();
    let started = start(&config(peer.port, folder.path()), "gate 1", note);
    let mut sink = started.unwrap().unwrap();
    wait_for("four connections", || peer.opened() >= 4);
    sink.finish(Duration::ZERO).unwrap();
    let told = TOLD.lock().unwrap();
    let reason = "it closed the connection after a short time; give each agent an \
                  mqtt.client_id of its own; events wait in ";
    let times = told.iter().filter(|line| line.contains(reason)).count();
    assert_eq!(times, 1, "{told:?}");
    assert!(!told.iter().any(|line| line.contains(": connected")));
}

#[test]
fn the_patience_is_that_of_a_slow_broker() {
    assert_eq!(courier::patience(30), Duration::from_secs(300));
    assert_eq!(courier::patience(3600), Duration::from_secs(7200));
}
