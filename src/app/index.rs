//! What a store says of one app in one channel: which versions there are, and which bytes each is. Pure.
//!
//! Each version is signed by whoever published it, with the app and the channel in what is signed: nobody else can
//! add one, change one, or take one over from another channel. That one is missing cannot be seen here; a site's
//! lock file names what was taken before.

use serde::{Deserialize, Serialize};

use super::{App, AppName, Channel, Native, Range, Version};
use crate::error::{Error, Kind, Result};
use crate::key::{Distrust, Namespace, SecretKey, Signature, Sites, Trust};
use crate::units::{Digest, Timestamp};

/// The version of the index's format. Version 1 was not signed.
const FORMAT: u32 = 2;
/// The format whose versions nobody signed.
const UNSIGNED: u32 = 1;
/// More signatures are not looked at.
const MOST_SIGNATURES: usize = 8;

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

/// One published version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The version.
    pub version: Version,
    /// SHA-256 of the .tgz.
    pub sha256: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// The commit that it was packed from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Compiled modules in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub native: Vec<Native>,
    /// When it was published. It is not signed: the same version, signed by another key, is the same text.
    pub published: String,
    /// The text that is signed.
    #[serde(skip)]
    signed: String,
    /// OpenSSH's signatures of it, any of which is enough.
    #[serde(skip)]
    signatures: Vec<String>,
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

#[derive(Serialize, Deserialize)]
struct StoredEntry {
    /// A [`Statement`] as JSON: a string and not a value, so that no two programs need to agree on how JSON is
    /// written.
    signed: String,
    signatures: Vec<String>,
    published: String,
}

/// What is signed.
#[derive(Serialize, Deserialize)]
struct Statement {
    app: AppName,
    channel: Channel,
    version: Version,
    sha256: Digest,
    size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    native: Vec<Native>,
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

/// Why a version is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unproven {
    /// No key is trusted for the app.
    NoKey,
    /// Nobody signed it.
    NotSigned,
    /// Nobody who is trusted signed it.
    Distrusted(Distrust),
}

impl Entry {
    /// What is said of an app in a channel.
    pub(super) fn of(
        app: &App,
        channel: &Channel,
        key: &SecretKey,
        published: Timestamp,
    ) -> Result<Self> {
        let statement = Statement {
            app: app.name.clone(),
            channel: channel.clone(),
            version: app.version.clone(),
            sha256: app.digest,
            size: app.size,
            commit: app.commit.clone(),
            native: app.native.clone(),
        };
        let signed = serde_json::to_string(&statement).map_err(cannot_write)?;
        let signature = key.sign(Namespace::App, &Digest::of(&signed))?.to_string();
        Ok(Self::new(statement, signed, vec![signature], published.to_string()))
    }

    fn new(said: Statement, signed: String, signatures: Vec<String>, published: String) -> Self {
        let Statement { version, sha256, size, commit, native, .. } = said;
        Self { version, sha256, size, commit, native, published, signed, signatures }
    }

    /// Proves that a key which is trusted for the app at `now` signed it.
    pub(super) fn prove(
        &self,
        app: &AppName,
        trust: &Trust,
        now: Timestamp,
    ) -> Result<(), Unproven> {
        let principal = Sites::app(app.as_str());
        if trust.is_empty_for(&principal) {
            return Err(Unproven::NoKey);
        }
        let digest = Digest::of(&self.signed);
        let mut nearest = None;
        for text in self.signatures.iter().take(MOST_SIGNATURES) {
            let proven = Signature::parse(text)
                .and_then(|s| trust.verify(&principal, Namespace::App, &digest, &s, now));
            match proven {
                Ok(()) => return Ok(()),
                Err(why) => nearest = nearest.max(Some(why)),
            }
        }
        Err(nearest.map_or(Unproven::NotSigned, Unproven::Distrusted))
    }

    fn stored(&self) -> StoredEntry {
        let Self { signed, signatures, published, .. } = self.clone();
        StoredEntry { signed, signatures, published }
    }

    /// Takes over the signatures of the same text.
    fn join(&mut self, newer: Self) -> bool {
        if self.signed != newer.signed {
            // said in other words, or not signed at all: nothing of that is ours
            *self = Self { published: self.published.clone(), ..newer };
            return true;
        }
        // the same key signs the same text with the same bytes
        let more = newer.signatures.into_iter().filter(|s| !self.signatures.contains(s));
        let more: Vec<String> = more.collect();
        let news = !more.is_empty();
        // the newest first: only so many are looked at
        self.signatures.splice(0..0, more);
        news
    }
}

fn unreadable(error: serde_json::Error) -> Error {
    Error::new(Kind::Damaged, "the app's index cannot be read").because(error)
}

fn cannot_write(error: serde_json::Error) -> Error {
    Error::new(Kind::Input, "cannot write JSON").because(error)
}

impl Index {
    /// One without a version.
    pub(crate) fn new(app: &AppName, channel: &Channel) -> Self {
        let (app, channel) = (app.clone(), channel.clone());
        Self { format: FORMAT, app, channel, seq: 0, versions: Vec::new() }
    }

    /// Reads what a store has under the name of `app` and `channel`. Nothing of it is proven.
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

    /// Its words are kept, and nobody's name is put under them.
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

    /// Adds a version; nothing changes where the very same is there already, but that another key's signature
    /// is added.
    ///
    /// # Errors
    /// [`Kind::Refused`] when the version has other bytes: what somebody installed must stay what it was.
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

    /// The newest version that would do; of all, prereleases too, when no range is given: a branch's
    /// versions are prereleases.
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
    use super::*;

    fn entry(version: &str, bytes: &str) -> Entry {
        entry_by(&SecretKey::generate("ci").unwrap(), version, bytes)
    }

    fn entry_by(key: &SecretKey, version: &str, bytes: &str) -> Entry {
        let app = App {
            name: "@acme/ui".parse().unwrap(),
            version: version.parse().unwrap(),
            commit: None,
            native: Vec::new(),
            path: std::path::PathBuf::new(),
            digest: Digest::of(bytes),
            size: 1,
        };
        Entry::of(&app, &Channel::default(), key, Timestamp::default()).unwrap()
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
        // another key's signature of the same words is news
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
    fn only_a_key_that_is_trusted_for_the_app_proves_a_version() {
        let [ours, sites] = [(); 2].map(|()| SecretKey::generate("ci").unwrap());
        let app: AppName = "@acme/ui".parse().unwrap();
        let now = Timestamp::from_seconds(1_800_000_000);
        let mut trust = Trust::default();
        trust.add(sites.public(), Sites::named(["ui", "demo"]).unwrap());
        let good = entry_by(&ours, "1.0.0", "x");
        assert_eq!(good.prove(&app, &trust, now), Err(Unproven::NoKey));
        trust.add(ours.public(), Sites::apps(["@acme/ui"]).unwrap());
        assert_eq!(good.prove(&app, &trust, now), Ok(()));
        let theirs = entry_by(&sites, "1.0.0", "x").prove(&app, &trust, now);
        let other_site = |e| matches!(e, Err(Unproven::Distrusted(Distrust::OtherSite { .. })));
        assert!(other_site(theirs));
        let mut moved = good.clone();
        moved.signed = moved.signed.replace("main", "test");
        assert!(matches!(
            moved.prove(&app, &trust, now),
            Err(Unproven::Distrusted(Distrust::OtherBytes { .. }))
        ));
        assert_eq!(
            Entry { signatures: Vec::new(), ..good }.prove(&app, &trust, now),
            Err(Unproven::NotSigned)
        );
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
