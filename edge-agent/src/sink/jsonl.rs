//! Events as lines of JSON in files that last: the `[jsonl]` table and the sink. What happens
//! on the disk is in `log`.

#[cfg(any(test, feature = "fuzzing"))]
mod input;
pub mod log;
mod tail;

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use self::log::{EventLog, Limits};
use super::{Sink, SinkError, say, write_line};
use crate::config::{BadValue, within};
use crate::disk::{self, Disk};
use crate::event::Event;
#[cfg(any(test, feature = "fuzzing"))]
pub use input::lines_input;

/// The `[jsonl]` table.
#[derive(schemars::JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JsonlConfig {
    /// File that events are appended to; without it there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Size at which the file is set aside and a new one begun.
    pub max_file_mib: u32,
    /// Age at which the same happens.
    pub max_file_hours: u32,
    /// Size of all files together; the oldest are removed to keep it.
    pub max_total_mib: u32,
    /// A power cut loses at most the events of this long; 0 syncs each event.
    pub sync_ms: u32,
}

impl Default for JsonlConfig {
    fn default() -> Self {
        Self {
            path: None,
            max_file_mib: 16,
            max_file_hours: 24,
            max_total_mib: 256,
            sync_ms: 1000,
        }
    }
}

impl JsonlConfig {
    /// Refuses values that cannot be.
    pub fn check(&self) -> Result<(), BadValue> {
        let path = self.path.as_deref();
        if path.is_some_and(|path| path.as_os_str().is_empty()) {
            let problem = "is empty; give the path of a file";
            return Err(BadValue::new("jsonl.path", problem));
        }
        within("jsonl.max_file_mib", self.max_file_mib, 1, 1024)?;
        within("jsonl.max_file_hours", self.max_file_hours, 1, 8784)?;
        let least = self.max_file_mib * 2;
        within("jsonl.max_total_mib", self.max_total_mib, least, 1 << 20)?;
        within("jsonl.sync_ms", self.sync_ms, 0, 1000)
    }

    fn limits(&self) -> Limits {
        Limits {
            file_bytes: u64::from(self.max_file_mib) << 20,
            file_age: Duration::from_secs(3600 * u64::from(self.max_file_hours)),
            total_bytes: u64::from(self.max_total_mib) << 20,
            sync_every: Duration::from_millis(self.sync_ms.into()),
        }
    }
}

/// Appends one line an event.
pub struct Jsonl {
    log: EventLog,
    line: Vec<u8>,
}

impl Jsonl {
    /// Opens `path`, as the table says. A disk that is full or failing now is no obstacle: it
    /// is tried again with each event.
    pub fn open(path: &Path, config: &JsonlConfig) -> io::Result<Self> {
        Self::on(Disk::default(), path, config)
    }

    /// The same on a disk that a test may own.
    pub fn on(disk: Disk, path: &Path, config: &JsonlConfig) -> io::Result<Self> {
        let mut log = EventLog::new(disk, path, config.limits(), say);
        let opened = log.open();
        let folder = disk::folder_of(log.path());
        match opened.map_err(|error| disk::judged(error, &folder)) {
            Err(error) if !disk::may_pass(&error) => Err(error),
            _ => Ok(Self {
                log,
                line: Vec::new(),
            }),
        }
    }
}

impl Sink for Jsonl {
    fn name(&self) -> String {
        self.log.path().display().to_string()
    }

    fn deliver(&mut self, event: &Event) -> Result<(), SinkError> {
        write_line(&mut self.line, event)?;
        Ok(self.log.append(&self.line, Instant::now())?)
    }

    fn tend(&mut self) -> Result<Option<Duration>, SinkError> {
        Ok(self.log.tend(Instant::now())?)
    }

    fn finish(&mut self, _: Duration) -> Result<(), SinkError> {
        Ok(self.log.sync()?)
    }

    fn unsaved(&self) -> u64 {
        self.log.unsynced_lines()
    }
}

#[cfg(test)]
mod tests;
