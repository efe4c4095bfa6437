//! The named scenes: what each adds to a plain road. Names and their meaning; nothing is drawn
//! or planned here.

use serde::{Deserialize, Serialize};

use crate::scene::Light;

/// What happens on the road, besides traffic that flows.
#[derive(
    schemars::JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Scenario {
    /// Vehicles pass in both directions at steady speeds.
    #[default]
    Street,
    /// A single vehicle passes.
    One,
    /// Twice the traffic that was asked for.
    Many,
    /// The lanes lie close together: near vehicles hide large parts of far ones.
    Overlap,
    /// A traffic light: vehicles stop for 20 to 40 seconds and go on.
    Queue,
    /// Street lamps, headlights with their light on the road, more noise, little colour.
    Night,
    /// Streaks of rain, a wet road that mirrors the vehicles.
    Rain,
    /// Clouds pass before the sun: the light changes within seconds, from one side to the other.
    Clouds,
    /// A tree's shade sways on the road.
    Trees,
    /// The camera's mast sways by some pixels.
    Shake,
    /// People walk and cycle along and across the road, beside the vehicles.
    Cyclists,
    /// Vehicles park at the far kerb, some for minutes, and leave.
    Parking,
}

impl Scenario {
    /// Every scene.
    pub const ALL: [Self; 12] = [
        Self::Street,
        Self::One,
        Self::Many,
        Self::Overlap,
        Self::Queue,
        Self::Night,
        Self::Rain,
        Self::Clouds,
        Self::Trees,
        Self::Shake,
        Self::Cyclists,
        Self::Parking,
    ];

    /// Its name in configs and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Street => "street",
            Self::One => "one",
            Self::Many => "many",
            Self::Overlap => "overlap",
            Self::Queue => "queue",
            Self::Night => "night",
            Self::Rain => "rain",
            Self::Clouds => "clouds",
            Self::Trees => "trees",
            Self::Shake => "shake",
            Self::Cyclists => "cyclists",
            Self::Parking => "parking",
        }
    }

    /// The light that the scene needs, or the one asked for.
    pub(crate) fn light(self, asked: Light) -> Light {
        match self {
            // A wet road and lamps have no sun; a tree's moving shade replaces the still one.
            Self::Night | Self::Rain | Self::Trees => Light::Overcast,
            _ => asked,
        }
    }

    /// How many times the traffic that was asked for.
    pub(crate) fn density(self) -> f32 {
        if self == Self::Many { 2.0 } else { 1.0 }
    }

    /// Standard deviation that the scene adds to the sensor's noise.
    pub(crate) fn noise(self) -> f32 {
        match self {
            Self::Night => 3.0,
            Self::Rain => 0.5,
            _ => 0.0,
        }
    }
}

impl std::str::FromStr for Scenario {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|scene| scene.name() == name);
        known.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("there is no scene \"{name}\": use one of {names}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_config() {
        for scene in Scenario::ALL {
            assert_eq!(scene.name().parse(), Ok(scene));
            let json = serde_json::to_string(&scene).unwrap();
            assert_eq!(json, format!("\"{}\"", scene.name()));
        }
        let told = "snow".parse::<Scenario>().unwrap_err();
        assert!(
            told.starts_with("there is no scene \"snow\": use one of street, one, many"),
            "{told}"
        );
    }
}
