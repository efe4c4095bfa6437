//! Files that torch 2.11 wrote (`fixtures/make.py`), whole and damaged.

use std::io::Cursor;

use super::*;
use crate::weights::Array;

const ARCHIVE: &[u8] = include_bytes!("fixtures/state_dict.pth");
const LEGACY: &[u8] = include_bytes!("fixtures/state_dict_legacy.pth");
const CHECKPOINT: &[u8] = include_bytes!("fixtures/checkpoint.pth");
const MODEL: &[u8] = include_bytes!("fixtures/whole_model.pth");
const INTEGERS: &[u8] = include_bytes!("fixtures/integers.pth");
const LIST: &[u8] = include_bytes!("fixtures/list.pth");

fn read(bytes: &[u8]) -> Result<Weights, String> {
    let format = Format::of(bytes).ok_or("no format")?;
    super::read(format, Cursor::new(bytes))
}

/// What `make.py` wrote as `state_dict`.
fn expected() -> Weights {
    let numbers: Vec<f32> = (0..6).map(|n| n as f32 * 0.5 - 1.0).collect();
    let transposed = [0, 3, 1, 4, 2, 5].map(|n| numbers[n]).to_vec();
    let array = |shape: &[usize], values: &[f32]| Array {
        shape: shape.into(),
        values: values.into(),
    };
    [
        ("float.weight", array(&[2, 3], &numbers)),
        ("float.double", array(&[6], &numbers)),
        ("float.half", array(&[6], &numbers)),
        ("float.bfloat", array(&[6], &numbers)),
        ("view.transposed", array(&[3, 2], &transposed)),
        ("view.tail", array(&[2], &numbers[4..])),
        ("view.scalar", array(&[], &numbers[3..4])),
        ("view.parameter", array(&[6], &numbers)),
    ]
    .map(|(name, array)| (name.to_string(), array))
    .into()
}

#[test]
fn both_formats_give_every_value() {
    assert_eq!(read(ARCHIVE).unwrap(), expected());
    assert_eq!(read(LEGACY).unwrap(), expected());
}

#[test]
fn wrappers_and_parallel_prefixes_come_off() {
    // {"model": {"module.float.weight": …}, "optimizer": …, "epoch": …, "args": Namespace(…)}
    assert_eq!(read(CHECKPOINT).unwrap(), expected());
}

#[test]
fn other_contents_are_refused_with_what_to_do() {
    for (bytes, expected) in [
        (
            MODEL,
            "it holds Python objects (torch.nn.modules.linear.Linear)",
        ),
        (INTEGERS, "index is 32-bit integers; floats are read"),
        (LIST, "it holds no numbers by name"),
    ] {
        let text = read(bytes).unwrap_err();
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    for whole in [ARCHIVE, LEGACY, CHECKPOINT] {
        for length in 0..whole.len() {
            let text = read(&whole[..length]).unwrap_err();
            assert!(!text.is_empty(), "{length}");
        }
    }
}

/// The archive's checksums guard its contents, so that a damaged one gives the right numbers or
/// none. The old format has no checksums: it must only not panic, nor ask for absurd memory.
#[test]
fn no_flipped_bit_gives_other_numbers_unnoticed() {
    for (whole, guarded) in [(ARCHIVE, true), (CHECKPOINT, true), (LEGACY, false)] {
        let mut bytes = whole.to_vec();
        for bit in 0..whole.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            let found = read(&bytes);
            if guarded && let Ok(weights) = found {
                assert_eq!(weights, expected(), "bit {bit}");
            }
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

/// A legacy file whose storage claims to be huge is refused by its length, not by running out
/// of memory.
#[test]
fn claimed_lengths_are_not_believed() {
    let mut bytes = LEGACY.to_vec();
    let storage = [6u64.to_le_bytes().as_slice(), &(-1f32).to_le_bytes()].concat();
    let count = bytes.windows(12).position(|window| window == storage);
    let count = count.unwrap();
    bytes[count + 6] = 0xff;
    let text = read(&bytes).unwrap_err();
    assert!(text.contains("numbers where 6 are to be"), "{text}");
}
