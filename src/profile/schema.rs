//! The JSON Schema of profiles, derived from the types: editors use it for completion, and we check
//! profiles with it.

use std::sync::LazyLock;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::Profile;
use super::inherit::EXTENDS;
use super::rules::{Rule, time_zones};
use crate::units::ByteSize;

/// Puppet's names: words joined by `::`; the checker has the same rule in `whole`.
const HIERA_KEY: &str = "^(?=.{1,200}$)[a-z][a-z0-9_]*(::[a-z][a-z0-9_]*)*$";

/// Which of the two kinds of file a schema is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// A customer's profile: every required key must be there, unless it is inherited.
    Customer,
    /// A shared parent: nothing is required.
    Parent,
}

/// The schema for editors, as JSON Schema draft 7, which all TOML editors know.
pub fn schema(audience: Audience) -> Value {
    let mut schema = match audience {
        Audience::Customer => strict().clone(),
        Audience::Parent => partial(),
    };
    let parent = json!({
        "description": "Inherits from profiles/shared/NAME.toml: tables merge, lists are replaced.",
        "type": "string",
        "pattern": Rule::Parent.pattern(),
    });
    if let Some(properties) = schema["properties"].as_object_mut() {
        properties.insert(EXTENDS.to_owned(), parent);
    }
    if audience == Audience::Customer
        && let Some(root) = schema.as_object_mut()
        && let Some(required) = root.remove("required")
    {
        let release = json!([{ "required": ["channel"] }, { "required": ["bundle"] }]);
        let alternatives =
            json!([{ "required": [EXTENDS] }, { "required": required, "anyOf": release }]);
        root.insert("anyOf".to_owned(), alternatives);
        root.insert("not".to_owned(), json!({ "required": ["channel", "bundle"] }));
    }
    if let Some(Value::Object(file)) = schema.pointer_mut("/definitions/ExtraFile") {
        let content = json!([{ "required": ["content"] }, { "required": ["source"] }]);
        file.insert("oneOf".to_owned(), content);
    }
    if let Some(Value::Object(hiera)) = schema.pointer_mut("/properties/hiera") {
        hiera.insert("propertyNames".to_owned(), json!({ "pattern": HIERA_KEY }));
    }
    drop_rules(&mut schema);
    schema
}

/// Adds the sites' settings: a schema for each Hiera key. `closed` says that there can be no other
/// keys.
pub fn with_settings(schema: &mut Value, settings: Map<String, Value>, closed: bool) {
    if let Some(Value::Object(hiera)) = schema.pointer_mut("/properties/hiera") {
        hiera.insert("properties".to_owned(), Value::Object(settings));
        hiera.insert("additionalProperties".to_owned(), Value::Bool(!closed));
    }
}

/// Editors use the patterns. Names of formats that they do not know would only make them warn.
pub(super) fn drop_rules(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(drop_rules),
        Value::Object(map) => {
            if let Some(Value::String(format)) = map.get("format") {
                // editors complete from a list; the walker's words are clearer than a list of
                // hundreds
                if Rule::from_name(format) == Some(Rule::TimeZone) {
                    map.insert("enum".to_owned(), time_zones().collect());
                }
                map.remove("format");
            }
            map.values_mut().for_each(drop_rules);
        }
        _ => {}
    }
}

/// The schema of a shared parent: the tables that merge need not be complete.
pub(super) fn partial() -> Value {
    let mut schema = strict().clone();
    for table in ["", "/definitions/Customer"] {
        if let Some(Value::Object(map)) = schema.pointer_mut(table) {
            map.remove("required");
        }
    }
    schema
}

/// The schema of a profile with everything inherited, which the walker uses.
pub(super) fn strict() -> &'static Value {
    // a hundred profiles are checked in one go, by one schema
    static STRICT: LazyLock<Value> = LazyLock::new(derive);
    &STRICT
}

fn derive() -> Value {
    derive_for::<Profile>()
}

/// The schema of any file that is read as profiles are: the walker's, which has the rules' names.
pub(super) fn derive_for<T: JsonSchema>() -> Value {
    let generator = SchemaSettings::draft07().into_generator();
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    tidy(&mut schema);
    schema
}

/// Rewrites every subschema: no null (TOML has none), rules as patterns, defaults as they are
/// written.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Object(map) => {
            drop_null(map);
            rule_to_items(map);
            no_text_twice(map);
            add_pattern(map);
            tidy_default(map);
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            for (key, value) in map.iter_mut() {
                if key != "default" && key != "enum" {
                    tidy(value);
                }
            }
        }
        _ => {}
    }
}

fn drop_null(map: &mut Map<String, Value>) {
    // a table that may be missing: the walker and editors read one of one as it is
    if let Some(Value::Array(all)) = map.get_mut("anyOf") {
        let before = all.len();
        all.retain(|one| one != &json!({ "type": "null" }));
        if let ([only], true) = (all.as_slice(), before > 1) {
            let only = json!([only.clone()]);
            map.remove("anyOf");
            map.insert("allOf".to_owned(), only);
        }
    }
    let Some(Value::Array(types)) = map.get_mut("type") else { return };
    types.retain(|kind| kind != "null");
    if let [only] = types.as_slice() {
        let only = only.clone();
        map.insert("type".to_owned(), only);
    }
}

/// A list's format applies to its items.
fn rule_to_items(map: &mut Map<String, Value>) {
    if map.get("type") != Some(&json!("array")) {
        return;
    }
    if let Some(format) = map.remove("format")
        && let Some(Value::Object(items)) = map.get_mut("items")
    {
        items.insert("format".to_owned(), format);
    }
}

/// A text that is in a list twice is a mistake, whatever the list holds.
fn no_text_twice(map: &mut Map<String, Value>) {
    if map.get("type") == Some(&json!("array"))
        && map.get("items").is_some_and(|items| items.get("type") == Some(&json!("string")))
    {
        map.insert("uniqueItems".to_owned(), json!(true));
    }
}

fn add_pattern(map: &mut Map<String, Value>) {
    let Some(Value::String(format)) = map.get("format") else { return };
    match Rule::from_name(format) {
        Some(rule) => {
            if let Some(pattern) = rule.pattern() {
                map.insert("pattern".to_owned(), json!(pattern));
            }
        }
        // Rust's integer widths mean nothing to an editor
        None => {
            map.remove("format");
        }
    }
}

fn tidy_default(map: &mut Map<String, Value>) {
    let text = map.get("type") == Some(&json!("string"));
    match map.get("default") {
        Some(Value::Null | Value::Object(_) | Value::Array(_)) => {
            map.remove("default");
        }
        Some(Value::String(empty)) if empty.is_empty() => {
            map.remove("default");
        }
        Some(Value::Number(bytes)) if text => {
            let size = ByteSize(bytes.as_u64().unwrap_or_default()).to_string();
            map.insert("default".to_owned(), json!(size));
        }
        _ => {}
    }
}
