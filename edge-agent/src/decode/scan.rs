//! Whether a JPEG's picture is there to its last square: counts the coded squares without making
//! pixels. A piece that a cable lost in the middle leaves start and end in place, and decoders
//! fill the rest with whatever comes. Sequential JPEGs of one scan, as cameras send them; others
//! pass.

use super::segments::Flaw;

/// Bits of a code that are looked up at once.
const LOOK: u32 = 9;

/// The markers that matter: frames coded in sequence, tables, restarts, the scan.
const SOF0: u8 = 0xc0;
const SOF1: u8 = 0xc1;
const DHT: u8 = 0xc4;
const DRI: u8 = 0xdd;
const SOS: u8 = 0xda;

/// Checks a JPEG whose parts are in order and whose tables are there.
pub fn check(bytes: &[u8]) -> Result<(), Flaw> {
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
            DHT => head.tables(body)?,
            DRI => head.restart = be16(body, 0).ok_or(Flaw::Length)?,
            SOS => return head.scan(body, &bytes[at..]),
            _ => {}
        }
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<usize> {
    let pair = bytes.get(at..at + 2)?;
    Some(usize::from(pair[0]) << 8 | usize::from(pair[1]))
}

/// What stands before the scan.
#[derive(Default)]
struct Head<'a> {
    frame: &'a [u8],
    dc: [Option<Box<Table>>; 4],
    ac: [Option<Box<Table>>; 4],
    restart: usize,
}

impl Head<'_> {
    fn tables(&mut self, mut body: &[u8]) -> Result<(), Flaw> {
        while let Some((kind, rest)) = body.split_first() {
            let counts = rest.get(..16).ok_or(Flaw::Length)?;
            let total = counts
                .iter()
                .map(|count| usize::from(*count))
                .sum::<usize>();
            let values = rest.get(16..16 + total).ok_or(Flaw::Length)?;
            let tables = if kind >> 4 == 0 {
                &mut self.dc
            } else {
                &mut self.ac
            };
            let place = tables.get_mut(usize::from(kind & 15)).ok_or(Flaw::Length)?;
            *place = Some(Box::new(Table::new(counts, values)));
            body = &rest[16 + total..];
        }
        Ok(())
    }

    /// The parts of one coded unit, each with its tables and number of squares; then the units.
    fn scan(&self, scan: &[u8], coded: &[u8]) -> Result<(), Flaw> {
        let (Some(height), Some(width)) = (be16(self.frame, 1), be16(self.frame, 3)) else {
            return Ok(());
        };
        let parts = self.frame.get(6..).unwrap_or(&[]);
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
            let table = |tables: &[Option<Box<Table>>; 4], at: u8| {
                tables
                    .get(usize::from(at))
                    .and_then(|t| t.clone())
                    .ok_or(Flaw::Scan)
            };
            unit.push((
                squares,
                table(&self.dc, chosen[1] >> 4)?,
                table(&self.ac, chosen[1] & 15)?,
            ));
        }
        let units = width.div_ceil(8 * usize::from(h)) * height.div_ceil(8 * usize::from(v));
        let mut bits = Bits::new(coded);
        for number in 0..units {
            if self.restart > 0 && number > 0 && number % self.restart == 0 {
                bits.restart()?;
            }
            for (squares, dc, ac) in &unit {
                for _ in 0..*squares {
                    bits.square(dc, ac)?;
                }
            }
        }
        Ok(())
    }
}

/// A Huffman table, for reading.
#[derive(Clone)]
struct Table {
    /// Length and value of the code that these bits begin with; length 0: a longer code.
    short: [(u8, u8); 1 << LOOK],
    /// For each length: codes below this, at 16 bits, are of that length or shorter.
    below: [u32; 17],
    /// For each length: what is added to a code for its value's place.
    shift: [i32; 17],
    values: Vec<u8>,
}

impl Table {
    fn new(counts: &[u8], values: &[u8]) -> Self {
        let mut table = Self {
            short: [(0, 0); 1 << LOOK],
            below: [0; 17],
            shift: [0; 17],
            values: values.to_vec(),
        };
        let (mut code, mut place) = (0u32, 0usize);
        for (length, count) in (1u32..=16).zip(counts) {
            table.shift[length as usize] = place as i32 - code as i32;
            for value in values.iter().skip(place).take(usize::from(*count)) {
                if length <= LOOK {
                    let from = (code << (LOOK - length)) as usize;
                    let until = from + (1 << (LOOK - length));
                    if let Some(entries) = table.short.get_mut(from..until) {
                        entries.fill((length as u8, *value));
                    }
                }
                code += 1;
            }
            place += usize::from(*count);
            table.below[length as usize] = code << (16 - length);
            code <<= 1;
        }
        table
    }
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

    fn skip(&mut self, length: u32) -> Result<(), Flaw> {
        self.count = self.count.checked_sub(length).ok_or(Flaw::Scan)?;
        self.waiting <<= length;
        Ok(())
    }

    /// The next value: its code and as many bits as `extra` says for it are passed.
    fn value(&mut self, table: &Table, extra: impl Fn(u8) -> u32) -> Result<u8, Flaw> {
        // A code and its number are at most 16 bits each.
        if self.count < 32 {
            self.fill();
        }
        let (length, value) = table.short[(self.waiting >> (64 - LOOK)) as usize];
        let (length, value) = if length > 0 {
            (u32::from(length), value)
        } else {
            let ahead = (self.waiting >> 48) as u32;
            let longer = (LOOK + 1..=16).find(|length| ahead < table.below[*length as usize]);
            let length = longer.ok_or(Flaw::Scan)?;
            let place = (ahead >> (16 - length)) as i32 + table.shift[length as usize];
            let value = usize::try_from(place)
                .ok()
                .and_then(|at| table.values.get(at));
            (length, *value.ok_or(Flaw::Scan)?)
        };
        self.skip(length + extra(value))?;
        Ok(value)
    }

    /// Passes one square of eight by eight.
    fn square(&mut self, dc: &Table, ac: &Table) -> Result<(), Flaw> {
        self.value(dc, |size| u32::from(size & 15))?;
        let mut place = 1;
        while place < 64 {
            let value = self.value(ac, |value| u32::from(value & 15))?;
            place += match value {
                0xf0 => 16,
                // The rest of the square is zero.
                value if value & 15 == 0 => return Ok(()),
                value => u32::from(value >> 4) + 1,
            };
        }
        if place > 64 { Err(Flaw::Scan) } else { Ok(()) }
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
