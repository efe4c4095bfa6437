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
    mode: Mutex<Mode>,
    changed: Condvar,
}

impl Faults {
    fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
        self.changed.notify_all();
    }

    /// Everything works again.
    pub fn mend(&self) {
        self.set(Mode::None);
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
        match *self.mode.lock().unwrap() {
            Mode::OneAfter(..) => true,
            Mode::AllAfter(left) => left > 0,
            _ => false,
        }
    }

    /// Called before each operation.
    pub fn step(&self) -> io::Result<()> {
        let mut mode = self.mode.lock().unwrap();
        while matches!(*mode, Mode::Stuck) {
            mode = self.changed.wait(mode).unwrap();
        }
        match &mut *mode {
            Mode::None | Mode::Stuck => Ok(()),
            Mode::OneAfter(0, kind) => {
                let error = io::Error::from(*kind);
                *mode = Mode::None;
                Err(error)
            }
            Mode::OneAfter(left, _) => {
                *left -= 1;
                Ok(())
            }
            Mode::AllAfter(0) => Err(io::Error::other("killed")),
            Mode::AllAfter(left) => {
                *left -= 1;
                Ok(())
            }
            Mode::All(kind) => Err(io::Error::from(*kind)),
        }
    }
}
