//! The `[http]` table and its limits.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::{BadValue, within};

/// The `[http]` table.
#[derive(schemars::JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// Address and port; without it there is no page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    /// File with the token that a client must show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// Whether the page is open to whoever reaches an address beyond this machine.
    pub allow_anyone: bool,
    /// Names of the page besides localhost, and where it is open to the network the machine's own.
    pub host_names: Vec<String>,
    /// Without a frame for longer the agent is not healthy.
    pub stale_ms: u32,
    /// Most live pictures a second.
    pub live_fps: f32,
    /// Most clients that watch the live picture, and as many that follow the events.
    pub max_watchers: u32,
    /// Latest events that are kept in memory, each with a small picture.
    pub events: u32,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: None,
            token_file: None,
            allow_anyone: false,
            host_names: Vec::new(),
            stale_ms: 5000,
            live_fps: 5.0,
            max_watchers: 4,
            events: 50,
        }
    }
}

impl HttpConfig {
    /// Where to listen, if at all.
    pub fn address(&self) -> Result<Option<SocketAddr>, BadValue> {
        let parse = |text: &String| {
            text.parse().map_err(|_| {
                let problem = format!(
                    "= {text:?} is no address with a port; give one such as \"127.0.0.1:8080\""
                );
                BadValue::new("http.listen", problem)
            })
        };
        self.listen.as_ref().map(parse).transpose()
    }

    /// Refuses values out of range, and a page that is open to a network without a word.
    pub fn check(&self) -> Result<(), BadValue> {
        within("http.stale_ms", self.stale_ms, 100, 3_600_000)?;
        within("http.live_fps", self.live_fps, 0.1, 30.0)?;
        within("http.max_watchers", self.max_watchers, 1, 32)?;
        within("http.events", self.events, 1, 200)?;
        if let Some(name) = self.host_names.iter().find(|name| !is_host_name(name)) {
            let problem = format!(
                "has {name:?}, which is no host name; give names such as \"camera.local\" without \
                 scheme and port"
            );
            return Err(BadValue::new("http.host_names", problem));
        }
        if self.token_file.is_some() && self.allow_anyone {
            let problem = "contradicts http.token_file; leave one of them out";
            return Err(BadValue::new("http.allow_anyone", problem));
        }
        match self.address()? {
            Some(address)
                if !address.ip().is_loopback()
                    && self.token_file.is_none()
                    && !self.allow_anyone =>
            {
                let problem = format!(
                    "= \"{address}\" is open to the network; set http.token_file, or \
                     http.allow_anyone = true if whoever reaches it may see the pictures"
                );
                Err(BadValue::new("http.listen", problem))
            }
            _ => Ok(()),
        }
    }
}

/// Whether `http.host_names` may have that.
pub fn is_host_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    !name.is_empty() && name.len() <= 253 && name.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(toml: &str) -> String {
        let config: HttpConfig = toml::from_str(toml).unwrap();
        config
            .check()
            .map_or_else(|bad| bad.to_string(), |()| "fine".into())
    }

    #[test]
    fn a_page_is_open_to_the_network_only_when_that_is_said() {
        for (toml, told) in [
            ("", "fine"),
            ("listen = \"127.0.0.1:8080\"", "fine"),
            ("listen = \"[::1]:0\"", "fine"),
            ("listen = \"0.0.0.0:80\"\nallow_anyone = true", "fine"),
            ("listen = \"0.0.0.0:80\"\ntoken_file = \"t\"", "fine"),
            (
                "listen = \"0.0.0.0:80\"",
                "http.listen = \"0.0.0.0:80\" is open to the network; set http.token_file, or \
                 http.allow_anyone = true if whoever reaches it may see the pictures",
            ),
            (
                "listen = \"[::]:80\"",
                "http.listen = \"[::]:80\" is open to the network; set http.token_file, or \
                 http.allow_anyone = true if whoever reaches it may see the pictures",
            ),
            (
                "allow_anyone = true\ntoken_file = \"t\"",
                "http.allow_anyone contradicts http.token_file; leave one of them out",
            ),
            (
                "listen = \"8080\"",
                "http.listen = \"8080\" is no address with a port; give one such as \
                 \"127.0.0.1:8080\"",
            ),
            (
                "host_names = [\"http://a\"]",
                "http.host_names has \"http://a\", which is no host name; give names such as \
                 \"camera.local\" without scheme and port",
            ),
            (
                "events = 0",
                "http.events = 0 is out of range; allowed: 1 to 200",
            ),
            (
                "live_fps = nan",
                "http.live_fps = NaN is out of range; allowed: 0.1 to 30",
            ),
        ] {
            assert_eq!(checked(toml), told, "{toml}");
        }
    }
}
