//! What a run needs to speak with others: the secrets and certificates that the config names, and
//! the page's address. Connects to nobody.

use super::row::Row;
use crate::config::{BadValue, Config};
use crate::sink::{mqtt, webhook};
use crate::web;

/// A row for each way out that the config asks for.
pub fn rows(config: &Config) -> Vec<Row> {
    let mut rows = Vec::new();
    if config.mqtt.host.is_some() {
        rows.push(files("mqtt", mqtt::check_files(&config.mqtt)));
    }
    if config.webhook.url.is_some() {
        rows.push(files("webhook", webhook::check_files(&config.webhook)));
    }
    // Without a page a run does not ask for its token.
    if config.http.listen.is_none() {
        return rows;
    }
    match web::look(&config.http) {
        Ok(None) => {}
        Ok(Some(Ok(address))) => {
            let who = match (&config.http.token_file, address.ip().is_loopback()) {
                (Some(_), _) => "for whoever shows the token",
                (None, true) => "for this machine",
                (None, false) => "for whoever reaches it",
            };
            rows.push(Row::ok("http", format!("{address} is free; {who}")));
        }
        Ok(Some(Err(told))) => {
            let advice = "right if that is the running agent; without it the road is watched all \
                          the same";
            rows.push(Row::warn("http", told, advice));
        }
        Err(bad) => rows.push(Row::fail(
            "http",
            bad.to_string(),
            "a run is refused for it",
        )),
    }
    rows
}

fn files(what: &'static str, found: Result<(), BadValue>) -> Row {
    match found {
        Ok(()) => Row::ok(what, "the files it names can be used"),
        Err(bad) => Row::fail(what, bad.to_string(), "a run is refused for it"),
    }
}
