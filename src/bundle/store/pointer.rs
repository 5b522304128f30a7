//! The pointer to a channel's newest release: what it says. How it is signed, proven and remembered is in
//! [`signed`](crate::signed), which other kinds of pointers share.

use serde::{Deserialize, Serialize};

use crate::bundle::Pin;
use crate::bundle::form::release::{Name, Version, bundle_key, release_id};
use crate::key::Namespace;
use crate::signed::{Channel, Payload, Refusal};
use crate::units::{Digest, Timestamp, rfc3339};

/// Which release a channel has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pointer {
    /// The site.
    pub site: Name,
    /// The channel.
    pub channel: Name,
    /// Grows with every change, also with one back to an older release.
    pub seq: u64,
    /// `<site>-<version>`.
    pub release: String,
    /// The version.
    pub version: Version,
    /// The key of the .tgz.
    pub blob: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub sha256: Digest,
    /// When it was signed.
    #[serde(with = "rfc3339")]
    pub issued: Timestamp,
    /// When it stops being good; whoever publishes renews it before.
    #[serde(with = "rfc3339")]
    pub expires: Timestamp,
}

impl Payload for Pointer {
    const NAMESPACE: Namespace = Namespace::Pointer;
    const FOLDER: &'static str = "channels";

    fn channel(&self) -> Channel<'_> {
        channel(&self.site, &self.channel)
    }

    fn seq(&self) -> u64 {
        self.seq
    }

    fn expires(&self) -> Timestamp {
        self.expires
    }

    /// The object's name is worked out and must agree: a pointer can only name bundles of its site.
    fn check(&self) -> Result<(), Refusal> {
        let named = bundle_key(&self.site, self.version, &self.sha256);
        let blob = named.map_err(|_| Refusal::Unreadable)?.to_string();
        if self.release != release_id(&self.site, self.version) || self.blob != blob {
            return Err(Refusal::OtherRelease { found: self.release.clone() });
        }
        Ok(())
    }
}

impl Pointer {
    pub(super) fn pin(&self) -> Pin {
        let Self { site, version, release, sha256, size, .. } = self.clone();
        Pin { site, version, release, digest: sha256, size }
    }
}

/// A channel by its names.
pub(super) fn channel<'a>(site: &'a Name, channel: &'a Name) -> Channel<'a> {
    Channel { site: site.as_str(), name: channel.as_str() }
}

/// The folder of a site's pointers in a store.
pub fn pointers(site: &Name) -> String {
    format!("{}/{site}", Pointer::FOLDER)
}
