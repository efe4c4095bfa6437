//! Giving a spool's records out in their order. One that cannot be read holds up those behind
//! it, until it can be read or is given up.

use std::io;
use std::time::{Duration, Instant};

use super::Spool;

/// A record that could not be read for so long is given up with the rest of its segment: those
/// behind it are not held up for ever.
const PATIENCE: Duration = Duration::from_secs(3600);

/// A record that the disk does not give out at the moment.
#[derive(Debug)]
pub struct Stuck {
    number: u64,
    /// None until [`Spool::tend`] has seen it.
    since: Option<Instant>,
}

impl Spool {
    /// The next record that was not given out since the last [`Self::rewind`]. None as well while
    /// the disk cannot be read: [`Self::tend`] tells of it, and tries it again.
    pub fn next(&mut self) -> Option<(u64, Vec<u8>)> {
        while !self.finished && self.stuck.is_none() {
            let number = self.following(self.read);
            if number >= self.next {
                return None;
            }
            self.read = number + 1;
            if self.acknowledged.contains(&number) {
                continue;
            }
            if let Some(record) = self.memory.get(&number) {
                return Some((number, record.clone()));
            }
            match self.read_disk(number) {
                Ok(Some(record)) => return Some((number, record)),
                Ok(None) => {}
                Err(_) => {
                    self.read = number;
                    let since = None;
                    self.stuck = Some(Stuck { number, since });
                }
            }
        }
        None
    }

    /// A record of the disk; none if it is damaged.
    fn read_disk(&mut self, number: u64) -> io::Result<Option<Vec<u8>>> {
        let found = self.on_disk.read(number)?;
        if found.is_none() {
            self.count_damaged(number);
        }
        Ok(found)
    }

    /// Counts a record and the rest of its segment, which are on the disk no longer: `following`
    /// skips them from now on.
    fn count_damaged(&mut self, number: u64) {
        self.damaged += self.following(number) - number;
        self.settle();
    }

    /// Tries again to read what could not be read.
    pub(super) fn look_again(&mut self, now: Instant) -> io::Result<()> {
        let Some(Stuck { number, since }) = self.stuck.take() else {
            return Ok(());
        };
        let gone = number < self.floor || self.following(number) != number;
        if gone || self.acknowledged.contains(&number) || self.memory.contains_key(&number) {
            return Ok(());
        }
        let since = since.unwrap_or(now);
        let Err(error) = self.read_disk(number) else {
            return Ok(());
        };
        if now.saturating_duration_since(since) < PATIENCE {
            let since = Some(since);
            self.stuck = Some(Stuck { number, since });
        } else {
            self.on_disk.give_up(number);
            self.count_damaged(number);
        }
        Err(self.explain("cannot read what waits in", &error))
    }

    /// Gives out again what was given out and not acknowledged.
    pub fn rewind(&mut self) {
        self.read = self.floor;
    }
}
