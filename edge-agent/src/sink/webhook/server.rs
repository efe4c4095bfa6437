//! A small web server for tests: answers as it is told, or not at all, and keeps what it took.
//! Compiled for tests only.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

use crate::event::Event;

/// How it answers.
#[derive(Clone, Debug)]
pub enum Manner {
    /// With this status and these header lines.
    Status(u16, &'static str),
    /// With success for this bearer token, else with 401.
    Bearer(&'static str),
    /// By the event's sequence.
    ByEvent(fn(u64) -> u16),
    /// By closing the connection.
    Close,
    /// Not at all.
    Stuck,
}

/// The server.
pub struct Server {
    pub port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    manner: Mutex<Manner>,
    changed: Condvar,
    taken: Mutex<Vec<u64>>,
    asked: Mutex<Vec<(u64, String)>>,
}

impl Server {
    /// Starts one that takes everything.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            manner: Mutex::new(Manner::Status(204, "")),
            changed: Condvar::new(),
            taken: Mutex::default(),
            asked: Mutex::default(),
        });
        let state = Arc::clone(&shared);
        std::thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&state);
                std::thread::spawn(move || serve(&socket, &state));
            }
        });
        Self { port, shared }
    }

    /// Changes how it answers.
    pub fn set(&self, manner: Manner) {
        *self.shared.manner.lock().unwrap() = manner;
        self.shared.changed.notify_all();
    }

    /// The events it answered with success, in order.
    pub fn taken(&self) -> Vec<u64> {
        self.shared.taken.lock().unwrap().clone()
    }

    /// Everything it was asked: the event and the request's head.
    pub fn asked(&self) -> Vec<(u64, String)> {
        self.shared.asked.lock().unwrap().clone()
    }
}

fn serve(socket: &TcpStream, state: &Shared) -> Option<()> {
    let mut reader = BufReader::new(socket);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let found = name.eq_ignore_ascii_case("content-length");
            found.then(|| value.trim().parse::<usize>().ok())?
        });
        let mut body = vec![0; length?];
        reader.read_exact(&mut body).ok()?;
        let event: Event = serde_json::from_slice(&body).ok()?;
        let asked = (event.sequence, head.clone());
        state.asked.lock().unwrap().push(asked);
        let mut manner = state.manner.lock().unwrap();
        while matches!(*manner, Manner::Stuck) {
            manner = state.changed.wait(manner).unwrap();
        }
        let (status, headers) = match *manner {
            Manner::Status(status, headers) => (status, headers),
            Manner::Bearer(token) => {
                let shown = head.to_lowercase().contains(&format!("bearer {token}\r"));
                (if shown { 200 } else { 401 }, "")
            }
            Manner::ByEvent(status) => (status(event.sequence), ""),
            Manner::Close | Manner::Stuck => return None,
        };
        drop(manner);
        if (200..300).contains(&status) {
            state.taken.lock().unwrap().push(event.sequence);
        }
        let answer = format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: 0\r\n\r\n");
        (&mut &*socket).write_all(answer.as_bytes()).ok()?;
    }
}
