//! A Huffman table, for passing over coded squares: how many bits and places the codes ahead
//! take, several at a time. Tells no values.

use super::super::segments::Flaw;

/// Bits that are looked up at once: two codes with their numbers, mostly.
pub const LOOK: u32 = 11;

/// Set in [`Step::places`] by the code that ends a square.
pub const LAST: u8 = 128;

/// What one or more codes take, each with the number that follows it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Step {
    /// Bits; 0: a code that is longer than what is looked up.
    pub bits: u8,
    /// Places in the square, of a table for brightness or colour that changes; see [`LAST`].
    pub places: u8,
}

/// Whose codes a table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A square's first value, the mean.
    Mean,
    /// All others.
    Change,
}

impl Kind {
    fn places(self, value: u8) -> u8 {
        match (self, value) {
            (Self::Mean, _) => 0,
            (Self::Change, 0xf0) => 16,
            // The rest of the square is zero.
            (Self::Change, value) if value & 15 == 0 => LAST,
            (Self::Change, value) => (value >> 4) + 1,
        }
    }
}

/// A table of one kind.
#[derive(Debug)]
pub struct Table {
    kind: Kind,
    /// For the next [`LOOK`] bits.
    steps: Vec<Step>,
    /// For each length: codes below this, at 16 bits, are of that length or shorter.
    below: [u32; 17],
    /// For each length: what is added to a code for its value's place.
    shift: [i32; 17],
    counts: Vec<u8>,
    values: Vec<u8>,
}

impl Table {
    /// The table with so many codes of each length from 1 to 16 bits.
    pub fn new(kind: Kind, counts: &[u8], values: &[u8]) -> Self {
        let mut table = Self {
            kind,
            steps: vec![Step::default(); 1 << LOOK],
            below: [0; 17],
            shift: [0; 17],
            counts: counts.to_vec(),
            values: values.to_vec(),
        };
        // First each code alone, then what follows it in the same bits.
        let mut alone = vec![Step::default(); 1 << LOOK];
        let mut lengths = vec![0; 1 << LOOK];
        let (mut code, mut place) = (0u32, 0usize);
        for (length, count) in (1u32..=16).zip(counts) {
            table.shift[length as usize] = place as i32 - code as i32;
            for value in values.iter().skip(place).take(usize::from(*count)) {
                if length <= LOOK {
                    let from = (code << (LOOK - length)) as usize;
                    let until = from + (1 << (LOOK - length));
                    // Beyond the end where there are more codes than bits can tell apart.
                    if until <= alone.len() {
                        alone[from..until].fill(table.step(length, *value));
                        lengths[from..until].fill(length);
                    }
                }
                code += 1;
            }
            place += usize::from(*count);
            table.below[length as usize] = code << (16 - length);
            code <<= 1;
        }
        for (ahead, step) in table.steps.iter_mut().enumerate() {
            *step = alone[ahead];
            if step.bits == 0 || kind == Kind::Mean {
                continue;
            }
            while u32::from(step.bits) < LOOK && step.places < LAST {
                let next = ahead << step.bits & ((1 << LOOK) - 1);
                if lengths[next] == 0 || u32::from(step.bits) + lengths[next] > LOOK {
                    break;
                }
                let more = Step {
                    bits: step.bits + alone[next].bits,
                    places: step.places + alone[next].places,
                };
                *step = more;
            }
        }
        table
    }

    /// Whether it was made of these.
    pub fn is_of(&self, counts: &[u8], values: &[u8]) -> bool {
        self.counts == counts && self.values == values
    }

    /// What the codes take that these bits begin with, the upper ones first: as many codes as
    /// stay below `room` places, or the first alone.
    #[inline(always)]
    pub fn look(&self, bits: u64, room: u8) -> Result<Step, Flaw> {
        let step = self.steps[(bits >> (64 - LOOK)) as usize];
        if step.bits > 0 && step.places & !LAST < room {
            return Ok(step);
        }
        self.first(bits)
    }

    /// What the first code takes.
    #[cold]
    fn first(&self, bits: u64) -> Result<Step, Flaw> {
        let ahead = (bits >> 48) as u32;
        let length = (1..=16).find(|length| ahead < self.below[*length as usize]);
        let length = length.ok_or(Flaw::Scan)?;
        let place = (ahead >> (16 - length)) as i32 + self.shift[length as usize];
        let value = usize::try_from(place)
            .ok()
            .and_then(|at| self.values.get(at));
        Ok(self.step(length, *value.ok_or(Flaw::Scan)?))
    }

    fn step(&self, length: u32, value: u8) -> Step {
        Step {
            bits: length as u8 + (value & 15),
            places: self.kind.places(value),
        }
    }
}
