//! Which sizes a vehicle can have in this picture: the `[shape]` table. What has another size
//! is told without a colour. Numbers only.

use models::Rect;
use serde::{Deserialize, Serialize};

use crate::config::{BadValue, within};

/// The `[shape]` table. Without a key there is no such limit.
#[derive(schemars::JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ShapeConfig {
    /// Least width of a vehicle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_width_px: Option<u32>,
    /// Greatest width.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_width_px: Option<u32>,
    /// Least height.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_height_px: Option<u32>,
    /// Greatest height.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_height_px: Option<u32>,
    /// Least width divided by height.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_aspect: Option<f32>,
    /// Greatest width divided by height.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_aspect: Option<f32>,
}

impl ShapeConfig {
    /// Refuses values out of range and limits that nothing can keep.
    pub fn check(&self) -> Result<(), BadValue> {
        const MOST_PX: u32 = 100_000;
        for (key, value) in [
            ("shape.min_width_px", self.min_width_px),
            ("shape.max_width_px", self.max_width_px),
            ("shape.min_height_px", self.min_height_px),
            ("shape.max_height_px", self.max_height_px),
        ] {
            within(key, value.unwrap_or(1), 1, MOST_PX)?;
        }
        for (key, value) in [
            ("shape.min_aspect", self.min_aspect),
            ("shape.max_aspect", self.max_aspect),
        ] {
            within(key, value.unwrap_or(1.0), 0.01, 100.0)?;
        }
        ordered("width_px", self.min_width_px, self.max_width_px)?;
        ordered("height_px", self.min_height_px, self.max_height_px)?;
        ordered("aspect", self.min_aspect, self.max_aspect)
    }

    /// Whether a vehicle can have this box.
    pub fn fits(&self, rect: &Rect) -> bool {
        let aspect = rect.width as f32 / rect.height.max(1) as f32;
        keeps(rect.width, self.min_width_px, self.max_width_px)
            && keeps(rect.height, self.min_height_px, self.max_height_px)
            && keeps(aspect, self.min_aspect, self.max_aspect)
    }
}

fn keeps<T: PartialOrd>(value: T, least: Option<T>, most: Option<T>) -> bool {
    least.is_none_or(|least| value >= least) && most.is_none_or(|most| value <= most)
}

fn ordered<T: PartialOrd + std::fmt::Display>(
    what: &str,
    least: Option<T>,
    most: Option<T>,
) -> Result<(), BadValue> {
    match (least, most) {
        (Some(least), Some(most)) if least > most => Err(BadValue::new(
            format!("shape.min_{what}"),
            format!("= {least} is above max_{what} = {most}; no vehicle would fit"),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rect(width: u32, height: u32) -> Rect {
        Rect {
            x: 0,
            y: 0,
            width,
            height,
        }
    }

    #[test]
    fn limits_are_inclusive_and_optional() {
        let free = ShapeConfig::default();
        let car = ShapeConfig {
            min_width_px: Some(60),
            max_width_px: Some(240),
            min_height_px: Some(30),
            max_height_px: Some(120),
            min_aspect: Some(1.2),
            max_aspect: Some(4.0),
        };
        assert_eq!(car.check(), Ok(()));
        for (width, height, fits) in [
            (120, 50, true),
            (60, 50, true),
            (240, 60, true),
            (59, 40, false),
            (241, 100, false),
            (120, 29, false),
            (200, 121, false),
            // A pedestrian, and a long low something.
            (60, 100, false),
            (200, 40, false),
        ] {
            assert_eq!(car.fits(&rect(width, height)), fits, "{width}x{height}");
            assert!(free.fits(&rect(width, height)));
        }
    }

    #[test]
    fn refusals() {
        for (text, expected) in [
            (
                "min_width_px = 0",
                "shape.min_width_px = 0 is out of range; allowed: 1 to 100000",
            ),
            (
                "max_aspect = nan",
                "shape.max_aspect = NaN is out of range; allowed: 0.01 to 100",
            ),
            (
                "min_height_px = 90\nmax_height_px = 40",
                "shape.min_height_px = 90 is above max_height_px = 40; no vehicle would fit",
            ),
        ] {
            let config: ShapeConfig = toml::from_str(text).unwrap();
            assert_eq!(config.check().unwrap_err().to_string(), expected);
        }
    }
}
