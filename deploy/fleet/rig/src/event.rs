//! Events as the agent tells them, of vehicles that never were.

use serde_json::{Value, json};

/// The colours of the shipped bundle.
const COLOURS: [&str; 12] = [
    "black", "blue", "brown", "green", "grey", "orange", "pink", "purple", "red", "silver",
    "white", "yellow",
];

/// An event of the device's `sequence`-th vehicle, seen at `time` (RFC 3339). One in 25 has no
/// colour.
pub fn event(device: &str, sequence: u64, time: &str, chance: &mut fastrand::Rng) -> Value {
    let likely = COLOURS[chance.usize(..COLOURS.len())];
    let unknown = chance.u8(..25) == 0;
    let score = (chance.f64() * 5_000.0 + 5_000.0).round() / 10_000.0;
    json!({
        "schema": 1,
        "id": format!("{:016x}", chance.u64(..)),
        "sequence": sequence,
        "camera": device,
        "bundle": "2f80e6b7c1d3",
        "boot_id": "5d7c1c5c-9a4e-4f0e-8a53-1d6f5c8f2a10",
        "time": time,
        "clock_synced": true,
        "first_frame": sequence * 250,
        "last_frame": sequence * 250 + 57,
        "first_t_ms": sequence * 10_000,
        "last_t_ms": sequence * 10_000 + 2_280,
        "lane": chance.u8(1..3),
        "lane_name": "exit",
        "wrong_way": false,
        "direction": if chance.bool() { "left" } else { "right" },
        "colour": if unknown { "unknown" } else { likely },
        "score": score,
        "top3": [
            {"colour": likely, "score": score},
            {"colour": "orange", "score": 0.0511},
            {"colour": "brown", "score": 0.0127},
        ],
        "reason": unknown.then_some("dark"),
        "early": false,
        "box": {"x": chance.u16(..500), "y": 160, "width": 196, "height": 80},
        "best_frame": sequence * 250 + 28,
        "frames_seen": 55,
    })
}

/// Now, as the agent writes it.
pub fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_the_fields_of_the_published_schema() {
        let path = crate::fleet::folder().join("../event.schema.json");
        let text = std::fs::read_to_string(path).unwrap();
        let schema: Value = serde_json::from_str(&text).unwrap();
        let mut required: Vec<&str> = schema["required"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap())
            .collect();
        let made = event("gate", 3, &now(), &mut fastrand::Rng::with_seed(1));
        let mut names: Vec<&str> = made
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        required.sort_unstable();
        names.sort_unstable();
        assert_eq!(names, required);
    }
}
