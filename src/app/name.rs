//! Names of apps and of their channels.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};

/// npm's own limit for a package's name.
const LONGEST_NAME: usize = 214;
/// The longest name of a channel in bytes.
const LONGEST_CHANNEL: usize = 60;

/// A package's name as npm accepts it today, `ui` or `@acme/ui`. Names that npm still allows for
/// installing old packages, but no longer for publishing (capitals, `~`), are refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AppName(String);

impl AppName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as one part of a key and of a file's name: `@acme/ui` is `acme+ui`. No name of
    /// npm's holds a plus sign, so two names never share a key; npm's own `acme-ui` would allow
    /// that.
    pub fn key(&self) -> String {
        self.0.trim_start_matches('@').replace('/', "+")
    }
}

impl FromStr for AppName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let plain = match text.strip_prefix('@') {
            Some(scoped) => scoped.split_once('/').is_some_and(|(a, b)| is_part(a) && is_part(b)),
            None => is_part(text),
        };
        if plain && text.len() <= LONGEST_NAME {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::new(Kind::Input, format!("{text:?} cannot be an app's name"))
            .remedy("use lowercase letters, digits, hyphens, dots and underscores, as in \"ui\" or \"@acme/ui\""))
    }
}

fn is_part(part: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b);
    part.starts_with(|c: char| c.is_ascii_alphanumeric()) && part.bytes().all(allowed)
}

impl TryFrom<String> for AppName {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<AppName> for String {
    fn from(name: AppName) -> Self {
        name.0
    }
}

impl fmt::Display for AppName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A line of versions of an app: `main`, or a branch that a team tries out. It may have the
/// branch's name, so capitals, dots and underscores are allowed, unlike in a bundle's channel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Channel(String);

impl Channel {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Channel {
    /// Where an app is published when no channel is named.
    fn default() -> Self {
        Self("main".to_owned())
    }
}

impl FromStr for Channel {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
        let first = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if first && text.len() <= LONGEST_CHANNEL && text.bytes().all(allowed) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::new(Kind::Input, format!("{text:?} cannot be a channel's name"))
            .remedy("use letters, digits, hyphens, dots and underscores, at most 60; write a branch's slash as a hyphen"))
    }
}

impl TryFrom<String> for Channel {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Channel> for String {
    fn from(name: Channel) -> Self {
        name.0
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Key;

    #[test]
    fn every_name_of_an_app_is_one_part_of_a_key_and_no_two_share_it() {
        let names = ["ui", "@acme/ui", "acme-ui", "acme.ui", "@acme/ui.web_2"];
        let keys: std::collections::BTreeSet<String> =
            names.iter().map(|n| n.parse::<AppName>().unwrap().key()).collect();
        assert_eq!(keys.len(), names.len());
        for key in keys {
            assert!(Key::new(&*key).is_ok() && !key.contains('/'), "{key}");
        }
    }

    #[test]
    fn names_that_could_leave_their_place_are_refused() {
        for bad in [
            "", ".", "..", "../x", "@/x", "@a/", "@a/../b", "@../b", "a/b", "A", "a b", "_a", ".a",
            "a+b", "@a/b/c",
        ] {
            assert!(bad.parse::<AppName>().is_err(), "{bad}");
        }
        for bad in ["", "feature/x", "..", "-x", "a b", "a+b"] {
            assert!(bad.parse::<Channel>().is_err(), "{bad}");
        }
        assert!("Template_Scripts-2.x".parse::<Channel>().is_ok());
    }
}
