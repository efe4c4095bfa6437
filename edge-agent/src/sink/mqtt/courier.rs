//! The connection to the broker: made, fed from the spool, made again. Each connection is a
//! clean session, because what is not acknowledged is in the spool and nowhere else: after a
//! failure everything unacknowledged is sent again, in order, with the same ids.

use std::sync::Arc;
use std::time::Duration;

use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, LastWill, MqttOptions,
    Outgoing, Packet, QoS, StateError, TlsConfiguration, Transport,
};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::topics::{Announcement, OFFLINE, ONLINE, Topics};
use super::window::{Cargo, Window};
use super::{MqttConfig, transport};
use crate::secret::Secret;
use crate::sink::back_off::BackOff;
use crate::sink::spooled::Queue;

/// Packets beside the events: status and descriptions.
const OTHERS: u16 = 8;
/// Largest packet, either way.
const PACKET: usize = 1 << 20;

/// What the thread needs.
pub struct Courier {
    /// The table.
    pub config: MqttConfig,
    /// The broker.
    pub host: String,
    /// What it calls this agent.
    pub client_id: String,
    /// Where events and the status go.
    pub topics: Topics,
    /// Descriptions, retained.
    pub announcements: Vec<Announcement>,
    /// Longest wait between two tries.
    pub most_wait: Duration,
    /// Wakes it: there are events, or the agent ends.
    pub notify: Arc<Notify>,
}

/// How a connection stands.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    Connecting,
    Open,
    /// The last status was handed over.
    Closing,
}

impl Courier {
    /// Delivers until the agent ends.
    pub fn run(self, queue: &Queue) {
        match tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
        {
            Ok(runtime) => {
                runtime.block_on(self.keep_connected(queue));
                // A name that is still being looked up is not waited for.
                runtime.shutdown_background();
            }
            Err(error) => queue.say(&format!("{}: cannot start: {error}", self.name())),
        }
    }

    fn name(&self) -> String {
        format!("mqtt broker {}:{}", self.host, self.config.port)
    }

    async fn keep_connected(&self, queue: &Queue) {
        let mut back_off = BackOff::new(self.most_wait);
        let mut told = false;
        while !queue.stopping() {
            let Err(error) = self.connection(queue, &mut back_off, &mut told).await else {
                return;
            };
            if !told {
                told = true;
                let spool = queue.spool().folder().display().to_string();
                queue.say(&format!(
                    "{}: {error}; events wait in {spool} and are sent when it is back",
                    self.name()
                ));
            }
            let until = Instant::now() + back_off.wait();
            while !queue.stopping() && Instant::now() < until {
                tokio::select! {
                    () = sleep_until(until) => {}
                    () = self.notify.notified() => {}
                }
            }
        }
    }

    /// One connection, from its start to its failure or the agent's end.
    async fn connection(
        &self,
        queue: &Queue,
        back_off: &mut BackOff,
        told: &mut bool,
    ) -> Result<(), String> {
        let (client, mut events) = self.client()?;
        let mut window = Window::new(self.config.max_in_flight);
        let mut stage = Stage::Connecting;
        queue.spool().rewind();
        loop {
            let event = {
                // Polled to its end: given up halfway, it could forget a packet.
                let poll = events.poll();
                tokio::pin!(poll);
                loop {
                    let deadline = queue.deadline().map(Instant::from_std);
                    let end = deadline.unwrap_or_else(Instant::now);
                    tokio::select! {
                        event = &mut poll => break event,
                        () = self.notify.notified() => {}
                        () = sleep_until(end), if deadline.is_some() => return Ok(()),
                    }
                    self.feed(queue, &client, &mut window, &mut stage)?;
                }
            };
            match event.map_err(|error| explain(&error))? {
                Event::Incoming(Packet::ConnAck(_)) => {
                    stage = Stage::Open;
                    if std::mem::take(told) {
                        queue.say(&format!("{}: connected", self.name()));
                    }
                    self.announce(&client, &mut window)?;
                }
                Event::Incoming(Packet::PubAck(ack)) => {
                    back_off.reset();
                    if let Some(Cargo::Record(number)) = window.acknowledge(ack.pkid) {
                        queue.spool().acknowledge(number);
                    }
                }
                Event::Outgoing(Outgoing::Publish(packet)) => window.send(packet),
                Event::Outgoing(Outgoing::Disconnect) => return Ok(()),
                _ => continue,
            }
            self.feed(queue, &client, &mut window, &mut stage)?;
        }
    }

    /// Hands over what there is and has room; when the agent ends and all is acknowledged, the
    /// last status, and then the end.
    fn feed(
        &self,
        queue: &Queue,
        client: &AsyncClient,
        window: &mut Window,
        stage: &mut Stage,
    ) -> Result<(), String> {
        while *stage == Stage::Open && window.has_room() {
            let Some((number, record)) = queue.spool().next() else {
                break;
            };
            publish(client, &self.topics.event, false, record)?;
            window.hand(Cargo::Record(number));
        }
        if queue.stopping() && window.is_empty() {
            match stage {
                Stage::Connecting => {}
                Stage::Open => {
                    *stage = Stage::Closing;
                    publish(client, &self.topics.status, true, OFFLINE.into())?;
                    window.hand(Cargo::Other);
                }
                Stage::Closing => client.try_disconnect().map_err(|error| error.to_string())?,
            }
        }
        Ok(())
    }

    fn announce(&self, client: &AsyncClient, window: &mut Window) -> Result<(), String> {
        publish(client, &self.topics.status, true, ONLINE.into())?;
        window.hand(Cargo::Other);
        for announcement in &self.announcements {
            let payload = announcement.payload.clone().into_bytes();
            publish(client, &announcement.topic, true, payload)?;
            window.hand(Cargo::Other);
        }
        Ok(())
    }

    fn client(&self) -> Result<(AsyncClient, EventLoop), String> {
        let config = &self.config;
        let mut options = MqttOptions::new(&self.client_id, &self.host, config.port);
        options.set_clean_session(true);
        options.set_keep_alive(Duration::from_secs(config.keep_alive_s.max(1).into()));
        options.set_max_packet_size(PACKET, PACKET);
        options.set_inflight(config.max_in_flight.max(1) + OTHERS);
        options.set_last_will(LastWill::new(
            &self.topics.status,
            OFFLINE,
            QoS::AtLeastOnce,
            true,
        ));
        if let Some(username) = &config.username {
            // Read for each connection: it may have been changed meanwhile.
            let password = match &config.password_file {
                Some(path) => Secret::read(path)?.reveal().to_string(),
                None => String::new(),
            };
            options.set_credentials(username, password);
        }
        if config.tls {
            let tls = transport::client_config(&config.ca_file)?;
            options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(tls)));
        }
        let room = usize::from(config.max_in_flight) + usize::from(OTHERS);
        Ok(AsyncClient::new(options, room))
    }
}

fn publish(
    client: &AsyncClient,
    topic: &str,
    retain: bool,
    payload: Vec<u8>,
) -> Result<(), String> {
    client
        .try_publish(topic, QoS::AtLeastOnce, retain, payload)
        .map_err(|error| error.to_string())
}

/// One line for a failure, with what to do where somebody can do something.
fn explain(error: &ConnectionError) -> String {
    match error {
        ConnectionError::ConnectionRefused(
            ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized,
        ) => "it refuses this user; look at mqtt.username and mqtt.password_file".into(),
        ConnectionError::ConnectionRefused(code) => format!("it refuses the connection: {code:?}"),
        ConnectionError::Io(error) => error.to_string(),
        ConnectionError::NetworkTimeout | ConnectionError::FlushTimeout => {
            "it does not answer".into()
        }
        ConnectionError::MqttState(StateError::AwaitPingResp) => "it does not answer".into(),
        ConnectionError::MqttState(StateError::ConnectionAborted) => {
            "it closed the connection".into()
        }
        ConnectionError::MqttState(StateError::Io(error)) => error.to_string(),
        error => error.to_string(),
    }
}
