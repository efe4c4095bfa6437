//! The checker beside one that reads bit by bit: of damaged scans too they say the same.

use super::*;
use crate::decode::huffman::STANDARD_TABLES;
use crate::testing::Random;

/// The squares of a 4:2:0 picture of 64 by 48 pixels, with the tables of each.
const UNITS: usize = 12;
const PARTS: [(usize, usize); 6] = [(4, 33), (4, 33), (4, 33), (4, 33), (212, 241), (212, 241)];

/// The picture's JPEG up to its scan.
fn head() -> Vec<u8> {
    let mut bytes = vec![0xff, 0xd8];
    bytes.extend(STANDARD_TABLES);
    bytes.extend([0xff, 0xc0, 0, 17, 8, 0, 48, 0, 64, 3]);
    bytes.extend([1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0]);
    bytes.extend([0xff, 0xda, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0]);
    bytes
}

/// The bits of a scan up to its first marker.
fn bits(coded: &[u8]) -> Vec<bool> {
    let mut bits = Vec::new();
    let mut rest = coded.iter().peekable();
    while let Some(byte) = rest.next() {
        if *byte == 0xff && rest.next() != Some(&0) {
            break;
        }
        bits.extend((0..8).rev().map(|at| byte >> at & 1 == 1));
    }
    bits
}

/// Takes one code, and the bits of the number that follows it; its value.
fn value(bits: &mut impl Iterator<Item = bool>, table: &[u8]) -> Option<u8> {
    let (mut code, mut first, mut place) = (0usize, 0usize, 17);
    for count in &table[1..17] {
        let count = usize::from(*count);
        code = code << 1 | usize::from(bits.next()?);
        first <<= 1;
        if code < first + count {
            let value = table[place + code - first];
            for _ in 0..value & 15 {
                bits.next()?;
            }
            return Some(value);
        }
        first += count;
        place += count;
    }
    None
}

/// Whether all squares are there.
fn plain(coded: &[u8]) -> bool {
    let mut bits = bits(coded).into_iter();
    let mut square = |mean: usize, changes: usize| -> Option<()> {
        value(&mut bits, &STANDARD_TABLES[mean..])?;
        let mut place = 1;
        while place < 64 {
            place += match value(&mut bits, &STANDARD_TABLES[changes..])? {
                0xf0 => 16,
                value if value & 15 == 0 => return Some(()),
                value => usize::from(value >> 4) + 1,
            };
        }
        (place == 64).then_some(())
    };
    let mut parts = PARTS.iter().cycle().take(UNITS * PARTS.len());
    parts.all(|(mean, changes)| square(*mean, *changes).is_some())
}

#[test]
fn several_codes_at_a_time_are_told_as_bit_by_bit() {
    let mut random = Random(2);
    let mut checker = Checker::default();
    let (mut whole, mut refused) = (0, 0);
    for round in 0..4000 {
        // Any bits are codes of some kind, until one that there is not. Bytes with few bits set
        // give short codes, which is how most squares come to their end.
        let length = 20 + random.below(880);
        let sparse = 1 + random.below(3);
        let mut byte = |_| (0..sparse).fold(0xff_u8, |byte, _| byte & random.below(256) as u8);
        let mut coded: Vec<u8> = (0..length).map(&mut byte).collect();
        if round % 3 == 0 {
            let at = random.below(length) as usize;
            coded[at] = 0xff;
        }
        let mut bytes = head();
        bytes.extend(&coded);
        bytes.extend([0xff, 0xd9]);
        coded.extend([0xff, 0xd9]);
        let told = checker.check(&bytes);
        assert_eq!(told.is_ok(), plain(&coded), "round {round}: {told:?}");
        match told {
            Ok(()) => whole += 1,
            Err(flaw) => {
                assert_eq!(flaw, Flaw::Scan);
                refused += 1;
            }
        }
    }
    assert!(
        whole > 100 && refused > 100,
        "{whole} whole, {refused} refused"
    );
}

#[test]
fn tables_are_of_the_picture_that_has_them() {
    let mut checker = Checker::default();
    let mut bytes = head();
    bytes.extend([0; 400]);
    bytes.extend([0xff, 0xd9]);
    let told = checker.check(&bytes);
    assert_eq!(told.is_ok(), plain(&[0; 400]));
    // The next one without tables has none, though the last one's are kept.
    let without = [&bytes[..2], &bytes[2 + STANDARD_TABLES.len()..]].concat();
    assert_eq!(checker.check(&without), Err(Flaw::Scan));
    // Another table in the same place is taken for what it is: here one whose only code is long.
    let mut other = vec![0xff, 0xc4, 0, 20, 0x10];
    other.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    other[3] = 2 + 1 + 16 + 1;
    let at = 2 + STANDARD_TABLES.len();
    let changed = [&bytes[..at], &other, &bytes[at..]].concat();
    assert_ne!(checker.check(&changed).is_ok(), told.is_ok());
    assert_eq!(checker.check(&bytes), told);
}
