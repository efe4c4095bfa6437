//! The whole way with the stand-in for Telegraf: devices → broker → collector → database, with
//! crashes in between.

use std::time::Duration;

use fleet_rig::broker::Broker;
use fleet_rig::client::Session;
use fleet_rig::collector::Collector;
use fleet_rig::database::Database;
use fleet_rig::event::{event, now};
use fleet_rig::fleet::Fleet;
use fleet_rig::load::{self, Plan};

use crate::block_on;

const SOON: Duration = Duration::from_millis(500);

/// Tells this many events, each until the broker has acknowledged it.
async fn tell(session: &mut Session, device: &str, sequences: std::ops::Range<u64>) {
    let mut chance = fastrand::Rng::new();
    for sequence in sequences {
        let told = event(device, sequence, &now(), &mut chance).to_string();
        let topic = format!("edge-agent/{device}/event");
        session
            .publish(&topic, false, told.as_bytes())
            .await
            .unwrap();
    }
}

#[test]
fn what_the_broker_acknowledged_reaches_the_table_once_through_crashes() {
    let fleet = Fleet::new().unwrap();
    let Some(database) = Database::start().unwrap() else {
        return;
    };
    fleet.add(&["gate".into()]).unwrap();
    let Some(mut broker) = Broker::start(&fleet).unwrap() else {
        return;
    };
    let device = fleet.device("gate", broker.port).unwrap();
    let login = fleet.collector(broker.port).unwrap();
    let stored = || database.sql("SELECT count(*) FROM events").unwrap();
    block_on(async {
        let mut gate = Session::open(&device).await.unwrap();
        let mut collector = Collector::open(&login).await.unwrap();
        tell(&mut gate, "gate", 1..101).await;
        let taken = collector.take(SOON).await.unwrap();
        let rows: Vec<_> = taken.iter().map(|(_, row)| row.clone()).collect();
        database.copy(&rows).unwrap();
        // Written, and killed before it could acknowledge.
        drop(collector);
        tell(&mut gate, "gate", 101..2001).await;
        // The broker is restarted while the collector is away.
        broker.stop().unwrap();
        broker.up().unwrap();
        let mut gate = Session::open(&device).await.unwrap();
        tell(&mut gate, "gate", 2001..2011).await;
        let mut collector = Collector::open(&login).await.unwrap();
        loop {
            let taken = collector.take(SOON).await.unwrap();
            if taken.is_empty() {
                break;
            }
            let rows: Vec<_> = taken.iter().map(|(_, row)| row.clone()).collect();
            database.copy(&rows).unwrap();
            collector.acknowledge(&taken).unwrap();
        }
        assert_eq!(stored(), "2010");
        assert_eq!(database.sql("SELECT repeated FROM devices").unwrap(), "100");
        // A database that is away: nothing is acknowledged, and it comes again.
        tell(&mut gate, "gate", 2011..2021).await;
        let taken = collector.take(SOON).await.unwrap();
        assert_eq!(taken.len(), 10);
        drop(collector);
        let mut collector = Collector::open(&login).await.unwrap();
        assert_eq!(collector.take(SOON).await.unwrap().len(), 10);
    });
}

#[test]
fn a_small_load_run_collects_what_was_acknowledged() {
    let plan = Plan {
        devices: 20,
        seconds: 3,
        rate: 2.0,
    };
    let Some(report) = block_on(load::run(plan)).unwrap() else {
        return;
    };
    assert!(report.complete(), "{report}");
    let told = report.to_string();
    for part in [
        "20 devices, 2 events a second",
        "acknowledged  ",
        "on the wire   ",
    ] {
        assert!(told.contains(part), "{told}");
    }
}
