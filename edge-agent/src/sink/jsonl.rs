//! Events as lines of JSON, to a file that is appended to or to a stream. No rotation.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Sink, SinkError};
use crate::event::Event;

/// The `[jsonl]` table.
#[derive(schemars::JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JsonlConfig {
    /// File that events are appended to; without it there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
}

/// Writes one line an event.
pub struct Jsonl<W: Write> {
    name: String,
    writer: W,
    line: Vec<u8>,
}

impl Jsonl<BufWriter<File>> {
    /// Opens a file to append to; makes it when it is missing.
    pub fn append(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        Ok(Self::to(path.display().to_string(), BufWriter::new(file)))
    }
}

impl<W: Write> Jsonl<W> {
    /// Writes to a stream that messages call `name`.
    pub fn to(name: String, writer: W) -> Self {
        Self {
            name,
            writer,
            line: Vec::new(),
        }
    }
}

impl<W: Write + Send> Sink for Jsonl<W> {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn deliver(&mut self, event: &Event) -> Result<(), SinkError> {
        // A whole line at once: another reader never sees half a record of a healthy run.
        self.line.clear();
        serde_json::to_writer(&mut self.line, event).map_err(SinkError::Json)?;
        self.line.push(b'\n');
        Ok(self.writer.write_all(&self.line)?)
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        Ok(self.writer.flush()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::an_event;

    #[test]
    fn a_file_is_appended_to_line_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        for number in [1, 2] {
            let mut sink = Jsonl::append(&path).unwrap();
            sink.deliver(&an_event(number)).unwrap();
            sink.flush().unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let events: Vec<Event> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(events, [an_event(1), an_event(2)]);
        assert!(text.ends_with('\n'));
    }
}
