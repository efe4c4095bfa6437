//! Events as lines of JSON to a stream that something else reads, such as standard output.

use std::fs::File;
use std::io::{self, Write};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Sink, SinkError, write_line};
use crate::event::Event;

/// Longest wait for a reader that takes nothing, before it is looked what else is to be done.
const PATIENCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 200_000_000,
};

/// A file that may be a pipe whose reader is slow. A write to it waits no longer than a fifth of a
/// second, and fails then with [`io::ErrorKind::WouldBlock`]; up to 4,096 bytes (`PIPE_BUF`), which
/// no event has, are written whole.
pub struct Pipe(pub File);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut entry = [PollFd::new(&self.0, PollFlags::OUT)];
        if poll(&mut entry, Some(&PATIENCE))? == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Writes one line an event.
pub struct Stream<W: Write> {
    name: String,
    writer: W,
    line: Vec<u8>,
    /// Bytes of the line that are out; all of them when nothing is begun.
    written: usize,
}

impl<W: Write> Stream<W> {
    /// Writes to a stream that messages call `name`. It should not buffer: after a failure a
    /// line is continued where it stopped.
    pub fn to(name: String, writer: W) -> Self {
        Self {
            name,
            writer,
            line: Vec::new(),
            written: 0,
        }
    }
}

impl<W: Write + Send> Sink for Stream<W> {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn deliver(&mut self, event: &Event) -> Result<(), SinkError> {
        if self.written == self.line.len() {
            write_line(&mut self.line, event)?;
            self.written = 0;
        }
        while let Some(rest) = self
            .line
            .get(self.written..)
            .filter(|rest| !rest.is_empty())
        {
            match self.writer.write(rest) {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(self.writer.flush()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::an_event;

    /// Takes seven bytes a call and fails every third time.
    #[derive(Default)]
    struct Grudging {
        calls: u32,
        taken: Vec<u8>,
    }

    impl Write for Grudging {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.calls += 1;
            if self.calls.is_multiple_of(3) {
                return Err(io::Error::from(io::ErrorKind::StorageFull));
            }
            let count = bytes.len().min(7);
            self.taken.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_continued_where_it_stopped() {
        let mut sink = Stream::to("test".into(), Grudging::default());
        for number in 0..5 {
            let mut failures = 0;
            while sink.deliver(&an_event(number)).is_err() {
                failures += 1;
            }
            assert!(failures > 0);
        }
        let text = String::from_utf8(sink.writer.taken).unwrap();
        let events: Vec<Event> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(events, (0..5).map(an_event).collect::<Vec<_>>());
    }

    #[test]
    fn a_reader_that_takes_nothing_is_busy_and_gets_every_line_later() {
        let (reader, writer) = io::pipe().unwrap();
        let pipe = Pipe(File::from(std::os::fd::OwnedFd::from(writer)));
        let mut sink = Stream::to("test".into(), pipe);
        let mut told = 0;
        let busy = loop {
            match sink.deliver(&an_event(told)) {
                Ok(()) => told += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(busy, SinkError::Busy), "{busy}");
        assert!(told > 10, "{told}");
        let lines = io::BufRead::lines(io::BufReader::new(reader)).map(|line| line.unwrap());
        let reader = std::thread::spawn(move || lines.collect::<Vec<_>>());
        while sink.deliver(&an_event(told)).is_err() {}
        drop(sink);
        let lines = reader.join().unwrap();
        let numbers = lines.iter().map(|line| {
            let event: Event = serde_json::from_str(line).unwrap();
            event.sequence
        });
        assert!(numbers.eq(0..=told), "{told}");
    }

    #[test]
    fn a_full_device_is_told() {
        let full = std::fs::File::options()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let error = Stream::to("test".into(), full)
            .deliver(&an_event(1))
            .unwrap_err();
        assert!(matches!(error, SinkError::Io(_)), "{error}");
    }
}
