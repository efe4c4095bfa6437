//! Halves as processors with arithmetic on them store them: sixteen bits. No vectors of them.

use std::arch::aarch64::{uint16x8_t, vld1q_f32, vst1q_u16};
use std::arch::asm;

use super::map::LANES;
use super::number::{Number, Rounded};
use crate::manifest::Arithmetic;

/// A half's bits. `f16` is no type of stable Rust yet.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(transparent)]
pub struct Half(pub u16);

/// As large as a register of NEON.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(16))]
pub struct Align16;

impl Number for Half {
    type Align = Align16;
    const ARITHMETIC: Arithmetic = Arithmetic::Half;
    const THREES: bool = true;
    const ZERO: Self = Self(0);

    #[inline(always)]
    fn nearest(numbers: [f32; LANES]) -> [Self; LANES] {
        let mut halves = [Self::ZERO; LANES];
        let eight: uint16x8_t;
        // SAFETY: there are eight numbers and room for eight halves; the processor has NEON, as every
        // one of this target.
        unsafe {
            asm!(
                "fcvtn {eight:v}.4h, {low:v}.4s",
                "fcvtn2 {eight:v}.8h, {high:v}.4s",
                low = in(vreg) vld1q_f32(numbers.as_ptr()),
                high = in(vreg) vld1q_f32(numbers.as_ptr().add(4)),
                eight = out(vreg) eight,
                options(pure, nomem, nostack),
            );
            vst1q_u16(halves.as_mut_ptr().cast(), eight);
        }
        halves
    }

    #[inline(always)]
    fn value(self) -> f32 {
        let value: f32;
        // SAFETY: computes, and nothing else.
        unsafe {
            asm!(
                "fcvt {value:s}, {half:h}",
                half = in(vreg) self.0,
                value = out(vreg) value,
                options(pure, nomem, nostack),
            );
        }
        value
    }
}

impl Half {
    /// The nearest half, by arithmetic that a compiler does where the number is a constant.
    #[inline(always)]
    pub fn constant(number: f32) -> Self {
        let rounded = Rounded::of(number.into()).value();
        // An exponent of a half is 112 less than that of the float; what follows is 13 bits shorter.
        let bits = (rounded.abs() * SCALE).to_bits() >> 13;
        let sign = rounded.to_bits() >> 16 & 0x8000;
        Self((sign | bits.min(INFINITY)) as u16)
    }
}

/// 2^-112.
const SCALE: f32 = f32::from_bits((127 - 112) << 23);
/// The bits of an infinite half.
const INFINITY: u32 = 0x7C00;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::tests::Random;

    #[test]
    fn halves_are_what_they_are_where_there_are_none() {
        let mut numbers = Random::new(7).floats(800);
        for (at, number) in numbers.iter_mut().enumerate() {
            // From what is nearly zero to what is infinite.
            *number *= 2f32.powi(at as i32 % 46 - 27);
        }
        for eight in numbers.as_chunks().0 {
            let halves = Half::nearest(*eight).map(Half::value);
            assert_eq!(halves, Rounded::nearest(*eight).map(Rounded::value));
            assert_eq!(halves, eight.map(|number| Half::constant(number).value()));
        }
        assert!(Half(0x7E00).value().is_nan());
    }
}
