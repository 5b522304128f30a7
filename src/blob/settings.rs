//! Settings for opening a store: credentials, and how long silence may last.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::time::Duration;

use super::Patience;

/// Shorter values are no secrets, and removing them from messages would spoil words.
const SHORTEST_SECRET: usize = 6;

/// The endings of variables that hold a secret. A variable that ends in `_FILE` names a file, which
/// is no secret.
const SECRET_NAMES: [&str; 6] = ["KEY", "TOKEN", "SECRET", "SAS", "PASSWORD", "CONNECTION_STRING"];

/// Settings of a store that do not belong in its URL. Credentials come from variables or from files
/// that variables name: never from a profile or an argument, where others see them.
#[derive(Clone)]
pub struct Settings {
    /// Environment variables.
    pub variables: BTreeMap<String, String>,
    /// The longest that making a connection may take.
    pub connect: Duration,
    /// The longest silence, before an answer and between two pieces of it.
    pub idle: Duration,
    /// How patiently to try again.
    pub patience: Patience,
}

impl Default for Settings {
    /// Settings without any variable.
    fn default() -> Self {
        Self {
            variables: BTreeMap::new(),
            connect: Duration::from_secs(20),
            idle: Duration::from_secs(60),
            patience: Patience::default(),
        }
    }
}

/// Written by hand: a derived implementation would print credentials.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("variables", &self.variables.keys())
            .field("connect", &self.connect)
            .field("idle", &self.idle)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// Settings with the variables of an environment, except those that are not UTF-8.
    pub fn with(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let variables = variables
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        Self { variables, ..Self::default() }
    }

    /// A variable's value, if it is set and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Removes every secret of the environment, and every signature in a URL, from a foreign text.
    pub(super) fn scrub(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in &self.variables {
            let secret = SECRET_NAMES.iter().any(|end| name.ends_with(end));
            if secret && value.len() >= SHORTEST_SECRET {
                text = text.replace(value.as_str(), "redacted");
            }
        }
        for mark in ["sig=", "Signature=", "token="] {
            text = without_values(&text, mark);
        }
        text
    }
}

/// Removes what follows `mark`, up to the end of the parameter.
fn without_values(text: &str, mark: &str) -> String {
    let mut parts = text.split(mark);
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| c == '&' || c == '"' || c.is_whitespace());
        clean += mark;
        clean += "redacted";
        clean += &part[end.unwrap_or(part.len())..];
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_out_of_texts_and_never_debugged() {
        let mut settings = Settings::default();
        let variables = &mut settings.variables;
        variables.insert("AZURE_STORAGE_KEY".to_owned(), "c2VjcmV0".to_owned());
        variables.insert("HOME".to_owned(), "/home/me".to_owned());
        let text = "cannot get https://a/b?sv=1&sig=abc%3D&se=2 with c2VjcmV0 in /home/me";
        assert_eq!(
            settings.scrub(text),
            "cannot get https://a/b?sv=1&sig=redacted&se=2 with redacted in /home/me"
        );
        assert!(!format!("{settings:?}").contains("c2VjcmV0"));
    }
}
