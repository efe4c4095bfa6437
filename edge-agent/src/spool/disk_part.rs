//! The records of a spool that are on the disk: segments, oldest first, the last of which is
//! appended to. Which records are still needed is the spool's business.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::segment::{self, Reader};
use crate::disk::{Disk, DiskFile};

/// Largest size of a segment; small spools have smaller ones.
const SEGMENT: u64 = 1 << 20;
/// A spool is at least this many segments.
const SHARE: u64 = 8;

/// One file.
#[derive(Debug)]
struct Segment {
    /// Its records; of an old one that was not read yet, the end is the next one's start.
    numbers: Range<u64>,
    bytes: u64,
}

/// See the head of this file.
#[derive(Debug)]
pub struct DiskPart {
    disk: Disk,
    folder: PathBuf,
    segment_bytes: u64,
    total_bytes: u64,
    segments: VecDeque<Segment>,
    /// The last segment's file, if it may be appended to.
    writer: Option<DiskFile>,
    reader: Option<Reader>,
    unsynced_since: Option<Instant>,
    /// The last segment is synced up to this number and this length.
    synced: (u64, u64),
    new_name: bool,
    removed: Vec<Range<u64>>,
    returned: Vec<Returned>,
}

/// A record whose sync failed, with its number; without its bytes if it is damaged.
pub type Returned = (u64, Option<Vec<u8>>);

impl DiskPart {
    /// One that holds nothing: the folder is not looked into.
    pub fn new(disk: &Disk, folder: &Path, total_bytes: u64) -> Self {
        Self {
            disk: disk.clone(),
            folder: folder.to_path_buf(),
            segment_bytes: (total_bytes / SHARE).min(SEGMENT),
            total_bytes,
            segments: VecDeque::new(),
            writer: None,
            reader: None,
            unsynced_since: None,
            synced: (0, 0),
            new_name: false,
            removed: Vec::new(),
            returned: Vec::new(),
        }
    }

    /// Finds the segments; cuts off what the last one has beyond its last whole record.
    pub fn open(disk: &Disk, folder: &Path, total_bytes: u64) -> io::Result<Self> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if let Some(first) = entry.file_name().to_str().and_then(segment::first_of) {
                found.push((first, entry.metadata()?.len()));
            }
        }
        found.sort_unstable();
        let ends = found.iter().skip(1).map(|(first, _)| *first);
        let ends: Vec<u64> = ends.chain(found.last().map(|(first, _)| *first)).collect();
        let segments = found.into_iter().zip(ends);
        let mut part = Self::new(disk, folder, total_bytes);
        part.segments = segments
            .map(|((first, bytes), end)| Segment {
                numbers: first..end,
                bytes,
            })
            .collect();
        part.open_last()?;
        Ok(part)
    }

    fn open_last(&mut self) -> io::Result<()> {
        let Some(last) = self.segments.back_mut() else {
            return Ok(());
        };
        let mut reader = Reader::open(&self.disk, &self.folder, last.numbers.start)?;
        while reader.next()?.is_some() {}
        last.numbers.end = reader.number();
        last.bytes = reader.at();
        self.synced = (reader.number(), reader.at());
        // If the disk takes no writes now, the next record begins another segment.
        let path = segment::path(&self.folder, last.numbers.start);
        if let Ok(mut file) = self.disk.append_to(&path)
            && (file.len() == reader.at() || file.truncate(reader.at()).is_ok())
        {
            self.writer = Some(file);
        }
        Ok(())
    }

    /// The first number that is here.
    pub fn first(&self) -> Option<u64> {
        self.segments.front().map(|segment| segment.numbers.start)
    }

    /// The number after the last one here.
    pub fn end(&self) -> Option<u64> {
        self.segments.back().map(|segment| segment.numbers.end)
    }

    /// The lowest number from `number` on that is here.
    pub fn following(&self, number: u64) -> Option<u64> {
        // Numbers are in order: the first segment that ends behind it has it or follows it.
        let at = self.segments.partition_point(|s| s.numbers.end <= number);
        // One whose first record could not be read holds none.
        let mut segments = self.segments.range(at..);
        let segment = segments.find(|segment| !segment.numbers.is_empty())?;
        Some(number.max(segment.numbers.start))
    }

    /// Appends a record, to a new segment when it does not follow the last one or that is full.
    pub fn append(&mut self, number: u64, record: &[u8], now: Instant) -> io::Result<()> {
        let bytes = segment::encode(number, record)?;
        let follows = self.segments.back().is_some_and(|last| {
            let fits = last.bytes + bytes.len() as u64 <= self.segment_bytes || last.bytes == 0;
            last.numbers.end == number && fits
        });
        if !follows || self.writer.is_none() {
            self.begin(number)?;
        }
        let (Some(writer), Some(last)) = (&mut self.writer, self.segments.back_mut()) else {
            return Err(io::Error::other("no segment is open"));
        };
        writer.append(&bytes)?;
        last.numbers.end = number + 1;
        last.bytes = writer.len();
        self.unsynced_since.get_or_insert(now);
        Ok(())
    }

    fn begin(&mut self, number: u64) -> io::Result<()> {
        // Only the last segment may be unfinished after a power cut.
        if self.unsynced_since.is_some() {
            self.sync()?;
        }
        let mut total: u64 = self.segments.iter().map(|segment| segment.bytes).sum();
        while total + self.segment_bytes > self.total_bytes {
            let Some(oldest) = self.segments.pop_front() else {
                break;
            };
            total -= oldest.bytes;
            self.remove(&oldest);
            self.removed.push(oldest.numbers);
        }
        let mut file = self.disk.append_to(&segment::path(&self.folder, number))?;
        if file.len() > 0 {
            file.truncate(0)?;
        }
        // One that got no record is used again instead of left behind.
        if self.segments.back().is_some_and(|last| last.bytes == 0) {
            self.segments.pop_back();
        }
        self.segments.push_back(Segment {
            numbers: number..number,
            bytes: 0,
        });
        self.writer = Some(file);
        self.new_name = true;
        self.synced = (number, 0);
        Ok(())
    }

    fn remove(&mut self, segment: &Segment) {
        let first = segment.numbers.start;
        if self.reader.as_ref().is_some_and(|r| r.first() == first) {
            self.reader = None;
        }
        // One that stays is below the cursor, and goes when the spool is opened again.
        let _ = self.disk.remove(&segment::path(&self.folder, first));
    }

    /// Numbers that had to go for newer ones since the last call.
    pub fn take_removed(&mut self) -> Vec<Range<u64>> {
        std::mem::take(&mut self.removed)
    }

    /// Removes the segments that hold only lower numbers, but not the last one.
    pub fn remove_below(&mut self, floor: u64) {
        while self.segments.len() > 1 && self.segments[0].numbers.end <= floor {
            let Some(oldest) = self.segments.pop_front() else {
                return;
            };
            self.remove(&oldest);
        }
    }

    /// A record that is here. None if it is damaged: it and the rest of its segment are here no
    /// longer. A disk that fails to read may get over it: everything stays.
    pub fn read(&mut self, number: u64) -> io::Result<Option<Vec<u8>>> {
        let at = self.segments.partition_point(|s| s.numbers.end <= number);
        let segment = self.segments.get(at).map(|segment| segment.numbers.start);
        let Some(first) = segment.filter(|first| *first <= number) else {
            return Ok(None);
        };
        let found = read(&mut self.reader, &self.disk, &self.folder, first, number);
        let found = match found {
            // Somebody removed the file: that does not pass.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            found => found,
        };
        match &found {
            Ok(Some(_)) => {}
            Ok(None) => self.give_up(number),
            Err(_) => self.reader = None,
        }
        found
    }

    /// Does without a record and the rest of its segment.
    pub fn give_up(&mut self, number: u64) {
        let at = self.segments.partition_point(|s| s.numbers.end <= number);
        let is_last = at + 1 == self.segments.len();
        let segment = self.segments.get_mut(at);
        let Some(segment) = segment.filter(|segment| segment.numbers.start <= number) else {
            return;
        };
        segment.numbers.end = number;
        if is_last {
            self.writer = None;
        }
        self.reader = None;
    }

    /// Syncs what is due; says when to ask again. `needed` tells whether anybody still wants
    /// what is here.
    pub fn sync_if(
        &mut self,
        now: Instant,
        every: Duration,
        needed: bool,
    ) -> io::Result<Option<Duration>> {
        let Some(since) = self.unsynced_since else {
            return Ok(None);
        };
        if !needed {
            // Acknowledged before it was due: no need to wear the disk.
            self.unsynced_since = None;
            return Ok(None);
        }
        let waited = now.saturating_duration_since(since);
        if waited < every {
            return Ok(Some(every - waited));
        }
        self.sync()?;
        Ok(None)
    }

    /// Makes everything here survive a power cut. If that fails, what was not synced is taken
    /// back: what is left of it on the disk is not known, and another sync might seem to work.
    fn sync(&mut self) -> io::Result<()> {
        let Some(writer) = &self.writer else {
            return Ok(());
        };
        let folder_synced = if self.new_name {
            self.disk.sync_folder(&self.folder)
        } else {
            Ok(())
        };
        if let Err(error) = folder_synced.and_then(|()| writer.sync()) {
            self.take_back();
            return Err(error);
        }
        self.new_name = false;
        self.unsynced_since = None;
        if let Some(last) = self.segments.back() {
            self.synced = (last.numbers.end, last.bytes);
        }
        Ok(())
    }

    /// Takes the records behind the last sync out of the last segment, which is not appended to
    /// any more.
    fn take_back(&mut self) {
        self.unsynced_since = None;
        self.reader = None;
        let writer = self.writer.take();
        let Some(last) = self.segments.back_mut() else {
            return;
        };
        let first = last.numbers.start;
        let (number, bytes) = self.synced;
        let number = number.max(first);
        let mut taken = Vec::new();
        for number in number..last.numbers.end {
            match read(&mut self.reader, &self.disk, &self.folder, first, number) {
                Ok(record) => taken.push((number, record)),
                // Not to be had now: they stay where they are, and may be read later.
                Err(_) => {
                    self.reader = None;
                    return;
                }
            }
        }
        last.numbers.end = number;
        last.bytes = bytes;
        self.reader = None;
        self.returned.extend(taken);
        if let Some(mut writer) = writer {
            // If this fails, the numbers that stay behind are also the next segment's, which
            // are the ones that are read.
            let _ = writer.truncate(bytes);
        }
    }

    /// The records that failed syncs gave back since the last call; they are here no longer.
    pub fn take_returned(&mut self) -> Vec<Returned> {
        std::mem::take(&mut self.returned)
    }
}

/// Reads a record of the segment that begins with `first`; goes back to its start if it must.
fn read(
    reader: &mut Option<Reader>,
    disk: &Disk,
    folder: &Path,
    first: u64,
    number: u64,
) -> io::Result<Option<Vec<u8>>> {
    let fits = |r: &Reader| r.first() == first && r.number() <= number;
    let reader = match reader.take().filter(fits) {
        Some(open) => reader.insert(open),
        None => reader.insert(Reader::open(disk, folder, first)?),
    };
    while reader.number() < number {
        if reader.next()?.is_none() {
            return Ok(None);
        }
    }
    reader.next()
}
