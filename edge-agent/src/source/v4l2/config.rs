//! The `[source]` table with `kind = "v4l2"`. Only what is asked for; what the camera makes of
//! it is told when it is opened.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::config::{BadValue, within};
use crate::decode::{MAX_SIDE_PX, PixelFormat};

/// A camera and how it is to be set.
#[derive(schemars::JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CameraConfig {
    /// Its node; a name below /dev/v4l/by-id survives being plugged in again.
    pub device: PathBuf,
    /// Pixel format; without it the cheapest that does the size and rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<PixelFormat>,
    /// Pixels across.
    #[serde(default = "default_width")]
    pub width_px: u32,
    /// Pixels down.
    #[serde(default = "default_height")]
    pub height_px: u32,
    /// Frames a second.
    #[serde(default = "default_fps")]
    pub fps: f32,
    /// Wider pictures are shrunk by a whole factor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_width_px: Option<u32>,
    /// A camera without a good frame for longer is lost, and opened again.
    #[serde(default = "default_lost_after")]
    pub lost_after_ms: u32,
    /// Exposure time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure_us: Option<Setting>,
    /// Amplification, in the camera's own steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gain: Option<Setting>,
    /// Colour temperature that counts as white.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub white_balance_k: Option<Setting>,
    /// Focus, in the camera's own steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub focus: Option<Setting>,
    /// Any other control by its name, as `edge-agent devices` lists it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub controls: BTreeMap<String, i32>,
}

fn default_width() -> u32 {
    1280
}

fn default_height() -> u32 {
    720
}

fn default_fps() -> f32 {
    25.0
}

fn default_lost_after() -> u32 {
    1500
}

impl CameraConfig {
    /// Defaults for one device.
    #[cfg(test)]
    pub fn new(device: impl Into<PathBuf>) -> Self {
        Self {
            device: device.into(),
            format: None,
            width_px: default_width(),
            height_px: default_height(),
            fps: default_fps(),
            max_width_px: None,
            lost_after_ms: default_lost_after(),
            exposure_us: None,
            gain: None,
            white_balance_k: None,
            focus: None,
            controls: BTreeMap::new(),
        }
    }

    /// Refuses values out of range.
    pub fn check(&self) -> Result<(), BadValue> {
        if self.device.as_os_str().is_empty() {
            let problem = "is empty; take a name that `edge-agent devices` lists";
            return Err(BadValue::new("source.device", problem));
        }
        within("source.width_px", self.width_px, 16, MAX_SIDE_PX)?;
        within("source.height_px", self.height_px, 16, MAX_SIDE_PX)?;
        within("source.fps", self.fps, 0.1, 1000.0)?;
        within("source.lost_after_ms", self.lost_after_ms, 200, 60_000)?;
        if let Some(most) = self.max_width_px {
            within("source.max_width_px", most, 16, MAX_SIDE_PX)?;
        }
        let fixed = |setting: Option<Setting>| match setting {
            Some(Setting::Fixed(value)) => value,
            Some(Setting::Auto) | None => 1,
        };
        within("source.exposure_us", fixed(self.exposure_us), 1, 10_000_000)?;
        within(
            "source.white_balance_k",
            fixed(self.white_balance_k),
            1,
            20_000,
        )?;
        within("source.gain", fixed(self.gain), 0, i32::MAX)?;
        within("source.focus", fixed(self.focus), 0, i32::MAX)
    }
}

/// A control that the camera can also set by itself. Without the key it stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// The camera chooses, always anew.
    Auto,
    /// Locked to this value.
    Fixed(i32),
}

impl Serialize for Setting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Fixed(value) => serializer.serialize_i32(*value),
        }
    }
}

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AutoOrNumber;
        impl Visitor<'_> for AutoOrNumber {
            type Value = Setting;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"auto\" or a whole number")
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Setting, E> {
                let value = i32::try_from(value)
                    .map_err(|_| E::invalid_value(de::Unexpected::Signed(value), &self))?;
                Ok(Setting::Fixed(value))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Setting, E> {
                self.visit_i64(i64::try_from(value).unwrap_or(i64::MAX))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Setting, E> {
                match value {
                    "auto" => Ok(Setting::Auto),
                    _ => Err(E::invalid_value(de::Unexpected::Str(value), &self)),
                }
            }
        }
        deserializer.deserialize_any(AutoOrNumber)
    }
}
