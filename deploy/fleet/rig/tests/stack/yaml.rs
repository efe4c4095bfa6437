//! YAML as JSON values, and the paths into them that the tests use.

use serde_json::Value;

/// Parses one of the fleet's YAML files.
pub fn read(name: &str) -> Value {
    let text = fleet_rig::fleet::file(name).unwrap();
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The elements of an array.
pub fn list<'a>(value: &'a Value, name: &str) -> &'a Vec<Value> {
    value[name]
        .as_array()
        .unwrap_or_else(|| panic!("no list {name} in {value}"))
}

/// A string.
pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("no text {name} in {value}"))
}
