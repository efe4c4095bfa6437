//! Sensor noise: a table of normally distributed steps, read from a place that the frame and
//! the row decide. The same frame always has the same noise. No shot noise, no hot pixels.

use fastrand::Rng;

const TABLE: usize = 1 << 16;

/// Noise of one strength.
#[derive(Debug)]
pub(crate) struct SensorNoise {
    seed: u64,
    /// Whole 8-bit steps; empty when there is no noise.
    steps: Vec<i16>,
}

impl SensorNoise {
    /// Noise with the standard deviation `sigma`, in 8-bit steps.
    pub fn new(seed: u64, sigma: f32) -> Self {
        let mut rng = Rng::with_seed(seed ^ 0x5e45_0a11);
        let steps = if sigma > 0.0 {
            (0..TABLE)
                .map(|_| (normal(&mut rng) * sigma).round() as i16)
                .collect()
        } else {
            Vec::new()
        };
        Self { seed, steps }
    }

    /// Adds the noise of the frame `index` to rows of `row_bytes`.
    pub fn add(&self, index: u64, row_bytes: usize, data: &mut [u8]) {
        if self.steps.is_empty() {
            return;
        }
        let mut rng = Rng::with_seed(self.seed.wrapping_add(index.wrapping_mul(0x9e37_79b9)));
        for row in data.chunks_mut(row_bytes) {
            let mut rest = row;
            while !rest.is_empty() {
                let from = rng.usize(..TABLE / 2);
                let (part, after) = rest.split_at_mut(rest.len().min(TABLE / 2));
                for (value, step) in part.iter_mut().zip(&self.steps[from..]) {
                    *value = (i16::from(*value) + step).clamp(0, 255) as u8;
                }
                rest = after;
            }
        }
    }
}

/// A draw from the standard normal distribution: the sum of twelve uniform draws, less six.
fn normal(rng: &mut Rng) -> f32 {
    (0..12).map(|_| rng.f32()).sum::<f32>() - 6.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_strength_asked_for_and_no_bias() {
        let mut data = vec![128; 90_000];
        SensorNoise::new(1, 3.0).add(5, 900, &mut data);
        let offsets: Vec<f64> = data.iter().map(|v| f64::from(*v) - 128.0).collect();
        let mean = offsets.iter().sum::<f64>() / 90_000.0;
        let variance = offsets.iter().map(|v| v * v).sum::<f64>() / 90_000.0;
        assert!(mean.abs() < 0.1, "{mean}");
        assert!((variance.sqrt() - 3.0).abs() < 0.1, "{variance}");
    }

    #[test]
    fn differs_between_frames_and_is_absent_at_zero() {
        let drawn = |sigma, index| {
            let mut data = vec![100; 300];
            SensorNoise::new(1, sigma).add(index, 30, &mut data);
            data
        };
        assert_eq!(drawn(2.0, 7), drawn(2.0, 7));
        assert_ne!(drawn(2.0, 7), drawn(2.0, 8));
        assert_eq!(drawn(0.0, 7), vec![100; 300]);
    }
}
