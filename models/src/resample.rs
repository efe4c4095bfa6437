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
    /// Source rows at the output's width, interleaved RGB: as many as one output row looks at,
    /// each in the place of its number modulo that. All rows of a tall and slim picture would
    /// take far more memory than the picture.
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
        let kept = self.rows.widest;
        self.narrowed.resize(kept * stride, 0);
        self.sums.resize(stride, 0);
        out.clear();
        let mut narrowed = 0;
        for y in 0..height as usize {
            let (first, weights) = self.rows.of(y);
            let end = first + weights.len();
            for row in first.max(narrowed)..end {
                let narrow = &mut self.narrowed[row % kept * stride..][..stride];
                self.columns.narrow(view.row(row as u32), narrow);
            }
            narrowed = end;
            self.sums.fill(HALF);
            for (row, weight) in (first..end).zip(weights) {
                let row = &self.narrowed[row % kept * stride..][..stride];
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
    /// The most source positions that one output looks at.
    widest: usize,
}

impl Taps {
    fn of(&self, output: usize) -> (usize, &[u32]) {
        (
            self.first[output],
            &self.weights[self.start[output]..self.start[output + 1]],
        )
    }

    /// One row of pixels at as many columns as are planned.
    fn narrow(&self, row: &[u8], out: &mut [u8]) {
        for (x, pixel) in out.chunks_exact_mut(3).enumerate() {
            let (first, weights) = self.of(x);
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
        self.widest = 0;
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
            let weights = &mut self.weights[begin..];
            self.widest = self.widest.max(weights.len());
            settle(weights, heaviest - begin, sum);
        }
        self.start.push(self.weights.len());
    }
}

/// Makes rounded weights with this sum add up to exactly `1 << BITS`.
fn settle(weights: &mut [u32], heaviest: usize, sum: u32) {
    // What rounding left over or took goes to the heaviest tap.
    let heavier = weights[heaviest] + (1 << BITS);
    if let Some(weight) = heavier.checked_sub(sum) {
        weights[heaviest] = weight;
        return;
    }
    // Of thousands of weights near 1 that were all rounded up it cannot bear everything: the
    // heaviest ones give 1 each.
    let mut over = (sum - (1 << BITS)) as usize;
    let mut most = weights[heaviest];
    while over > 0 {
        for weight in weights.iter_mut().filter(|w| **w == most).take(over) {
            *weight -= 1;
            over -= 1;
        }
        most -= 1;
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
        let small = (1..80).flat_map(|from| (1..80).map(move |to| (from, to)));
        // At these the weights of the first and the last output are all rounded up.
        let great = [(26_922, 16), (60_000, 16), (138_300, 96), (161_517, 96)];
        let mut taps = Taps::default();
        for (from, to) in small.chain(great).chain([(65_535, 16)]) {
            taps.plan(from, to);
            for output in 0..to as usize {
                let (first, weights) = taps.of(output);
                let sum: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
                assert_eq!(sum, 1 << BITS, "{from} to {to}");
                assert!(first + weights.len() <= from as usize, "{from} to {to}");
                assert!(weights.len() <= taps.widest, "{from} to {to}");
            }
        }
    }

    /// Narrowing every row first and looking at them afterwards gives the same bytes.
    #[test]
    fn rows_narrowed_when_they_are_needed_change_no_byte() {
        let mut resampler = Resampler::default();
        for (from, to) in [
            ((64, 48), (16, 16)),
            ((37, 129), (96, 20)),
            ((90, 7), (31, 64)),
            ((5, 300), (16, 1)),
            ((1, 1), (3, 2)),
        ] {
            let frame = crate::frame::tests::pattern(from.0, from.1);
            let (mut columns, mut rows) = (Taps::default(), Taps::default());
            columns.plan(from.0, to.0);
            rows.plan(from.1, to.1);
            let narrowed: Vec<Vec<u8>> = (0..from.1)
                .map(|y| {
                    let mut narrow = vec![0; to.0 as usize * 3];
                    columns.narrow(frame.view().row(y), &mut narrow);
                    narrow
                })
                .collect();
            let mut expected = Vec::new();
            for y in 0..to.1 as usize {
                let (first, weights) = rows.of(y);
                expected.extend((0..to.0 as usize * 3).map(|x| {
                    let rows = narrowed[first..].iter().zip(weights);
                    let sum: u32 = rows.map(|(row, weight)| u32::from(row[x]) * weight).sum();
                    ((sum + HALF) >> BITS) as u8
                }));
            }
            let mut found = Vec::new();
            resampler.resample(frame.view(), to.0, to.1, &mut found);
            assert_eq!(found, expected, "{from:?} to {to:?}");
        }
    }

    #[test]
    fn a_tall_picture_takes_no_more_memory_than_its_pixels() {
        let frame = RgbFrame::filled(1, 65_535, [7, 130, 255]).unwrap();
        let (mut resampler, mut out) = (Resampler::default(), Vec::new());
        resampler.resample(frame.view(), 64, 1024, &mut out);
        assert!(out.chunks(3).all(|pixel| pixel == [7, 130, 255]));
        let kept = resampler.narrowed.capacity();
        assert!(kept < frame.data().len(), "{kept} bytes");
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
