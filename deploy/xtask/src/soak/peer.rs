//! The webhook's peer: a small web server that takes events and keeps their ids, and at times
//! answers that it cannot (503).

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};

use super::agent::id;

/// No event is larger.
const MOST_BYTES: usize = 1 << 20;

/// The server; it ends with the process.
pub struct Peer {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    away: AtomicBool,
    taken: Mutex<BTreeSet<String>>,
}

impl Peer {
    /// Starts it on a port of this machine alone.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
        let port = listener.local_addr()?.port();
        let shared: Arc<Shared> = Arc::default();
        let state = Arc::clone(&shared);
        std::thread::spawn(move || {
            for socket in listener.incoming().map_while(std::io::Result::ok) {
                let state = Arc::clone(&state);
                std::thread::spawn(move || serve(&socket, &state));
            }
        });
        Ok(Self { port, shared })
    }

    /// Where it is.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether it refuses from now on.
    pub fn set_away(&self, away: bool) {
        self.shared.away.store(away, Ordering::Relaxed);
    }

    /// The ids of the events it took.
    pub fn taken(&self) -> BTreeSet<String> {
        let taken = self.shared.taken.lock();
        taken.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Answers the requests of one connection until it is closed.
fn serve(socket: &TcpStream, shared: &Shared) -> Option<()> {
    let mut reader = BufReader::new(socket);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            match line.trim_end().split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().ok()?;
                }
                None if line.trim_end().is_empty() => break,
                _ => {}
            }
        }
        if length > MOST_BYTES {
            return None;
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let away = shared.away.load(Ordering::Relaxed);
        if !away {
            let mut taken = shared.taken.lock().unwrap_or_else(PoisonError::into_inner);
            taken.extend(id(&body));
        }
        let status = if away { "503 Away" } else { "200 OK" };
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        (&mut &*socket).write_all(answer.as_bytes()).ok()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_what_it_took_and_nothing_while_it_is_away() {
        let peer = Peer::start().unwrap();
        let post = |name: &str| {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, peer.port())).unwrap();
            let body = format!("{{\"id\":\"{name}\"}}");
            let length = body.len();
            let request = format!("POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{body}");
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = [0; 12];
            stream.read_exact(&mut answer).unwrap();
            String::from_utf8_lossy(&answer).into_owned()
        };
        assert_eq!(post("a"), "HTTP/1.1 200");
        peer.set_away(true);
        assert_eq!(post("b"), "HTTP/1.1 503");
        peer.set_away(false);
        assert_eq!(post("c"), "HTTP/1.1 200");
        assert_eq!(peer.taken(), BTreeSet::from(["a".into(), "c".into()]));
    }
}
