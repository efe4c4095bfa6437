//! The connection to the broker: made, fed from the spool, made again. Each connection is a
//! clean session, because what is not acknowledged is in the spool and nowhere else: after a
//! failure everything unacknowledged is sent again, in order, with the same ids.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, LastWill, MqttOptions,
    Outgoing, Packet, QoS, StateError, TlsConfiguration, Transport, mqttbytes,
};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::standing::Standing;
use super::topics::{Announcement, OFFLINE, ONLINE, Topics};
use super::window::{Cargo, Window};
use super::{MqttConfig, transport};
use crate::secret::Secret;
use crate::sink::spooled::Queue;

/// Packets beside the events: status and descriptions.
const OTHERS: u16 = 8;
/// Largest packet, either way.
const PACKET: usize = 1 << 20;
/// A broker that acknowledges nothing for so long is stuck; one that works is not so slow.
const PATIENCE: Duration = Duration::from_secs(300);

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
    /// A connection in which nothing is acknowledged for so long is given up.
    pub patience: Duration,
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
        let mut standing = Standing::new(self.most_wait);
        while !queue.stopping() {
            let Err(why) = self.connection(queue, &mut standing).await else {
                return;
            };
            let (news, wait) = standing.failed(&why);
            if news {
                let spool = queue.spool().folder().display().to_string();
                queue.say(&format!(
                    "{}: {why}; events wait in {spool} and are sent when it is back",
                    self.name()
                ));
            }
            let until = Instant::now() + wait;
            while !queue.stopping() && Instant::now() < until {
                tokio::select! {
                    () = sleep_until(until) => {}
                    () = self.notify.notified() => {}
                }
            }
        }
    }

    /// One connection, from its start to its failure or the agent's end.
    async fn connection(&self, queue: &Queue, standing: &mut Standing) -> Result<(), String> {
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
                    let stuck = window.waits_since().map(|since| since + self.patience);
                    // One with something unacknowledged shows that it works when it acknowledges.
                    let lasted = standing.due().filter(|_| window.is_empty());
                    tokio::select! {
                        // What came while this thread was held up is heard before it counts as
                        // late.
                        biased;
                        () = at(deadline) => return Ok(()),
                        event = &mut poll => break event,
                        () = self.notify.notified() => {}
                        () = at(stuck) => {
                            return Err("it takes events and acknowledges none".into());
                        }
                        () = at(lasted) => {
                            self.tell_back(queue, standing.has_lasted(Instant::now()));
                        }
                    }
                    self.feed(queue, &client, &mut window, &mut stage)?;
                }
            };
            let short = stage != Stage::Connecting && !standing.is_proven();
            match event.map_err(|error| explain(&error, short))? {
                Event::Incoming(Packet::ConnAck(_)) => {
                    stage = Stage::Open;
                    self.announce(&client, &mut window)?;
                }
                Event::Incoming(Packet::PubAck(ack)) => {
                    let now = Instant::now();
                    if let Some(Cargo::Record(number)) = window.acknowledge(ack.pkid, now) {
                        queue.spool().acknowledge(number);
                    }
                    self.tell_back(queue, standing.acknowledged(now));
                }
                Event::Outgoing(Outgoing::Publish(packet)) => window.send(packet, Instant::now()),
                Event::Outgoing(Outgoing::Disconnect) => return Ok(()),
                _ => continue,
            }
            self.feed(queue, &client, &mut window, &mut stage)?;
        }
    }

    fn tell_back(&self, queue: &Queue, news: bool) {
        if news {
            queue.say(&format!("{}: connected", self.name()));
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

/// How long a broker may acknowledge nothing.
pub fn patience(keep_alive_s: u16) -> Duration {
    PATIENCE.max(2 * Duration::from_secs(keep_alive_s.into()))
}

/// Waits until then; for ever without a time.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
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

/// One line for a failure, with what to do where somebody can do something. `short` tells that a
/// connection was there and did not last.
fn explain(error: &ConnectionError, short: bool) -> String {
    if short && was_closed(error) {
        return "it closed the connection after a short time; give each agent an mqtt.client_id of \
                its own"
            .into();
    }
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

/// Whether the broker ended the connection, in whichever way.
fn was_closed(error: &ConnectionError) -> bool {
    let error = match error {
        ConnectionError::MqttState(StateError::ConnectionAborted) => return true,
        ConnectionError::MqttState(
            StateError::Io(error) | StateError::Deserialization(mqttbytes::Error::Io(error)),
        )
        | ConnectionError::Io(error) => error,
        _ => return false,
    };
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof
    )
}
