//! Publishing: the object first, its signature, its record, and the pointer last and conditionally, so that
//! whoever reads meanwhile sees the old release or the whole new one, and of two who publish at the same
//! time neither's work is lost.

use std::path::Path;

use super::pointer::{self, Pointer};
use super::record::{self, Record};
use crate::blob::{self, Created, Publish};
use crate::bundle::form::release::{Name, bundle_key, record_key, signature_key};
use crate::bundle::open::held;
use crate::bundle::{Bundle, Pin};
use crate::error::{Error, Kind, Result};
use crate::key::{Namespace, SecretKey, Trust};
use crate::progress::Progress;
use crate::signed::{Memory, Names, Payload, Pointing};
use crate::units::Timestamp;

/// How long a pointer is good unless somebody says otherwise, in days: long enough for a channel that is
/// seldom renewed, short enough that a store which is frozen is noticed within a quarter.
pub const DAYS: u32 = 90;
/// Seconds of a day.
const DAY: i64 = 86_400;

/// What publishing signs. A key that was trusted before there were other uses is good for these.
const SIGNED: [Namespace; 2] = [Namespace::Bundle, Pointer::NAMESPACE];

/// Who publishes, where to and with what.
pub struct Publisher<'a> {
    /// The store.
    pub store: &'a dyn Publish,
    /// The key that signs.
    pub key: &'a SecretKey,
    /// Whose pointers may be followed by ours; our own key is trusted beside these.
    pub trust: &'a Trust,
    /// The cache's folder: a number is never used that was seen before.
    pub cache: &'a Path,
    /// The time.
    pub now: Timestamp,
    /// How many days the pointer is good.
    pub days: u32,
    /// Put the pointer in the place of one that is refused.
    pub replace: bool,
    /// Sign with a key that nobody trusts here: those who read trust it.
    pub readers_trust_key: bool,
}

/// What publishing did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// What the channel points to now.
    pub pointer: Pointer,
    /// Whether the bundle was new to the store.
    pub bundle: Created,
}

impl Publisher<'_> {
    /// Puts a bundle into the store, signs it and points a channel at it.
    ///
    /// # Errors
    /// [`Kind::Refused`] when the version has other bytes already.
    pub fn publish(
        &self,
        bundle: &Bundle,
        channel: &Name,
        progress: &dyn Progress,
    ) -> Result<Published> {
        // what no builder writes is not signed
        held(bundle)?;
        let pin = Pin::of(bundle);
        self.check_key(&pin.site)?;
        let key = bundle_key(&pin.site, pin.version, &pin.digest)?;
        let created = blob::create(self.store, &key, &bundle.path, progress)?;
        self.sign(&pin, progress)?;
        let record = Record {
            format: record::FORMAT,
            site: pin.site.clone(),
            version: pin.version,
            release: pin.release.clone(),
            blob: key.to_string(),
            size: pin.size,
            sha256: pin.digest,
        };
        let name = record_key(&pin.site, pin.version)?;
        blob::create_bytes(self.store, &name, &record.json()?, progress)?;
        let pointer = self.point(&pin, channel, progress)?;
        Ok(Published { pointer, bundle: created })
    }

    /// Points a channel at a release that is in the store: `bundle` is it, pulled from there, so that
    /// nothing is signed which was not looked at.
    pub fn promote(
        &self,
        bundle: &Bundle,
        channel: &Name,
        progress: &dyn Progress,
    ) -> Result<Pointer> {
        let pin = Pin::of(bundle);
        self.check_key(&pin.site)?;
        // after a rotation the new key's signature joins the old one's
        self.sign(&pin, progress)?;
        self.point(&pin, channel, progress)
    }

    /// Puts our signature beside the bundle. Signatures never change either: where somebody else's has the
    /// plain name, ours gets one with our key's in it.
    fn sign(&self, pin: &Pin, progress: &dyn Progress) -> Result<()> {
        let text = self.key.sign(Namespace::Bundle, &pin.digest)?.to_string();
        let put = |by: Option<_>| {
            let name = signature_key(&pin.site, pin.version, &pin.digest, by.as_ref())?;
            blob::create_bytes(self.store, &name, text.as_bytes(), progress)
        };
        match put(None) {
            Err(e) if e.kind() == Kind::Refused => put(Some(self.key.public().id()))?,
            done => done?,
        };
        Ok(())
    }

    fn point(&self, pin: &Pin, channel: &Name, progress: &dyn Progress) -> Result<Pointer> {
        let asked = pointer::channel(&pin.site, channel);
        let memory = Memory::new(self.cache, &Names::of_store(self.store), asked);
        let Self { store, key, trust, now, replace, .. } = *self;
        let pointing = Pointing { store, key, trust, now, replace };
        let signed = pointing.publish(&memory, &|seq| self.pointer(pin, channel, seq), progress)?;
        Ok(signed.payload)
    }

    fn pointer(&self, pin: &Pin, channel: &Name, seq: u64) -> Result<Pointer> {
        let lasts = i64::from(self.days) * DAY;
        Ok(Pointer {
            site: pin.site.clone(),
            channel: channel.clone(),
            seq,
            release: pin.release.clone(),
            version: pin.version,
            blob: bundle_key(&pin.site, pin.version, &pin.digest)?.to_string(),
            size: pin.size,
            sha256: pin.digest,
            issued: self.now,
            expires: Timestamp::from_seconds(self.now.seconds + lasts),
        })
    }

    /// Asked before anything is written: one pointer by a wrong key breaks the channel for all who read it.
    /// Where nobody is trusted for the site there is nothing to compare with.
    fn check_key(&self, site: &Name) -> Result<()> {
        let ours = self.key.public();
        let trusted = |n| self.trust.holds(&ours.id(), site.as_str(), n, self.now);
        let known = SIGNED.into_iter().all(trusted);
        if known || self.readers_trust_key || self.trust.is_empty_for(site.as_str()) {
            return Ok(());
        }
        let name = ours.fingerprint();
        let message = format!("{name} is not trusted here for bundles and pointers of {site}");
        Err(Error::new(Kind::Refused, message).remedy(
            "sign with a key that `slipway key list` shows as trusted, trust this one with `slipway key \
             trust`, or pass --readers-trust-key if all who read trust it",
        ))
    }
}
