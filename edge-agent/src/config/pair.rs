//! Numbers that come in twos: corners and sizes. Serde's own arrays take the first two of a longer
//! list and drop the rest, and a corner written as x1, y1, x2, y2 would become another polygon.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Two values, neither fewer nor more.
pub fn pair<'de, D, T>(deserializer: D) -> Result<[T; 2], D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Pair::<T>::deserialize(deserializer).map(|pair| pair.0)
}

/// A list of such pairs.
pub fn pairs<'de, D, T>(deserializer: D) -> Result<Vec<[T; 2]>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let pairs = Vec::<Pair<T>>::deserialize(deserializer)?;
    Ok(pairs.into_iter().map(|pair| pair.0).collect())
}

struct Pair<T>([T; 2]);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pair<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_seq(Two::<T>(PhantomData))
            .map(Self)
    }
}

struct Two<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Two<T> {
    type Value = [T; 2];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("two numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let Some(first) = list.next_element()? else {
            return Err(de::Error::invalid_length(0, &self));
        };
        let Some(second) = list.next_element()? else {
            return Err(de::Error::invalid_length(1, &self));
        };
        let mut length = 2;
        while list.next_element::<IgnoredAny>()?.is_some() {
            length += 1;
        }
        if length > 2 {
            return Err(de::Error::invalid_length(length, &self));
        }
        Ok([first, second])
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::Config;

    fn parsed(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("agent.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn corners_and_sizes_are_two_numbers() {
        for (text, expected) in [
            (
                "[track]\nmin_vehicle_px = [24, 18, 99]",
                "agent.toml:2: track.min_vehicle_px: invalid length 3, expected two numbers",
            ),
            (
                "[track]\nmin_vehicle_px = [24]",
                "agent.toml:2: track.min_vehicle_px: invalid length 1, expected two numbers",
            ),
            (
                "[gate]\nregion_px = [[0, 0, 9, 0], [9, 9], [0, 9]]",
                "agent.toml:2: gate.region_px: invalid length 4, expected two numbers",
            ),
            (
                "[[lane]]\nnumber = 1\npolygon_px = [[0, 0], [640, 0], []]",
                "agent.toml:3: lane.polygon_px: invalid length 0, expected two numbers",
            ),
            (
                "[[lane]]\nnumber = 1\npolygon_px = [[0, 0], [640, 0], [640, 260, 0, 260]]",
                "agent.toml:3: lane.polygon_px: invalid length 4, expected two numbers",
            ),
        ] {
            assert_eq!(parsed(text).unwrap_err(), expected, "{text}");
        }
        let text = "[track]\nmin_vehicle_px = [30, 20]\n\
                    [gate]\nregion_px = [[0, 0], [640, 0], [640, 359.5]]\n\
                    [[lane]]\nnumber = 1\npolygon_px = [[0, 0], [640, 0], [640, 260]]";
        let config = parsed(text).unwrap();
        assert_eq!(config.track.min_vehicle_px, [30, 20]);
        assert_eq!(
            config.gate.region_px,
            [[0.0, 0.0], [640.0, 0.0], [640.0, 359.5]]
        );
        assert_eq!(config.lanes[0].polygon_px[2], [640.0, 260.0]);
    }
}
