//! What follows a convolution, number by number.

use super::map::Block;
use super::number::Number;
use super::simd::Eight;

/// A function of each number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// The number itself.
    None,
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// `x · min(max(x / 6 + 0.5, 0), 1)`.
    HardSwish,
    /// `min(max(x / 6 + 0.5, 0), 1)`.
    HardSigmoid,
}

impl Activation {
    /// The factor of every weight and of the bias, and what is then added to the bias, with which
    /// [`Activation::of_folded`] of the sums is the activation of the plain sums: what a weight can
    /// hold is no work for each number.
    pub fn folded(self) -> (f32, f32) {
        match self {
            Self::None | Self::Relu | Self::Relu6 => (1.0, 0.0),
            Self::HardSwish => (1.0 / ROOT, 0.0),
            Self::HardSigmoid => (1.0 / 6.0, 0.5),
        }
    }

    /// The bias, folded and in blocks.
    pub fn bias<N: Number>(self, bias: &[f32]) -> Vec<Block<N>> {
        let (factor, term) = self.folded();
        let folded: Vec<f32> = bias.iter().map(|bias| bias * factor + term).collect();
        Block::pack(&folded)
    }

    /// Of eight sums of folded weights.
    #[inline(always)]
    pub fn of_folded<E: Eight>(self, x: E) -> E {
        let zero = E::splat(0.0);
        match self {
            Self::None => x,
            Self::Relu => x.max(zero),
            Self::Relu6 => x.max(zero).min(E::splat(6.0)),
            // With r = √6 and the plain sum r·x: r·x · min(max(r·x + 3, 0), 6) / 6.
            Self::HardSwish => {
                let line = x.add(E::splat(3.0 / ROOT));
                x.mul(line.max(zero).min(E::splat(ROOT)))
            }
            Self::HardSigmoid => x.max(zero).min(E::splat(1.0)),
        }
    }
}

/// The square root of six.
const ROOT: f32 = 2.449_489_8;
