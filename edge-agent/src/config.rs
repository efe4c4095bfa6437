//! The config file as a whole: read, checked, and refused in one line. What a table means is
//! in the module that owns it.

pub mod pair;
mod picture;
mod place;
pub mod print;
pub mod schema;

use std::borrow::Cow;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::bundles::BundleConfig;
use crate::decide::{self, Known, RuleConfig};
use crate::disk;
use crate::gate::GateConfig;
use crate::keep::CropsConfig;
use crate::lane::{self, LaneConfig};
use crate::pin::{self, PinConfig};
use crate::roi::RoiConfig;
use crate::shape::ShapeConfig;
use crate::sink::gpio::GpioConfig;
use crate::sink::jsonl::JsonlConfig;
use crate::sink::mqtt::MqttConfig;
use crate::sink::webhook::WebhookConfig;
use crate::source::SourceConfig;
use crate::track::TrackConfig;
use crate::vote::VoteConfig;
use crate::web::HttpConfig;

/// Largest file that is read as a config.
const MOST_BYTES: u64 = 1 << 20;

/// The agent's config. Every key has a default; unknown keys are refused.
#[derive(schemars::JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The camera's name in the events.
    pub camera: String,
    /// Whether recorded and drawn frames come at their times instead of as fast as it goes.
    pub realtime: bool,
    /// Time zone of the rules' schedules; without it the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// What is watched.
    pub mode: Mode,
    /// Which model names the colours.
    pub bundle: BundleConfig,
    /// Where frames come from.
    pub source: SourceConfig,
    /// The place, with `mode = "roi"`.
    pub roi: RoiConfig,
    /// What counts as something in the picture.
    pub gate: GateConfig,
    /// What counts as one vehicle.
    pub track: TrackConfig,
    /// How views become a colour.
    pub vote: VoteConfig,
    /// Which sizes vehicles have.
    pub shape: ShapeConfig,
    /// Parts of the road.
    #[serde(rename = "lane")]
    pub lanes: Vec<LaneConfig>,
    /// How pins are switched.
    pub gpio: GpioConfig,
    /// Lines that rules switch.
    #[serde(rename = "pin")]
    pub pins: Vec<PinConfig>,
    /// What is done about events.
    #[serde(rename = "rule")]
    pub rules: Vec<RuleConfig>,
    /// The event file.
    pub jsonl: JsonlConfig,
    /// Pictures kept for labelling.
    pub crops: CropsConfig,
    /// The agent's own page.
    pub http: HttpConfig,
    /// The MQTT broker.
    pub mqtt: MqttConfig,
    /// The web server.
    pub webhook: WebhookConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            camera: "camera".into(),
            realtime: false,
            time_zone: None,
            mode: Mode::default(),
            bundle: BundleConfig::default(),
            source: SourceConfig::default(),
            roi: RoiConfig::default(),
            gate: GateConfig::default(),
            track: TrackConfig::default(),
            vote: VoteConfig::default(),
            shape: ShapeConfig::default(),
            lanes: Vec::new(),
            gpio: GpioConfig::default(),
            pins: Vec::new(),
            rules: Vec::new(),
            jsonl: JsonlConfig::default(),
            crops: CropsConfig::default(),
            http: HttpConfig::default(),
            mqtt: MqttConfig::default(),
            webhook: WebhookConfig::default(),
        }
    }
}

/// What is watched.
#[derive(
    schemars::JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// A road along which vehicles pass: gate and tracker.
    #[default]
    Road,
    /// One place where one vehicle stands at a time.
    Roi,
}

/// Why a config cannot be used, in one line.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {source}; give the path of a TOML file", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A line is no TOML, or its key or value is not known.
    #[error("{}:{line}: {problem}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong there, and what is allowed.
        problem: String,
    },
    /// A value is not usable.
    #[error("{}: {problem}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// Key, value and what is allowed.
        problem: String,
    },
}

/// A value that is not usable: its key, and what is allowed.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{key} {problem}")]
pub struct BadValue {
    key: Cow<'static, str>,
    problem: String,
}

impl BadValue {
    /// The key with its table, and the rest of the sentence.
    pub fn new(key: impl Into<Cow<'static, str>>, problem: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            problem: problem.into(),
        }
    }
}

/// Refuses a value outside `least..=most`, and what is not a number.
pub fn within<T: PartialOrd + Display>(
    key: impl Into<Cow<'static, str>>,
    value: T,
    least: T,
    most: T,
) -> Result<(), BadValue> {
    if value >= least && value <= most {
        return Ok(());
    }
    let problem = format!("= {value} is out of range; allowed: {least} to {most}");
    Err(BadValue::new(key, problem))
}

impl Config {
    /// The spools that a run opens: key, folder, size in MiB.
    pub fn spools(&self) -> Vec<(&'static str, &Path, u32)> {
        let (mqtt, webhook) = (&self.mqtt, &self.webhook);
        let wanted = [
            (
                "mqtt.spool",
                mqtt.host.is_some(),
                &mqtt.spool,
                mqtt.spool_max_mib,
            ),
            (
                "webhook.spool",
                webhook.url.is_some(),
                &webhook.spool,
                webhook.spool_max_mib,
            ),
        ];
        let opened = wanted.into_iter().filter(|(_, is_used, ..)| *is_used);
        opened
            .filter_map(|(key, _, folder, max_mib)| Some((key, folder.as_deref()?, max_mib)))
            .collect()
    }

    /// The folders in which a run writes events.
    pub fn written(&self) -> Vec<PathBuf> {
        let log = self.jsonl.path.as_deref().map(disk::folder_of);
        let spools = self.spools();
        let spools = spools
            .into_iter()
            .map(|(_, folder, _)| folder.to_path_buf());
        log.into_iter().chain(spools).collect()
    }

    /// Reads and checks a file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = text_of(path).map_err(|source| ConfigError::Read {
            path: path.to_path_buf(),
            source,
        })?;
        Self::parse(&text, path)
    }

    /// Parses and checks the text of the file `path`.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|error| {
            let (line, problem) = place::told(text, error);
            ConfigError::Line {
                path: path.to_path_buf(),
                line,
                problem,
            }
        })?;
        config.check().map_err(|bad| ConfigError::Value {
            path: path.to_path_buf(),
            problem: bad.to_string(),
        })?;
        Ok(config)
    }

    fn check(&self) -> Result<(), BadValue> {
        if self.camera.trim().is_empty() {
            return Err(BadValue::new("camera", "is empty; give the camera a name"));
        }
        self.bundle.check()?;
        self.source.check()?;
        if self.mode == Mode::Roi && self.roi.rect_px.is_none() {
            let problem = "is missing; mode = \"roi\" needs the place, such as \
                           { x = 100, y = 80, width = 300, height = 200 }";
            return Err(BadValue::new("roi.rect_px", problem));
        }
        self.roi.check()?;
        self.gate.check()?;
        self.track.check()?;
        self.vote.check()?;
        self.shape.check()?;
        self.http.check()?;
        lane::check(&self.lanes)?;
        self.gpio.check()?;
        pin::check(&self.pins)?;
        decide::zone(self.time_zone.as_deref())?;
        self.jsonl.check()?;
        self.crops.check()?;
        self.mqtt.check()?;
        self.webhook.check()?;
        self.check_spools()?;
        self.check_rules(None)
    }

    /// Refuses two spools in one folder: a folder has one user.
    fn check_spools(&self) -> Result<(), BadValue> {
        let whole = |folder: &Path| std::path::absolute(folder).ok();
        match self.spools()[..] {
            [(first, folder, _), (second, other, _)] if whole(folder) == whole(other) => {
                let problem = format!("and {second} are the same folder; give each one of its own");
                Err(BadValue::new(first, problem))
            }
            _ => Ok(()),
        }
    }

    /// Refuses rules that name what is not there; `colours` are the bundle's labels, once it
    /// is open.
    pub fn check_rules(&self, colours: Option<&[String]>) -> Result<(), BadValue> {
        let known = Known {
            colours,
            lanes: &self.lanes,
            pins: &self.pins,
        };
        let mut rules = self.rules.iter().enumerate();
        rules.try_for_each(|(index, rule)| rule.check(index, &known))
    }
}

/// The text of a file, of which no more is read than a config may have.
fn text_of(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    let file = File::open(path)?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(io::Error::other("it has more than 1 MiB"));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is no UTF-8 text"))
}

#[cfg(test)]
mod tests;
