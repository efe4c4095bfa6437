//! Stands in for Telegraf, which is no package of Debian's: subscribes as telegraf.conf says, keeps
//! its session, and acknowledges a message only after it was written. Does not parse or change
//! anything else.

use std::time::Duration;

use anyhow::{Context, Result};
use rumqttc::{MqttOptions, Publish};

use crate::client::{Login, Session};
use crate::fleet;

/// A message with the time it came, as Telegraf hands it to the database.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// `2026-03-01 07:15:02.250`, UTC.
    pub time: String,
    /// Where it was published.
    pub topic: String,
    /// What.
    pub value: String,
}

/// What telegraf.conf says about the broker.
pub struct Settings {
    /// The subscriptions.
    pub topics: Vec<String>,
    /// The session's name.
    pub client_id: String,
    /// Messages that may be under way.
    pub most: usize,
}

impl Settings {
    /// Reads the fleet's telegraf.conf.
    pub fn read() -> Result<Self> {
        let config: toml::Table = fleet::file("telegraf/telegraf.conf")?.parse()?;
        let input = &config["inputs"]["mqtt_consumer"][0];
        let topics = input["topics"].as_array().context("no topics")?;
        Ok(Self {
            topics: topics
                .iter()
                .filter_map(|topic| topic.as_str().map(String::from))
                .collect(),
            client_id: input["client_id"].as_str().context("no client_id")?.into(),
            most: input["max_undelivered_messages"]
                .as_integer()
                .and_then(|number| usize::try_from(number).ok())
                .context("no max_undelivered_messages")?,
        })
    }
}

/// A collector that is connected.
pub struct Collector {
    settings: Settings,
    session: Session,
}

impl Collector {
    /// Connects and subscribes.
    pub async fn open(login: &Login) -> Result<Self> {
        let settings = Settings::read()?;
        let mut options: MqttOptions = login.options()?;
        options.set_clean_session(false);
        options.set_manual_acks(true);
        let mut session = Session::open_with(options).await?;
        for topic in &settings.topics {
            session
                .subscribe(topic)
                .await?
                .then_some(())
                .with_context(|| format!("the broker refuses the collector {topic}"))?;
        }
        Ok(Self { settings, session })
    }

    /// Takes what comes within this time, a batch at most, without acknowledging it.
    pub async fn take(&mut self, within: Duration) -> Result<Vec<(Publish, Message)>> {
        let mut taken = Vec::new();
        let end = tokio::time::Instant::now() + within;
        while taken.len() < self.settings.most {
            let left = end.saturating_duration_since(tokio::time::Instant::now());
            let Some(message) = self.session.message(left).await? else {
                break;
            };
            let now = jiff::Timestamp::now();
            let told = Message {
                time: now.strftime("%Y-%m-%d %H:%M:%S.%3f").to_string(),
                topic: message.topic.clone(),
                value: String::from_utf8_lossy(&message.payload).into_owned(),
            };
            taken.push((message, told));
        }
        Ok(taken)
    }

    /// Acknowledges messages that were written.
    pub fn acknowledge(&self, taken: &[(Publish, Message)]) -> Result<()> {
        taken
            .iter()
            .try_for_each(|(message, _)| self.session.acknowledge(message))
    }
}
