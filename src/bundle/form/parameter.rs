//! What a customer may set: the parameters that a site declares, and profiles held against them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Kind, Result};
use crate::profile;

/// Characters of the sentence that says what a parameter is for: an editor shows it beside the key.
const LONGEST_ABOUT: usize = 300;

/// What the builder and the appliance say themselves begins like this.
const OURS: &str = "slipway::";

/// Parameters by their Hiera keys.
pub type Parameters = BTreeMap<String, Parameter>;

/// A Hiera key that a profile may set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// What a value must be.
    #[serde(rename = "type")]
    pub takes: Takes,
    /// What it is for, in a sentence.
    pub about: String,
    /// What a machine gets whose profile does not set it: the builder writes it into the bundle's data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// Without a default here: the site's own data or code has one, so that a profile may leave it out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// Whether a value is shown to nobody.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
}

/// Kinds of values: those of TOML that Hiera has too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Takes {
    /// A text.
    String,
    /// A whole number.
    Integer,
    /// A number, whole or not.
    Number,
    /// True or false.
    Boolean,
    /// A list of anything.
    List,
    /// A table of anything.
    Table,
}

impl Takes {
    /// Whether this is such a value.
    pub fn holds(self, value: &Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::List => value.is_array(),
            Self::Table => value.is_object(),
        }
    }

    /// For people, with an article.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::String => "a text",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::List => "a list",
            Self::Table => "a table",
        }
    }

    /// The type's name in JSON Schema (draft 7, 6.1.1).
    fn in_json_schema(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::List => "array",
            Self::Table => "object",
        }
    }
}

impl Parameter {
    /// As an editor completes it, in JSON Schema (draft 7).
    pub fn schema(&self) -> Value {
        let about = self.about.trim();
        let secret = if self.secret { " Secret: it is shown to nobody." } else { "" };
        let mut schema = serde_json::json!({
            "type": self.takes.in_json_schema(),
            "description": format!("{about}{secret}"),
        });
        if let Some(default) = &self.default {
            schema["default"] = default.clone();
        }
        schema
    }

    /// Whether a profile has to set it.
    pub fn is_needed(&self) -> bool {
        self.default.is_none() && !self.optional
    }

    /// Checks what a site says of one of its parameters; manifests are held to the same.
    pub(in crate::bundle) fn check(&self, key: &str) -> Result<()> {
        let wrong = |fact: &str, remedy: &str| {
            Err(Error::new(Kind::Input, format!("the parameter {key:?} {fact}")).remedy(remedy))
        };
        if !profile::is_hiera_key(key) {
            return wrong(
                "is not a Hiera key",
                "write a class and its parameter in quotes, as in \"profile::app::workers\"",
            );
        }
        if key.starts_with(OURS) {
            return wrong("has a name of the appliance's own", "choose a class of yours");
        }
        let about = self.about.trim();
        let length = about.chars().count();
        if about.is_empty() || length > LONGEST_ABOUT || about.chars().any(char::is_control) {
            return wrong(
                "does not say in a sentence what it is for",
                &format!(
                    "write one into `about`, in one line of at most {LONGEST_ABOUT} characters"
                ),
            );
        }
        let Some(default) = &self.default else { return Ok(()) };
        if self.secret {
            return wrong(
                "is secret and has a default",
                "leave the default out: everybody who has the bundle would know it",
            );
        }
        if self.optional {
            return wrong("is optional and has a default", "leave `optional` out");
        }
        if !self.takes.holds(default) || !is_plain(default) {
            let must = self.takes.in_words();
            return wrong(
                &format!("has a default that cannot be: it must be {must}"),
                "dates go into quotes; values with %{} in them go into data/, where Hiera replaces that",
            );
        }
        Ok(())
    }
}

/// Whether a value comes back from Hiera as it was written. TOML's dates have no equal in JSON: they are read as a
/// table with one odd key.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.contains("%{"),
        Value::Array(items) => items.iter().all(is_plain),
        Value::Object(map) => map.iter().all(|(key, value)| {
            !key.starts_with("$__toml") && !key.contains("%{") && is_plain(value)
        }),
        Value::Null => false,
        Value::Bool(_) | Value::Number(_) => true,
    }
}

/// A setting of a profile that does not fit the site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The Hiera key.
    pub key: String,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The site has no such parameter; maybe this one was meant.
    Unknown {
        /// The nearest name.
        near: Option<String>,
        /// All of them.
        known: Vec<String>,
    },
    /// The value is of another kind.
    Kind(Takes),
    /// It is not set, and has no default.
    Missing {
        /// What it is for.
        about: String,
    },
}

impl Misfit {
    /// What is wrong, in one fact.
    pub fn message(&self) -> String {
        let key = &self.key;
        match &self.fault {
            Fault::Unknown { .. } => format!("the site has no parameter {key:?}"),
            Fault::Kind(takes) => format!("{key:?} must be {}", takes.in_words()),
            Fault::Missing { .. } => format!("the site needs a value for {key:?}"),
        }
    }

    /// What is meant at its place, briefly.
    pub fn label(&self) -> String {
        match &self.fault {
            Fault::Unknown { near: Some(near), .. } => format!("did you mean {near:?}?"),
            Fault::Unknown { near: None, .. } => "nothing would read it".to_owned(),
            Fault::Kind(takes) => format!("not {}", takes.in_words()),
            Fault::Missing { .. } => "not set".to_owned(),
        }
    }

    /// What to do.
    pub fn help(&self) -> String {
        match &self.fault {
            Fault::Unknown { known, .. } if known.is_empty() => {
                "the site declares no parameters: its vendor adds them to SITE.toml".to_owned()
            }
            Fault::Unknown { known, .. } => {
                format!("the site's parameters: {}", known.join(", "))
            }
            Fault::Kind(Takes::String) => "write it in quotes".to_owned(),
            Fault::Kind(_) => "see the site's [parameters]".to_owned(),
            Fault::Missing { about } => format!("write it into [hiera]; it is for: {about}"),
        }
    }
}

/// Everything in a profile's settings that does not fit what the site declares.
pub fn misfits(parameters: &Parameters, settings: &BTreeMap<String, Value>) -> Vec<Misfit> {
    let known = || parameters.keys().map(String::as_str);
    let wrong = settings.iter().filter_map(|(key, value)| {
        let fault = match parameters.get(key) {
            None => Fault::Unknown {
                near: profile::nearest_key(key, known()).map(str::to_owned),
                known: parameters.keys().cloned().collect(),
            },
            Some(parameter) if parameter.takes.holds(value) => return None,
            Some(parameter) => Fault::Kind(parameter.takes),
        };
        Some(Misfit { key: key.clone(), fault })
    });
    let missing = parameters.iter().filter_map(|(key, parameter)| {
        let about = || Fault::Missing { about: parameter.about.trim().to_owned() };
        (parameter.is_needed() && !settings.contains_key(key))
            .then(|| Misfit { key: key.clone(), fault: about() })
    });
    wrong.chain(missing).collect()
}

/// Refuses settings that do not fit what a site declares; one that declares nothing takes all.
///
/// # Errors
/// [`Kind::Input`] with the first that does not.
pub(crate) fn check_settings(
    parameters: Option<&Parameters>,
    settings: &BTreeMap<String, Value>,
) -> Result<()> {
    let Some(misfit) = parameters.and_then(|known| misfits(known, settings).into_iter().next())
    else {
        return Ok(());
    };
    let remedy = match &misfit.fault {
        Fault::Unknown { near: Some(_), .. } => misfit.label(),
        _ => misfit.help(),
    };
    Err(Error::new(Kind::Input, misfit.message()).remedy(remedy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parameter(value: Value) -> Parameter {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_declaration_says_one_thing() {
        let good = [
            json!({ "type": "string", "about": "x" }),
            json!({ "type": "string", "about": "x", "secret": true }),
            json!({ "type": "number", "about": "x", "default": 1 }),
            json!({ "type": "list", "about": "x", "default": ["a", { "b": 1 }] }),
            json!({ "type": "table", "about": "x", "optional": true, "secret": true }),
        ];
        for value in good {
            parameter(value.clone()).check("a::b").unwrap_or_else(|e| panic!("{value}: {e}"));
        }
        let bad = [
            json!({ "type": "string", "about": " " }),
            json!({ "type": "string", "about": "a\nb" }),
            json!({ "type": "string", "about": "x".repeat(301) }),
            json!({ "type": "string", "about": "x", "default": 1 }),
            json!({ "type": "integer", "about": "x", "default": 1.5 }),
            json!({ "type": "string", "about": "x", "default": "a", "secret": true }),
            json!({ "type": "string", "about": "x", "default": "a", "optional": true }),
            json!({ "type": "string", "about": "x", "default": "%{facts.x}" }),
            json!({ "type": "table", "about": "x", "default": { "$__toml_private_datetime": "1" } }),
        ];
        for value in bad {
            assert!(parameter(value.clone()).check("a::b").is_err(), "{value}");
        }
        for key in ["A::b", "slipway::release", "a b"] {
            assert!(parameter(json!({ "type": "string", "about": "x" })).check(key).is_err());
        }
    }

    #[test]
    fn settings_are_held_against_what_is_declared() {
        let known = |pairs: &[(&str, Value)]| -> Parameters {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), parameter(value.clone()))).collect()
        };
        let known = known(&[
            ("app::title", json!({ "type": "string", "about": "x", "default": "y" })),
            ("app::workers", json!({ "type": "integer", "about": "x", "optional": true })),
            ("app::licence", json!({ "type": "string", "about": "whose it is" })),
        ]);
        let told = |settings: Value| -> Vec<String> {
            let settings = serde_json::from_value(settings).unwrap();
            misfits(&known, &settings).iter().map(|m| m.message() + ": " + &m.label()).collect()
        };
        assert_eq!(told(json!({ "app::licence": "7" })), [""; 0]);
        assert_eq!(told(json!({})), ["the site needs a value for \"app::licence\": not set"]);
        let typed = json!({ "app::titel": "x", "app::workers": "4", "app::licence": "7" });
        assert_eq!(
            told(typed),
            [
                "the site has no parameter \"app::titel\": did you mean \"app::title\"?",
                "\"app::workers\" must be a whole number: not a whole number",
            ]
        );
        let all = serde_json::from_value(json!({ "x": 1 })).unwrap();
        assert!(check_settings(None, &all).is_ok());
        assert!(check_settings(Some(&Parameters::new()), &all).is_err());
    }
}
