//! One version in the index of an app, and who signed it. Pure.

use serde::{Deserialize, Serialize};

use super::{App, AppName, Channel, Native, Version};
use crate::error::{Error, Kind, Result};
use crate::key::{Distrust, Namespace, SecretKey, Signature, Sites, Trust};
use crate::units::{Digest, Timestamp};

/// The number of signatures that are looked at.
const MOST_SIGNATURES: usize = 8;

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
    /// When it was published. It is not signed: the same version, signed by another key, is the
    /// same text.
    pub published: String,
    /// The signed text.
    #[serde(skip)]
    signed: String,
    /// OpenSSH signatures of that text; any one is enough.
    #[serde(skip)]
    pub(super) signatures: Vec<String>,
}

/// A version as it is stored.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredEntry {
    /// A [`Statement`] as JSON. It is a string and not a value, so that programs need not agree on
    /// how JSON is written.
    pub(super) signed: String,
    pub(super) signatures: Vec<String>,
    pub(super) published: String,
}

/// What is signed.
#[derive(Serialize, Deserialize)]
pub(super) struct Statement {
    pub(super) app: AppName,
    pub(super) channel: Channel,
    pub(super) version: Version,
    pub(super) sha256: Digest,
    pub(super) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) commit: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) native: Vec<Native>,
}

/// Why a version is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unproven {
    /// No key is trusted for the app.
    NoKey,
    /// Nobody signed it.
    NotSigned,
    /// None of its signers is trusted.
    Distrusted(Distrust),
}

impl Entry {
    /// A version's entry for an app in a channel.
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

    pub(super) fn new(
        said: Statement,
        signed: String,
        signatures: Vec<String>,
        published: String,
    ) -> Self {
        let Statement { version, sha256, size, commit, native, .. } = said;
        Self { version, sha256, size, commit, native, published, signed, signatures }
    }

    /// Proves that it was signed by a key that is trusted for the app at `now`.
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

    pub(super) fn stored(&self) -> StoredEntry {
        let Self { signed, signatures, published, .. } = self.clone();
        StoredEntry { signed, signatures, published }
    }

    /// Adds the signatures of the same text.
    pub(super) fn join(&mut self, newer: Self) -> bool {
        if self.signed != newer.signed {
            // the text differs, or was not signed at all: none of it is ours to keep
            *self = Self { published: self.published.clone(), ..newer };
            return true;
        }
        // a key signs the same text with the same bytes
        let more = newer.signatures.into_iter().filter(|s| !self.signatures.contains(s));
        let more: Vec<String> = more.collect();
        let news = !more.is_empty();
        // the newest first: only a limited number is looked at
        self.signatures.splice(0..0, more);
        news
    }
}

pub(super) fn cannot_write(error: serde_json::Error) -> Error {
    Error::new(Kind::Input, "cannot write JSON").because(error)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A version of @acme/ui by a key.
    pub(in crate::app) fn entry_by(key: &SecretKey, version: &str, bytes: &str) -> Entry {
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
}
