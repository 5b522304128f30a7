//! What somebody looks for in releases: a name, and perhaps a range of versions.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use aho_corasick::AhoCorasick;
use nodejs_semver::{Range, Version};

use crate::apt::version;
use crate::error::{Error, Kind, Result};
use crate::inventory::{Component, Sort};

/// `NAME` or `NAME@RANGE`.
///
/// Of packages of the operating system the range is a list of conditions that all must hold (`<3.0.11-1~deb12u2`,
/// `>=1.1,<2`), by dpkg's order, and the name may be the source package's: that is what a security advisory names. Of all
/// others it is npm's kind of range.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    name: String,
    range: Option<String>,
    conditions: Option<Vec<(Relation, String)>>,
    semver: Option<Range>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Below,
    UpTo,
    Exactly,
    From,
    Above,
}

/// Each with its sign; what begins another one comes behind it.
const RELATIONS: [(&str, Relation); 5] = [
    ("<=", Relation::UpTo),
    (">=", Relation::From),
    ("<", Relation::Below),
    (">", Relation::Above),
    ("=", Relation::Exactly),
];

impl Relation {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Below => ordering == Ordering::Less,
            Self::UpTo => ordering != Ordering::Greater,
            Self::Exactly => ordering == Ordering::Equal,
            Self::From => ordering != Ordering::Less,
            Self::Above => ordering == Ordering::Greater,
        }
    }
}

impl Wanted {
    /// Whether a list as JSON has the name anywhere: most lists lack it, and need not be taken apart then.
    pub fn may_be_in(&self, list: &[u8]) -> bool {
        let quoted = serde_json::to_vec(&self.name).unwrap_or_default();
        AhoCorasick::new([quoted]).map_or(true, |name| name.is_match(list))
    }

    /// Whether a component is what is looked for.
    pub fn is(&self, component: &Component) -> bool {
        let source = component.source.as_ref();
        let named = component.name == self.name;
        let from = source.is_some_and(|source| source.name == self.name);
        if !(named || from) {
            return false;
        }
        // an advisory's version is the source package's
        let version = match source {
            Some(source) if from => &source.version,
            _ => &component.version,
        };
        self.range.is_none() || self.in_range(component.sort, version)
    }

    fn in_range(&self, sort: Sort, found: &str) -> bool {
        match sort {
            Sort::Package => self.conditions.as_ref().is_some_and(|conditions| {
                let holds = |(relation, wanted): &(Relation, String)| {
                    relation.holds(version::compare(found, wanted))
                };
                conditions.iter().all(holds)
            }),
            Sort::Base | Sort::Bundle | Sort::App | Sort::Module | Sort::Npm | Sort::Other => {
                let found = Version::parse(found).ok();
                let range = self.semver.as_ref().zip(found);
                range.is_some_and(|(range, found)| range.satisfies(&found))
            }
        }
    }
}

impl FromStr for Wanted {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        // the at sign of a scope, as in @acme/ui, is no range's
        let at = text.rfind('@').filter(|at| *at > 0);
        let (name, range) = match at {
            Some(at) => (&text[..at], Some(text[at + 1..].trim().to_owned())),
            None => (text, None),
        };
        let (conditions, semver) = match &range {
            None => (None, None),
            Some(range) if range.is_empty() => (None, None),
            Some(range) => (conditions(range), Range::parse(range).ok()),
        };
        let readable = range.is_none() || conditions.is_some() || semver.is_some();
        if name.is_empty() || !readable {
            let message = format!("{text:?} is no name with a range of versions");
            return Err(Error::new(Kind::Input, message)
                .remedy("write it as openssl, openssl@<3.0.11-1 or @acme/ui@^1.2"));
        }
        Ok(Self { name: name.to_owned(), range, conditions, semver })
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.range {
            Some(range) => write!(f, "{}@{range}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// `<2`, `>=1,<2`, `1.0-1`: none for what is no such list.
fn conditions(range: &str) -> Option<Vec<(Relation, String)>> {
    let condition = |text: &str| {
        let found = RELATIONS
            .iter()
            .find_map(|(sign, relation)| Some((*relation, text.strip_prefix(sign)?.trim())));
        let (relation, version) = found.unwrap_or((Relation::Exactly, text));
        let begins = version.starts_with(|c: char| c.is_ascii_digit());
        let allowed = |c: char| c.is_ascii_alphanumeric() || ".+-:~".contains(c);
        (begins && version.chars().all(allowed)).then(|| (relation, version.to_owned()))
    };
    let parts = range.split([',', ' ']).filter(|part| !part.is_empty());
    let conditions: Option<Vec<_>> = parts.map(condition).collect();
    conditions.filter(|conditions| !conditions.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::SourcePackage;

    fn found(wanted: &str, sort: Sort, name: &str, version: &str) -> bool {
        let component = Component::new(sort, String::new(), name, version);
        wanted.parse::<Wanted>().unwrap().is(&component)
    }

    #[test]
    fn packages_are_compared_as_dpkg_does_and_all_others_as_npm_does() {
        assert!(found("openssl", Sort::Package, "openssl", "3.0.9-1"));
        assert!(!found("openssl", Sort::Package, "libssl3", "3.0.9-1"));
        assert!(found("openssl@<3.0.11-1~deb12u2", Sort::Package, "openssl", "3.0.9-1"));
        assert!(!found("openssl@<3.0.11-1~deb12u2", Sort::Package, "openssl", "3.0.11-1"));
        assert!(found("openssl@>=3,<3.0.10", Sort::Package, "openssl", "3.0.9-1"));
        assert!(found("@acme/ui@^1.2", Sort::App, "@acme/ui", "1.9.0"));
        assert!(!found("@acme/ui@^1.2", Sort::App, "@acme/ui", "2.0.0"));
        assert!(found("@acme/ui", Sort::Npm, "@acme/ui", "2.0.0"));
    }

    #[test]
    fn a_source_packages_name_finds_all_that_was_built_from_it() {
        let mut component = Component::new(Sort::Package, String::new(), "libssl3", "3.0.9-1+b1");
        component.source =
            Some(SourcePackage { name: "openssl".into(), version: "3.0.9-1".into() });
        for (wanted, is) in
            [("openssl", true), ("openssl@=3.0.9-1", true), ("openssl@>3.0.9-1", false)]
        {
            assert_eq!(wanted.parse::<Wanted>().unwrap().is(&component), is, "{wanted}");
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for bad in ["", "openssl@", "openssl@a b c", "openssl@<<3"] {
            assert!(bad.parse::<Wanted>().is_err(), "{bad:?}");
        }
    }
}
