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
mod reading;
mod segment;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use self::cursor::Cursor;
use self::disk_part::DiskPart;
use self::reading::Stuck;
use crate::disk::{self, Disk, Lock};

/// Records that wait in memory while the disk fails.
pub const MEMORY: usize = 1024;
/// Until the folder is open records are numbered from here on: which numbers are taken there is
/// not known. No later one is so high, so that a late acknowledgement forgets no other record.
const UNPLACED: u64 = 1 << 63;

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
    disk: Disk,
    folder: PathBuf,
    limits: Limits,
    on_disk: DiskPart,
    /// None until the folder is open.
    cursor: Option<Cursor>,
    /// Records that are not on the disk, by their numbers.
    memory: BTreeMap<u64, Vec<u8>>,
    /// The number that the next record gets.
    next: u64,
    /// Everything below is acknowledged or gone.
    floor: u64,
    /// Acknowledged above `floor`.
    acknowledged: BTreeSet<u64>,
    /// The number to be read next.
    read: u64,
    stuck: Option<Stuck>,
    dropped: u64,
    damaged: u64,
    /// How many are not acknowledged, as [`Self::depth`] gives it away.
    depth: Arc<AtomicU64>,
    /// How many were dropped or are damaged, as [`Self::gone`] gives it away.
    gone: Arc<AtomicU64>,
    failing: bool,
    /// None until the folder is open, and once it is finished: the folder may be another's.
    lock: Option<Lock>,
    finished: bool,
}

impl Spool {
    /// Opens the folder, makes it when it is missing, and cuts off what a kill left unfinished. A
    /// disk that is full or failing now is no obstacle: [`Self::tend`] tries it again, and tells
    /// of it.
    pub fn open(disk: &Disk, folder: &Path, limits: Limits) -> io::Result<Self> {
        let mut spool = Self {
            disk: disk.clone(),
            folder: folder.to_path_buf(),
            on_disk: DiskPart::new(disk, folder, limits.total_bytes),
            limits,
            cursor: None,
            memory: BTreeMap::new(),
            next: UNPLACED,
            floor: UNPLACED,
            acknowledged: BTreeSet::new(),
            read: UNPLACED,
            stuck: None,
            dropped: 0,
            damaged: 0,
            depth: Arc::default(),
            gone: Arc::default(),
            failing: true,
            lock: None,
            finished: false,
        };
        match spool.reach().map_err(|error| disk::judged(error, folder)) {
            Err(error) if !disk::may_pass(&error) => Err(error),
            _ => Ok(spool),
        }
    }

    /// Opens the folder, unless it is open. Records from before follow those that are there;
    /// those that were given out and not acknowledged are given out again, by new numbers.
    fn reach(&mut self) -> io::Result<()> {
        if self.lock.is_some() || self.finished {
            return Ok(());
        }
        self.disk.make_folder(&self.folder)?;
        let Some(lock) = Lock::take(&self.folder.join("lock"))? else {
            return Err(io::Error::new(
                io::ErrorKind::ResourceBusy,
                "another process uses it; give each agent and each peer a folder of its own",
            ));
        };
        let on_disk = DiskPart::open(&self.disk, &self.folder, self.limits.total_bytes)?;
        let cursor = Cursor::open(&self.disk, &self.folder.join("cursor"))?;
        let floor = cursor.value().max(on_disk.first().unwrap_or(0));
        // A power cut may have taken records whose acknowledgement is known.
        let next = on_disk.end().unwrap_or(0).max(floor);
        let unplaced = self.floor;
        let place = |number: u64| number - unplaced + next;
        let memory = std::mem::take(&mut self.memory).into_iter();
        self.memory = memory.map(|(number, r)| (place(number), r)).collect();
        let acknowledged = std::mem::take(&mut self.acknowledged).into_iter();
        self.acknowledged = acknowledged.map(place).collect();
        self.next = place(self.next);
        (self.floor, self.read) = (floor, floor);
        self.on_disk = on_disk;
        self.cursor = Some(cursor);
        self.lock = Some(lock);
        self.failing = false;
        self.settle();
        Ok(())
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

    /// How many records wait, to be read while somebody else has the spool: a sync holds it for
    /// as long as the disk takes.
    pub fn depth(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.depth)
    }

    /// How many records were dropped or found damaged, to be read in the same way.
    pub fn gone(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.gone)
    }

    /// Records that are in memory alone.
    pub fn unsaved(&self) -> u64 {
        let numbers = self.memory.keys();
        let unsaved = numbers.filter(|number| !self.acknowledged.contains(*number));
        unsaved.count() as u64
    }

    /// Takes a record. It cannot fail: what the disk does not take waits in memory, and
    /// [`Self::tend`] tells of it.
    pub fn append(&mut self, record: &[u8], now: Instant) {
        let number = self.next;
        // While the disk fails only `tend` tries it, not each record.
        let stored = self.memory.is_empty()
            && !self.failing
            && self.on_disk.append(number, record, now).is_ok();
        self.next += 1;
        if !stored {
            self.failing = true;
            self.memory.insert(number, record.to_vec());
        }
        self.account();
    }

    /// Takes over what the disk gave back, and counts what had to go: there for a new segment,
    /// here for newer records.
    fn account(&mut self) {
        for (number, record) in self.on_disk.take_returned() {
            if number >= self.floor && !self.acknowledged.contains(&number) {
                self.damaged += u64::from(record.is_none());
                self.memory.extend(record.map(|record| (number, record)));
            }
        }
        while self.memory.len() > MEMORY
            && let Some((number, _)) = self.memory.pop_first()
        {
            self.dropped += u64::from(!self.acknowledged.contains(&number));
        }
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

    fn explain(&self, what: &str, error: &io::Error) -> io::Error {
        let folder = self.folder.display();
        io::Error::new(error.kind(), format!("{what} {folder}: {error}"))
    }

    /// Forgets a record.
    pub fn acknowledge(&mut self, number: u64) {
        if !self.finished && number >= self.floor && number < self.next {
            self.acknowledged.insert(number);
            self.settle();
        }
    }

    /// The lowest number from `number` on that exists, or the next one to be given.
    fn following(&self, number: u64) -> u64 {
        let on_disk = self.on_disk.following(number);
        let in_memory = self.memory.range(number..).next();
        let in_memory = in_memory.map(|(number, _)| *number);
        let found = [on_disk, in_memory].into_iter().flatten().min();
        found.unwrap_or(self.next)
    }

    /// Moves the floor up over what is acknowledged or gone, and lets go of what is below. Ends
    /// every change of what waits, so the counts are told here.
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
        while let Some(first) = self.memory.first_entry()
            && *first.key() < self.floor
        {
            first.remove();
        }
        self.on_disk.remove_below(self.floor);
        let counts = self.counts();
        self.depth.store(counts.waiting, Ordering::Relaxed);
        let gone = counts.dropped.saturating_add(counts.damaged);
        self.gone.store(gone, Ordering::Relaxed);
    }

    /// Does what is due on the disk; says when to ask again.
    pub fn tend(&mut self, now: Instant) -> io::Result<Option<Duration>> {
        if let Err(error) = self.reach() {
            return Err(self.explain("cannot use", &error));
        }
        // What cannot be written may be read all the same, and the other way round.
        let looked = self.look_again(now);
        let sync = self.write(now)?;
        let cursor = match &mut self.cursor {
            Some(cursor) => cursor.tend(self.floor, now, self.limits.cursor_every)?,
            None => None,
        };
        looked?;
        // Nobody is told when a peer acknowledges: the cursor is looked after meanwhile.
        let waits = (self.counts().waiting > 0).then_some(self.limits.cursor_every);
        Ok([sync, cursor, waits].into_iter().flatten().min())
    }

    /// Writes what waits in memory, and syncs what is due.
    fn write(&mut self, now: Instant) -> io::Result<Option<Duration>> {
        while let Some((&number, record)) = self.memory.first_key_value() {
            let stored = self.on_disk.append(number, record, now);
            if stored.is_ok() {
                self.memory.remove(&number);
            }
            self.account();
            stored?;
        }
        let needed = self.floor < self.on_disk.end().unwrap_or(0);
        let synced = self.on_disk.sync_if(now, self.limits.sync_every, needed);
        self.failing = synced.is_err();
        self.account();
        synced
    }

    /// The last call: everything to the disk, which from then on may be opened by another.
    /// Nothing is given out or forgotten any more.
    pub fn finish(&mut self, now: Instant) -> io::Result<()> {
        self.limits.sync_every = Duration::ZERO;
        self.limits.cursor_every = Duration::ZERO;
        let kept = self.tend(now).map(|_| ());
        self.lock = None;
        self.finished = true;
        kept
    }
}

#[cfg(test)]
mod failing_tests;
#[cfg(test)]
mod tests;
