//! One MQTT connection over TLS, as an agent makes it, step by step: for questions such as what
//! the broker lets through. Reconnects by itself never.

use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rumqttc::tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};
use rumqttc::tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};
use rumqttc::{
    AsyncClient, ConnectionError, Event, MqttOptions, Packet, Publish, QoS, SubscribeReasonCode,
    TlsConfiguration, Transport,
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

/// Longest wait for an answer that must come.
const ANSWER: Duration = Duration::from_secs(60);

/// Who one is, and where the broker is.
#[derive(Clone)]
pub struct Login {
    /// Port of 127.0.0.1.
    pub port: u16,
    /// Whose certificate the broker's must come from.
    pub ca_file: PathBuf,
    /// The device's name.
    pub username: String,
    /// Its password.
    pub password: String,
    /// What it calls itself.
    pub client_id: String,
}

impl Login {
    /// The client's settings: TLS, name and password, a clean session.
    pub fn options(&self) -> Result<MqttOptions> {
        let pem = fs::read(&self.ca_file)
            .with_context(|| format!("cannot read {}", self.ca_file.display()))?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            roots.add(certificate.context("not a certificate")?)?;
        }
        // Named here: without a default provider in the process, the short way would panic.
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut options = MqttOptions::new(&self.client_id, "127.0.0.1", self.port);
        options.set_credentials(&self.username, &self.password);
        options.set_keep_alive(Duration::from_secs(30));
        options.set_clean_session(true);
        options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(
            Arc::new(config),
        )));
        Ok(options)
    }
}

/// An open connection. Dropped, it breaks off without a word, as a device does that loses power.
pub struct Session {
    client: AsyncClient,
    events: UnboundedReceiver<Result<Event, ConnectionError>>,
    messages: VecDeque<Publish>,
    polling: JoinHandle<()>,
}

impl Session {
    /// Connects; the error is the broker's refusal.
    pub async fn open(login: &Login) -> Result<Self> {
        Self::open_with(login.options()?).await
    }

    /// Connects with these settings.
    pub async fn open_with(options: MqttOptions) -> Result<Self> {
        let (client, mut connection) = AsyncClient::new(options, 4096);
        let (tell, events) = unbounded_channel();
        // In a task of its own: a poll that is given up halfway could forget a packet.
        let polling = tokio::spawn(async move {
            loop {
                let event = connection.poll().await;
                let over = event.is_err();
                if tell.send(event).is_err() || over {
                    return;
                }
            }
        });
        let mut session = Self {
            client,
            events,
            messages: VecDeque::new(),
            polling,
        };
        let accepted = |event: &Event| matches!(event, Event::Incoming(Packet::ConnAck(_)));
        session.until(accepted).await?;
        Ok(session)
    }

    /// Publishes with QoS 1 and waits for the acknowledgement.
    pub async fn publish(&mut self, topic: &str, retain: bool, payload: &[u8]) -> Result<()> {
        self.client
            .try_publish(topic, QoS::AtLeastOnce, retain, payload)?;
        let acknowledged = |event: &Event| matches!(event, Event::Incoming(Packet::PubAck(_)));
        self.until(acknowledged).await.map(drop)
    }

    /// Subscribes with QoS 1; whether the broker agrees.
    pub async fn subscribe(&mut self, filter: &str) -> Result<bool> {
        self.client.try_subscribe(filter, QoS::AtLeastOnce)?;
        let answered = |event: &Event| matches!(event, Event::Incoming(Packet::SubAck(_)));
        match self.until(answered).await? {
            Event::Incoming(Packet::SubAck(answer)) => Ok(answer
                .return_codes
                .iter()
                .all(|code| matches!(code, SubscribeReasonCode::Success(_)))),
            other => bail!("an answer that was not asked for: {other:?}"),
        }
    }

    /// The next message; none when there is none within this time.
    pub async fn message(&mut self, within: Duration) -> Result<Option<Publish>> {
        let end = Instant::now() + within;
        loop {
            if let Some(message) = self.messages.pop_front() {
                return Ok(Some(message));
            }
            match timeout_at(end, self.events.recv()).await {
                Err(_) => return Ok(None),
                Ok(event) => drop(self.note(event)?),
            }
        }
    }

    /// Acknowledges a message; only where the settings leave that to the client.
    pub fn acknowledge(&self, message: &Publish) -> Result<()> {
        Ok(self.client.try_ack(message)?)
    }

    /// Waits until the broker ends the connection.
    pub async fn ended(&mut self) -> Result<()> {
        let end = async { while matches!(self.events.recv().await, Some(Ok(_))) {} };
        timeout(ANSWER, end)
            .await
            .context("the broker keeps the connection")
    }

    async fn until(&mut self, wanted: impl Fn(&Event) -> bool) -> Result<Event> {
        let end = Instant::now() + ANSWER;
        loop {
            let event = timeout_at(end, self.events.recv())
                .await
                .context("no answer within a minute")?;
            let event = self.note(event)?;
            if wanted(&event) {
                return Ok(event);
            }
        }
    }

    fn note(&mut self, event: Option<Result<Event, ConnectionError>>) -> Result<Event> {
        let event = event.context("the connection is over")??;
        if let Event::Incoming(Packet::Publish(message)) = &event {
            self.messages.push_back(message.clone());
        }
        Ok(event)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.polling.abort();
    }
}
