//! The pointer to a channel's newest release, and the steps that it goes through.
//!
//! `Claim` is what a store gave, `Proven` is one that a trusted key signed for the very site and channel,
//! `Accepted` is one that is neither older than what was seen nor expired. Only the last names a release to
//! anybody; only a `Signed` one can be published.
//!
//! One object holds text and signature. Two objects cannot be swapped at once: between the two writes every
//! reader would see a pointer with the signature of another. The signed text is a string in the object and
//! not a JSON value, so that no two programs need to agree on how JSON is written.

use serde::{Deserialize, Serialize};

use super::manifest::rfc3339;
use super::memory::Seen;
use super::refusal::Refusal;
use super::release::{Name, Version, bundle_key, release_id};
use super::{Allow, Pin};
use crate::error::{Error, Kind, Result};
use crate::key::{KeyId, Namespace, SecretKey, Signature, Trust};
use crate::units::{Digest, Timestamp};

/// The version of the object's format. Version 1 was not signed.
const FORMAT: u32 = 2;
/// More signatures are not looked at.
const MOST_SIGNATURES: usize = 8;

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

/// The object: `channels/<site>/<channel>.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Envelope {
    format: u32,
    /// A [`Pointer`] as JSON: the bytes that are signed.
    signed: String,
    /// OpenSSH's signatures of it, any of which is enough.
    signatures: Vec<String>,
}

/// What was read; nothing of it is proven.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    bytes: Vec<u8>,
    text: String,
    signatures: Vec<String>,
}

impl Claim {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let head: Head = serde_json::from_slice(bytes).map_err(|_| Refusal::Unreadable)?;
        if head.format < FORMAT {
            return Err(Refusal::NotSigned);
        }
        let envelope: Envelope = serde_json::from_slice(bytes).map_err(|_| Refusal::Unreadable)?;
        if head.format > FORMAT {
            return Err(Refusal::Unreadable);
        }
        let Envelope { signed: text, signatures, .. } = envelope;
        Ok(Self { bytes: bytes.to_vec(), text, signatures })
    }

    /// What it says, for people to look at.
    pub(super) fn peek(&self) -> Result<Pointer, Refusal> {
        serde_json::from_str(&self.text).map_err(|_| Refusal::Unreadable)
    }

    /// Proves that a key trusted at `now` signed it, and that it is the one that was asked for. The text is
    /// not even parsed before: what nobody signed reaches no parser but the signature's.
    pub(super) fn verify(
        self,
        trust: &Trust,
        site: &Name,
        channel: &Name,
        now: Timestamp,
    ) -> Result<Proven, Refusal> {
        let key = self.signer(trust, site, now)?;
        let pointer = self.peek()?;
        if pointer.site != *site {
            return Err(Refusal::OtherSite { found: pointer.site.to_string() });
        }
        if pointer.channel != *channel {
            return Err(Refusal::OtherChannel { found: pointer.channel.to_string() });
        }
        // the object's name is worked out and must agree: a pointer can only name bundles of its site
        let named = bundle_key(site, pointer.version, &pointer.sha256);
        let blob = named.map_err(|_| Refusal::Unreadable)?.to_string();
        if pointer.release != release_id(site, pointer.version) || pointer.blob != blob {
            return Err(Refusal::OtherRelease { found: pointer.release });
        }
        Ok(Proven { pointer, key, claim: self })
    }

    fn signer(&self, trust: &Trust, site: &Name, now: Timestamp) -> Result<KeyId, Refusal> {
        let digest = Digest::of(&self.text);
        let mut nearest = None;
        for text in self.signatures.iter().take(MOST_SIGNATURES) {
            let checked = Signature::parse(text).and_then(|signature| {
                trust.verify(site.as_str(), Namespace::Pointer, &digest, &signature, now)?;
                Ok(signature.key())
            });
            match checked {
                Ok(key) => return Ok(key),
                Err(why) => nearest = nearest.max(Some(why)),
            }
        }
        Err(nearest.map_or(Refusal::NotSigned, Refusal::Distrusted))
    }
}

/// A pointer that a trusted key signed for the site and channel that were asked for.
#[derive(Clone, Debug)]
pub(super) struct Proven {
    pub(super) pointer: Pointer,
    key: KeyId,
    claim: Claim,
}

impl Proven {
    /// Compares it with the newest that was seen, and with the clock.
    pub(super) fn accept(
        self,
        seen: Option<Seen>,
        allow: Allow,
        now: Timestamp,
    ) -> Result<Accepted, Refusal> {
        let back = seen.and_then(|seen| self.is_back(seen));
        let expired = now >= self.pointer.expires;
        match back {
            Some(refusal) if !allow.rollback => Err(refusal),
            _ if expired && !allow.expired => Err(Refusal::Expired { since: self.pointer.expires }),
            back => Ok(Accepted { proven: self, set_back: back.is_some() }),
        }
    }

    fn is_back(&self, seen: Seen) -> Option<Refusal> {
        let seq = self.pointer.seq;
        if seq < seen.seq {
            return Some(Refusal::Older { seq, seen: seen.seq });
        }
        let same = seq != seen.seq || self.seen() == seen;
        (!same).then_some(Refusal::Forked { seq })
    }

    pub(super) fn seen(&self) -> Seen {
        Seen { seq: self.pointer.seq, text: Digest::of(&self.claim.text) }
    }
}

/// A pointer that names a release: proven, not older than what was seen, not expired, or let pass.
#[derive(Clone, Debug)]
pub(super) struct Accepted {
    proven: Proven,
    /// It is older than what was seen, and somebody said that this is right.
    pub(super) set_back: bool,
}

impl Accepted {
    pub(super) fn pointer(&self) -> &Pointer {
        &self.proven.pointer
    }

    pub(super) fn key(&self) -> &KeyId {
        &self.proven.key
    }

    pub(super) fn seen(&self) -> Seen {
        self.proven.seen()
    }

    /// The object as it came.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.proven.claim.bytes
    }

    pub(super) fn pin(&self) -> Pin {
        let Pointer { site, version, release, sha256, size, .. } = self.pointer().clone();
        Pin { site, version, release, digest: sha256, size }
    }
}

/// A pointer with its signature, ready to be published.
#[derive(Clone, Debug)]
pub(super) struct Signed {
    pub(super) pointer: Pointer,
    pub(super) bytes: Vec<u8>,
}

impl Pointer {
    pub(super) fn sign(self, key: &SecretKey) -> Result<Signed> {
        let cannot = |e| Error::new(Kind::Input, "cannot write the pointer").because(e);
        let signed = serde_json::to_string(&self).map_err(cannot)?;
        let signature = key.sign(Namespace::Pointer, &Digest::of(&signed))?;
        let signatures = vec![signature.to_string()];
        let envelope = Envelope { format: FORMAT, signed, signatures };
        let mut bytes = serde_json::to_vec_pretty(&envelope).map_err(cannot)?;
        bytes.push(b'\n');
        Ok(Signed { pointer: self, bytes })
    }
}
