//! Where a release was made, in its maker's own words.
//!
//! Users and machines are not found out: a release is handed to customers, and the leak check refuses their names in images.
//! What readers of SLSA expect are names of the build service and of its run, and only whoever starts it knows those.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::project::Surroundings;

/// The longest name, in bytes.
const LONGEST: usize = 500;

/// Where a release was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maker {
    /// A URI that names the place that builds, as in `https://ci.example.com/agents/release`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub builder: Option<String>,
    /// A URI of the run, as in `https://ci.example.com/runs/481`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

impl Maker {
    /// What the surroundings say; none where they say nothing.
    ///
    /// # Errors
    /// [`Kind::Input`] for a name that is no URI, or holds a password.
    pub fn of(surroundings: &Surroundings) -> Result<Option<Self>> {
        let named =
            |name, uri: &Option<String>| uri.as_deref().map(|u| checked(name, u)).transpose();
        let builder = named("SLIPWAY_BUILDER", &surroundings.builder)?;
        let run = named("SLIPWAY_RUN", &surroundings.run)?;
        let is_named = builder.is_some() || run.is_some();
        Ok(is_named.then_some(Self { builder, run }))
    }
}

/// A URI that everybody may read. It is not repeated in the error: it may hold a password.
fn checked(variable: &str, uri: &str) -> Result<String> {
    let wrong = |what: &str| {
        Err(Error::new(Kind::Input, format!("{variable} {what}"))
            .remedy("write it as in https://ci.example.com/runs/481"))
    };
    let scheme = uri.split_once(':').filter(|(scheme, rest)| {
        let begins = scheme.starts_with(|c: char| c.is_ascii_alphabetic());
        let is_of = |c: char| c.is_ascii_alphanumeric() || "+.-".contains(c);
        begins && scheme.chars().all(is_of) && !rest.is_empty()
    });
    let Some((_, rest)) = scheme else { return wrong("is no URI") };
    if uri.len() > LONGEST || !uri.bytes().all(|byte| byte.is_ascii_graphic()) {
        return wrong("is no URI");
    }
    let authority = rest.strip_prefix("//").unwrap_or_default();
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.contains('@') {
        true => wrong("names a user: a release is published"),
        false => Ok(uri.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_is_taken_and_a_name_or_one_with_a_user_is_refused_without_being_repeated() {
        for good in ["https://ci.example.com/runs/481?x=1", "tag:acme,2026:nightly", "urn:x@y"] {
            assert_eq!(checked("SLIPWAY_RUN", good).unwrap(), good);
        }
        let long = format!("https://{}", "x".repeat(LONGEST));
        for bad in ["jenkins", "https://me:secret@ci/1", "http:", "a b:c", "https://ci/ x", &long] {
            let error = checked("SLIPWAY_RUN", bad).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn who_says_nothing_is_not_asked_and_what_is_not_said_is_not_written() {
        assert_eq!(Maker::of(&Surroundings::default()).unwrap(), None);
        let run = Some("urn:run:1".to_owned());
        let surroundings = Surroundings { run, ..Surroundings::default() };
        let maker = Maker::of(&surroundings).unwrap().unwrap();
        assert_eq!(serde_json::to_string(&maker).unwrap(), r#"{"run":"urn:run:1"}"#);
    }
}
