//! Names on the broker: the topics, and what Home Assistant is told. Pure.

use serde_json::json;

use crate::config::BadValue;

/// What the status topic says while the agent is connected.
pub const ONLINE: &str = "online";
/// What it says otherwise; the broker says it when the agent is gone.
pub const OFFLINE: &str = "offline";

/// The topics of one camera.
#[derive(Clone, Debug, PartialEq)]
pub struct Topics {
    /// One message an event.
    pub event: String,
    /// [`ONLINE`] or [`OFFLINE`], retained.
    pub status: String,
    /// Prefix and camera as one word.
    word: String,
}

/// A retained message.
#[derive(Clone, Debug, PartialEq)]
pub struct Announcement {
    /// Where.
    pub topic: String,
    /// What.
    pub payload: String,
}

/// Refuses what cannot be the beginning of a topic.
pub fn check(key: &'static str, prefix: &str) -> Result<(), BadValue> {
    let bad = |c: char| matches!(c, '+' | '#') || c.is_control();
    let empty_level = prefix.split('/').any(str::is_empty);
    if prefix.contains(bad) || empty_level || prefix.starts_with('$') || prefix.len() > 200 {
        let told = format!(
            "= {prefix:?} is no topic; allowed: names joined by /, without + and #, not \
             beginning with $"
        );
        return Err(BadValue::new(key, told));
    }
    Ok(())
}

impl Topics {
    /// The topics of `camera` under `prefix`.
    pub fn new(prefix: &str, camera: &str) -> Self {
        let bad = |c: char| matches!(c, '+' | '#' | '/') || c.is_control();
        let level = camera.replace(bad, "_");
        Self {
            event: format!("{prefix}/{level}/event"),
            status: format!("{prefix}/{level}/status"),
            word: word(prefix, camera),
        }
    }

    /// What the broker calls the agent if the config does not say.
    pub fn default_client_id(&self) -> String {
        self.word.clone()
    }

    /// The sensors of Home Assistant: last colour with the whole event as its attributes,
    /// score, and vehicles of this run.
    pub fn discovery(&self, prefix: &str, camera: &str) -> Vec<Announcement> {
        let device = json!({
            "identifiers": [self.word],
            "name": camera,
            "manufacturer": "edge-agent",
            "model": "vehicle colour camera",
            "sw_version": env!("CARGO_PKG_VERSION"),
        });
        let sensors = [
            (
                "colour",
                json!({
                    "name": "Last colour",
                    "icon": "mdi:palette",
                    "value_template": "{{ value_json.colour }}",
                    "json_attributes_topic": self.event,
                }),
            ),
            (
                "score",
                json!({
                    "name": "Last score",
                    "icon": "mdi:percent",
                    "unit_of_measurement": "%",
                    "value_template": "{{ (value_json.score * 100) | round(1) }}",
                }),
            ),
            (
                "vehicles",
                json!({
                    "name": "Vehicles",
                    "icon": "mdi:car",
                    "state_class": "total_increasing",
                    "value_template": "{{ value_json.sequence }}",
                }),
            ),
        ];
        let announce = |(sensor, mut about): (&str, serde_json::Value)| {
            about["unique_id"] = json!(format!("{}_{sensor}", self.word));
            about["state_topic"] = json!(self.event);
            about["availability_topic"] = json!(self.status);
            about["payload_available"] = json!(ONLINE);
            about["payload_not_available"] = json!(OFFLINE);
            about["device"] = device.clone();
            Announcement {
                topic: format!("{prefix}/sensor/{}/{sensor}/config", self.word),
                payload: about.to_string(),
            }
        };
        sensors.into_iter().map(announce).collect()
    }
}

/// Letters, digits, `_` and `-`, as Home Assistant wants identifiers. Cameras with other names
/// stay apart by some digits of a hash: no two agents may have one word.
fn word(prefix: &str, camera: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let text = format!("{prefix}_{camera}");
    let plain: String = text
        .chars()
        .map(|c| if allowed(c) { c } else { '_' })
        .collect();
    if camera.chars().all(allowed) {
        return plain;
    }
    let mut hash = models::hash::sha256_hex(text.as_bytes());
    hash.truncate(8);
    format!("{plain}-{hash}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_camera_s_name_cannot_leave_its_level() {
        let topics = Topics::new("site/a", "gate 1/#+");
        assert_eq!(topics.event, "site/a/gate 1___/event");
        assert_eq!(topics.status, "site/a/gate 1___/status");
    }

    #[test]
    fn no_two_names_are_one_word() {
        let names = [
            "Север",
            "Запад",
            "gate 1",
            "gate_1",
            "gate/1",
            "gate-1",
            "Tor Ä",
            "Tor Ö",
        ];
        let id = |name: &&str| Topics::new("edge-agent", name).default_client_id();
        let words: BTreeSet<String> = names.iter().map(id).collect();
        assert_eq!(words.len(), names.len(), "{words:?}");
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        assert!(words.iter().all(|word| word.chars().all(allowed)));
        // What is whole stays as it is.
        for name in ["gate-1", "gate_1"] {
            assert_eq!(id(&name), format!("edge-agent_{name}"));
        }
        let below_a_site = Topics::new("site/a", "gate-1");
        assert_eq!(below_a_site.default_client_id(), "site_a_gate-1");
    }

    #[test]
    fn prefixes_that_are_no_topic_are_refused() {
        for prefix in ["", "/a", "a/", "a//b", "a/#", "+", "$SYS/a", "a\nb"] {
            let told = check("mqtt.topic_prefix", prefix).unwrap_err().to_string();
            assert!(told.starts_with("mqtt.topic_prefix = \""), "{told}");
            assert_eq!(told.lines().count(), 1);
        }
        assert_eq!(check("x", "site/a b"), Ok(()));
    }

    #[test]
    fn home_assistant_learns_of_three_sensors_of_one_device() {
        let told = Topics::new("edge-agent", "gate-1").discovery("homeassistant", "gate-1");
        let topics: Vec<&str> = told.iter().map(|a| a.topic.as_str()).collect();
        assert_eq!(
            topics,
            [
                "homeassistant/sensor/edge-agent_gate-1/colour/config",
                "homeassistant/sensor/edge-agent_gate-1/score/config",
                "homeassistant/sensor/edge-agent_gate-1/vehicles/config",
            ]
        );
        for announcement in told {
            let about: serde_json::Value = serde_json::from_str(&announcement.payload).unwrap();
            assert_eq!(about["device"]["identifiers"][0], "edge-agent_gate-1");
            assert_eq!(about["device"]["name"], "gate-1");
            assert_eq!(about["state_topic"], "edge-agent/gate-1/event");
            assert_eq!(about["availability_topic"], "edge-agent/gate-1/status");
            assert!(
                about["value_template"]
                    .as_str()
                    .unwrap()
                    .contains("value_json.")
            );
        }
    }
}
