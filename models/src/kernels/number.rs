//! The kinds of numbers that feature maps and weights are made of: 32-bit floats, and 16-bit
//! floats (halves) as a processor with arithmetic on them would have them. No vectors.

use std::fmt::Debug;

use super::map::LANES;
use crate::manifest::Arithmetic;

/// A number of a map or of a weight.
pub trait Number: Copy + Debug + PartialEq + Send + Sync + 'static {
    /// An empty array of this type aligns a block of eight numbers.
    type Align: Copy + Debug + PartialEq + Send + Sync + 'static;
    /// How precise it is.
    const ARITHMETIC: Arithmetic;
    /// Whether matrix products are best computed for three blocks of channels at a time, not two.
    const THREES: bool;
    /// 0.
    const ZERO: Self;

    /// The nearest to each of eight numbers.
    fn nearest(numbers: [f32; LANES]) -> [Self; LANES];

    /// What it stands for.
    fn value(self) -> f32;
}

/// As large as a register of AVX, so that no load crosses a cache line.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(32))]
pub struct Align32;

impl Number for f32 {
    type Align = Align32;
    const ARITHMETIC: Arithmetic = Arithmetic::Single;
    // Sums of two blocks of five pixels leave NEON's registers enough room for weights and inputs.
    const THREES: bool = false;
    const ZERO: Self = 0.0;

    #[inline(always)]
    fn nearest(numbers: [f32; LANES]) -> [Self; LANES] {
        numbers
    }

    #[inline(always)]
    fn value(self) -> f32 {
        self
    }
}

/// A half, held as the float of the same value: what a machine without halves computes with in
/// their place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rounded(f32);

impl Number for Rounded {
    type Align = Align32;
    const ARITHMETIC: Arithmetic = Arithmetic::Half;
    const THREES: bool = true;
    const ZERO: Self = Self(0.0);

    #[inline(always)]
    fn nearest(numbers: [f32; LANES]) -> [Self; LANES] {
        numbers.map(|number| Self::of(number.into()))
    }

    #[inline(always)]
    fn value(self) -> f32 {
        self.0
    }
}

impl Rounded {
    /// The nearest half, of two as near the even one; infinite from 65520 on. Own code rather than
    /// the `half` crate's, because this one becomes vector instructions.
    #[inline(always)]
    pub fn of(number: f64) -> Self {
        // A half has ten bits behind the leading one, at least those of 2^-14. Beside a number
        // 2^42 times as large an f64 has as many, and rounds the others away.
        let power = f64::from_bits(number.to_bits() & EXPONENT);
        let power = if power > SMALLEST { power } else { SMALLEST };
        let beside = power * BESIDE;
        let rounded = (number + beside) - beside;
        Self(if number.abs() < OVERFLOW {
            rounded as f32
        } else {
            (number * f64::INFINITY) as f32
        })
    }
}

/// The bits of an f64's exponent; alone they are the largest power of two in it.
const EXPONENT: u64 = 0x7FF << 52;
/// 2^-14, the least half with all its bits.
const SMALLEST: f64 = 1.0 / 16_384.0;
/// 1.5 * 2^42: whatever is added to it, its exponent stays.
const BESIDE: f64 = 1.5 * (1u64 << 42) as f64;
/// Half a step above the largest half.
const OVERFLOW: f64 = 65_520.0;

#[cfg(test)]
mod tests {
    use super::*;

    /// The value of a half by the definition of its sixteen bits; none of those without one.
    fn value(bits: u16) -> Option<f64> {
        let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
        let magnitude = match exponent {
            0 => fraction * 2f64.powi(-24),
            31 => return None,
            _ => (1024.0 + fraction) * 2f64.powi(exponent - 25),
        };
        Some(if bits >> 15 == 1 {
            -magnitude
        } else {
            magnitude
        })
    }

    #[test]
    fn a_half_stays_itself_and_what_lies_between_goes_to_the_nearer() {
        for bits in 0..0x7BFF {
            let (low, high) = (value(bits).unwrap(), value(bits + 1).unwrap());
            let (middle, step) = ((low + high) / 2.0, high - low);
            let even = if bits % 2 == 0 { low } else { high };
            let cases = [
                (low, low),
                (middle - step * 1e-9, low),
                (middle, even),
                (middle + step * 1e-9, high),
            ];
            for (number, expected) in cases {
                for sign in [1.0, -1.0] {
                    let found = f64::from(Rounded::of(sign * number).value());
                    assert_eq!(found, sign * expected, "{number}");
                }
            }
        }
    }

    #[test]
    fn what_is_too_large_is_infinite_and_what_is_no_number_stays_none() {
        let of = |number| Rounded::of(number).value();
        assert_eq!(of(65_519.99), 65_504.0);
        assert_eq!(of(65_520.0), f32::INFINITY);
        assert_eq!(of(f64::NEG_INFINITY), f32::NEG_INFINITY);
        assert!(of(f64::NAN).is_nan());
    }
}
