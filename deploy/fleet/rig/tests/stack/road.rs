//! A real agent with the lines that `fleet.sh` hands out: drawn road → agent → TLS → broker →
//! collector → database.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use fleet_rig::broker::Broker;
use fleet_rig::collector::Collector;
use fleet_rig::database::Database;
use fleet_rig::fleet::Fleet;

use crate::block_on;

/// The agent, where it was built beside this test.
fn agent() -> Option<PathBuf> {
    let here = std::env::current_exe().unwrap();
    let program = here.parent()?.parent()?.join("edge-agent");
    if !program.is_file() {
        eprintln!("skipped: edge-agent is not built; `cargo xtask fleet` builds it");
        return None;
    }
    Some(program)
}

#[test]
fn an_agent_with_the_lines_it_was_handed_is_seen() {
    let Some(program) = agent() else { return };
    let fleet = Fleet::new().unwrap();
    let Some(database) = Database::start().unwrap() else {
        return;
    };
    let handed = fleet.add(&["gate-1".into()]).unwrap().join("gate-1");
    let Some(broker) = Broker::start(&fleet).unwrap() else {
        return;
    };
    let part = std::fs::read_to_string(handed.join("agent-part.toml")).unwrap();
    let place = handed.display();
    let config = part
        .replace("port = 8883", &format!("port = {}", broker.port))
        .replace("/etc/edge-agent", &place.to_string())
        .replace("/var/lib/edge-agent", &place.to_string());
    let road = "\n[source]\nkind = \"sim\"\nscene = \"one\"\nduration_ms = 12000\n";
    let path = handed.join("agent.toml");
    std::fs::write(&path, config + road).unwrap();
    block_on(async {
        let login = fleet.collector(broker.port).unwrap();
        let mut collector = Collector::open(&login).await.unwrap();
        let output = Command::new(&program)
            .arg("run")
            .arg("--config")
            .arg(&path)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
        let taken = collector.take(Duration::from_secs(2)).await.unwrap();
        let rows: Vec<_> = taken.iter().map(|(_, row)| row.clone()).collect();
        database.copy(&rows).unwrap();
        let shown = String::from_utf8_lossy(&output.stdout);
        let events = shown.lines().count();
        assert!(events > 0, "{told}");
        // Drawn frames have no time of the day.
        let kept = database.sql("SELECT count(*) FROM untimed_events").unwrap();
        assert_eq!(kept, events.to_string(), "{}", broker.log());
        let row = database.sql("SELECT device, status FROM devices").unwrap();
        assert_eq!(row, "gate-1|offline");
        let rejected = database.sql("SELECT count(*) FROM rejected").unwrap();
        assert_eq!(rejected, "0");
    });
}
