//! Somebody who looks at the agent's page: at its numbers often, at all of it now and then.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

/// An answer takes no longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// No answer is larger.
const MOST_BYTES: u64 = 16 << 20;
/// How long a stream is followed.
const FOLLOW: Duration = Duration::from_millis(600);

/// What the numbers say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Look {
    /// Frames seen.
    pub frames: f64,
    /// Events told.
    pub vehicles: f64,
    /// Events that wait in spools.
    pub spooled: f64,
}

/// Reads the numbers.
pub fn look(port: u16) -> io::Result<Look> {
    let text = get(port, "/metrics")?;
    let text = String::from_utf8_lossy(&text);
    Ok(Look {
        frames: sum(&text, "edge_agent_frames_total"),
        vehicles: sum(&text, "edge_agent_events_total"),
        spooled: sum(&text, "edge_agent_sink_spooled"),
    })
}

/// Opens the page as a browser does, follows its streams for a moment and leaves them. What
/// fails here is for the agent's own tests to find.
pub fn visit(port: u16) {
    for path in ["/", "/state", "/events", "/live.jpg", "/healthz"] {
        let _ = get(port, path);
    }
    for path in ["/events/stream", "/live.mjpg"] {
        let _ = follow(port, path);
    }
}

/// The sum of a number over all its labels.
fn sum(text: &str, name: &str) -> f64 {
    text.lines()
        .filter_map(|line| line.strip_prefix(name))
        .filter(|rest| rest.starts_with([' ', '{']))
        .filter_map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

fn ask(port: u16, path: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    )?;
    Ok(stream)
}

fn get(port: u16, path: &str) -> io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    ask(port, path)?.take(MOST_BYTES).read_to_end(&mut answer)?;
    let head_ends = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    match head_ends {
        Some(at) if answer.starts_with(b"HTTP/1.1 200") => Ok(answer.split_off(at + 4)),
        _ => Err(io::Error::other("no answer with status 200")),
    }
}

fn follow(port: u16, path: &str) -> io::Result<()> {
    let mut stream = ask(port, path)?;
    stream.set_read_timeout(Some(FOLLOW))?;
    let until = Instant::now() + FOLLOW;
    let mut some = [0; 4096];
    while Instant::now() < until && stream.read(&mut some)? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_summed_over_their_labels() {
        let text =
            "# HELP a_total x\na_total 3\na_total_more 9\nb{sink=\"x y\"} 1\nb{sink=\"z\"} 2.5\n";
        assert_eq!(sum(text, "a_total"), 3.0);
        assert_eq!(sum(text, "b"), 3.5);
        assert_eq!(sum(text, "c"), 0.0);
    }
}
