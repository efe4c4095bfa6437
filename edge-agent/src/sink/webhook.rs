//! Events to a web server, one POST each, until it answers with success: the `[webhook]` table
//! and the start of the courier.

mod courier;
mod rejected;
#[cfg(test)]
pub mod server;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use ureq::http::Uri;

use self::courier::{Bell, Courier};
use self::rejected::Rejected;
use super::spooled::{self, Spooled};
use crate::config::{BadValue, within};
use crate::disk::Disk;

/// The `[webhook]` table.
#[derive(schemars::JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhookConfig {
    /// Where events are posted to; without it nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// File with the bearer token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// The certificates that the server's must come from, PEM; without it Mozilla's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// A request that takes longer has failed.
    pub timeout_ms: u32,
    /// Longest wait between two tries.
    pub max_back_off_s: u16,
    /// Folder for events that wait for the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spool: Option<PathBuf>,
    /// Its size; the oldest events go when it is reached.
    pub spool_max_mib: u32,
    /// Longest that an event may be neither taken nor safe from a power cut.
    pub sync_ms: u32,
}

impl Default for WebhookConfig {
    fn default() -> Self {
        Self {
            url: None,
            token_file: None,
            ca_file: None,
            timeout_ms: 10_000,
            max_back_off_s: 60,
            spool: None,
            spool_max_mib: 64,
            sync_ms: 1000,
        }
    }
}

impl WebhookConfig {
    /// Refuses values that cannot be.
    pub fn check(&self) -> Result<(), BadValue> {
        within("webhook.timeout_ms", self.timeout_ms, 100, 120_000)?;
        within("webhook.max_back_off_s", self.max_back_off_s, 1, 3600)?;
        within("webhook.spool_max_mib", self.spool_max_mib, 1, 1 << 16)?;
        within("webhook.sync_ms", self.sync_ms, 0, 1000)?;
        if self.url.is_some() && self.spool.is_none() {
            let told = "is missing; give a folder for events that wait for the server";
            return Err(BadValue::new("webhook.spool", told));
        }
        self.host().map(|_| ())
    }

    /// The server's name for messages: the rest of an address may be secret.
    fn host(&self) -> Result<String, BadValue> {
        let Some(url) = &self.url else {
            return Ok(String::new());
        };
        let uri: Option<Uri> = url.parse().ok();
        let uri = uri.filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")));
        let Some(authority) = uri.as_ref().and_then(Uri::authority) else {
            let told = "is no address; give one like https://example.org/events";
            return Err(BadValue::new("webhook.url", told));
        };
        if authority.as_str().contains('@') {
            let told = "has a user in it; put a token into webhook.token_file instead";
            return Err(BadValue::new("webhook.url", told));
        }
        // With one that is no port, the client would go to the scheme's usual one.
        let port = authority.as_str().strip_prefix(authority.host());
        let port_is_right = authority.port_u16().is_some_and(|port| port > 0);
        if port != Some("") && !port_is_right {
            let told = "has no port from 1 to 65535; correct it, or leave it and its colon out";
            return Err(BadValue::new("webhook.url", told));
        }
        Ok(authority.to_string())
    }
}

/// Whether the files that the table names can be used.
pub fn check_files(config: &WebhookConfig) -> Result<(), BadValue> {
    client(config).map(drop)
}

/// The client, once the files that it needs are found to be usable.
fn client(config: &WebhookConfig) -> Result<ureq::Agent, BadValue> {
    if let Some(path) = &config.token_file {
        courier::token(path).map_err(|told| BadValue::new("webhook.token_file:", told))?;
    }
    let timeout = Duration::from_millis(config.timeout_ms.into());
    courier::agent(timeout, config.ca_file.as_deref())
        .map_err(|told| BadValue::new("webhook.ca_file:", told))
}

/// Starts posting; none without an address. Files that cannot be used are refused here, a
/// server that is not there is not.
pub fn start(config: &WebhookConfig, say: fn(&str)) -> Result<Option<Spooled>, BadValue> {
    let (Some(url), Some(folder)) = (&config.url, &config.spool) else {
        return Ok(None);
    };
    let agent = client(config)?;
    let spool =
        spooled::open_spool(folder, config.spool_max_mib, config.sync_ms).map_err(|error| {
            let told = format!("cannot use {}: {error}", folder.display());
            BadValue::new("webhook.spool:", told)
        })?;
    let bell = Arc::new(Bell::default());
    let name = format!("webhook {}", config.host()?);
    let courier = Courier {
        name: name.clone(),
        url: url.clone(),
        token_file: config.token_file.clone(),
        agent,
        rejected: Rejected::new(Disk::default(), folder),
        most_wait: Duration::from_secs(config.max_back_off_s.into()),
        bell: Arc::clone(&bell),
    };
    let wake = Box::new(move || bell.ring());
    Spooled::start(name, spool, say, wake, move |queue| courier.run(queue))
        .map(Some)
        .map_err(|error| BadValue::new("webhook:", format!("cannot start a thread: {error}")))
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;
