//! Whether a JPEG's picture is there to its last square: counts the coded squares without making
//! pixels. A piece that a cable lost in the middle leaves start and end in place, and decoders
//! fill the rest with whatever comes. Sequential JPEGs of one scan, as cameras send them; others
//! pass.

mod table;

use super::segments::Flaw;
use table::{Kind, LAST, Table};

/// The markers that matter: frames coded in sequence, tables, restarts, the scan.
const SOF0: u8 = 0xc0;
const SOF1: u8 = 0xc1;
const DHT: u8 = 0xc4;
const DRI: u8 = 0xdd;
const SOS: u8 = 0xda;

/// Checks one JPEG after the other. Tables are kept, because a camera sends the same each time.
#[derive(Debug, Default)]
pub struct Checker {
    means: [Option<Table>; 4],
    changes: [Option<Table>; 4],
}

impl Checker {
    /// Checks a JPEG whose parts are in order and whose tables are there.
    pub fn check(&mut self, bytes: &[u8]) -> Result<(), Flaw> {
        let mut head = Head::default();
        let mut at = 2;
        loop {
            let rest = bytes.get(at..).ok_or(Flaw::CutOff)?;
            let found = rest
                .windows(2)
                .position(|pair| pair[0] == 0xff && pair[1] != 0 && pair[1] != 0xff);
            at += found.ok_or(Flaw::CutOff)?;
            let marker = bytes[at + 1];
            if marker == 0x01 || (0xd0..=0xd9).contains(&marker) {
                at += 2;
                continue;
            }
            let length = be16(bytes, at + 2).ok_or(Flaw::CutOff)?;
            let body = bytes.get(at + 4..at + 2 + length).ok_or(Flaw::CutOff)?;
            at += 2 + length;
            match marker {
                SOF0 | SOF1 => head.frame = body,
                // Progressive, lossless or arithmetic.
                0xc2 | 0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => return Ok(()),
                DHT => self.define(body, &mut head)?,
                DRI => head.restart = be16(body, 0).ok_or(Flaw::Length)?,
                SOS => return self.scan(&head, body, &bytes[at..]),
                _ => {}
            }
        }
    }

    fn define(&mut self, mut body: &[u8], head: &mut Head<'_>) -> Result<(), Flaw> {
        while let Some((name, rest)) = body.split_first() {
            let counts = rest.get(..16).ok_or(Flaw::Length)?;
            let total = counts
                .iter()
                .map(|count| usize::from(*count))
                .sum::<usize>();
            let values = rest.get(16..16 + total).ok_or(Flaw::Length)?;
            let (kind, tables, defined) = match name >> 4 {
                0 => (Kind::Mean, &mut self.means, &mut head.means),
                _ => (Kind::Change, &mut self.changes, &mut head.changes),
            };
            let place = usize::from(name & 15);
            let table = tables.get_mut(place).ok_or(Flaw::Length)?;
            if !table
                .as_ref()
                .is_some_and(|table| table.is_of(counts, values))
            {
                *table = Some(Table::new(kind, counts, values));
            }
            defined[place] = true;
            body = &rest[16 + total..];
        }
        Ok(())
    }

    /// The parts of one coded unit, each with its tables and number of squares; then the units.
    fn scan(&self, head: &Head<'_>, scan: &[u8], coded: &[u8]) -> Result<(), Flaw> {
        let (Some(height), Some(width)) = (be16(head.frame, 1), be16(head.frame, 3)) else {
            return Ok(());
        };
        let parts = head.frame.get(6..).unwrap_or(&[]);
        let count = usize::from(scan.first().copied().unwrap_or(0));
        if count != parts.len() / 3 || count == 0 {
            return Ok(());
        }
        let most = |nibble: fn(u8) -> u8| parts.chunks_exact(3).map(|p| nibble(p[1])).max();
        let (h, v) = (most(|s| s >> 4).unwrap_or(1), most(|s| s & 15).unwrap_or(1));
        let (h, v) = if count == 1 {
            (1, 1)
        } else {
            (h.max(1), v.max(1))
        };
        let mut unit = Vec::with_capacity(count);
        for chosen in scan
            .get(1..1 + 2 * count)
            .ok_or(Flaw::Length)?
            .chunks_exact(2)
        {
            let part = parts.chunks_exact(3).find(|part| part[0] == chosen[0]);
            let sampling = part.ok_or(Flaw::Length)?[1];
            let squares = if count == 1 {
                1
            } else {
                (sampling >> 4) * (sampling & 15)
            };
            let mean = usize::from(chosen[1] >> 4);
            let changes = usize::from(chosen[1] & 15);
            unit.push((
                squares,
                chosen_table(&self.means, &head.means, mean)?,
                chosen_table(&self.changes, &head.changes, changes)?,
            ));
        }
        let units = width.div_ceil(8 * usize::from(h)) * height.div_ceil(8 * usize::from(v));
        let mut bits = Bits::new(coded);
        for number in 0..units {
            if head.restart > 0 && number > 0 && number % head.restart == 0 {
                bits.restart()?;
            }
            for (squares, mean, changes) in &unit {
                for _ in 0..*squares {
                    bits.square(mean, changes)?;
                }
            }
        }
        Ok(())
    }
}

/// A table that this JPEG has.
fn chosen_table<'a>(
    tables: &'a [Option<Table>; 4],
    defined: &[bool; 4],
    place: usize,
) -> Result<&'a Table, Flaw> {
    let is_defined = defined.get(place).is_some_and(|defined| *defined);
    let table = tables.get(place).and_then(Option::as_ref);
    table.filter(|_| is_defined).ok_or(Flaw::Scan)
}

/// What stands before the scan.
#[derive(Default)]
struct Head<'a> {
    frame: &'a [u8],
    /// Which of the tables this JPEG has.
    means: [bool; 4],
    changes: [bool; 4],
    restart: usize,
}

fn be16(bytes: &[u8], at: usize) -> Option<usize> {
    let pair = bytes.get(at..at + 2)?;
    Some(usize::from(pair[0]) << 8 | usize::from(pair[1]))
}

/// The bits of a scan.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Bits not yet used, at the upper end.
    waiting: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            waiting: 0,
            count: 0,
        }
    }

    /// Takes bytes up to the next marker; after it come zeros, which nothing counts as read.
    fn fill(&mut self) {
        // Mostly four bytes are ahead of which none is FF, the only one with a meaning.
        if self.count <= 32
            && let Some(next) = self
                .bytes
                .get(self.at..)
                .and_then(|rest| rest.first_chunk::<4>())
            && !next.contains(&0xff)
        {
            self.waiting |= u64::from(u32::from_be_bytes(*next)) << (32 - self.count);
            self.at += 4;
            self.count += 32;
            return;
        }
        while self.count <= 56 {
            let Some(byte) = self.bytes.get(self.at) else {
                return;
            };
            if *byte == 0xff {
                if self.bytes.get(self.at + 1) != Some(&0) {
                    return;
                }
                self.at += 1;
            }
            self.at += 1;
            self.waiting |= u64::from(*byte) << (56 - self.count);
            self.count += 8;
        }
    }

    /// Passes the next codes and their numbers: so many as stay below `room` places, at least
    /// one. Gives their places.
    #[inline(always)]
    fn pass(&mut self, table: &Table, room: u8) -> Result<u8, Flaw> {
        // A code and its number are at most 16 bits each.
        if self.count < 32 {
            self.fill();
        }
        let step = table.look(self.waiting, room)?;
        let bits = u32::from(step.bits);
        self.count = self.count.checked_sub(bits).ok_or(Flaw::Scan)?;
        self.waiting <<= bits;
        Ok(step.places)
    }

    /// Passes one square of eight by eight.
    fn square(&mut self, mean: &Table, changes: &Table) -> Result<(), Flaw> {
        self.pass(mean, 64)?;
        let mut place = 1;
        while place < 64 {
            place += self.pass(changes, 64 - place)?;
        }
        match place {
            64 | LAST.. => Ok(()),
            _ => Err(Flaw::Scan),
        }
    }

    /// Passes a restart marker, which must be next.
    fn restart(&mut self) -> Result<(), Flaw> {
        // What is left is less than the marker's own filling.
        let is_marker = matches!(
            self.bytes.get(self.at..self.at + 2),
            Some([0xff, 0xd0..=0xd7])
        );
        if !is_marker {
            return Err(Flaw::Scan);
        }
        self.at += 2;
        (self.waiting, self.count) = (0, 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
