//! Counts the bytes of one connection on their way: a relay on 127.0.0.1 between device and broker.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;

/// Bytes and pieces counted until now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Count {
    /// Bytes from the device, without TCP's own.
    pub up: u64,
    /// Bytes to the device.
    pub down: u64,
}

/// The relay; takes one connection.
pub struct Wire {
    /// Where devices find it.
    pub port: u16,
    up: Arc<AtomicU64>,
    down: Arc<AtomicU64>,
}

impl Wire {
    /// Forwards the first connection to this port of 127.0.0.1.
    pub fn to(broker: u16) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let wire = Self {
            port: listener.local_addr()?.port(),
            up: Arc::default(),
            down: Arc::default(),
        };
        let (up, down) = (Arc::clone(&wire.up), Arc::clone(&wire.down));
        std::thread::spawn(move || -> Result<()> {
            let (device, _) = listener.accept()?;
            let broker = TcpStream::connect(("127.0.0.1", broker))?;
            let (to, from) = (broker.try_clone()?, device.try_clone()?);
            std::thread::spawn(move || forward(from, to, &up));
            forward(broker, device, &down);
            Ok(())
        });
        Ok(wire)
    }

    /// What went over it.
    pub fn count(&self) -> Count {
        Count {
            up: self.up.load(Ordering::SeqCst),
            down: self.down.load(Ordering::SeqCst),
        }
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, counted: &AtomicU64) {
    let mut buffer = [0; 16_384];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        counted.fetch_add(length as u64, Ordering::SeqCst);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
