//! From numbers to places on an axis, and which numbers an axis shows. Draws nothing.

/// How an axis grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Equal steps are equal differences.
    #[default]
    Linear,
    /// Equal steps are equal ratios; numbers of 0 and below have no place.
    Log,
}

/// Steps that the ends of an axis are rounded for: those that a chart's height has room for.
const STEPS: usize = 5;

/// The numbers of an axis from one end to the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    /// How it grows.
    pub scale: Scale,
    /// First number.
    pub low: f64,
    /// Last number, above the first.
    pub high: f64,
}

impl Range {
    /// A range that shows all finite numbers, widened to round ones when linear. 0 to 1 (or 1 to
    /// 10) without numbers.
    pub(super) fn around(scale: Scale, numbers: impl Iterator<Item = f64>) -> Self {
        let shown = numbers.filter(|v| v.is_finite() && (scale == Scale::Linear || *v > 0.0));
        let (low, high) = shown.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
            (low.min(v), high.max(v))
        });
        match scale {
            Scale::Linear if low > high => Self::linear(0.0, 1.0),
            Scale::Linear => {
                // One number alone stands in the middle.
                let pad = if low == high {
                    low.abs().max(1.0) / 2.0
                } else {
                    0.0
                };
                let step = step(low - pad, high + pad, STEPS);
                let (low, high) = ((low - pad) / step, (high + pad) / step);
                Self::linear((low + 1e-9).floor() * step, (high - 1e-9).ceil() * step)
            }
            Scale::Log if low > high => Self {
                scale,
                low: 1.0,
                high: 10.0,
            },
            Scale::Log => Self {
                scale,
                low: if low == high { low / 2.0 } else { low },
                high: if low == high { high * 2.0 } else { high },
            },
        }
    }

    /// From `low` to `high` in equal steps.
    pub(super) fn linear(low: f64, high: f64) -> Self {
        Self {
            scale: Scale::Linear,
            low,
            high,
        }
    }

    /// Where a number is: 0 at the beginning, 1 at the end. None when it has no place.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        let place = match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Log => (value / self.low).ln() / (self.high / self.low).ln(),
        };
        place.is_finite().then_some(place)
    }

    /// The numbers to write, at most about `most`.
    pub(super) fn ticks(&self, most: usize) -> Vec<f64> {
        match self.scale {
            Scale::Linear => {
                let step = step(self.low, self.high, most);
                let first = (self.low / step - 1e-6).ceil() as i64;
                let last = (self.high / step + 1e-6).floor() as i64;
                (first..=last).map(|n| n as f64 * step).collect()
            }
            Scale::Log => {
                let (low, high) = (self.low.log10() - 1e-9, self.high.log10() + 1e-9);
                let decades = (high - low).ceil().max(1.0) as usize;
                let every = decades.div_ceil(most.max(1)).max(1) as i32;
                let within: &[f64] = match decades {
                    0..=2 => &[1.0, 2.0, 5.0],
                    _ => &[1.0],
                };
                (low.floor() as i32..=high.ceil() as i32)
                    .filter(|power| power % every == 0)
                    .flat_map(|power| within.iter().map(move |m| m * 10f64.powi(power)))
                    .filter(|v| (low..=high).contains(&v.log10()))
                    .collect()
            }
        }
    }
}

/// The round step (1, 2 or 5 times a power of ten) that makes at most `most` steps.
fn step(low: f64, high: f64, most: usize) -> f64 {
    let rough = ((high - low) / most.max(1) as f64).max(f64::MIN_POSITIVE);
    let power = 10f64.powf(rough.log10().floor());
    let factors = [1.0, 2.0, 5.0, 10.0];
    let fits = factors
        .iter()
        .find(|factor| **factor * power >= rough * (1.0 - 1e-9));
    fits.unwrap_or(&10.0) * power
}

/// A number on an axis whose ticks are `step` apart, in as many digits as that needs; as a power
/// of ten where the axis's `largest` number asks for it.
pub(super) fn number(value: f64, step: f64, largest: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    if !(1e-3..1e5).contains(&largest.abs()) {
        let text = format!("{value:.2e}");
        let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
        let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
        let mantissa = mantissa.replace('-', "−");
        let power: String = power.chars().map(superscript).collect();
        return match &*mantissa {
            "1" => format!("10{power}"),
            _ => format!("{mantissa}·10{power}"),
        };
    }
    let decimals = (-step.abs().log10().floor()).clamp(0.0, 6.0) as usize;
    format!("{value:.decimals$}").replace('-', "−")
}

fn superscript(digit: char) -> char {
    match digit {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '0' | '4'..='9' => char::from_u32(0x2070 + digit as u32 - '0' as u32).unwrap_or(digit),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_axis_has_round_ends_and_ticks() {
        for (numbers, low, high, ticks) in [
            (
                &[0.13, 0.87][..],
                0.0,
                1.0,
                &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0][..],
            ),
            (
                &[f64::NAN, 2.0, 11.0],
                2.0,
                12.0,
                &[2.0, 4.0, 6.0, 8.0, 10.0, 12.0],
            ),
            (&[], 0.0, 1.0, &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
            (&[4.0, 4.0], 2.0, 6.0, &[2.0, 3.0, 4.0, 5.0, 6.0]),
        ] {
            let range = Range::around(Scale::Linear, numbers.iter().copied());
            assert!((range.low - low).abs() < 1e-9, "{range:?}");
            assert!((range.high - high).abs() < 1e-9, "{range:?}");
            let found = range.ticks(STEPS);
            assert_eq!(found.len(), ticks.len(), "{found:?}");
            assert!(found.iter().zip(ticks).all(|(a, b)| (a - b).abs() < 1e-9));
        }
    }

    #[test]
    fn a_logarithmic_axis_shows_powers_of_ten() {
        let range = Range::around(Scale::Log, [1e-5, 0.0, 3.0].into_iter());
        let close = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-9;
        let ticks = range.ticks(8);
        assert_eq!(ticks.len(), 6);
        assert!(close(ticks[0], 1e-5) && close(ticks[5], 1.0), "{ticks:?}");
        assert_eq!(range.place(0.0), None);
        assert!((range.place(1e-5).unwrap()).abs() < 1e-9);
        let short = Range::around(Scale::Log, [0.9, 12.0].into_iter());
        let found: Vec<String> = short.ticks(8).iter().map(|v| number(*v, *v, *v)).collect();
        assert_eq!(found, ["1", "2", "5", "10"]);
    }

    #[test]
    fn numbers_are_written_as_a_reader_expects() {
        for (value, step, largest, text) in [
            (0.0, 0.1, 1.0, "0"),
            (0.25, 0.05, 1.0, "0.25"),
            (-2.0, 1.0, 2.0, "−2"),
            (12.0, 4.0, 12.0, "12"),
            (1e-5, 1e-5, 1e-5, "10⁻⁵"),
            (0.0002, 0.0002, 0.0008, "2·10⁻⁴"),
            (0.0005, 0.0005, 0.002, "0.0005"),
            (300_000.0, 1e5, 3e5, "3·10⁵"),
        ] {
            assert_eq!(number(value, step, largest), text);
        }
    }
}
