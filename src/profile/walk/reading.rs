//! Reads a schema for the walker, and names its parts as people do.

use serde_json::{Map, Value as Schema};

use super::super::node::Value;

pub(super) fn is_kind(kind: &str, value: &Value) -> bool {
    match kind {
        "string" => matches!(value, Value::String(_)),
        "integer" => matches!(value, Value::Integer(_)),
        "number" => matches!(value, Value::Integer(_) | Value::Float(_)),
        "boolean" => matches!(value, Value::Boolean(_)),
        "array" => matches!(value, Value::Array(_)),
        "object" => matches!(value, Value::Table(_)),
        _ => true,
    }
}

pub(super) fn kind_name(kind: &str) -> &'static str {
    match kind {
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "a table",
        _ => "a text",
    }
}

/// The names of a closed set of texts.
pub(super) fn constants(schema: &Map<String, Schema>) -> Option<Vec<&str>> {
    if let Some(Schema::Array(names)) = schema.get("enum") {
        return names.iter().map(Schema::as_str).collect();
    }
    let cases = schema.get("oneOf")?.as_array()?;
    cases.iter().map(|case| case.get("const").and_then(Schema::as_str)).collect()
}

pub(super) fn variants(schema: &Map<String, Schema>) -> Option<Vec<&Map<String, Schema>>> {
    schema.get("anyOf")?.as_array()?.iter().map(Schema::as_object).collect()
}

pub(super) fn required(schema: &Map<String, Schema>) -> impl Iterator<Item = &str> {
    let keys = schema.get("required").and_then(Schema::as_array);
    keys.into_iter().flatten().filter_map(Schema::as_str)
}

pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

pub(super) fn table_name(path: &str) -> String {
    if path.is_empty() { "a profile".to_owned() } else { format!("[{path}]") }
}

pub(super) fn lower_first(text: &str) -> String {
    let text = text.trim_end_matches('.');
    let mut chars = text.chars();
    match chars.next() {
        // an acronym stays as it is
        Some(first) if !chars.clone().next().is_some_and(char::is_uppercase) => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}
