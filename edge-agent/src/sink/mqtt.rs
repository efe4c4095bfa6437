//! Events to an MQTT broker, each until the broker acknowledges it (QoS 1): the `[mqtt]` table
//! and the start of the courier.

#[cfg(test)]
pub mod broker;
mod courier;
mod standing;
mod topics;
mod transport;
mod window;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use self::courier::Courier;
use self::topics::Topics;
use super::spooled::{self, Spooled};
use crate::config::{BadValue, within};
use crate::secret::Secret;

/// The `[mqtt]` table.
#[derive(schemars::JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MqttConfig {
    /// The broker's name or address; without it there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The broker's port.
    pub port: u16,
    /// What the broker calls this agent; without it the prefix and the camera's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// File with the user's password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// The certificates that the broker's must come from, PEM.
    pub ca_file: PathBuf,
    /// First part of the topics.
    pub topic_prefix: String,
    /// An idle connection is tried this often.
    pub keep_alive_s: u16,
    /// Events sent and not acknowledged, at most.
    pub max_in_flight: u16,
    /// Longest wait between two tries to connect.
    pub max_back_off_s: u16,
    /// Whether Home Assistant is told of the camera.
    pub discovery: bool,
    /// Where it listens.
    pub discovery_prefix: String,
    /// Folder for events that wait for the broker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spool: Option<PathBuf>,
    /// Its size; the oldest events go when it is reached.
    pub spool_max_mib: u32,
    /// Longest that an event may be neither acknowledged nor safe from a power cut.
    pub sync_ms: u32,
}

impl Default for MqttConfig {
    fn default() -> Self {
        Self {
            host: None,
            port: 1883,
            client_id: None,
            username: None,
            password_file: None,
            tls: false,
            ca_file: "/etc/ssl/certs/ca-certificates.crt".into(),
            topic_prefix: "edge-agent".into(),
            keep_alive_s: 30,
            max_in_flight: 64,
            max_back_off_s: 60,
            discovery: false,
            discovery_prefix: "homeassistant".into(),
            spool: None,
            spool_max_mib: 64,
            sync_ms: 1000,
        }
    }
}

impl MqttConfig {
    /// Refuses values that cannot be.
    pub fn check(&self) -> Result<(), BadValue> {
        within("mqtt.port", self.port, 1, u16::MAX)?;
        within("mqtt.keep_alive_s", self.keep_alive_s, 1, 3600)?;
        within("mqtt.max_in_flight", self.max_in_flight, 1, 1000)?;
        within("mqtt.max_back_off_s", self.max_back_off_s, 1, 3600)?;
        within("mqtt.spool_max_mib", self.spool_max_mib, 1, 1 << 16)?;
        within("mqtt.sync_ms", self.sync_ms, 0, 1000)?;
        topics::check("mqtt.topic_prefix", &self.topic_prefix)?;
        topics::check("mqtt.discovery_prefix", &self.discovery_prefix)?;
        if self
            .host
            .as_ref()
            .is_some_and(|host| host.trim().is_empty())
        {
            return Err(BadValue::new(
                "mqtt.host",
                "is empty; give a name or an address",
            ));
        }
        if self.host.is_some() && self.spool.is_none() {
            let told = "is missing; give a folder for events that wait for the broker";
            return Err(BadValue::new("mqtt.spool", told));
        }
        if self.password_file.is_some() && self.username.is_none() {
            let told = "is missing; mqtt.password_file needs one";
            return Err(BadValue::new("mqtt.username", told));
        }
        Ok(())
    }
}

/// Whether the files that the table names can be used.
pub fn check_files(config: &MqttConfig) -> Result<(), BadValue> {
    if let Some(path) = &config.password_file {
        Secret::read(path).map_err(|told| BadValue::new("mqtt.password_file:", told))?;
    }
    if config.tls {
        transport::client_config(&config.ca_file)
            .map_err(|told| BadValue::new("mqtt.ca_file:", told))?;
    }
    Ok(())
}

/// Starts sending; none without a host. Files that cannot be used are refused here, a broker
/// that is not there is not.
pub fn start(
    config: &MqttConfig,
    camera: &str,
    say: fn(&str),
) -> Result<Option<Spooled>, BadValue> {
    start_with(config, camera, say, courier::patience(config.keep_alive_s))
}

fn start_with(
    config: &MqttConfig,
    camera: &str,
    say: fn(&str),
    patience: Duration,
) -> Result<Option<Spooled>, BadValue> {
    let (Some(host), Some(folder)) = (&config.host, &config.spool) else {
        return Ok(None);
    };
    check_files(config)?;
    let unusable = |error| {
        let told = format!("cannot use {}: {error}", folder.display());
        BadValue::new("mqtt.spool:", told)
    };
    let spool =
        spooled::open_spool(folder, config.spool_max_mib, config.sync_ms).map_err(unusable)?;
    let topics = Topics::new(&config.topic_prefix, camera);
    let client_id = config.client_id.clone();
    let notify = Arc::new(Notify::new());
    let courier = Courier {
        host: host.clone(),
        client_id: client_id.unwrap_or_else(|| topics.default_client_id()),
        announcements: if config.discovery {
            topics.discovery(&config.discovery_prefix, camera)
        } else {
            Vec::new()
        },
        topics,
        most_wait: Duration::from_secs(config.max_back_off_s.into()),
        patience,
        config: config.clone(),
        notify: Arc::clone(&notify),
    };
    let name = format!("mqtt broker {host}:{}", config.port);
    let wake = Box::new(move || notify.notify_one());
    Spooled::start(name, spool, say, wake, move |queue| courier.run(queue))
        .map(Some)
        .map_err(|error| BadValue::new("mqtt:", format!("cannot start a thread: {error}")))
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod unkind_tests;
