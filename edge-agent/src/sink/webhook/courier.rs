//! The requests: one at a time, in order, each until it is answered for good.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ureq::http::header;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, http::Response};

use super::rejected::Rejected;
use crate::secret::Secret;
use crate::sink::back_off::BackOff;
use crate::sink::outage::Outage;
use crate::sink::spooled::Queue;

/// Bytes of an answer that are read, so that the connection can be used again.
const ANSWER: u64 = 64 * 1024;

/// Wakes the courier.
#[derive(Debug, Default)]
pub struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Bell {
    /// There is something to do.
    pub fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    /// Waits for it, `most` long at most.
    fn wait(&self, most: Duration) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(rung, most, |rung| !*rung);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }
}

/// What the thread needs.
pub struct Courier {
    /// What messages call the server.
    pub name: String,
    /// Its address.
    pub url: String,
    /// File with the bearer token.
    pub token_file: Option<PathBuf>,
    /// The client.
    pub agent: Agent,
    /// Where events go that it will never take.
    pub rejected: Rejected,
    /// Longest wait between two tries.
    pub most_wait: Duration,
    /// Wakes it.
    pub bell: Arc<Bell>,
}

/// What a request came to.
#[derive(Debug, PartialEq)]
enum Outcome {
    Taken,
    /// The server will not take this event, whenever it is asked.
    Rejected(u16),
    /// Why, and how long the server asks to be left alone.
    Failed(String, Option<Duration>),
}

impl Courier {
    /// Delivers until the agent ends.
    pub fn run(mut self, queue: &Queue) {
        let mut back_off = BackOff::new(self.most_wait);
        let (mut outage, mut rejecting) = (Outage::default(), false);
        loop {
            if queue.deadline().is_some_and(|end| Instant::now() >= end) {
                return;
            }
            let Some((number, record)) = queue.spool().next() else {
                if queue.stopping() {
                    return;
                }
                self.bell.wait(Duration::MAX);
                continue;
            };
            let outcome = match self.post(&record) {
                Outcome::Rejected(status) => self.set_aside(status, &record),
                other => other,
            };
            if let Outcome::Failed(why, asked) = outcome {
                queue.spool().rewind();
                if outage.is_news(&why) {
                    let folder = queue.spool().folder().display().to_string();
                    queue.say(&format!(
                        "{}: {why}; events wait in {folder} and are sent when it is back",
                        self.name
                    ));
                }
                if queue.stopping() {
                    return;
                }
                let wait = back_off.wait().max(asked.unwrap_or_default());
                self.rest(queue, wait.min(self.most_wait));
                continue;
            }
            queue.spool().acknowledge(number);
            back_off.reset();
            if outage.is_over() {
                queue.say(&format!("{}: works again", self.name));
            }
            match outcome {
                Outcome::Rejected(status) if !std::mem::replace(&mut rejecting, true) => {
                    queue.say(&format!(
                        "{}: it rejects an event with status {status} ({} so far); such events \
                         are set aside in {}",
                        self.name,
                        self.rejected.count(),
                        self.rejected.path().display()
                    ));
                }
                Outcome::Rejected(_) => {}
                _ => rejecting = false,
            }
        }
    }

    /// Waits, but not for longer than the agent runs.
    fn rest(&self, queue: &Queue, wait: Duration) {
        let until = Instant::now() + wait;
        while !queue.stopping() && Instant::now() < until {
            self.bell
                .wait(until.saturating_duration_since(Instant::now()));
        }
    }

    fn set_aside(&mut self, status: u16, record: &[u8]) -> Outcome {
        match self.rejected.add(status, record) {
            Ok(()) => Outcome::Rejected(status),
            Err(error) => {
                let path = self.rejected.path().display();
                let why = format!("cannot set aside what it rejects in {path}: {error}");
                Outcome::Failed(why, None)
            }
        }
    }

    fn post(&self, record: &[u8]) -> Outcome {
        let mut request = self
            .agent
            .post(&self.url)
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(path) = &self.token_file {
            // Read for each request: it may have been changed meanwhile.
            match token(path) {
                Ok(token) => {
                    let bearer = format!("Bearer {}", token.reveal());
                    request = request.header(header::AUTHORIZATION, bearer);
                }
                Err(told) => return Outcome::Failed(told, None),
            }
        }
        match request.send(record) {
            Ok(mut response) => {
                let outcome = judge(&response);
                let body = response.body_mut().with_config().limit(ANSWER);
                let _ = body.read_to_vec();
                outcome
            }
            Err(ureq::Error::Timeout(_)) => Outcome::Failed("it does not answer".into(), None),
            Err(ureq::Error::Io(error)) => Outcome::Failed(error.to_string(), None),
            Err(error) => Outcome::Failed(error.to_string(), None),
        }
    }
}

fn judge(response: &Response<Body>) -> Outcome {
    let status = response.status();
    let asked = response
        .headers()
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .map(Duration::from_secs);
    match status.as_u16() {
        200..=299 => Outcome::Taken,
        code @ (408 | 429) => Outcome::Failed(format!("it answers with status {code}"), asked),
        // Not about this event: a token that is being changed must lose none.
        code @ (401 | 403) => {
            let why = format!("it refuses access with status {code}; look at webhook.token_file");
            Outcome::Failed(why, asked)
        }
        code @ 400..=499 => Outcome::Rejected(code),
        code @ 300..=399 => {
            let why =
                format!("it answers with status {code}; give webhook.url the address it points to");
            Outcome::Failed(why, asked)
        }
        code => Outcome::Failed(format!("it answers with status {code}"), asked),
    }
}

/// The bearer token in a file; or what is wrong with it and what to do.
pub fn token(path: &Path) -> Result<Secret, String> {
    let token = Secret::read(path)?;
    if !token.reveal().is_ascii() {
        return Err(format!(
            "{} has letters that a request's header cannot have; give a token of ASCII letters, \
             digits and signs",
            path.display()
        ));
    }
    Ok(token)
}

/// The client: no redirects, because they turn a POST into a GET, and a deadline for all.
pub fn agent(timeout: Duration, ca_file: Option<&Path>) -> Result<Agent, String> {
    let mut tls = TlsConfig::builder();
    if let Some(path) = ca_file {
        tls = tls.root_certs(RootCerts::from(certificates(path)?));
    }
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_global(Some(timeout))
        .user_agent(concat!("edge-agent/", env!("CARGO_PKG_VERSION")))
        .proxy(None)
        .tls_config(tls.build())
        .build();
    Ok(config.new_agent())
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let shown = path.display();
    let bytes = std::fs::read(path)
        .map_err(|error| format!("cannot read {shown}: {error}; give a file in PEM format"))?;
    let found: Vec<_> = parse_pem(&bytes)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if found.is_empty() {
        return Err(format!(
            "{shown} holds no certificate; give a file in PEM format"
        ));
    }
    Ok(found)
}
