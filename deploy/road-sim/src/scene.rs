//! What to draw: the scene's description, its limits, and the lanes that follow from it.
//! No drawing and no planning.

use serde::{Deserialize, Serialize};

use crate::COLOURS;
use crate::scenario::Scenario;
use crate::truth::Direction;

/// The light on the scene.
#[derive(
    schemars::JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Light {
    /// Warm, directed light: vehicles cast shadows and pass through the shade of trees.
    #[default]
    Sun,
    /// Flat light from the whole sky.
    Overcast,
}

impl std::str::FromStr for Light {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "sun" => Ok(Self::Sun),
            "overcast" => Ok(Self::Overcast),
            _ => Err(format!("there is no light \"{name}\": use sun or overcast")),
        }
    }
}

/// A drawn road, described. Two equal descriptions give the same bytes.
#[derive(schemars::JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SceneSpec {
    /// What happens on the road.
    pub scene: Scenario,
    /// Pixels across, 160 to 1920.
    pub width: u32,
    /// Pixels down, 90 to 1080.
    pub height: u32,
    /// Frames a second, 1 to 120.
    pub fps: u32,
    /// Decides traffic, paints, body styles, scenery and noise.
    pub seed: u64,
    /// How long the scene lasts, at least one frame, at most a day.
    pub duration_ms: u64,
    /// Vehicles that want to pass in a minute, both lanes together, 0 to 60. A full lane makes
    /// them wait outside the picture.
    pub vehicles_per_minute: f32,
    /// The light.
    pub light: Light,
    /// Standard deviation of the sensor noise in 8-bit steps, 0 to 20.
    pub noise: f32,
    /// The colours that vehicles are painted in, drawn with equal chance.
    pub colours: Vec<String>,
}

impl Default for SceneSpec {
    fn default() -> Self {
        Self {
            scene: Scenario::default(),
            width: 640,
            height: 360,
            fps: 25,
            seed: 1,
            duration_ms: 60_000,
            vehicles_per_minute: 20.0,
            light: Light::default(),
            noise: 2.0,
            colours: COLOURS.map(String::from).to_vec(),
        }
    }
}

/// Why a scene cannot be drawn.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum SceneError {
    /// The picture is too small or too large.
    #[error(
        "a scene of {width}x{height} pixels cannot be drawn: use 160 to 1920 across and 90 to 1080 down"
    )]
    Size {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
    /// The frame rate is out of range.
    #[error("a scene of {fps} frames a second cannot be drawn: use 1 to 120")]
    Fps {
        /// Frames a second.
        fps: u32,
    },
    /// The scene is shorter than a frame or longer than a day.
    #[error(
        "a scene of {duration_ms} ms cannot be drawn: use at least one frame ({frame_ms} ms) and at most 86400000 ms"
    )]
    Duration {
        /// The length asked for.
        duration_ms: u64,
        /// How long one frame lasts, rounded up.
        frame_ms: u64,
    },
    /// The traffic is negative, not a number or too dense.
    #[error("{vehicles_per_minute} vehicles a minute cannot be drawn: use 0 to 60")]
    Traffic {
        /// Vehicles a minute.
        vehicles_per_minute: f32,
    },
    /// The noise is negative, not a number or too strong.
    #[error("sensor noise of {noise} steps cannot be drawn: use 0 to 20")]
    Noise {
        /// Standard deviation in 8-bit steps.
        noise: f32,
    },
    /// No colour to paint vehicles in.
    #[error("the scene names no vehicle colour: name at least one of {}", COLOURS.join(", "))]
    NoColours,
    /// A colour that has no paint.
    #[error("there is no paint for the vehicle colour \"{colour}\": use one of {}", COLOURS.join(", "))]
    UnknownColour {
        /// The colour asked for.
        colour: String,
    },
    /// A portrait too small to show a vehicle, or too large.
    #[error("a portrait of {width}x{height} pixels cannot be drawn: use 32 to 1024 a side")]
    PortraitSize {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
}

/// One lane as the camera sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lane {
    /// 0 near, 1 far.
    pub number: u8,
    /// Where its vehicles drive to.
    pub direction: Direction,
    /// The row on which the middle of a vehicle stands.
    pub ground_row: f32,
    /// Picture pixels for one metre along the road.
    pub pixels_per_metre: f32,
    /// Slowest and fastest speed, pixels a second.
    pub pixels_per_second: (f32, f32),
}

impl SceneSpec {
    /// Checks every limit that the fields state.
    pub fn check(&self) -> Result<(), SceneError> {
        let Self {
            width,
            height,
            fps,
            duration_ms,
            vehicles_per_minute,
            noise,
            ..
        } = *self;
        if !(160..=1920).contains(&width) || !(90..=1080).contains(&height) {
            return Err(SceneError::Size { width, height });
        }
        if !(1..=120).contains(&fps) {
            return Err(SceneError::Fps { fps });
        }
        if self.frame_count() == 0 || duration_ms > 86_400_000 {
            let frame_ms = 1000u64.div_ceil(u64::from(fps));
            return Err(SceneError::Duration {
                duration_ms,
                frame_ms,
            });
        }
        if !(0.0..=60.0).contains(&vehicles_per_minute) {
            return Err(SceneError::Traffic {
                vehicles_per_minute,
            });
        }
        if !(0.0..=20.0).contains(&noise) {
            return Err(SceneError::Noise { noise });
        }
        if self.colours.is_empty() {
            return Err(SceneError::NoColours);
        }
        for colour in &self.colours {
            if !COLOURS.contains(&colour.as_str()) {
                return Err(SceneError::UnknownColour {
                    colour: colour.clone(),
                });
            }
        }
        Ok(())
    }

    /// Whole frames in the scene's duration.
    pub fn frame_count(&self) -> u64 {
        self.duration_ms.saturating_mul(u64::from(self.fps)) / 1000
    }

    /// When the frame is taken, milliseconds from the scene's start, rounded down.
    pub fn frame_time_ms(&self, index: u64) -> u64 {
        index.saturating_mul(1000) / u64::from(self.fps.max(1))
    }

    /// Both lanes, near lane first.
    pub fn lanes(&self) -> [Lane; 2] {
        let unit = (self.width as f32 / 640.0).min(self.height as f32 / 360.0);
        let row = |row: f32| row / 360.0 * self.height as f32;
        let across = self.width as f32;
        let lane = |number, direction, ground, scale, slowest: f32, fastest: f32| Lane {
            number,
            direction,
            ground_row: row(ground),
            pixels_per_metre: scale * unit,
            pixels_per_second: (across * slowest, across * fastest),
        };
        let far = if self.scene == Scenario::Overlap {
            262.0
        } else {
            229.0
        };
        // The share of the picture's width that is covered in a second; with the vehicle's own
        // length a near crossing takes 1.9 to 3.9 s.
        [
            lane(0, Direction::Right, 309.0, 44.0, 0.36, 0.62),
            lane(1, Direction::Left, far, 31.0, 0.26, 0.46),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(change: impl FnOnce(&mut SceneSpec)) -> String {
        let mut spec = SceneSpec::default();
        change(&mut spec);
        spec.check().unwrap_err().to_string()
    }

    #[test]
    fn the_default_can_be_drawn() {
        assert_eq!(SceneSpec::default().check(), Ok(()));
        assert_eq!(SceneSpec::default().frame_count(), 1500);
    }

    #[test]
    fn refusals_name_the_value_and_the_limits() {
        assert_eq!(
            refusal(|s| s.width = 10),
            "a scene of 10x360 pixels cannot be drawn: use 160 to 1920 across and 90 to 1080 down"
        );
        assert_eq!(
            refusal(|s| s.fps = 0),
            "a scene of 0 frames a second cannot be drawn: use 1 to 120"
        );
        assert_eq!(
            refusal(|s| s.duration_ms = 39),
            "a scene of 39 ms cannot be drawn: use at least one frame (40 ms) and at most 86400000 ms"
        );
        assert_eq!(
            refusal(|s| s.vehicles_per_minute = f32::NAN),
            "NaN vehicles a minute cannot be drawn: use 0 to 60"
        );
        assert_eq!(
            refusal(|s| s.noise = -1.0),
            "sensor noise of -1 steps cannot be drawn: use 0 to 20"
        );
        assert!(refusal(|s| s.colours.clear()).starts_with("the scene names no vehicle colour: "));
        assert_eq!(
            refusal(|s| s.colours = vec!["beige".into()]),
            "there is no paint for the vehicle colour \"beige\": use one of black, blue, brown, \
             green, grey, orange, pink, purple, red, silver, white, yellow"
        );
    }

    #[test]
    fn unknown_keys_are_refused_and_missing_ones_take_the_default() {
        let spec: SceneSpec = serde_json::from_str(r#"{"light":"overcast"}"#).unwrap();
        assert_eq!(
            spec,
            SceneSpec {
                light: Light::Overcast,
                ..SceneSpec::default()
            }
        );
        let error = serde_json::from_str::<SceneSpec>(r#"{"lights":"sun"}"#).unwrap_err();
        assert!(
            error.to_string().contains("unknown field `lights`"),
            "{error}"
        );
    }
}
