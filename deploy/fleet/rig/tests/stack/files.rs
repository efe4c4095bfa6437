//! The files that nothing here can run: whether they parse, agree with each other, and hold no
//! password.

use std::collections::BTreeSet;

use fleet_rig::fleet::{self, Fleet};
use serde_json::Value;

use crate::yaml::{self, list, text};

fn services(compose: &Value) -> impl Iterator<Item = (&String, &Value)> {
    compose["services"].as_object().unwrap().iter()
}

#[test]
fn images_are_pinned_and_nothing_but_the_broker_is_open_to_the_network() {
    let compose = yaml::read("compose.yaml");
    for (name, service) in services(&compose) {
        let (_, tag) = text(service, "image").rsplit_once(':').unwrap();
        assert!(
            tag.starts_with(|c: char| c.is_ascii_digit()),
            "{name}: {tag}"
        );
        assert!(
            tag.split('.').count() >= 3,
            "{name}: {tag} is no exact version"
        );
        assert_eq!(text(service, "restart"), "unless-stopped", "{name}");
        for port in service["ports"].as_array().into_iter().flatten() {
            let port = port.as_str().unwrap();
            assert!(
                name == "mosquitto" || port.starts_with("127.0.0.1:"),
                "{name}: {port}"
            );
        }
    }
    let networks = |name: &str| list(&compose["services"][name], "networks");
    assert_eq!(networks("database"), &[Value::from("store")]);
    assert_eq!(compose["networks"]["store"]["internal"], true);
    assert!(!networks("mosquitto").contains(&"store".into()));
    assert!(!networks("grafana").contains(&"devices".into()));
}

#[test]
fn every_file_that_is_mounted_exists_or_is_made() {
    let compose = yaml::read("compose.yaml");
    let made = Fleet::new().unwrap();
    let there = |path: &str| {
        let path = path.trim_start_matches("./");
        fleet::folder().join(path).exists() || made.state().join(path).exists()
    };
    for (name, service) in services(&compose) {
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let source = volume.as_str().unwrap().split(':').next().unwrap();
            let named = compose["volumes"].get(source).is_some();
            assert!(named || there(source), "{name}: {source}");
        }
        for secret in service["secrets"].as_array().into_iter().flatten() {
            let secret = secret.as_str().unwrap();
            let file = text(&compose["secrets"][secret], "file");
            assert!(there(file), "{name}: {file}");
        }
    }
}

#[test]
fn every_setting_of_the_environment_has_a_value_and_is_explained() {
    let compose = fleet::file("compose.yaml").unwrap();
    let readme = fleet::file("README.md").unwrap();
    let made = Fleet::new().unwrap();
    let mut names = BTreeSet::new();
    for (at, _) in compose.match_indices("${") {
        let rest = &compose[at + 2..];
        let end = rest
            .find(|c: char| !(c.is_ascii_uppercase() || c == '_'))
            .unwrap();
        let (name, default) = (&rest[..end], &rest[end..end + 2]);
        assert!(default == ":-" || made.setting(name).is_ok(), "{name}");
        assert!(readme.contains(name), "the README does not explain {name}");
        names.insert(name);
    }
    assert!(names.contains("FLEET_USER"), "{names:?}");
}

#[test]
fn telegraf_s_config_fits_the_broker_the_secrets_and_the_table() {
    let telegraf: toml::Table = fleet::file("telegraf/telegraf.conf")
        .unwrap()
        .parse()
        .unwrap();
    let telegraf: Value = serde_json::to_value(&telegraf).unwrap();
    let compose = yaml::read("compose.yaml");
    let input = &telegraf["inputs"]["mqtt_consumer"][0];
    let output = &telegraf["outputs"]["postgresql"][0];
    // Each host is a service, each secret is given to it.
    assert_eq!(input["servers"][0], "ssl://mosquitto:8883");
    assert!(text(output, "connection").contains("host=database user=collector dbname=fleet"));
    let secrets = list(&compose["services"]["telegraf"], "secrets");
    let config = fleet::file("telegraf/telegraf.conf").unwrap();
    let used: Vec<&str> = config
        .split("@{files:")
        .skip(1)
        .map(|rest| rest.split('}').next().unwrap())
        .collect();
    assert_eq!(used, ["collector_mqtt_password", "collector_db_password"]);
    assert!(
        used.iter()
            .all(|name| secrets.contains(&Value::from(*name)))
    );
    // The broker lets the collector read what it subscribes to, with as much in flight.
    let acl = fleet::file("mosquitto/acl").unwrap();
    for topic in list(input, "topics") {
        assert!(acl.contains(&format!("topic read {}\n", topic.as_str().unwrap())));
    }
    let broker = fleet::file("mosquitto/mosquitto.conf").unwrap();
    let most = input["max_undelivered_messages"].as_u64().unwrap();
    assert!(broker.contains(&format!("\nmax_inflight_messages {most}\n")));
    let agent = &telegraf["agent"];
    assert_eq!(agent["metric_batch_size"].as_u64(), Some(most));
    assert!(agent["metric_buffer_limit"].as_u64().unwrap() > most);
    // Nothing is lost when it is restarted.
    assert_eq!(
        (&input["qos"], &input["persistent_session"]),
        (&1.into(), &true.into())
    );
    assert_eq!(input["client_id"], input["username"]);
    // One table, with the columns that the schema has.
    let schema = fleet::file("database/schema.sql").unwrap();
    let table = text(input, "name_override");
    assert!(schema.contains(&format!("CREATE TABLE IF NOT EXISTS {table} (")));
    assert_eq!(output["create_templates"], Value::from(Vec::<Value>::new()));
    assert_eq!(
        output["add_column_templates"],
        Value::from(Vec::<Value>::new())
    );
}

#[test]
fn no_file_holds_a_password() {
    for name in [
        "compose.yaml",
        "telegraf/telegraf.conf",
        "mosquitto/mosquitto.conf",
        "grafana/provisioning/datasources/fleet.yaml",
        "database/roles.sql",
    ] {
        for line in fleet::file(name).unwrap().lines() {
            let line = line.trim();
            let assigned = ["password: ", "password = ", "PASSWORD: ", "PASSWORD '"]
                .iter()
                .find_map(|word| Some(line.split_once(word)?.1));
            let elsewhere = ["@{", "$__file{", "/run/secrets/", "{ file:", ":'"];
            let allowed = |value: &str| elsewhere.iter().any(|start| value.contains(start));
            assert!(
                line.starts_with('#') || assigned.is_none_or(allowed),
                "{name}: {line}"
            );
        }
    }
}
