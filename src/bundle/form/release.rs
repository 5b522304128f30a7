//! Names: sites, versions, releases, and where a store keeps them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::blob::Key;
use crate::error::{Error, Kind, Result};
use crate::key::KeyId;
use crate::units::Digest;

/// The longest name of a site or channel in bytes.
const LONGEST_NAME: usize = 40;

/// The name of a site, a channel or an app: lowercase letters, digits and single hyphens, at most 40
/// bytes, so that it is a file name, a part of a URL and a host name alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let part = |p: &str| {
            !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        if text.len() <= LONGEST_NAME && text.split('-').all(part) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::new(Kind::Input, format!("{text:?} cannot be a name"))
            .remedy("use lowercase letters, digits and single hyphens, at most 40"))
    }
}

impl TryFrom<String> for Name {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A bundle's version, as in `1.4.0+b17`. Ordered as numbers: b10 comes after b9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    /// Major, minor, patch.
    pub number: [u32; 3],
    /// The vendor's build of that version.
    pub build: u32,
}

impl FromStr for Version {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::new(Kind::Input, format!("{text:?} is not a bundle's version"))
                .remedy("write it as 1.4.0+b17")
        };
        let (number, build) = text.split_once("+b").ok_or_else(wrong)?;
        let number = three(number).ok_or_else(wrong)?;
        Ok(Self { number, build: decimal(build).ok_or_else(wrong)? })
    }
}

/// `1.4.0` as numbers.
pub(crate) fn three(text: &str) -> Option<[u32; 3]> {
    let parts: Vec<u32> = text.split('.').map(decimal).collect::<Option<_>>()?;
    parts.try_into().ok()
}

/// Digits alone, without the zeros and signs that would give one number two names.
fn decimal(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
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
        let [major, minor, patch] = self.number;
        write!(f, "{major}.{minor}.{patch}+b{}", self.build)
    }
}

/// The release's id, as in `demo-1.4.0+b17`: what READY proves on the appliance.
pub fn release_id(site: &Name, version: Version) -> String {
    format!("{site}-{version}")
}

/// Where a store keeps the bundle. The name holds the digest, so two who put different bytes never meet,
/// also where a cloud joins the parts of a large object without a condition.
pub(crate) fn bundle_key(site: &Name, version: Version, digest: &Digest) -> Result<Key> {
    Key::new(format!("bundles/{site}/{}.{digest}.tgz", release_id(site, version)))
}

/// Where a store keeps a signature of the bundle: the first one, or the one by a key.
pub(crate) fn signature_key(
    site: &Name,
    version: Version,
    digest: &Digest,
    by: Option<&KeyId>,
) -> Result<Key> {
    let bundle = bundle_key(site, version, digest)?;
    match by {
        None => Key::new(format!("{bundle}.sig")),
        Some(key) => Key::new(format!("{bundle}.{key}.sig")),
    }
}

/// Where a store keeps size and digest of the bundle.
pub(crate) fn record_key(site: &Name, version: Version) -> Result<Key> {
    Key::new(format!("bundles/{site}/{}.json", release_id(site, version)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_numbers() {
        let version = |text: &str| text.parse::<Version>().unwrap();
        assert!(version("1.0.0+b9") < version("1.0.0+b10"));
        assert!(version("1.9.0+b9") < version("1.10.0+b1"));
        assert_eq!(version("1.4.0+b17").to_string(), "1.4.0+b17");
    }

    #[test]
    fn a_version_has_one_way_to_be_written() {
        for bad in
            ["", "1.0.0", "1.0+b1", "1.0.0.0+b1", "01.0.0+b1", "1.0.0+b", "1.0.0+b+1", "1.0.0+b01"]
        {
            assert!(bad.parse::<Version>().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_cannot_break_out_of_where_they_are_used() {
        for bad in ["", "-a", "a-", "a--b", "../a", "a/b", "A", "é", "a b", "a\n", &"a".repeat(41)]
        {
            assert!(bad.parse::<Name>().is_err(), "{bad:?}");
        }
        assert_eq!("acme-2".parse::<Name>().unwrap().as_str(), "acme-2");
    }
}
