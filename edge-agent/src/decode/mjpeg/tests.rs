//! Pictures of every sampling that cameras use, written here with random contents: the same
//! with and without vector instructions, and nothing that a camera sends stops the program.

use super::*;
use crate::testing::Random;
use models::{RgbFrame, picture};

/// Writes the bits of a scan.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    waiting: u32,
    count: u32,
}

impl Bits {
    fn put(&mut self, code: u32, length: u32) {
        for at in (0..length).rev() {
            self.waiting = self.waiting << 1 | (code >> at & 1);
            self.count += 1;
            if self.count == 8 {
                self.bytes.push(self.waiting as u8);
                if self.waiting as u8 == 0xff {
                    self.bytes.push(0);
                }
                (self.waiting, self.count) = (0, 0);
            }
        }
    }

    fn finish(mut self) -> Vec<u8> {
        while self.count != 0 {
            self.put(1, 1);
        }
        self.bytes
    }
}

/// Code and length for each value of the table that starts at `at` in the standard ones.
fn codes(at: usize) -> [(u32, u32); 256] {
    let table = &STANDARD_TABLES[at..];
    let mut codes = [(0, 0); 256];
    let (mut code, mut value) = (0, 17);
    for length in 1..=16 {
        for _ in 0..table[length] {
            codes[usize::from(table[value])] = (code, length as u32);
            code += 1;
            value += 1;
        }
        code <<= 1;
    }
    codes
}

/// A number as its size in bits, and those bits.
fn magnitude(value: i32) -> (u32, u32) {
    let size = 32 - value.unsigned_abs().leading_zeros();
    let bits = if value < 0 { value - 1 } else { value };
    (size, bits as u32 & ((1 << size) - 1))
}

/// A JPEG without Huffman tables, as webcams send it, with random coefficients of up to `most`;
/// brightness is sampled `h` by `v` times as often as colour.
fn camera_jpeg(size: (u16, u16), (h, v): (u8, u8), most: u32, random: &mut Random) -> Vec<u8> {
    let mut jpeg = vec![0xff, 0xd8, 0xff, 0xdb, 0, 67, 0];
    jpeg.extend((0..64).map(|_| 1 + random.below(40) as u8));
    let [[w1, w2], [h1, h2]] = [size.0.to_be_bytes(), size.1.to_be_bytes()];
    jpeg.extend([0xff, 0xc0, 0, 17, 8, h1, h2, w1, w2, 3]);
    jpeg.extend([1, h << 4 | v, 0, 2, 0x11, 0, 3, 0x11, 0]);
    jpeg.extend([0xff, 0xda, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0]);
    let tables = [(codes(4), codes(33)), (codes(212), codes(241))];
    let across = u32::from(size.0).div_ceil(8 * u32::from(h));
    let down = u32::from(size.1).div_ceil(8 * u32::from(v));
    let mut bits = Bits::default();
    let mut last = [0i32; 3];
    for _ in 0..across * down {
        let blocks = (0..h * v).map(|_| 0).chain([1, 2]);
        for part in blocks {
            let (dc, ac) = &tables[usize::from(part > 0)];
            let level = random.below(most) as i32 - most as i32 / 2;
            let (size, extra) = magnitude(level - last[part]);
            last[part] = level;
            let (code, length) = dc[size as usize];
            bits.put(code, length);
            bits.put(extra, size);
            let mut place = 1 + random.below(20);
            // Now and then a flat block, one with low frequencies only, one with all.
            let end = [1, 10, 64][random.below(3) as usize];
            let mut zeros = place - 1;
            let mut coded = 0;
            while place < end {
                while zeros > 15 {
                    bits.put(ac[0xf0].0, ac[0xf0].1);
                    zeros -= 16;
                }
                let value = match random.below(most) as i32 - most as i32 / 2 {
                    0 => 1,
                    value => value.clamp(-1023, 1023),
                };
                let (size, extra) = magnitude(value);
                let (code, length) = ac[(zeros << 4 | size) as usize];
                bits.put(code, length);
                bits.put(extra, size);
                coded = place;
                zeros = random.below(6);
                place += zeros + 1;
            }
            // A block that is full to its last place needs no mark of its end.
            if coded < 63 {
                bits.put(ac[0].0, ac[0].1);
            }
        }
    }
    jpeg.extend(bits.finish());
    jpeg.extend([0xff, 0xd9]);
    jpeg
}

fn decode(bytes: &[u8], scalar: bool) -> Result<(u32, u32, Vec<u8>), DecodeError> {
    let mut rgb = Vec::new();
    let mut jpeg = Jpeg {
        scalar,
        ..Jpeg::default()
    };
    let (width, height) = jpeg.decode(bytes, &mut rgb)?;
    Ok((width, height, rgb))
}

const SAMPLINGS: [(u8, u8); 4] = [(1, 1), (2, 1), (2, 2), (1, 2)];

#[test]
fn vector_instructions_change_no_bit() {
    let mut random = Random(7);
    let mut shades = std::collections::BTreeSet::new();
    for size in [(64, 48), (75, 53), (161, 33), (320, 176)] {
        for sampling in SAMPLINGS {
            for most in [2, 9, 60, 500, 2000] {
                let bytes = camera_jpeg(size, sampling, most, &mut random);
                let (width, height, rgb) = decode(&bytes, false).unwrap();
                assert_eq!((width, height), (size.0.into(), size.1.into()));
                let (.., plain) = decode(&bytes, true).unwrap();
                let same = rgb == plain;
                assert!(
                    same,
                    "{size:?}, sampling {sampling:?}, coefficients to {most}"
                );
                shades.extend(rgb);
            }
        }
    }
    assert_eq!(shades.len(), 256);
}

#[test]
fn the_bits_are_the_same_on_every_target() {
    let mut random = Random(11);
    let mut all = Vec::new();
    for sampling in SAMPLINGS {
        for most in [9, 60, 500] {
            let bytes = camera_jpeg((90, 70), sampling, most, &mut random);
            all.extend(decode(&bytes, false).unwrap().2);
        }
    }
    // FNV-1a, computed once on x86-64.
    let hash = all.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    assert_eq!(format!("{hash:016x}"), "35e5c2c4e9a5b982");
}

#[test]
fn a_frame_without_tables_is_the_frame_with_them() {
    let shades = (0..96 * 64 * 3).map(|i| (i * i / 700) as u8).collect();
    let frame = RgbFrame::new(96, 64, shades).unwrap();
    let whole = picture::jpeg(frame.view(), 90).unwrap();
    let expected = decode(&whole, false).unwrap();
    let mut bare = whole.clone();
    let mut taken = 0;
    while let Some(at) = bare.windows(2).position(|pair| pair == [0xff, 0xc4]) {
        let length = usize::from(bare[at + 2]) << 8 | usize::from(bare[at + 3]);
        bare.drain(at..at + 2 + length);
        taken += 1;
    }
    assert!(taken > 0);
    assert_eq!(decode(&bare, false).unwrap(), expected);
    // The decoder for picture files agrees.
    assert_eq!(picture::decode(&whole).unwrap().into_data(), expected.2);
}

#[test]
fn every_cut_is_refused() {
    let bytes = camera_jpeg((64, 48), (2, 1), 60, &mut Random(3));
    assert!(decode(&bytes, false).is_ok());
    for length in 0..bytes.len() {
        let error = decode(&bytes[..length], false).unwrap_err();
        assert!(matches!(error, DecodeError::Torn(_)), "{length}: {error}");
    }
}

#[test]
fn a_scan_with_a_missing_piece_is_refused() {
    let mut random = Random(5);
    let mut refused = 0;
    for round in 0..200 {
        let bytes = camera_jpeg((160, 120), SAMPLINGS[round % 4], 60, &mut random);
        let scan = bytes
            .windows(2)
            .position(|pair| pair == [0xff, 0xda])
            .unwrap()
            + 14;
        let from = scan + random.below((bytes.len() - scan) as u32 / 2) as usize;
        let until = from + (bytes.len() - scan) / 3;
        let torn = [&bytes[..from], &bytes[until..]].concat();
        match decode(&torn, false) {
            Err(DecodeError::Torn(Flaw::Scan)) => refused += 1,
            // The cut may make a marker of two halves.
            Err(_) => {}
            Ok(_) => panic!("round {round} decoded without a third of itself"),
        }
    }
    assert!(refused > 150, "{refused}");
}

#[test]
fn restarts_are_counted_and_must_be_there() {
    let mut random = Random(9);
    let plain = camera_jpeg((64, 16), (2, 1), 60, &mut random);
    // An interval longer than the picture needs no marker; a shorter one does.
    let with = |interval: u8| {
        let at = plain
            .windows(2)
            .position(|pair| pair == [0xff, 0xda])
            .unwrap();
        [&plain[..at], &[0xff, 0xdd, 0, 4, 0, interval], &plain[at..]].concat()
    };
    assert_eq!(
        decode(&with(200), false).unwrap(),
        decode(&plain, false).unwrap()
    );
    let error = decode(&with(2), false).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a piece of the JPEG is missing or damaged"
    );
}

#[test]
fn rubbish_is_never_more_than_an_error() {
    let mut random = Random(17);
    let (mut whole, mut refused) = (0, 0);
    for round in 0..3000 {
        let sampling = SAMPLINGS[round % 4];
        let mut bytes = camera_jpeg((48, 40), sampling, 60, &mut random);
        for _ in 0..=random.below(8) {
            let at = random.below(bytes.len() as u32) as usize;
            match random.below(3) {
                0 => bytes[at] = random.below(256) as u8,
                1 => bytes[at] ^= 1 << random.below(8),
                _ => drop(bytes.drain(at..(at + 5).min(bytes.len()))),
            }
        }
        match (decode(&bytes, false), decode(&bytes, true)) {
            (Ok(fast), Ok(plain)) => {
                assert!(fast == plain, "round {round}");
                whole += 1;
            }
            (Err(fast), Err(plain)) => {
                assert_eq!(fast, plain, "round {round}");
                assert!(!fast.to_string().contains("gave up"), "round {round}");
                refused += 1;
            }
            (fast, plain) => panic!("round {round}: {:?}, {:?}", fast.err(), plain.err()),
        }
    }
    assert!(
        whole > 100 && refused > 100,
        "{whole} whole, {refused} refused"
    );
}

#[test]
fn a_size_that_its_bytes_cannot_fill_takes_no_memory() {
    let frame = RgbFrame::filled(64, 48, [90, 120, 40]).unwrap();
    let mut bytes = picture::jpeg(frame.view(), 80).unwrap();
    let frame = bytes.windows(2).position(|pair| pair == [0xff, 0xc0]);
    let frame = frame.unwrap();
    // Progressive: the squares of others are counted before.
    bytes[frame + 1] = 0xc2;
    bytes[frame + 5..frame + 9].copy_from_slice(&[0x20, 0, 0x20, 0]);
    let mut rgb = Vec::new();
    let refused = Jpeg::default().decode(&bytes, &mut rgb);
    assert_eq!(refused, Err(DecodeError::Torn(Flaw::Scan)));
    assert_eq!(rgb.capacity(), 0);
}
