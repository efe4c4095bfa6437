//! What is done about an event: rules in, actions out. Pure: the time is an argument, and
//! nothing is switched here; the only memory is when each rule last fired, and what it has said.

mod rule;
mod schedule;

use std::collections::VecDeque;
use std::fmt;

use jiff::tz::TimeZone;

use crate::config::BadValue;
use crate::event::{Event, UNKNOWN};
use crate::pin::Level;
use crate::stamp::Reading;
pub use rule::{Known, RuleConfig};
use rule::{Then, When, WithoutClock};

/// The window of `max_per_minute`.
const MINUTE_MS: u64 = 60_000;

/// One thing to be done, in the words of the config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The pin goes on for so long, counted from the first pulse: while it is on because of a
    /// pulse, further ones change nothing.
    Pulse {
        /// The pin's name.
        pin: String,
        /// Milliseconds.
        hold_ms: u32,
    },
    /// The pin goes on until so long after the last such action.
    Hold {
        /// The pin's name.
        pin: String,
        /// Milliseconds.
        hold_ms: u32,
    },
    /// The pin gets the level and keeps it.
    Set {
        /// The pin's name.
        pin: String,
        /// The level.
        level: Level,
    },
    /// A line in the log.
    Log {
        /// The line.
        text: String,
    },
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pulse { pin, hold_ms } => write!(f, "pin {pin}: pulse {hold_ms} ms"),
            Self::Hold { pin, hold_ms } => write!(f, "pin {pin}: hold {hold_ms} ms"),
            Self::Set { pin, level } => write!(f, "pin {pin}: set {level}"),
            Self::Log { text } => f.write_str(text),
        }
    }
}

/// When an event is decided on.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Milliseconds on the source's clock, by which limits are kept.
    pub t_ms: u64,
    /// The wall clock, by which schedules are kept; `None` for frames that are not of now.
    pub wall: Option<Reading>,
}

/// The rules of an agent.
#[derive(Debug)]
pub struct Rules {
    rules: Vec<Armed>,
    zone: TimeZone,
}

#[derive(Debug)]
struct Armed {
    config: RuleConfig,
    label: String,
    /// When it fired, oldest first; no more than its limits look back at.
    fired_ms: VecDeque<u64>,
    /// Whether it has said that it waits for the time.
    told: bool,
}

/// The time zone of that name; without a name the system's.
pub fn zone(name: Option<&str>) -> Result<TimeZone, BadValue> {
    let Some(name) = name else {
        return Ok(TimeZone::system());
    };
    TimeZone::get(name)
        .or_else(|_| TimeZone::posix(name))
        .map_err(|_| {
            let problem = format!(
                "= {name:?} is not known here; give a name such as \"Europe/Berlin\" or a POSIX \
                 zone such as \"CET-1CEST,M3.5.0,M10.5.0/3\""
            );
            BadValue::new("time_zone", problem)
        })
}

impl Rules {
    /// Rules that have not fired yet.
    pub fn new(rules: &[RuleConfig], zone: TimeZone) -> Self {
        let arm = |(index, config): (usize, &RuleConfig)| Armed {
            label: config.label(index),
            config: config.clone(),
            fired_ms: VecDeque::new(),
            told: false,
        };
        Self {
            rules: rules.iter().enumerate().map(arm).collect(),
            zone,
        }
    }

    /// What is to be done about the event, in the order of the rules.
    pub fn decide(&mut self, event: &Event, now: &Now) -> Vec<Action> {
        let mut actions = Vec::new();
        for rule in &mut self.rules {
            if !matches(&rule.config.when, event) {
                continue;
            }
            if scheduled(&rule.config, &self.zone, now.wall.as_ref()) {
                if rule.within_limits(now.t_ms) {
                    actions.push(rule.action(event));
                }
            } else if now.wall.is_some_and(|reading| !reading.known) {
                actions.extend(rule.waits());
            }
        }
        actions
    }
}

fn matches(when: &When, event: &Event) -> bool {
    fn one_of<T: PartialEq>(wanted: &[T], value: Option<&T>) -> bool {
        wanted.is_empty() || value.is_some_and(|value| wanted.contains(value))
    }
    let unknown = event.colour == UNKNOWN;
    one_of(&when.colour, Some(&event.colour))
        && one_of(&when.lane, event.lane.as_ref())
        && one_of(&when.direction, Some(&event.direction))
        && one_of(&when.camera, Some(&event.camera))
        && when.min_score.is_none_or(|least| event.score >= least)
        && when.unknown.is_none_or(|wanted| wanted == unknown)
        && when
            .wrong_way
            .is_none_or(|wanted| event.wrong_way == Some(wanted))
}

/// Whether it is the rule's time. A wall clock that never followed a time server is not believed.
fn scheduled(rule: &RuleConfig, zone: &TimeZone, wall: Option<&Reading>) -> bool {
    if rule.between.is_none() && rule.days.is_empty() {
        return true;
    }
    match wall.filter(|reading| reading.known) {
        Some(reading) => {
            let local = zone.to_datetime(reading.time);
            schedule::covers(rule.between, &rule.days, local)
        }
        None => rule.without_clock.unwrap_or_default() == WithoutClock::Act,
    }
}

impl Armed {
    /// Whether the rule may fire now; if so, it has.
    fn within_limits(&mut self, t_ms: u64) -> bool {
        let every_ms = u64::from(self.config.every_ms.unwrap_or(0));
        let most = self.config.max_per_minute.map_or(1, |most| most as usize);
        // A clock that went back says nothing of what is still ahead of it: better to fire once
        // too often than to wait for a time that may be years away.
        self.fired_ms.retain(|fired| *fired <= t_ms);
        let soon = self
            .fired_ms
            .back()
            .is_some_and(|last| t_ms - last < every_ms);
        let often = self.config.max_per_minute.is_some()
            && self.fired_ms.len() >= most
            && self
                .fired_ms
                .get(self.fired_ms.len() - most)
                .is_some_and(|fired| t_ms - fired < MINUTE_MS);
        if soon || often {
            return false;
        }
        self.fired_ms.push_back(t_ms);
        while self.fired_ms.len() > most {
            self.fired_ms.pop_front();
        }
        true
    }

    /// What it says, once, when it is not done because the time of day is not known.
    fn waits(&mut self) -> Option<Action> {
        let told = std::mem::replace(&mut self.told, true);
        (!told).then(|| Action::Log {
            text: format!(
                "{}: not done, no time server was heard yet, so the time of day is not known; \
                 without_clock = \"act\" does it all the same",
                self.label
            ),
        })
    }

    fn action(&self, event: &Event) -> Action {
        match self.config.then.clone() {
            Then::Pulse(on) => Action::Pulse {
                pin: on.pin,
                hold_ms: on.hold_ms,
            },
            Then::Hold(on) => Action::Hold {
                pin: on.pin,
                hold_ms: on.hold_ms,
            },
            Then::Set(set) => Action::Set {
                pin: set.pin,
                level: set.level,
            },
            Then::Log(text) => Action::Log {
                text: format!(
                    "{}: {text} (event {}, {})",
                    self.label, event.id, event.colour
                ),
            },
        }
    }
}

#[cfg(test)]
mod tests;
