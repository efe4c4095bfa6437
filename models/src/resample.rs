//! Resampling in integers: the one resize of the contract, the same bytes on every target.
//! No tables of numbers, no file.

use crate::frame::{RgbFrame, RgbView};

/// A picture resampled to `width` x `height` by the contract's filter.
///
/// # Panics
/// When a side is zero.
pub fn resize(view: RgbView<'_>, width: u32, height: u32) -> RgbFrame {
    assert!(width > 0 && height > 0, "size {width}x{height}");
    let mut data = Vec::new();
    Resampler::default().resample(view, width, height, &mut data);
    RgbFrame::from_parts(width, height, data)
}

/// Resamples pictures, keeping its plan and buffers from one to the next.
///
/// The filter is a triangle as wide as the scale asks (at least two source pixels) in integer
/// weights that sum to exactly 2^14: columns first, then rows, each rounded half up to 8 bits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resampler {
    columns: Taps,
    rows: Taps,
    /// Source rows at the output's width, interleaved RGB.
    narrowed: Vec<u8>,
    sums: Vec<u32>,
}

impl Resampler {
    /// Fills `out` with `height * width * 3` bytes, interleaved RGB. No side may be zero.
    pub(crate) fn resample(
        &mut self,
        view: RgbView<'_>,
        width: u32,
        height: u32,
        out: &mut Vec<u8>,
    ) {
        self.columns.plan(view.width(), width);
        self.rows.plan(view.height(), height);
        let stride = width as usize * 3;
        self.narrowed.resize(view.height() as usize * stride, 0);
        for (y, narrow) in (0..view.height()).zip(self.narrowed.chunks_exact_mut(stride)) {
            let row = view.row(y);
            for (x, pixel) in narrow.chunks_exact_mut(3).enumerate() {
                let (first, weights) = self.columns.of(x);
                let mut sums = [HALF; 3];
                for (source, weight) in row[first * 3..].chunks_exact(3).zip(weights) {
                    for (sum, value) in sums.iter_mut().zip(source) {
                        *sum += u32::from(*value) * weight;
                    }
                }
                for (out, sum) in pixel.iter_mut().zip(sums) {
                    *out = (sum >> BITS) as u8;
                }
            }
        }
        self.sums.resize(stride, 0);
        out.clear();
        for y in 0..height as usize {
            let (first, weights) = self.rows.of(y);
            self.sums.fill(HALF);
            for (row, weight) in self.narrowed[first * stride..]
                .chunks_exact(stride)
                .zip(weights)
            {
                for (sum, value) in self.sums.iter_mut().zip(row) {
                    *sum += u32::from(*value) * weight;
                }
            }
            out.extend(self.sums.iter().map(|sum| (sum >> BITS) as u8));
        }
    }
}

/// Bits of a weight; the weights of one output pixel sum to exactly `1 << BITS`.
const BITS: u32 = 14;
const HALF: u32 = 1 << (BITS - 1);

/// For each output position along one axis: the first source position and the weights from
/// there on. All integers, so no target can round differently.
#[derive(Clone, Debug, Default)]
struct Taps {
    from: u32,
    to: u32,
    first: Vec<usize>,
    /// Where an output's weights start; one entry more than outputs.
    start: Vec<usize>,
    weights: Vec<u32>,
}

impl Taps {
    fn of(&self, output: usize) -> (usize, &[u32]) {
        (
            self.first[output],
            &self.weights[self.start[output]..self.start[output + 1]],
        )
    }

    /// Plans `from` source positions onto `to` outputs. In units of half an output pixel times
    /// `from`, the centre of source `x` lies at `(2x+1)·to`, that of output `i` at
    /// `(2i+1)·from`; the triangle reaches `2·max(from, to)` to each side.
    fn plan(&mut self, from: u32, to: u32) {
        if (self.from, self.to) == (from, to) {
            return;
        }
        (self.from, self.to) = (from, to);
        self.first.clear();
        self.start.clear();
        self.weights.clear();
        let (from, to) = (i64::from(from), i64::from(to));
        let reach = 2 * from.max(to);
        for output in 0..to {
            let centre = (2 * output + 1) * from;
            // Source x weighs something when |(2x+1)·to - centre| < reach.
            let first = ((centre - reach) / (2 * to)).clamp(0, from - 1);
            let last = ((centre + reach) / (2 * to)).clamp(0, from - 1);
            let raw = |x: i64| (reach - ((2 * x + 1) * to - centre).abs()).max(0);
            let total: i64 = (first..=last).map(raw).sum();
            let begin = self.weights.len();
            self.first.push(first as usize);
            self.start.push(begin);
            let (mut sum, mut heaviest) = (0, begin);
            for x in first..=last {
                let weight = (((raw(x) << BITS) + total / 2) / total) as u32;
                sum += weight;
                self.weights.push(weight);
                if weight > self.weights[heaviest] {
                    heaviest = self.weights.len() - 1;
                }
            }
            // What rounding left over or took goes to the heaviest tap.
            self.weights[heaviest] = self.weights[heaviest] + (1 << BITS) - sum;
        }
        self.start.push(self.weights.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_size_changes_no_byte() {
        let frame = crate::frame::tests::pattern(64, 48);
        assert_eq!(resize(frame.view(), 64, 48), frame);
    }

    #[test]
    fn one_colour_stays_that_colour_at_any_scale() {
        let frame = RgbFrame::filled(61, 47, [7, 130, 255]).unwrap();
        for (width, height) in [(16, 16), (61, 100), (200, 300), (1, 1)] {
            let resized = resize(frame.view(), width, height);
            assert!(
                resized.data().chunks(3).all(|p| p == [7, 130, 255]),
                "{width}x{height}"
            );
        }
    }

    #[test]
    fn weights_sum_to_one_for_every_scale() {
        let mut taps = Taps::default();
        for from in 1..80 {
            for to in 1..80 {
                taps.plan(from, to);
                for output in 0..to as usize {
                    let (first, weights) = taps.of(output);
                    assert_eq!(weights.iter().sum::<u32>(), 1 << BITS, "{from} to {to}");
                    assert!(first + weights.len() <= from as usize, "{from} to {to}");
                }
            }
        }
    }

    #[test]
    fn halving_averages_with_the_triangle() {
        // Scale 2: weights 1/8 3/8 3/8 1/8; at the border the outer one falls away.
        let bytes = [0u8, 80, 160, 240].iter().flat_map(|v| [*v; 3]).collect();
        let frame = RgbFrame::new(4, 1, bytes).unwrap();
        let half = resize(frame.view(), 2, 1);
        // (3·0 + 3·80 + 160) / 7 = 57.14 and (80 + 3·160 + 3·240) / 7 = 182.86
        assert_eq!(half.view().pixel(0, 0), [57; 3]);
        assert_eq!(half.view().pixel(1, 0), [183; 3]);
    }
}
