//! What a store says of one app in one channel: which versions there are, and which bytes each is. Pure.

use serde::{Deserialize, Serialize};

use super::{App, AppName, Channel, Native, Range, Version};
use crate::error::{Error, Kind, Result};
use crate::units::{Digest, Timestamp};

/// The version of the index's format.
const FORMAT: u32 = 1;

/// The index of one app in one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// Version of the format.
    pub format: u32,
    /// The app.
    pub app: AppName,
    /// The channel.
    pub channel: Channel,
    /// Grows with every change.
    pub seq: u64,
    /// Every version, the oldest first.
    pub versions: Vec<Entry>,
}

/// One published version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The version.
    pub version: Version,
    /// SHA-256 of the .tgz.
    pub sha256: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// The commit that it was packed from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Compiled modules in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub native: Vec<Native>,
    /// When it was published.
    pub published: String,
}

impl Entry {
    /// What is said of an app.
    pub(super) fn of(app: &App, published: Timestamp) -> Self {
        Self {
            version: app.version.clone(),
            sha256: app.digest,
            size: app.size,
            commit: app.commit.clone(),
            native: app.native.clone(),
            published: published.to_string(),
        }
    }
}

impl Index {
    /// One without a version.
    pub(crate) fn new(app: &AppName, channel: &Channel) -> Self {
        let (app, channel) = (app.clone(), channel.clone());
        Self { format: FORMAT, app, channel, seq: 0, versions: Vec::new() }
    }

    /// Reads what a store has under the name of `app` and `channel`.
    pub(crate) fn parse(bytes: &[u8], app: &AppName, channel: &Channel) -> Result<Self> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let unreadable = |e| Error::new(Kind::Damaged, "the app's index cannot be read").because(e);
        let head: Head = serde_json::from_slice(bytes).map_err(unreadable)?;
        if head.format != FORMAT {
            let message =
                format!("the app's index has format {}, this slipway reads {FORMAT}", head.format);
            return Err(Error::new(Kind::Refused, message).remedy("use a newer slipway"));
        }
        let index: Self = serde_json::from_slice(bytes).map_err(unreadable)?;
        if (&index.app, &index.channel) != (app, channel) {
            let message = format!(
                "the store gives the index of {} in channel {} for {app} in channel {channel}",
                index.app, index.channel
            );
            return Err(Error::new(Kind::Refused, message));
        }
        Ok(index)
    }

    /// Adds a version; nothing changes where the very same is there already.
    ///
    /// # Errors
    /// [`Kind::Refused`] when the version has other bytes: what somebody installed must stay what it was.
    pub(super) fn add(&mut self, entry: Entry) -> Result<()> {
        match self.versions.binary_search_by(|e| e.version.cmp(&entry.version)) {
            Ok(at) if self.versions[at].sha256 == entry.sha256 => Ok(()),
            Ok(at) => {
                let there = &self.versions[at];
                let commit = there.commit.as_deref().unwrap_or("an unknown commit");
                let message = format!(
                    "{} {} is published in channel {} already, from {commit}, with other bytes",
                    self.app, entry.version, self.channel
                );
                Err(Error::new(Kind::Refused, message)
                    .remedy("pack it under a new version: `slipway app pack --bump patch`"))
            }
            Err(at) => {
                self.versions.insert(at, entry);
                self.seq += 1;
                Ok(())
            }
        }
    }

    /// The newest version that would do; of all, prereleases too, when no range is given: a branch's
    /// versions are prereleases.
    pub fn newest(&self, range: Option<&Range>) -> Option<&Entry> {
        self.versions.iter().rev().find(|e| range.is_none_or(|range| range.holds(&e.version)))
    }

    /// The text.
    pub(crate) fn json(&self) -> Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)
            .map_err(|e| Error::new(Kind::Input, "cannot write JSON").because(e))?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(version: &str, bytes: &str) -> Entry {
        let version = version.parse().unwrap();
        let published = Timestamp::default().to_string();
        Entry {
            version,
            sha256: Digest::of(bytes),
            size: 1,
            commit: None,
            native: Vec::new(),
            published,
        }
    }

    fn index(versions: &[&str]) -> Index {
        let mut index = Index::new(&"@acme/ui".parse().unwrap(), &Channel::default());
        versions.iter().for_each(|v| index.add(entry(v, v)).unwrap());
        index
    }

    #[test]
    fn the_newest_is_the_highest_and_not_the_last() {
        let index = index(&["2.10.0", "2.9.0", "3.0.0-proto.1"]);
        let newest = |range: Option<&str>| {
            let range = range.map(|r| r.parse().unwrap());
            index.newest(range.as_ref()).map(|e| e.version.to_string())
        };
        assert_eq!(newest(Some("^2")).as_deref(), Some("2.10.0"));
        assert_eq!(newest(Some(">=2")).as_deref(), Some("2.10.0"));
        assert_eq!(newest(None).as_deref(), Some("3.0.0-proto.1"));
        assert_eq!(newest(Some("^4")), None);
    }

    #[test]
    fn a_version_keeps_its_bytes() {
        let mut index = index(&["1.0.0"]);
        index.add(entry("1.0.0", "1.0.0")).unwrap();
        assert_eq!(index.seq, 1);
        assert_eq!(index.add(entry("1.0.0", "other")).unwrap_err().kind(), Kind::Refused);
    }

    #[test]
    fn an_index_in_the_place_of_another_is_refused() {
        let json = index(&["1.0.0"]).json().unwrap();
        let (app, main) = ("@acme/ui".parse().unwrap(), Channel::default());
        assert!(Index::parse(&json, &app, &main).is_ok());
        assert!(Index::parse(&json, &"ui".parse().unwrap(), &main).is_err());
        assert!(Index::parse(&json, &app, &"proto".parse().unwrap()).is_err());
    }
}
