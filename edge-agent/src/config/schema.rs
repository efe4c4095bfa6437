//! Forms of values whose own crates know nothing of schemas, for the config's JSON Schema only.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::source::v4l2::Setting;

/// A rectangle in pixels; x, y is its top left corner.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it describes another type and is never made")]
#[schemars(deny_unknown_fields)]
pub struct Place {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
}

/// A value or a list of values.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it describes another type and is never made")]
#[schemars(untagged)]
pub enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl JsonSchema for Setting {
    fn schema_name() -> Cow<'static, str> {
        "Setting".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "const": "auto" }, { "type": "integer" }] })
    }
}
