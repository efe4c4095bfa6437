//! Which scenes are measured, for how long, and the agent's config for them. Pure data.

/// The drawn camera's site: what is narrower than this is no vehicle there.
const SITE: &str = "[track]\nmin_vehicle_px = [92, 36]\n";

/// One line of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Its name in the table.
    pub name: String,
    scene: &'static str,
    vehicles_per_minute: u32,
    light: &'static str,
    seconds: u64,
    /// How many seeds it runs with.
    pub seeds: u64,
}

impl Case {
    /// Whether no vehicle passes.
    pub fn is_empty(&self) -> bool {
        self.vehicles_per_minute == 0
    }

    /// Frames of one seed.
    pub fn frames(&self) -> u64 {
        self.seconds * 25
    }

    /// Arguments of `road-sim` that write the truth, but for the folder.
    pub fn truth_arguments(&self, seed: u64) -> Vec<String> {
        [
            "frames",
            "--truth-only",
            "--scene",
            self.scene,
            "--light",
            self.light,
            "--vehicles-per-minute",
            &self.vehicles_per_minute.to_string(),
            "--seconds",
            &self.seconds.to_string(),
            "--seed",
            &seed.to_string(),
        ]
        .map(String::from)
        .to_vec()
    }

    /// The agent's config for the same scene.
    pub fn config(&self, seed: u64) -> String {
        let Self {
            name,
            scene,
            vehicles_per_minute,
            light,
            seconds,
            ..
        } = self;
        format!(
            "camera = \"{name}\"\n[source]\nkind = \"sim\"\nscene = \"{scene}\"\nseed = {seed}\n\
             light = \"{light}\"\nvehicles_per_minute = {vehicles_per_minute}.0\n\
             duration_ms = {seconds}000\n{SITE}"
        )
    }
}

/// The scenes with traffic: name, scene, light, seconds in the short and in the full tier.
const BUSY: [(&str, &str, &str, u64, u64); 13] = [
    ("one", "one", "sun", 20, 30),
    ("street, sun", "street", "sun", 40, 120),
    ("street, overcast", "street", "overcast", 40, 120),
    ("many", "many", "sun", 40, 120),
    ("overlap", "overlap", "sun", 40, 120),
    ("queue", "queue", "sun", 80, 240),
    ("night", "night", "overcast", 40, 120),
    ("rain", "rain", "overcast", 40, 120),
    ("clouds", "clouds", "sun", 40, 120),
    ("trees", "trees", "overcast", 40, 120),
    ("shake", "shake", "sun", 40, 120),
    ("cyclists", "cyclists", "sun", 40, 120),
    ("parking", "parking", "sun", 80, 480),
];

/// The empty ones: name, scene, light.
const EMPTY: [(&str, &str, &str); 7] = [
    ("empty day", "street", "sun"),
    ("empty night", "night", "overcast"),
    ("empty rain", "rain", "overcast"),
    ("empty clouds", "clouds", "sun"),
    ("empty trees", "trees", "overcast"),
    ("empty shake", "shake", "sun"),
    ("empty, people only", "cyclists", "sun"),
];

/// Every case of the tier; with `seeds`, those with traffic run with so many.
pub fn all(full: bool, seeds: Option<u64>) -> Vec<Case> {
    let busy = BUSY.map(|(name, scene, light, short, long)| Case {
        name: name.into(),
        scene,
        light,
        vehicles_per_minute: 20,
        seconds: if full { long } else { short },
        seeds: seeds.unwrap_or(match (full, scene) {
            (false, _) => 1,
            (true, "one") => 10,
            (true, _) => 4,
        }),
    });
    let empty = EMPTY.map(|(name, scene, light)| Case {
        name: name.into(),
        scene,
        light,
        vehicles_per_minute: 0,
        seconds: if full { 600 } else { 20 },
        seeds: 1,
    });
    busy.into_iter().chain(empty).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truth_and_agent_see_the_same_scene() {
        for case in all(true, None).iter().chain(&all(false, None)) {
            let (config, arguments) = (case.config(7), case.truth_arguments(7));
            assert!(config.contains(&format!("scene = \"{}\"", arguments[3])));
            assert!(config.contains(&format!("light = \"{}\"", arguments[5])));
            assert!(config.contains(&format!("vehicles_per_minute = {}.0", arguments[7])));
            assert!(config.contains(&format!("duration_ms = {}000", arguments[9])));
            assert!(config.contains(&format!("seed = {}\n", arguments[11])));
            assert!(config.parse::<toml::Table>().is_ok(), "{config}");
        }
    }

    #[test]
    fn seeds_are_for_scenes_with_traffic() {
        for case in all(true, Some(7)) {
            assert_eq!(case.seeds, if case.is_empty() { 1 } else { 7 });
        }
    }

    #[test]
    fn names_are_unique_and_the_short_tier_is_short() {
        let short = all(false, None);
        let names: std::collections::BTreeSet<&str> =
            short.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names.len(), short.len());
        let frames: u64 = short.iter().map(|case| case.seeds * case.frames()).sum();
        assert!(frames < 22_000, "{frames}");
    }
}
