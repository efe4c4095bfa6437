//! A file of lines that is appended to, set aside by size and age, synced in batches, and that
//! goes on after every failure of the disk. Knows nothing of events; the time is an argument.
//!
//! The files of `events.jsonl` are `events-00000001.jsonl`, `events-00000002.jsonl`, … and
//! `events.jsonl` itself, which is the newest: byte order is age.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::tail;
use crate::disk::{Disk, DiskFile, Lock, folder_of};

/// Unsynced bytes that are kept in memory at most, whatever the time.
const UNSYNCED: usize = 256 * 1024;

/// When files are set aside, removed and synced.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Size of one file.
    pub file_bytes: u64,
    /// Age of the file that is written to.
    pub file_age: Duration,
    /// Size of all files.
    pub total_bytes: u64,
    /// Longest that a line may be unsynced.
    pub sync_every: Duration,
}

/// The file that is written to.
#[derive(Debug)]
struct Active {
    file: DiskFile,
    begun: Instant,
    age_before: Duration,
    synced: u64,
}

/// See the head of this file.
#[derive(Debug)]
pub struct EventLog {
    disk: Disk,
    path: PathBuf,
    limits: Limits,
    say: fn(&str),
    lock: Option<Lock>,
    active: Option<Active>,
    /// Files set aside, oldest first: number and size.
    aside: VecDeque<(u64, u64)>,
    /// Lines since the last sync: a failed sync may have lost them, so they are written anew.
    unsynced: Vec<u8>,
    unsynced_since: Option<Instant>,
    /// A sync failed: what the file holds behind `synced` is not known.
    suspect: bool,
}

impl EventLog {
    /// A log that is not open yet. `say` is told what an operator may want to know.
    pub fn new(disk: Disk, path: &Path, limits: Limits, say: fn(&str)) -> Self {
        Self {
            disk,
            // Setting a link aside instead of its file would leave the file where it is.
            path: path.canonicalize().unwrap_or_else(|_| path.to_path_buf()),
            limits,
            say,
            lock: None,
            active: None,
            aside: VecDeque::new(),
            unsynced: Vec::new(),
            unsynced_since: None,
            suspect: false,
        }
    }

    /// The file that is written to.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the file and puts its end in order; takes the lock first.
    pub fn open(&mut self) -> io::Result<()> {
        if std::fs::metadata(&self.path).is_ok_and(|data| !data.is_file()) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a regular file; give the path of one",
            ));
        }
        if self.lock.is_none() {
            let Some(lock) = Lock::take(&lock_of(&self.path))? else {
                return Err(io::Error::new(
                    io::ErrorKind::ResourceBusy,
                    "another process writes to it; give each agent a file of its own",
                ));
            };
            // Before the lock is kept: a look that failed is taken anew by the next call.
            self.aside = self.find_aside()?;
            self.lock = Some(lock);
        }
        let mut file = self.disk.append_to(&self.path)?;
        let torn = tail::mend(&mut file)?;
        if torn > 0 {
            let path = self.path.display();
            (self.say)(&format!(
                "{path}: cut off {torn} bytes of an unfinished last line"
            ));
        }
        let synced = file.len();
        self.disk.sync_folder(&folder_of(&self.path))?;
        file.append(&self.unsynced)?;
        self.suspect = false;
        self.active = Some(Active {
            age_before: file.age().unwrap_or_default(),
            begun: Instant::now(),
            synced,
            file,
        });
        self.remove_oldest();
        Ok(())
    }

    /// Appends a line. It is in the file afterwards, and safe from a power cut after the next
    /// sync. Refuses what memory may not hold until a sync works.
    pub fn append(&mut self, line: &[u8], now: Instant) -> io::Result<()> {
        if self.unsynced.len() + line.len() > UNSYNCED {
            if self.suspect {
                // Each try writes all of it anew: `tend` makes them, at its own pace.
                let told = "what was appended before could not be synced yet";
                return Err(io::Error::other(told));
            }
            self.sync()?;
        }
        self.ready()?;
        if self.is_full(line.len() as u64, now) {
            self.set_aside()?;
            self.open()?;
        }
        let Some(active) = &mut self.active else {
            return Err(io::Error::other("the file is not open"));
        };
        active.file.append(line)?;
        self.unsynced.extend_from_slice(line);
        self.unsynced_since.get_or_insert(now);
        Ok(())
    }

    /// Syncs what is due; says when to ask again.
    pub fn tend(&mut self, now: Instant) -> io::Result<Option<Duration>> {
        let Some(since) = self.unsynced_since else {
            return Ok(None);
        };
        let waited = now.saturating_duration_since(since);
        if waited < self.limits.sync_every && self.unsynced.len() < UNSYNCED {
            return Ok(Some(self.limits.sync_every - waited));
        }
        self.sync()?;
        Ok(None)
    }

    /// Makes everything appended safe from a power cut.
    pub fn sync(&mut self) -> io::Result<()> {
        if self.unsynced.is_empty() {
            return Ok(());
        }
        self.ready()?;
        let Some(active) = &mut self.active else {
            return Err(io::Error::other("the file is not open"));
        };
        if let Err(error) = active.file.sync() {
            self.suspect = true;
            return Err(error);
        }
        active.synced = active.file.len();
        self.unsynced.clear();
        self.unsynced_since = None;
        Ok(())
    }

    /// Lines that no sync has made safe yet.
    pub fn unsynced_lines(&self) -> u64 {
        self.unsynced.iter().filter(|byte| **byte == b'\n').count() as u64
    }

    /// Opens the file if it is not or somebody took it away, and begins a new one after a failed
    /// sync.
    fn ready(&mut self) -> io::Result<()> {
        if let Some(active) = &self.active
            && !active.file.is_at(&self.path)
        {
            self.leave();
        }
        if self.suspect {
            self.set_aside()?;
        }
        match self.active {
            Some(_) => Ok(()),
            None => self.open(),
        }
    }

    /// Lets go of a file that somebody moved or deleted: nobody would look for lines there. What
    /// went with a deleted one and was not synced yet is written anew.
    fn leave(&mut self) {
        if let Some(active) = self.active.take()
            && !self.suspect
            && !active.file.is_deleted()
            && active.file.sync().is_ok()
        {
            self.unsynced.clear();
            self.unsynced_since = None;
        }
        let path = self.path.display();
        (self.say)(&format!("{path}: was moved or deleted; a new one is begun"));
    }

    fn is_full(&self, more: u64, now: Instant) -> bool {
        self.active.as_ref().is_some_and(|active| {
            let age = active.age_before + now.saturating_duration_since(active.begun);
            let full = active.file.len() + more > self.limits.file_bytes;
            active.file.len() > 0 && (full || age >= self.limits.file_age)
        })
    }

    /// Renames the file, so that the next one can begin. Lines that a failed sync may have
    /// lost move to the next one.
    fn set_aside(&mut self) -> io::Result<()> {
        let Some(active) = &mut self.active else {
            return Ok(());
        };
        if !self.suspect && active.file.sync().is_ok() {
            self.unsynced.clear();
            self.unsynced_since = None;
        } else {
            self.suspect = true;
            // If this fails they are in both files, with the same ids.
            let _ = active.file.truncate(active.synced);
        }
        let bytes = active.file.len();
        if bytes > 0 {
            let mut number = self.aside.back().map_or(0, |(number, _)| *number) + 1;
            // Never over what somebody put there meanwhile.
            while self.numbered(number).exists() {
                number += 1;
            }
            match self.disk.rename(&self.path, &self.numbered(number)) {
                Ok(()) => self.aside.push_back((number, bytes)),
                // It was taken away a moment ago.
                Err(error) if error.kind() == io::ErrorKind::NotFound => self.leave(),
                Err(error) => return Err(error),
            }
        }
        self.active = None;
        Ok(())
    }

    /// Removes the oldest files until a full one has room within the total.
    fn remove_oldest(&mut self) {
        let mut total: u64 = self.aside.iter().map(|(_, bytes)| bytes).sum();
        while total + self.limits.file_bytes > self.limits.total_bytes {
            let Some((number, bytes)) = self.aside.pop_front() else {
                return;
            };
            total -= bytes;
            let path = self.numbered(number);
            let told = match self.disk.remove(&path) {
                Ok(()) => format!(
                    "{}: removed, {bytes} bytes, to stay within jsonl.max_total_mib",
                    path.display()
                ),
                Err(error) => format!("{}: cannot remove it: {error}", path.display()),
            };
            (self.say)(&told);
        }
    }

    fn numbered(&self, number: u64) -> PathBuf {
        let mut name = self.path.file_stem().unwrap_or_default().to_os_string();
        name.push(format!("-{number:08}"));
        self.path.with_file_name(with_extension(name, &self.path))
    }

    /// The files that were set aside before.
    fn find_aside(&self) -> io::Result<VecDeque<(u64, u64)>> {
        let mut found = Vec::new();
        for entry in self.disk.entries(&folder_of(&self.path))? {
            let entry = entry?;
            let name = entry.file_name();
            let digits = name
                .to_str()
                .and_then(|name| name.rsplit_once('-'))
                .map(|(_, rest)| rest.split('.').next().unwrap_or(rest));
            let number = digits.and_then(|digits| digits.parse().ok());
            if let Some(number) = number
                && self.numbered(number).file_name() == Some(&*name)
            {
                match entry.metadata() {
                    Ok(data) => found.push((number, data.len())),
                    // It was taken away a moment ago.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
        found.sort_unstable();
        Ok(found.into())
    }
}

/// The file that is locked by whoever writes to the log `path`.
pub fn lock_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(".lock");
    name.into()
}

fn with_extension(mut name: OsString, of: &Path) -> OsString {
    if let Some(extension) = of.extension() {
        name.push(".");
        name.push(extension);
    }
    name
}

#[cfg(test)]
mod tests;
