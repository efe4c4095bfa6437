//! A queue on the disk for records that a peer must get: kept in order, forgotten when
//! acknowledged, bounded, whole again after a kill or a power cut at any moment. While the disk
//! fails, records wait in memory and still go out. Knows nothing of peers or of what a record
//! says; the time is an argument.
//!
//! Own, not a library: those found either forget on reading instead of on acknowledgement or
//! bring a database.
//!
//! Records are numbered from 0. A segment file is named by its first record's number; the
//! lowest number that is still needed stands, a little late, in the file `cursor`: what was
//! acknowledged shortly before a kill is delivered again.

mod cursor;
mod disk_part;
#[cfg(any(test, feature = "fuzzing"))]
pub mod input;
mod segment;

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use self::cursor::Cursor;
use self::disk_part::DiskPart;
use crate::disk::{Disk, Lock};

/// Records that wait in memory while the disk fails.
pub const MEMORY: usize = 1024;

/// How much and how long.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Size of all segments; the oldest goes when it is reached.
    pub total_bytes: u64,
    /// Longest that a record may be neither acknowledged nor synced.
    pub sync_every: Duration,
    /// How late the cursor may be.
    pub cursor_every: Duration,
}

/// What became of records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Not acknowledged yet.
    pub waiting: u64,
    /// Dropped because the spool was full, or its memory while the disk failed.
    pub dropped: u64,
    /// Found unreadable on the disk.
    pub damaged: u64,
}

/// See the head of this file.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    limits: Limits,
    on_disk: DiskPart,
    cursor: Cursor,
    /// Records from `memory_first` on that are not on the disk, and may follow a gap.
    memory: VecDeque<Vec<u8>>,
    memory_first: u64,
    /// The number that the next record gets.
    next: u64,
    /// Everything below is acknowledged or gone.
    floor: u64,
    /// Acknowledged above `floor`.
    acknowledged: BTreeSet<u64>,
    /// The number to be read next.
    read: u64,
    dropped: u64,
    damaged: u64,
    failing: bool,
    /// None once it is finished: the folder may be another's.
    lock: Option<Lock>,
}

impl Spool {
    /// Opens the folder, makes it when it is missing, and cuts off what a kill left unfinished.
    pub fn open(disk: &Disk, folder: &Path, limits: Limits) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let Some(lock) = Lock::take(&folder.join("lock"))? else {
            return Err(io::Error::new(
                io::ErrorKind::ResourceBusy,
                "another process uses it; give each agent and each peer a folder of its own",
            ));
        };
        let on_disk = DiskPart::open(disk, folder, limits.total_bytes)?;
        let cursor = Cursor::open(disk, &folder.join("cursor"))?;
        let floor = cursor.value().max(on_disk.first().unwrap_or(0));
        // A power cut may have taken records whose acknowledgement is known.
        let next = on_disk.end().unwrap_or(0).max(floor);
        let mut spool = Self {
            folder: folder.to_path_buf(),
            limits,
            on_disk,
            cursor,
            memory: VecDeque::new(),
            memory_first: next,
            next,
            floor,
            acknowledged: BTreeSet::new(),
            read: floor,
            dropped: 0,
            damaged: 0,
            failing: false,
            lock: Some(lock),
        };
        spool.settle();
        Ok(spool)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What became of records since it was opened, and how many wait.
    pub fn counts(&self) -> Counts {
        Counts {
            waiting: self.next - self.floor - self.acknowledged.len() as u64,
            dropped: self.dropped,
            damaged: self.damaged,
        }
    }

    /// Takes a record. It cannot fail: what the disk does not take waits in memory, and
    /// [`Self::tend`] tells of it.
    pub fn append(&mut self, record: &[u8], now: Instant) {
        let number = self.next;
        // While the disk fails only `tend` tries it, not each record.
        let stored = self.memory.is_empty()
            && !self.failing
            && self.on_disk.append(number, record, now).is_ok();
        if self.memory.is_empty() {
            self.memory_first = number + u64::from(stored);
        }
        self.next += 1;
        if !stored {
            self.failing = true;
            self.memory.push_back(record.to_vec());
        }
        if self.memory.len() > MEMORY {
            self.memory.pop_front();
            self.dropped += u64::from(!self.acknowledged.contains(&self.memory_first));
            self.memory_first += 1;
        }
        self.count_removed();
    }

    /// Counts what had to go for a new segment.
    fn count_removed(&mut self) {
        for range in self.on_disk.take_removed() {
            // Not counted one by one: after damage a gap may be as wide as numbers go.
            let first = range.start.max(self.floor);
            if first < range.end {
                let acknowledged = self.acknowledged.range(first..range.end).count();
                self.dropped += range.end - first - acknowledged as u64;
            }
        }
        self.settle();
    }

    /// The next record that was not given out since the last [`Self::rewind`].
    pub fn next(&mut self) -> Option<(u64, Vec<u8>)> {
        self.lock.as_ref()?;
        loop {
            let number = self.following(self.read);
            if number >= self.next {
                return None;
            }
            self.read = number + 1;
            if self.acknowledged.contains(&number) {
                continue;
            }
            if let Some(offset) = number.checked_sub(self.memory_first)
                && let Some(record) = self.memory.get(usize::try_from(offset).ok()?)
            {
                return Some((number, record.clone()));
            }
            if let Some(record) = self.on_disk.read(number) {
                return Some((number, record));
            }
            // The rest of that segment is gone as well: `following` skips it from now on.
            let lost = self.following(number) - number;
            self.damaged += lost;
            self.settle();
        }
    }

    /// Gives out again what was given out and not acknowledged.
    pub fn rewind(&mut self) {
        self.read = self.floor;
    }

    /// Forgets a record.
    pub fn acknowledge(&mut self, number: u64) {
        if self.lock.is_some() && number >= self.floor && number < self.next {
            self.acknowledged.insert(number);
            self.settle();
        }
    }

    /// The lowest number from `number` on that exists, or the next one to be given.
    fn following(&self, number: u64) -> u64 {
        if let Some(found) = self.on_disk.following(number) {
            return found;
        }
        if self.memory.is_empty() {
            self.next
        } else {
            number.max(self.memory_first)
        }
    }

    /// Moves the floor up over what is acknowledged or gone, and lets go of what is below.
    fn settle(&mut self) {
        loop {
            let floor = self.following(self.floor);
            let acknowledged = self.acknowledged.remove(&floor);
            self.floor = floor + u64::from(acknowledged);
            if !acknowledged {
                break;
            }
        }
        self.acknowledged = self.acknowledged.split_off(&self.floor);
        self.read = self.read.max(self.floor);
        while self.memory_first < self.floor && self.memory.pop_front().is_some() {
            self.memory_first += 1;
        }
        self.on_disk.remove_below(self.floor);
    }

    /// Does what is due on the disk; says when to ask again.
    pub fn tend(&mut self, now: Instant) -> io::Result<Option<Duration>> {
        while let Some(record) = self.memory.front() {
            let stored = self.on_disk.append(self.memory_first, record, now);
            if stored.is_ok() {
                self.memory.pop_front();
                self.memory_first += 1;
            }
            self.count_removed();
            stored?;
        }
        self.failing = false;
        let sync = self.sync_if(now, self.limits.sync_every)?;
        let cursor = self
            .cursor
            .tend(self.floor, now, self.limits.cursor_every)?;
        Ok([sync, cursor].into_iter().flatten().min())
    }

    fn sync_if(&mut self, now: Instant, every: Duration) -> io::Result<Option<Duration>> {
        let needed = self.floor < self.on_disk.end().unwrap_or(0);
        match self.on_disk.sync_if(now, every, needed) {
            Ok(wait) => Ok(wait),
            Err((error, unsynced)) => {
                // What a failed sync leaves on the disk is not known: it is written anew.
                self.failing = true;
                self.memory_first = self.next - unsynced.len() as u64;
                self.memory = unsynced.into();
                self.settle();
                Err(error)
            }
        }
    }

    /// The last call: everything to the disk, which from then on may be opened by another.
    /// Nothing is given out or forgotten any more.
    pub fn finish(&mut self, now: Instant) -> io::Result<()> {
        self.limits.sync_every = Duration::ZERO;
        self.limits.cursor_every = Duration::ZERO;
        let kept = self.tend(now).map(|_| ());
        self.lock = None;
        kept
    }
}

#[cfg(test)]
mod tests;
