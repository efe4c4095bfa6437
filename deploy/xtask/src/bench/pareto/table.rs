//! What was measured, as a table for people and as the file that `host-trainer front` draws.

use serde_json::json;

use super::Measured;

/// A row for each network.
pub(super) fn markdown(measured: &[Measured]) -> String {
    let road = measured.iter().any(|one| one.road.is_some());
    let (head, rule) = if road {
        (" Road |", " --- |")
    } else {
        ("", "")
    };
    let mut text = format!(
        "| Channels, input | Million instructions (A72) | ms (x86-64) | MB | Test |{head}\n\
         | --- | --- | --- | --- | --- |{rule}"
    );
    for one in measured {
        let megabytes = one.bytes as f64 / 1e6;
        text += &format!(
            "\n| {} | {:.2} | {:.2} | {megabytes:.2} | {:.3} |",
            one.name, one.million_instructions, one.milliseconds, one.test
        );
        if let Some(road) = one.road {
            text += &format!(" {road:.3} |");
        }
    }
    text
}

/// The networks for the chart.
pub(super) fn json(measured: &[Measured]) -> String {
    let network = |one: &Measured| {
        json!({
            "name": one.name,
            "line": one.line,
            "cost": one.million_instructions,
            "accuracy": one.test,
        })
    };
    json!({
        "title": "Accuracy of the exported bundle against cost",
        "cost": "million instructions of an inference, Cortex-A72",
        "accuracy": "right on the test pictures",
        "networks": measured.iter().map(network).collect::<Vec<_>>(),
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_for_the_road_where_it_was_measured() {
        let one = |road| Measured {
            name: "0.5 at 160".into(),
            line: "width 0.5".into(),
            bytes: 500_000,
            million_instructions: 3.971,
            milliseconds: 0.3,
            test: 0.9,
            road,
        };
        let text = markdown(&[one(Some(0.7))]);
        assert!(
            text.ends_with("| 0.5 at 160 | 3.97 | 0.30 | 0.50 | 0.900 | 0.700 |"),
            "{text}"
        );
        assert!(!markdown(&[one(None)]).contains("Road"));
        assert!(json(&[one(None)]).contains("\"cost\":3.971"));
    }
}
