//! Many simulated devices at a real broker: how fast it lets them in, how fast it acknowledges,
//! what each costs it. The devices share this machine with the broker.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rumqttc::{LastWill, QoS};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use crate::broker::Broker;
use crate::client::{Login, Session};
use crate::collector::Collector;
use crate::event::{event, now};
use crate::fleet::Fleet;
use crate::wire::Wire;

/// Devices that log in at the same moment.
const AT_ONCE: usize = 100;
/// Events that the counted connection tells, while the collector is away.
const COUNTED: u64 = 3000;
/// What TCP and IP add to each piece that is sent: two headers with TCP's time stamps.
const HEADERS: f64 = 52.0;

/// What is tried.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Simulated devices.
    pub devices: usize,
    /// How long they tell events.
    pub seconds: u64,
    /// Events of each device a second.
    pub rate: f64,
}

/// What was measured.
pub struct Report {
    plan: Plan,
    connected_s: f64,
    connect: Spread,
    acknowledged: usize,
    told_s: f64,
    acknowledge: Spread,
    collected: usize,
    resident_alone: u64,
    resident_idle: u64,
    resident_busy: u64,
    cpu_connect_s: f64,
    cpu_tell_s: f64,
    one: One,
}

/// What one device alone at a broker of its own showed, in bytes.
struct One {
    /// An event.
    payload: u64,
    /// To log in, both ways.
    greeting: u64,
    /// From the device for each event, with what TLS, TCP and IP add.
    up: f64,
    /// To it.
    down: f64,
    /// Of the broker's memory for each event that the collector has not fetched.
    waiting: u64,
}

/// Median, and what 99 of 100 stay below; milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Spread {
    median: f64,
    p99: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let index = (values.len().saturating_sub(1) as f64 * share).round();
            values.get(index as usize).copied().unwrap_or_default()
        };
        Self {
            median: at(0.5),
            p99: at(0.99),
        }
    }
}

/// Runs it; none, and a word why, where there is no mosquitto.
pub async fn run(plan: Plan) -> Result<Option<Report>> {
    enough_files(plan.devices)?;
    let fleet = Fleet::new()?;
    let names: Vec<String> = (0..plan.devices).map(|n| format!("device-{n}")).collect();
    fleet.add(&names)?;
    let Some(broker) = Broker::start(&fleet)? else {
        return Ok(None);
    };
    let alone = broker.usage()?;
    let (stop, stopped) = watch::channel(false);
    let collector = Collector::open(&fleet.collector(broker.port)?).await?;
    let collecting = tokio::spawn(collect(collector, stopped));

    let (start, started) = watch::channel(false);
    let (tell_in, mut told_in) = mpsc::unbounded_channel();
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut devices = JoinSet::new();
    let begun = Instant::now();
    for name in &names {
        let device = Device {
            name: name.clone(),
            login: fleet.device(name, broker.port)?,
            plan,
        };
        devices.spawn(device.live(Arc::clone(&room), tell_in.clone(), started.clone()));
    }
    let mut connect = Vec::new();
    while connect.len() < plan.devices {
        tokio::select! {
            Some(took_ms) = told_in.recv() => connect.push(took_ms),
            Some(ended) = devices.join_next() => {
                ended??;
                bail!("a device ended before the start:\n{}", broker.log());
            }
        }
    }
    let connected_s = begun.elapsed().as_secs_f64();
    let idle = broker.usage()?;
    let told = Instant::now();
    start.send(true)?;
    let mut acknowledge = Vec::new();
    while let Some(ended) = devices.join_next().await {
        acknowledge.extend(ended??);
    }
    let told_s = told.elapsed().as_secs_f64();
    let busy = broker.usage()?;
    stop.send(true)?;
    let collected = collecting.await??;
    drop(broker);
    let one = one().await?;
    Ok(Some(Report {
        plan,
        connected_s,
        connect: Spread::of(connect),
        acknowledged: acknowledge.len(),
        told_s,
        acknowledge: Spread::of(acknowledge),
        collected,
        resident_alone: alone.resident,
        resident_idle: idle.resident,
        resident_busy: busy.resident,
        cpu_connect_s: idle.cpu_s - alone.cpu_s,
        cpu_tell_s: busy.cpu_s - idle.cpu_s,
        one,
    }))
}

/// One of them.
struct Device {
    name: String,
    login: Login,
    plan: Plan,
}

impl Device {
    /// Logs in, waits for the start, tells events in its rhythm; how long each acknowledgement
    /// took, in milliseconds.
    async fn live(
        self,
        room: Arc<Semaphore>,
        tell_in: mpsc::UnboundedSender<f64>,
        mut started: watch::Receiver<bool>,
    ) -> Result<Vec<f64>> {
        let place = room.acquire().await?;
        let begun = Instant::now();
        let mut options = self.login.options()?;
        let status = format!("edge-agent/{}/status", self.name);
        options.set_last_will(LastWill::new(&status, "offline", QoS::AtLeastOnce, true));
        let mut session = Session::open_with(options).await?;
        let took_ms = begun.elapsed().as_secs_f64() * 1e3;
        session.publish(&status, true, b"online").await?;
        drop(place);
        tell_in.send(took_ms)?;
        started.wait_for(|on| *on).await?;

        let mut chance = fastrand::Rng::new();
        let period = Duration::from_secs_f64(1.0 / self.plan.rate);
        let end = Instant::now() + Duration::from_secs(self.plan.seconds);
        let mut next = Instant::now() + period.mul_f64(chance.f64());
        let topic = format!("edge-agent/{}/event", self.name);
        let mut waited = Vec::new();
        while next < end {
            tokio::time::sleep_until(next.into()).await;
            let told = event(&self.name, waited.len() as u64 + 1, &now(), &mut chance).to_string();
            let sent = Instant::now();
            session.publish(&topic, false, told.as_bytes()).await?;
            waited.push(sent.elapsed().as_secs_f64() * 1e3);
            next += period;
        }
        Ok(waited)
    }
}

/// Takes and acknowledges until it is told to stop and nothing comes any more; events it saw.
async fn collect(mut collector: Collector, stopped: watch::Receiver<bool>) -> Result<usize> {
    let mut events = 0;
    loop {
        let taken = collector.take(Duration::from_millis(500)).await?;
        collector.acknowledge(&taken)?;
        let told = |topic: &str| topic.ends_with("/event");
        events += taken.iter().filter(|(_, m)| told(&m.topic)).count();
        if taken.is_empty() && *stopped.borrow() {
            return Ok(events);
        }
    }
}

/// One device, while the collector is away.
async fn one() -> Result<One> {
    let fleet = Fleet::new()?;
    fleet.add(&["device".into()])?;
    let broker = Broker::start(&fleet)?.context("mosquitto has gone")?;
    // It leaves its session behind.
    drop(Collector::open(&fleet.collector(broker.port)?).await?);
    let mut login = fleet.device("device", broker.port)?;
    let wire = Wire::to(login.port)?;
    login.port = wire.port;
    let mut chance = fastrand::Rng::with_seed(1);
    let mut session = Session::open(&login).await?;
    // What the broker still has to say after the greeting.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (before, alone) = (wire.count(), broker.usage()?);
    let mut payload = 0;
    for sequence in 1..=COUNTED {
        let told = event("device", sequence, &now(), &mut chance).to_string();
        payload += told.len() as u64;
        session
            .publish("edge-agent/device/event", false, told.as_bytes())
            .await?;
    }
    let (after, full) = (wire.count(), broker.usage()?);
    // Each way has a piece with content and an empty one that acknowledges the other's.
    let each = |bytes: u64| bytes as f64 / COUNTED as f64 + 2.0 * HEADERS;
    Ok(One {
        payload: payload / COUNTED,
        greeting: before.up + before.down,
        up: each(after.up - before.up),
        down: each(after.down - before.down),
        waiting: full.resident.saturating_sub(alone.resident) / COUNTED,
    })
}

/// Refuses what would run out of sockets halfway.
fn enough_files(devices: usize) -> Result<()> {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let most: Option<usize> = limits.lines().find_map(|line| {
        line.strip_prefix("Max open files")?
            .split_whitespace()
            .next()?
            .parse()
            .ok()
    });
    match most {
        Some(most) if most < devices + 100 => bail!(
            "{devices} devices need more than the {most} open files that are allowed here; run \
             `ulimit -n {}` first",
            devices + 100
        ),
        _ => Ok(()),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan {
            devices,
            seconds,
            rate,
        } = self.plan;
        let each =
            |bytes: u64| bytes.saturating_sub(self.resident_alone) as f64 / 1024.0 / devices as f64;
        let per_s = self.acknowledged as f64 / self.told_s;
        let cpu_ms = self.cpu_tell_s * 1e3 / self.acknowledged.max(1) as f64;
        writeln!(
            f,
            "{devices} devices, {rate} events a second each, for {seconds} s"
        )?;
        writeln!(
            f,
            "log in        {:.1} s for all, {AT_ONCE} at once; each {:.0} ms, 99 of 100 in {:.0} ms; broker {:.1} ms of processor each",
            self.connected_s,
            self.connect.median,
            self.connect.p99,
            self.cpu_connect_s * 1e3 / devices as f64
        )?;
        writeln!(
            f,
            "acknowledged  {} events, {per_s:.0} a second; median {:.1} ms, 99 of 100 in {:.1} ms; collected {}",
            self.acknowledged, self.acknowledge.median, self.acknowledge.p99, self.collected
        )?;
        writeln!(
            f,
            "broker        {:.2} ms of processor an event; {:.1} MiB alone, {:.1} KiB more for each idle device, {:.1} KiB for each busy one",
            cpu_ms,
            self.resident_alone as f64 / f64::from(1 << 20),
            each(self.resident_idle),
            each(self.resident_busy)
        )?;
        writeln!(
            f,
            "waiting       {} bytes of the broker's memory for an event that the collector has not fetched",
            self.one.waiting
        )?;
        write!(
            f,
            "on the wire   {} bytes of event; {:.0} up and {:.0} down with TLS, TCP and IP; {:.0} bytes to log in",
            self.one.payload, self.one.up, self.one.down, self.one.greeting
        )
    }
}

impl Report {
    /// Whether every event that was acknowledged was collected.
    pub fn complete(&self) -> bool {
        self.acknowledged > 0 && self.collected >= self.acknowledged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_the_middle_and_nearly_the_end() {
        let values = (0..=100).rev().map(f64::from).collect();
        assert_eq!(
            Spread::of(values),
            Spread {
                median: 50.0,
                p99: 99.0
            }
        );
        assert_eq!(Spread::of(Vec::new()), Spread::default());
    }

    #[test]
    fn too_many_devices_are_refused_with_a_way_out() {
        let told = enough_files(1 << 40).unwrap_err().to_string();
        assert!(told.contains("`ulimit -n "), "{told}");
    }
}
