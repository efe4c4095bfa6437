//! What `fleet.sh` makes, refuses and says.

use std::os::unix::fs::PermissionsExt;

use fleet_rig::fleet::Fleet;

#[test]
fn secrets_are_nobody_else_s_and_no_two_are_alike() {
    let fleet = Fleet::new().unwrap();
    let secrets = fleet.state().join("secrets");
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&secrets), 0o700);
    let mut passwords = Vec::new();
    for name in [
        "collector_mqtt",
        "postgres",
        "collector_db",
        "grafana_db",
        "grafana_admin",
    ] {
        let text = std::fs::read_to_string(secrets.join(format!("{name}_password"))).unwrap();
        assert_eq!(text.len(), 48, "{name}");
        passwords.push(text);
    }
    passwords.sort();
    passwords.dedup();
    assert_eq!(passwords.len(), 5);
    for name in ["ca.key", "mosquitto/server.key", "mosquitto/passwords"] {
        assert_eq!(mode(&secrets.join(name)), 0o600, "{name}");
    }
    // The broker's list has hashes only.
    let list = std::fs::read_to_string(secrets.join("mosquitto/passwords")).unwrap();
    assert!(list.starts_with("collector:$7$"), "{list}");
    assert!(passwords.iter().all(|password| !list.contains(password)));
}

#[test]
fn one_device_s_lines_are_printed_and_many_are_written() {
    let fleet = Fleet::new().unwrap();
    let shown = fleet.run(&["add", "gate-1"]).unwrap();
    for part in [
        "camera = \"gate-1\"",
        "[mqtt]\nhost = \"127.0.0.1\"\nport = 8883\ntls = true\n",
        "-----BEGIN CERTIFICATE-----",
        "install -m 640 -g edge-agent /dev/stdin /etc/edge-agent/mqtt-password",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
    let names: Vec<String> = (1..=3).map(|n| format!("bridge-{n}")).collect();
    let to = fleet.add(&names).unwrap();
    let password =
        |name: &str| std::fs::read_to_string(to.join(name).join("mqtt-password")).unwrap();
    assert_ne!(password("bridge-1"), password("bridge-2"));
    assert_eq!(
        fleet.run(&["list"]).unwrap(),
        "gate-1\nbridge-1\nbridge-2\nbridge-3\n"
    );
    fleet.run(&["remove", "bridge-1", "bridge-3"]).unwrap();
    assert_eq!(fleet.run(&["list"]).unwrap(), "gate-1\nbridge-2\n");
}

#[test]
fn names_that_are_the_same_number_are_different_devices() {
    let fleet = Fleet::new().unwrap();
    let names = ["7", "007", "7.0", "1e3", "1000"].map(String::from);
    fleet.add(&names).unwrap();
    fleet.run(&["remove", "7", "1e3"]).unwrap();
    assert_eq!(fleet.run(&["list"]).unwrap(), "007\n7.0\n1000\n");
}

#[test]
fn what_makes_no_sense_is_refused_in_one_line_and_changes_nothing() {
    let fleet = Fleet::new().unwrap();
    fleet.run(&["add", "gate"]).unwrap();
    for (words, code, part) in [
        (&["add", "a/b"][..], 2, "a/b cannot be a device's name"),
        (&["add", "+"], 2, "+ cannot be"),
        (&["add", "a:b"], 2, "a:b cannot be"),
        (&["add", "collector"], 2, "the name collector is taken"),
        (&["add", "gate"], 1, "gate is let in already"),
        (&["add", "one", "two"], 2, "many at once need --to DIR"),
        (&["add"], 2, "add needs a name"),
        (&["remove", "nobody"], 1, "there is no device nobody"),
        (&["init", "127.0.0.1"], 1, "is there already"),
        (&["start"], 2, "there is no command \"start\""),
    ] {
        let output = fleet.try_run(words).unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{words:?}: {told}");
        let line = told.lines().next().unwrap();
        assert!(
            line.starts_with("fleet.sh: ") && line.contains(part),
            "{told}"
        );
    }
    assert_eq!(fleet.run(&["list"]).unwrap(), "gate\n");
}
