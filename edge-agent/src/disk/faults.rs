//! Failures on request, for tests: at a chosen operation, from there on, or for as long as the
//! test wants. Compiled for tests only.

use std::io;
use std::sync::{Condvar, Mutex};

/// What happens to the operations of a disk.
#[derive(Debug, Default)]
enum Mode {
    /// They work.
    #[default]
    None,
    /// This many more work, then one fails, then all work.
    OneAfter(u64, io::ErrorKind),
    /// This many more work, then none: the process was killed.
    AllAfter(u64),
    /// None works.
    All(io::ErrorKind),
    /// None returns.
    Stuck,
}

/// The switch.
#[derive(Debug, Default)]
pub struct Faults {
    /// For operations that write; what is not said to be about reading is about these.
    mode: Mutex<Mode>,
    /// For operations that only read.
    reading: Mutex<Mode>,
    /// For syncs of files, where other writing goes on.
    syncing: Mutex<Mode>,
    changed: Condvar,
}

impl Faults {
    fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
        self.changed.notify_all();
    }

    /// Everything works again.
    pub fn mend(&self) {
        *self.reading.lock().unwrap() = Mode::None;
        *self.syncing.lock().unwrap() = Mode::None;
        self.set(Mode::None);
    }

    /// The reading operation after `steps` more fails once.
    pub fn one_reading_after(&self, steps: u64, kind: io::ErrorKind) {
        *self.reading.lock().unwrap() = Mode::OneAfter(steps, kind);
    }

    /// Nothing can be read until it is mended.
    pub fn all_reading(&self, kind: io::ErrorKind) {
        *self.reading.lock().unwrap() = Mode::All(kind);
    }

    /// No file can be synced until it is mended.
    pub fn all_syncing(&self, kind: io::ErrorKind) {
        *self.syncing.lock().unwrap() = Mode::All(kind);
    }

    /// The operation after `steps` more fails once.
    pub fn one_after(&self, steps: u64, kind: io::ErrorKind) {
        self.set(Mode::OneAfter(steps, kind));
    }

    /// Nothing works after `steps` more operations.
    pub fn all_after(&self, steps: u64) {
        self.set(Mode::AllAfter(steps));
    }

    /// Nothing works until it is mended.
    pub fn all(&self, kind: io::ErrorKind) {
        self.set(Mode::All(kind));
    }

    /// Nothing returns until it is mended.
    pub fn stick(&self) {
        self.set(Mode::Stuck);
    }

    /// Whether the failure asked for has not come yet.
    pub fn pending(&self) -> bool {
        [&self.mode, &self.reading]
            .iter()
            .any(|mode| match *mode.lock().unwrap() {
                Mode::OneAfter(..) => true,
                Mode::AllAfter(left) => left > 0,
                _ => false,
            })
    }

    /// Called before each operation that writes.
    pub fn step(&self) -> io::Result<()> {
        let mut mode = self.mode.lock().unwrap();
        while matches!(*mode, Mode::Stuck) {
            mode = self.changed.wait(mode).unwrap();
        }
        mode.step()
    }

    /// Called before each operation that only reads.
    pub fn reading_step(&self) -> io::Result<()> {
        self.reading.lock().unwrap().step()
    }

    /// Called before each sync of a file.
    pub fn syncing_step(&self) -> io::Result<()> {
        self.syncing.lock().unwrap().step()
    }
}

impl Mode {
    fn step(&mut self) -> io::Result<()> {
        match self {
            Self::None | Self::Stuck => Ok(()),
            Self::OneAfter(0, kind) => {
                let error = io::Error::from(*kind);
                *self = Self::None;
                Err(error)
            }
            Self::OneAfter(left, _) | Self::AllAfter(left @ 1..) => {
                *left -= 1;
                Ok(())
            }
            Self::AllAfter(_) => Err(io::Error::other("killed")),
            Self::All(kind) => Err(io::Error::from(*kind)),
        }
    }
}
