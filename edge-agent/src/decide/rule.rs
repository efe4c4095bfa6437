//! A rule as the config states it: the `[[rule]]` tables. What it wants, when, how often, and
//! what is to be done. Plain data and its check; what follows for an event is decided in the
//! parent.

use serde::de::{self, IntoDeserializer};
use serde::{Deserialize, Deserializer, Serialize};

use super::schedule::{Day, Span};
use crate::config::{BadValue, within};
use crate::event::{Direction, UNKNOWN};
use crate::lane::LaneConfig;
use crate::pin::{Level, PinConfig};

/// A `[[rule]]` table.
#[derive(schemars::JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    /// Its name in messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What an event must be; nothing: any event.
    #[serde(default)]
    pub when: When,
    /// Part of the day in local time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub between: Option<Span>,
    /// Days of the week in local time; none: every day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Day>,
    /// What a schedule does while the time of day is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_clock: Option<WithoutClock>,
    /// Least time between two firings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_ms: Option<u32>,
    /// Firings in any minute, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_per_minute: Option<u32>,
    /// What is to be done.
    pub then: Then,
}

/// What an event must be. Each key is a condition, and all must hold; of a list one must, so an
/// empty one is refused.
#[derive(schemars::JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct When {
    /// Its colour, "unknown" among them.
    #[serde(deserialize_with = "many", skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "crate::config::schema::OneOrMany<String>")]
    pub colour: Vec<String>,
    /// The number of its lane.
    #[serde(deserialize_with = "many", skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "crate::config::schema::OneOrMany<u32>")]
    pub lane: Vec<u32>,
    /// Where to it moved.
    #[serde(deserialize_with = "many", skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "crate::config::schema::OneOrMany<Direction>")]
    pub direction: Vec<Direction>,
    /// The camera's name: one file of rules can serve several agents.
    #[serde(deserialize_with = "many", skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "crate::config::schema::OneOrMany<String>")]
    pub camera: Vec<String>,
    /// Least score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_score: Option<f32>,
    /// Whether its colour is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<bool>,
    /// Whether it drove against its lane's direction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wrong_way: Option<bool>,
}

/// What a schedule does while the time of day is not known: until a time server was heard once,
/// and always for recorded frames.
#[derive(
    schemars::JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum WithoutClock {
    /// As if it was the time.
    Act,
    /// As if it was not.
    #[default]
    Hold,
}

/// What is to be done.
#[derive(schemars::JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Then {
    /// A pin goes on for so long. While it is on, further pulses change nothing.
    Pulse(ForSome),
    /// A pin goes on until so long after the last such event.
    Hold(ForSome),
    /// A pin gets a level and keeps it.
    Set(Set),
    /// A line in the log.
    Log(String),
}

/// A pin and a time.
#[derive(schemars::JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForSome {
    /// The pin's name.
    pub pin: String,
    /// How long.
    pub hold_ms: u32,
}

/// A pin and a level.
#[derive(schemars::JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// The pin's name.
    pub pin: String,
    /// The level.
    pub level: Level,
}

/// What rules may name.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The bundle's labels; none while the bundle is not opened yet.
    pub colours: Option<&'a [String]>,
    /// The lanes.
    pub lanes: &'a [LaneConfig],
    /// The pins.
    pub pins: &'a [PinConfig],
}

impl RuleConfig {
    /// What messages call the rule that stands at `index` in the config.
    pub fn label(&self, index: usize) -> String {
        match &self.name {
            Some(name) => format!("rule {} ({name})", index + 1),
            None => format!("rule {}", index + 1),
        }
    }

    /// Refuses names that nothing has, values out of range, and rules that can never fire.
    pub fn check(&self, index: usize, known: &Known<'_>) -> Result<(), BadValue> {
        let key = |key: &str| format!("{}: {key}", self.label(index));
        let refuse = |at: &str, problem: String| Err(BadValue::new(key(at), problem));
        let When { colour, lane, .. } = &self.when;
        if let Some(colours) = known.colours
            && let Some(odd) = colour
                .iter()
                .find(|c| *c != UNKNOWN && !colours.contains(c))
        {
            let problem = format!(
                "names {odd:?}; the bundle's colours: {}; or \"{UNKNOWN}\"",
                colours.join(", ")
            );
            return refuse("when.colour", problem);
        }
        let lanes: Vec<u32> = known.lanes.iter().map(|lane| lane.number).collect();
        if let Some(odd) = lane.iter().find(|number| !lanes.contains(number)) {
            let problem = format!("names {odd}; {}", list("[[lane]]", "lanes here", &lanes));
            return refuse("when.lane", problem);
        }
        if let Some(pin) = self.then.pin()
            && !known.pins.iter().any(|known| known.name == pin)
        {
            let pins: Vec<&str> = known.pins.iter().map(|pin| pin.name.as_str()).collect();
            let problem = format!("names {pin:?}; {}", list("[[pin]]", "pins here", &pins));
            return refuse("then: pin", problem);
        }
        let never = match self.when.unknown {
            Some(true) => !colour.is_empty() && !colour.iter().any(|c| c == UNKNOWN),
            Some(false) => !colour.is_empty() && colour.iter().all(|c| c == UNKNOWN),
            None => false,
        };
        if never {
            let problem = "contradicts when.colour; leave one of them out";
            return refuse("when.unknown", problem.into());
        }
        if self.without_clock.is_some() && self.between.is_none() && self.days.is_empty() {
            let problem = "is about a schedule; give between or days, or leave it out";
            return refuse("without_clock", problem.into());
        }
        within(
            key("when.min_score"),
            self.when.min_score.unwrap_or(0.0),
            0.0,
            1.0,
        )?;
        within(key("every_ms"), self.every_ms.unwrap_or(1), 1, 86_400_000)?;
        within(
            key("max_per_minute"),
            self.max_per_minute.unwrap_or(1),
            1,
            6000,
        )?;
        match &self.then {
            Then::Pulse(on) | Then::Hold(on) => {
                within(key("then: hold_ms"), on.hold_ms, 1, 86_400_000)
            }
            Then::Log(text) if text.trim().is_empty() => {
                refuse("then: log", "is empty; write what the log shall say".into())
            }
            Then::Set(_) | Then::Log(_) => Ok(()),
        }
    }
}

impl Then {
    fn pin(&self) -> Option<&str> {
        match self {
            Self::Pulse(on) | Self::Hold(on) => Some(&on.pin),
            Self::Set(set) => Some(&set.pin),
            Self::Log(_) => None,
        }
    }
}

/// What there is to be named.
fn list<T: ToString>(table: &str, what: &str, names: &[T]) -> String {
    if names.is_empty() {
        return format!("the config has no {table}");
    }
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    format!("{what}: {}", names.join(", "))
}

/// One value or a list of them. By hand, because an untagged enum would lose what the value's
/// own type says of a wrong one.
fn many<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Many<T>(std::marker::PhantomData<T>);

    impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Many<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a value or a list of values")
        }

        fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
            T::deserialize(value.into_deserializer()).map(|value| vec![value])
        }

        fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
            T::deserialize(value.into_deserializer()).map(|value| vec![value])
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut values = Vec::new();
            while let Some(value) = list.next_element()? {
                values.push(value);
            }
            // Kept, it would be the same as no condition.
            if values.is_empty() {
                return Err(de::Error::custom(
                    "an empty list fits nothing; give a value, or leave the key out for any",
                ));
            }
            Ok(values)
        }
    }

    deserializer.deserialize_any(Many(std::marker::PhantomData))
}

#[cfg(test)]
#[path = "rule_tests.rs"]
mod tests;
