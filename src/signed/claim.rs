//! A pointer's envelope, and the steps that it goes through.
//!
//! `Claim` is what a store gave, `Proven` is one that a trusted key signed for the very channel, `Accepted` is one that
//! is neither older than what was seen nor expired. Only the last is to be followed; only a `Signed` one can be published.
//!
//! One object holds text and signature. Two objects cannot be swapped at once: between the two writes every
//! reader would see a pointer with the signature of another. The signed text is a string in the object and
//! not a JSON value, so that no two programs need to agree on how JSON is written.

use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use super::payload::{Channel, Payload};
use super::refusal::Refusal;
use super::seen::Seen;
use crate::error::{Error, Kind, Result};
use crate::key::{KeyId, SecretKey, Signature, Trust};
use crate::units::{Digest, MIB, Timestamp};

/// The version of the object's format. Version 1 was not signed.
const FORMAT: u32 = 2;
/// The largest object in bytes; they have a few hundred.
pub const LARGEST: u64 = MIB;
/// More signatures are not looked at.
const MOST_SIGNATURES: usize = 8;

/// What is let pass because somebody said so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allow {
    /// A pointer that is older than one that was seen.
    pub rollback: bool,
    /// A pointer that has expired.
    pub expired: bool,
}

/// The object: `<folder>/<site>/<channel>.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Envelope {
    format: u32,
    /// A [`Payload`] as JSON: the bytes that are signed.
    signed: String,
    /// OpenSSH's signatures of it, any of which is enough.
    signatures: Vec<String>,
}

/// What was read; nothing of it is proven.
#[derive(Clone, Debug)]
pub struct Claim<T> {
    bytes: Vec<u8>,
    text: String,
    signatures: Vec<String>,
    kind: PhantomData<fn() -> T>,
}

impl<T: Payload> Claim<T> {
    /// Opens the envelope of a store's object.
    pub fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
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
        Ok(Self { bytes: bytes.to_vec(), text, signatures, kind: PhantomData })
    }

    /// What it says, for people to look at.
    pub fn peek(&self) -> Result<T, Refusal> {
        serde_json::from_str(&self.text).map_err(|_| Refusal::Unreadable)
    }

    /// Proves that a key trusted at `now` signed it, and that it is the one that was asked for. The text is
    /// not even parsed before: what nobody signed reaches no parser but the signature's.
    pub fn verify(
        self,
        trust: &Trust,
        asked: Channel<'_>,
        now: Timestamp,
    ) -> Result<Proven<T>, Refusal> {
        let key = self.signer(trust, asked.site, now)?;
        let payload = self.peek()?;
        let found = payload.channel();
        if found.site != asked.site {
            return Err(Refusal::OtherSite { found: found.site.to_owned() });
        }
        if found.name != asked.name {
            return Err(Refusal::OtherChannel { found: found.name.to_owned() });
        }
        payload.check()?;
        Ok(Proven { payload, key, claim: self })
    }

    fn signer(&self, trust: &Trust, site: &str, now: Timestamp) -> Result<KeyId, Refusal> {
        let digest = Digest::of(&self.text);
        let mut nearest = None;
        for text in self.signatures.iter().take(MOST_SIGNATURES) {
            let checked = Signature::parse(text).and_then(|signature| {
                trust.verify(site, T::NAMESPACE, &digest, &signature, now)?;
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

/// A pointer that a trusted key signed for the channel that was asked for.
#[derive(Clone, Debug)]
pub struct Proven<T> {
    payload: T,
    key: KeyId,
    claim: Claim<T>,
}

impl<T: Payload> Proven<T> {
    /// Compares it with the newest that was seen, and with the clock.
    pub fn accept(
        self,
        seen: Option<Seen>,
        allow: Allow,
        now: Timestamp,
    ) -> Result<Accepted<T>, Refusal> {
        let back = seen.and_then(|seen| self.is_back(seen));
        let since = self.payload.expires();
        match back {
            Some(refusal) if !allow.rollback => Err(refusal),
            _ if now >= since && !allow.expired => Err(Refusal::Expired { since }),
            back => Ok(Accepted { proven: self, set_back: back.is_some() }),
        }
    }

    fn is_back(&self, seen: Seen) -> Option<Refusal> {
        let seq = self.payload.seq();
        if seq < seen.seq {
            return Some(Refusal::Older { seq, seen: seen.seq });
        }
        let same = seq != seen.seq || self.seen() == seen;
        (!same).then_some(Refusal::Forked { seq })
    }

    /// Its state.
    pub fn seen(&self) -> Seen {
        Seen { seq: self.payload.seq(), text: Digest::of(&self.claim.text) }
    }
}

/// A pointer that may be followed: proven, not older than what was seen, not expired, or let pass.
#[derive(Clone, Debug)]
pub struct Accepted<T> {
    proven: Proven<T>,
    /// It is older than what was seen, and somebody said that this is right.
    set_back: bool,
}

impl<T: Payload> Accepted<T> {
    /// What it says.
    pub fn payload(&self) -> &T {
        &self.proven.payload
    }

    /// The key that signed it.
    pub fn key(&self) -> &KeyId {
        &self.proven.key
    }

    /// Its state.
    pub fn seen(&self) -> Seen {
        self.proven.seen()
    }

    /// Whether it is older than what was seen, and somebody said that this is right.
    pub fn is_set_back(&self) -> bool {
        self.set_back
    }

    /// The object as it came.
    pub fn bytes(&self) -> &[u8] {
        &self.proven.claim.bytes
    }
}

/// A pointer with its signature, ready to be published.
#[derive(Clone, Debug)]
pub struct Signed<T> {
    /// What it says.
    pub payload: T,
    /// The store's object.
    pub bytes: Vec<u8>,
}

/// Signs a pointer, and puts both into the envelope.
pub fn sign<T: Payload>(payload: T, key: &SecretKey) -> Result<Signed<T>> {
    let cannot = |e| Error::new(Kind::Input, "cannot write the pointer").because(e);
    let signed = serde_json::to_string(&payload).map_err(cannot)?;
    let signature = key.sign(T::NAMESPACE, &Digest::of(&signed))?;
    let envelope = Envelope { format: FORMAT, signed, signatures: vec![signature.to_string()] };
    let mut bytes = serde_json::to_vec_pretty(&envelope).map_err(cannot)?;
    bytes.push(b'\n');
    Ok(Signed { payload, bytes })
}
