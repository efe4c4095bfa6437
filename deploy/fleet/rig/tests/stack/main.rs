//! The fleet's files at work: a mosquitto and a PostgreSQL of this machine with the fleet's own
//! configuration, simulated devices and a real agent. Says so and skips where a server is missing.
//! What cannot be run here (compose, Telegraf, Grafana, TimescaleDB) is read and checked.

mod alarms;
mod files;
mod gate;
mod left;
mod panels;
mod road;
mod script;
mod store;
mod way;
mod yaml;

use fleet_rig::collector::Message;
use fleet_rig::event::event;

/// Runs to its end.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(future)
}

/// A message as the collector writes it.
fn message(received: &str, topic: &str, value: &str) -> Message {
    Message {
        time: received.into(),
        topic: topic.into(),
        value: value.into(),
    }
}

/// An event of this device, this long ago, that arrived a second later.
fn told(device: &str, sequence: u64, ago: jiff::SignedDuration) -> Message {
    let seen = jiff::Timestamp::now() - ago;
    let received = seen + jiff::SignedDuration::from_secs(1);
    let mut chance = fastrand::Rng::new();
    message(
        &received.strftime("%Y-%m-%d %H:%M:%S.%3f").to_string(),
        &format!("edge-agent/{device}/event"),
        &event(device, sequence, &format!("{seen:.3}"), &mut chance).to_string(),
    )
}
