//! What a run's record says of recipe and data, as names and values for a table. Interprets
//! nothing: a setting that a later version adds appears by itself.

use serde_json::Value;

use crate::run::RunRecord;

/// Parts of a record that are told elsewhere or would fill a page.
const LEFT_OUT: [&str; 4] = ["classes", "pictures", "best_epoch", "generator"];

/// Every other setting of the record by its name, nested ones as `recipe: batch size`.
pub fn facts(record: &RunRecord) -> Vec<(String, String)> {
    // By way of text, which keeps 32-bit numbers as short as they were written.
    let text = serde_json::to_string(record).unwrap_or_default();
    let mut found = Vec::new();
    if let Ok(Value::Object(fields)) = serde_json::from_str(&text) {
        for (name, value) in &fields {
            if !LEFT_OUT.contains(&name.as_str()) {
                flatten(&words(name), value, &mut found);
            }
        }
    }
    found
}

fn flatten(name: &str, value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (inner, value) in fields {
                flatten(&format!("{name}: {}", words(inner)), value, found);
            }
        }
        other => found.push((name.to_string(), plain(other))),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "none".into(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::String(text) if text.is_empty() => "none".into(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".into(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn words(name: &str) -> String {
    name.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nested_settings_keep_their_place_in_the_name() {
        let mut found = Vec::new();
        let value = json!({"batch_size": 8, "augment": {"blur": 0.5, "list": []}, "off": false});
        flatten("recipe", &value, &mut found);
        let found: Vec<_> = found
            .iter()
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("recipe: augment: blur", "0.5"),
                ("recipe: augment: list", "none"),
                ("recipe: batch size", "8"),
                ("recipe: off", "no"),
            ]
        );
    }
}
