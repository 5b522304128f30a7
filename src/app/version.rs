//! An app's version and the ranges that a site asks for, both with npm's meaning.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};

/// A version as npm orders it: `2.1.0`, `2.2.0-proto.7`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(nodejs_semver::Version);

impl FromStr for Version {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let version = nodejs_semver::Version::parse(text).ok();
        // a version has exactly one spelling, and build metadata would give many versions the same
        // rank
        let exact = version.filter(|v| v.build().is_empty() && v.to_string() == text);
        exact.map(Self).ok_or_else(|| {
            Error::new(Kind::Input, format!("{text:?} is not a version"))
                .remedy("write it as 1.4.0 or 1.4.0-proto.2")
        })
    }
}

impl TryFrom<String> for Version {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // padded, so that lists align
        f.pad(&self.0.to_string())
    }
}

/// Which part of a version grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bump {
    /// 1.4.0 becomes 1.4.1.
    Patch,
    /// 1.4.1 becomes 1.5.0.
    Minor,
    /// 1.5.0 becomes 2.0.0.
    Major,
}

/// Which version a package gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Numbering {
    /// The one in package.json.
    AsIs,
    /// This one.
    Set(Version),
    /// The one after package.json's, or after the newest published version if that is newer.
    Bump {
        /// Which part grows.
        part: Bump,
        /// The newest published version.
        published: Option<Version>,
    },
}

impl Numbering {
    /// The version for an app that has `own` in its package.json.
    pub(super) fn apply(&self, own: &Version) -> Result<Version> {
        match self {
            Self::AsIs => Ok(own.clone()),
            Self::Set(version) => Ok(version.clone()),
            Self::Bump { part, published } => {
                let from = published.as_ref().filter(|p| *p > own).unwrap_or(own);
                let part = match part {
                    Bump::Patch => "patch",
                    Bump::Minor => "minor",
                    Bump::Major => "major",
                };
                from.0.inc(part, None, None).map(Version).map_err(|e| {
                    Error::new(Kind::Input, format!("there is no version after {from}")).because(e)
                })
            }
        }
    }
}

/// A range of versions, as npm writes them: `^2.1`, `>=1.4 <3`, `2.x`.
#[derive(Clone, Debug)]
pub struct Range {
    text: String,
    range: nodejs_semver::Range,
}

impl Range {
    /// Whether a version satisfies the range. A prerelease does only if the range names one with
    /// the same number.
    pub fn holds(&self, version: &Version) -> bool {
        self.range.satisfies(&version.0)
    }
}

impl FromStr for Range {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::new(Kind::Input, format!("{text:?} is not a range of versions"))
                .remedy("write it as npm does: \"^2.1\", \">=1.4 <3\", \"2.x\"")
        };
        // to npm an empty range means any version; in a file written by hand it is a slip
        let mut sets = text.split("||");
        if sets.clone().any(|set| set.trim().is_empty()) || !sets.all(is_set) {
            return Err(wrong());
        }
        let range = nodejs_semver::Range::parse(text).map_err(|_| wrong())?;
        Ok(Self { text: text.to_owned(), range })
    }
}

/// Whether every word of an alternative is a comparator: the library ignores what it cannot read,
/// so `^2.1 <3.o` would become `^2.1`.
fn is_set(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    if let [low, "-", high] = words[..] {
        return is_partial(low) && is_partial(high);
    }
    let mut operator = false;
    for word in words {
        let version = word.trim_start_matches(['<', '>', '=', '^', '~']);
        let signs = version.len() < word.len();
        // an operator may be separated from its version, but not by another operator
        if !(version.is_empty() || is_partial(version)) || operator && signs {
            return false;
        }
        operator = version.is_empty();
    }
    !operator
}

/// `2`, `2.x`, `2.1.0-proto.1`.
fn is_partial(version: &str) -> bool {
    let version = version.strip_prefix('v').unwrap_or(version);
    let (numbers, rest) = match version.find(['-', '+']) {
        Some(at) => version.split_at(at),
        None => (version, ""),
    };
    let number = |part: &str| {
        matches!(part, "x" | "X" | "*")
            || !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit())
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-+.".contains(&b);
    numbers.split('.').count() <= 3 && numbers.split('.').all(number) && rest.bytes().all(plain)
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Range {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn a_bump_starts_from_the_newest_that_is_known() {
        let bump = |part, published: Option<&str>| {
            let published = published.map(version);
            Numbering::Bump { part, published }.apply(&version("1.4.2")).unwrap().to_string()
        };
        assert_eq!(bump(Bump::Patch, None), "1.4.3");
        assert_eq!(bump(Bump::Minor, Some("1.6.9")), "1.7.0");
        assert_eq!(bump(Bump::Major, Some("1.0.0")), "2.0.0");
        assert_eq!(bump(Bump::Patch, Some("1.5.0-proto.3")), "1.5.0");
    }

    #[test]
    fn versions_are_ordered_as_numbers_and_prereleases_come_before() {
        let ordered = ["1.9.0", "1.10.0-proto.9", "1.10.0-proto.10", "1.10.0"];
        assert!(ordered.windows(2).all(|pair| version(pair[0]) < version(pair[1])));
    }

    #[test]
    fn what_npm_would_read_differently_or_ambiguously_is_refused() {
        for bad in ["", "1", "1.0", "v1.0.0", " 1.0.0", "01.0.0", "1.0.0+5", "latest", "1.0.0/../x"]
        {
            assert!(bad.parse::<Version>().is_err(), "{bad}");
        }
        for bad in ["", " ", "latest", "^x.y", ">=1.0.0 <", "^2.1 <3.o", "< >1", "1.2.3.4"] {
            assert!(bad.parse::<Range>().is_err(), "{bad}");
        }
    }
}
