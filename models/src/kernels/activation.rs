//! What follows a convolution, number by number.

use super::simd::Eight;

/// A function of each number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// The number itself.
    None,
    /// `max(x, 0)`.
    Relu,
    /// `x · min(max(x / 6 + 0.5, 0), 1)`.
    HardSwish,
    /// `min(max(x / 6 + 0.5, 0), 1)`.
    HardSigmoid,
}

impl Activation {
    /// Of eight numbers.
    #[inline(always)]
    pub fn of<E: Eight>(self, x: E) -> E {
        match self {
            Self::None => x,
            Self::Relu => x.max(E::splat(0.0)),
            Self::HardSwish => x.mul(hard_sigmoid(x)),
            Self::HardSigmoid => hard_sigmoid(x),
        }
    }
}

#[inline(always)]
fn hard_sigmoid<E: Eight>(x: E) -> E {
    let line = E::splat(0.5).add_product(x, E::splat(1.0 / 6.0));
    line.max(E::splat(0.0)).min(E::splat(1.0))
}
