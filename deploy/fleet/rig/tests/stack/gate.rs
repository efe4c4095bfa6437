//! Whom the broker lets in, and what it lets them do.

use std::time::Duration;

use fleet_rig::broker::Broker;
use fleet_rig::client::{Login, Session};
use fleet_rig::fleet::Fleet;

use crate::block_on;

const SOON: Duration = Duration::from_millis(400);

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| name.to_string()).collect()
}

#[test]
fn a_device_speaks_for_itself_and_hears_nobody() {
    let fleet = Fleet::new().unwrap();
    fleet.add(&names(&["a", "b"])).unwrap();
    let Some(broker) = Broker::start(&fleet).unwrap() else {
        return;
    };
    let login = |name| fleet.device(name, broker.port).unwrap();
    block_on(async {
        let mut collector = Session::open(&fleet.collector(broker.port).unwrap())
            .await
            .unwrap();
        for topic in ["edge-agent/+/event", "edge-agent/+/status"] {
            assert!(collector.subscribe(topic).await.unwrap(), "{topic}");
        }
        let mut spy = Session::open(&login("b")).await.unwrap();
        for topic in ["#", "edge-agent/+/event", "edge-agent/a/event", "$SYS/#"] {
            let _ = spy.subscribe(topic).await.unwrap();
        }
        let mut a = Session::open(&login("a")).await.unwrap();
        // MQTT 3.1.1 has no way to refuse a message: what a device may not say is acknowledged,
        // and goes nowhere.
        for topic in [
            "edge-agent/b/event",
            "edge-agent/b/status",
            "edge-agent/a/other",
            "edge-agent/collector/event",
            "elsewhere/a/event",
        ] {
            a.publish(topic, false, b"forged").await.unwrap();
        }
        a.publish("edge-agent/a/event", false, b"own")
            .await
            .unwrap();
        a.publish("edge-agent/a/status", true, b"online")
            .await
            .unwrap();

        let mut heard = Vec::new();
        while let Some(message) = collector.message(SOON).await.unwrap() {
            heard.push((
                message.topic,
                String::from_utf8(message.payload.into()).unwrap(),
            ));
        }
        let expected = [
            ("edge-agent/a/event", "own"),
            ("edge-agent/a/status", "online"),
        ];
        assert_eq!(heard, expected.map(|(t, p)| (t.to_string(), p.to_string())));
        assert_eq!(spy.message(SOON).await.unwrap(), None);
    });
}

#[test]
fn nobody_gets_in_without_a_name_a_password_and_the_right_authority() {
    let fleet = Fleet::new().unwrap();
    let other = Fleet::new().unwrap();
    fleet.add(&names(&["a", "b"])).unwrap();
    let Some(broker) = Broker::start(&fleet).unwrap() else {
        return;
    };
    let good = fleet.device("a", broker.port).unwrap();
    let refused = |login: Login, why: &'static str| {
        let told = match block_on(Session::open(&login)) {
            Ok(_) => panic!("let in: {why}"),
            Err(error) => format!("{error:?}"),
        };
        assert!(told.contains(why), "{told}");
    };
    let wrong = Login {
        password: "wrong".into(),
        ..good.clone()
    };
    refused(wrong, "NotAuthorized");
    let of_another = Login {
        username: "b".into(),
        ..good.clone()
    };
    refused(of_another, "NotAuthorized");
    let unknown = Login {
        username: "c".into(),
        ..good.clone()
    };
    refused(unknown, "NotAuthorized");
    // A broker that somebody else set up is not talked to.
    let foreign = Login {
        ca_file: other.collector(broker.port).unwrap().ca_file,
        ..good.clone()
    };
    refused(foreign, "invalid peer certificate");
    assert!(block_on(Session::open(&good)).is_ok());
}

#[test]
fn a_device_cannot_throw_another_off_by_its_client_id() {
    let fleet = Fleet::new().unwrap();
    fleet.add(&names(&["a", "b"])).unwrap();
    let Some(broker) = Broker::start(&fleet).unwrap() else {
        return;
    };
    let login = |name| fleet.device(name, broker.port).unwrap();
    block_on(async {
        let mut a = Session::open(&login("a")).await.unwrap();
        let thief = Login {
            client_id: "a".into(),
            ..login("b")
        };
        let _thief = Session::open(&thief).await.unwrap();
        a.publish("edge-agent/a/event", false, b"still here")
            .await
            .unwrap();
    });
}

#[test]
fn added_devices_come_in_and_removed_ones_go_without_a_restart() {
    let fleet = Fleet::new().unwrap();
    let Some(broker) = Broker::start(&fleet).unwrap() else {
        return;
    };
    fleet.add(&names(&["late"])).unwrap();
    broker.reload().unwrap();
    let login = fleet.device("late", broker.port).unwrap();
    block_on(async {
        // The signal is on its way.
        let mut session = loop {
            match Session::open(&login).await {
                Ok(session) => break session,
                Err(error) => assert!(format!("{error:?}").contains("NotAuthorized"), "{error:?}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        fleet.run(&["remove", "late"]).unwrap();
        broker.reload().unwrap();
        session.ended().await.unwrap();
        assert!(Session::open(&login).await.is_err());
    });
}

#[test]
fn a_renewed_certificate_is_served_after_a_reload() {
    let fleet = Fleet::new().unwrap();
    fleet.add(&names(&["a"])).unwrap();
    let Some(broker) = Broker::start(&fleet).unwrap() else {
        return;
    };
    let path = fleet.state().join("secrets/mosquitto/server.pem");
    let before = std::fs::read(&path).unwrap();
    fleet.run(&["renew"]).unwrap();
    assert_ne!(std::fs::read(&path).unwrap(), before);
    broker.reload().unwrap();
    let login = fleet.device("a", broker.port).unwrap();
    assert!(block_on(Session::open(&login)).is_ok());
}
