//! A store's list of the versions of one app in one channel, each with its digest. Pure.
//!
//! Each version is signed by whoever published it, and the signed text names the app and the
//! channel: nobody else can add one, change one, or copy one from another channel. A missing
//! version cannot be noticed here; a site's lock file names the one that was used before.

use serde::{Deserialize, Serialize};

use super::entry::{Entry, Statement, StoredEntry, cannot_write};
use super::{AppName, Channel, Native, Range, Version};
use crate::error::{Error, Kind, Result};
use crate::units::Digest;

/// The version of the index's format. Version 1 was not signed.
const FORMAT: u32 = 2;
/// The format with unsigned versions.
const UNSIGNED: u32 = 1;

/// The index of one app in one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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

/// The index as it is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    format: u32,
    app: AppName,
    channel: Channel,
    seq: u64,
    versions: Vec<StoredEntry>,
}

/// The index of format 1.
#[derive(Deserialize)]
struct Old {
    app: AppName,
    channel: Channel,
    seq: u64,
    versions: Vec<OldEntry>,
}

#[derive(Deserialize)]
struct OldEntry {
    version: Version,
    sha256: Digest,
    size: u64,
    commit: Option<String>,
    #[serde(default)]
    native: Vec<Native>,
    published: String,
}

fn unreadable(error: serde_json::Error) -> Error {
    Error::new(Kind::Damaged, "the app's index cannot be read").because(error)
}

impl Index {
    /// An index without versions.
    pub(crate) fn new(app: &AppName, channel: &Channel) -> Self {
        let (app, channel) = (app.clone(), channel.clone());
        Self { format: FORMAT, app, channel, seq: 0, versions: Vec::new() }
    }

    /// Reads a store's index for `app` and `channel`. Nothing in it is proven yet.
    pub(crate) fn parse(bytes: &[u8], app: &AppName, channel: &Channel) -> Result<Self> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let head: Head = serde_json::from_slice(bytes).map_err(unreadable)?;
        let index = match head.format {
            UNSIGNED => serde_json::from_slice(bytes).and_then(Self::from_old),
            FORMAT => serde_json::from_slice(bytes).and_then(Self::from_stored),
            other => {
                let message =
                    format!("the app's index has format {other}, this slipway reads {FORMAT}");
                return Err(Error::new(Kind::Refused, message).remedy("use a newer slipway"));
            }
        };
        let index = index.map_err(unreadable)?;
        if (&index.app, &index.channel) != (app, channel) {
            let message = format!(
                "the store gives the index of {} in channel {} for {app} in channel {channel}",
                index.app, index.channel
            );
            return Err(Error::new(Kind::Refused, message));
        }
        Ok(index)
    }

    /// The content is kept, without adding any signature.
    fn from_old(old: Old) -> serde_json::Result<Self> {
        let Old { app, channel, seq, versions } = old;
        let entry = |e: OldEntry| {
            let OldEntry { version, sha256, size, commit, native, published } = e;
            let (app, channel) = (app.clone(), channel.clone());
            let said = Statement { app, channel, version, sha256, size, commit, native };
            let signed = serde_json::to_string(&said)?;
            Ok(Entry::new(said, signed, Vec::new(), published))
        };
        let versions = versions.into_iter().map(entry).collect::<serde_json::Result<_>>()?;
        Ok(Self { format: FORMAT, app, channel, seq, versions })
    }

    fn from_stored(stored: Stored) -> serde_json::Result<Self> {
        use serde::de::Error as _;
        let Stored { format, app, channel, seq, versions } = stored;
        let entry = |e: StoredEntry| {
            let said: Statement = serde_json::from_str(&e.signed)?;
            if (&said.app, &said.channel) != (&app, &channel) {
                let message = format!("it has a version of {} in {}", said.app, said.channel);
                return Err(serde_json::Error::custom(message));
            }
            Ok(Entry::new(said, e.signed, e.signatures, e.published))
        };
        let versions = versions.into_iter().map(entry).collect::<serde_json::Result<_>>()?;
        Ok(Self { format, app, channel, seq, versions })
    }

    /// Adds a version. If the same version is there already, only another key's signature is added.
    ///
    /// # Errors
    /// [`Kind::Refused`] when the version has other bytes: a version that somebody has installed
    /// must stay what it was.
    pub(super) fn add(&mut self, entry: Entry) -> Result<()> {
        match self.versions.binary_search_by(|e| e.version.cmp(&entry.version)) {
            Ok(at) if self.versions[at].sha256 == entry.sha256 => {
                self.seq += u64::from(self.versions[at].join(entry));
                Ok(())
            }
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

    /// The newest version that satisfies the range. Without a range, all versions count, including
    /// prereleases, because a branch's versions are prereleases.
    pub fn newest(&self, range: Option<&Range>) -> Option<&Entry> {
        self.versions.iter().rev().find(|e| range.is_none_or(|range| range.holds(&e.version)))
    }

    /// The text.
    pub(crate) fn json(&self) -> Result<Vec<u8>> {
        let stored = Stored {
            format: FORMAT,
            app: self.app.clone(),
            channel: self.channel.clone(),
            seq: self.seq,
            versions: self.versions.iter().map(Entry::stored).collect(),
        };
        let mut bytes = serde_json::to_vec_pretty(&stored).map_err(cannot_write)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::Unproven;
    use super::super::entry::tests::entry_by;
    use super::*;
    use crate::key::{SecretKey, Sites, Trust};
    use crate::units::Timestamp;

    fn entry(version: &str, bytes: &str) -> Entry {
        entry_by(&SecretKey::generate("ci").unwrap(), version, bytes)
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
        let there = index.versions[0].clone();
        index.add(there).unwrap();
        assert_eq!(index.seq, 1);
        // another key's signature of the same text is new
        index.add(entry("1.0.0", "1.0.0")).unwrap();
        assert_eq!((index.seq, index.versions[0].signatures.len()), (2, 2));
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

    #[test]
    fn what_is_said_of_another_channel_or_app_has_no_place_in_an_index() {
        let json = String::from_utf8(index(&["1.0.0"]).json().unwrap()).unwrap();
        let (app, main) = ("@acme/ui".parse().unwrap(), Channel::default());
        let mixed = json.replacen(r#"\"channel\":\"main\""#, r#"\"channel\":\"proto\""#, 1);
        assert_ne!(json, mixed);
        assert!(Index::parse(mixed.as_bytes(), &app, &main).is_err());
    }

    #[test]
    fn an_index_of_before_there_were_signatures_is_read_and_stays_unsigned() {
        let old = br#"{"format": 1, "app": "ui", "channel": "main", "seq": 3, "versions": [{"version": "1.0.0",
            "sha256": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881", "size": 1,
            "published": "2026-01-01T00:00:00Z"}]}"#;
        let (app, main) = ("ui".parse().unwrap(), Channel::default());
        let index = Index::parse(old, &app, &main).unwrap();
        let again = Index::parse(&index.json().unwrap(), &app, &main).unwrap();
        assert_eq!((again.seq, again.versions.len()), (3, 1));
        let mut trust = Trust::default();
        let key = SecretKey::generate("ci").unwrap().public();
        trust.add(key, Sites::apps(["ui"]).unwrap());
        let proven = again.versions[0].prove(&app, &trust, Timestamp::default());
        assert_eq!(proven, Err(Unproven::NotSigned));
    }
}
