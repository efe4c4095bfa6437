//! Kinds of numbers in weights files and their way to 32-bit floats. No files.

use half::{bf16, f16};

/// What the numbers of a tensor are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    F32,
    F64,
    F16,
    Bf16,
    /// Step counters; no part of a network.
    I64,
    /// Named, with its bytes; not read.
    Other(&'static str, usize),
}

impl Element {
    /// Bytes of one.
    pub(super) fn bytes(self) -> usize {
        match self {
            Element::F32 => 4,
            Element::F64 | Element::I64 => 8,
            Element::F16 | Element::Bf16 => 2,
            Element::Other(_, bytes) => bytes,
        }
    }
}

/// Little-endian numbers as 32-bit floats, rounded to the nearest.
pub(super) fn floats(element: Element, bytes: &[u8]) -> Result<Vec<f32>, String> {
    Ok(match element {
        Element::F32 => each(bytes, f32::from_le_bytes),
        Element::F64 => each(bytes, |word| f64::from_le_bytes(word) as f32),
        Element::F16 => each(bytes, |word| f16::from_le_bytes(word).to_f32()),
        Element::Bf16 => each(bytes, |word| bf16::from_le_bytes(word).to_f32()),
        Element::I64 => return Err("is 64-bit integers; floats are read".into()),
        Element::Other(name, _) => return Err(format!("is {name}; floats are read")),
    })
}

fn each<const N: usize>(bytes: &[u8], float: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    let (words, _) = bytes.as_chunks::<N>();
    words.iter().map(|word| float(*word)).collect()
}
