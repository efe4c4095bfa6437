//! The `[gpio]` table: which driver switches the pins, and how long they stay as they are when
//! nobody looks. The pins themselves are `[[pin]]` tables.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::{BadValue, within};
use crate::source::SourceConfig;

/// Frames that may fail to come before a slow camera counts as stuck.
const PATIENCE_FRAMES: f32 = 3.0;

/// The `[gpio]` table.
#[derive(schemars::JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GpioConfig {
    /// Who switches the pins.
    pub driver: Driver,
    /// Pins are made safe when a live source has given no frame for longer.
    pub dead_man_ms: u32,
}

impl Default for GpioConfig {
    fn default() -> Self {
        Self {
            driver: Driver::Auto,
            dead_man_ms: 5000,
        }
    }
}

/// A way to switch lines.
#[derive(
    schemars::JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Driver {
    /// A Raspberry Pi's registers for its own header, the character device for all else.
    #[default]
    Auto,
    /// A Raspberry Pi's registers.
    Rppal,
    /// The kernel's character device.
    Gpiocdev,
    /// Nobody: what would be switched is told.
    None,
}

impl GpioConfig {
    /// Refuses values out of range.
    pub fn check(&self) -> Result<(), BadValue> {
        within("gpio.dead_man_ms", self.dead_man_ms, 500, 600_000)
    }

    /// How long a source may give no frame; `None` for one that is not live.
    pub fn dead_man(&self, source: &SourceConfig) -> Option<Duration> {
        let SourceConfig::V4l2(camera) = source else {
            return None;
        };
        let frames = Duration::from_secs_f32(PATIENCE_FRAMES / camera.fps.max(0.1));
        Some(frames.max(Duration::from_millis(self.dead_man_ms.into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use std::path::Path;

    fn dead_man(text: &str) -> Option<Duration> {
        let config = Config::parse(text, Path::new("x")).unwrap();
        config.gpio.dead_man(&config.source)
    }

    #[test]
    fn only_live_sources_are_watched_and_slow_ones_are_given_time() {
        let camera = |fps: &str| {
            format!("[source]\nkind = \"v4l2\"\ndevice = \"/dev/video0\"\nfps = {fps}\n")
        };
        assert_eq!(dead_man(""), None);
        assert_eq!(dead_man(&camera("25.0")), Some(Duration::from_secs(5)));
        let quick = camera("25.0") + "[gpio]\ndead_man_ms = 700\n";
        assert_eq!(dead_man(&quick), Some(Duration::from_millis(700)));
        assert_eq!(dead_man(&camera("0.5")), Some(Duration::from_secs(6)));
    }

    #[test]
    fn refusals_name_the_key() {
        for (text, expected) in [
            (
                "[gpio]\ndead_man_ms = 0",
                "x: gpio.dead_man_ms = 0 is out of range; allowed: 500 to 600000",
            ),
            (
                "[gpio]\ndriver = \"sysfs\"",
                "x:2: gpio.driver: unknown value sysfs; allowed: auto, rppal, gpiocdev, none",
            ),
            (
                "[gpio]\npin = 3",
                "x:2: gpio.pin: unknown key; allowed: driver, dead_man_ms",
            ),
        ] {
            let told = Config::parse(text, Path::new("x")).unwrap_err().to_string();
            assert_eq!(told, expected);
        }
    }
}
