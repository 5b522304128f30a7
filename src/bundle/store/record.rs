//! What a store says of one published bundle, and how a bundle's own signature is found and proven.
//!
//! The record gives a version its one digest: it is put under the version's name once and never again, so
//! of two who publish different bytes under one version the second is refused. The record is not signed;
//! the signature beside the .tgz is, of its bytes, and the manifest in them names site and version.

use serde::{Deserialize, Serialize};

use crate::blob::{self, Store};
use crate::bundle::form::release::{Name, Version, release_id, signature_key};
use crate::bundle::{Bundle, Pin};
use crate::error::{Error, Kind, Result};
use crate::key::{Namespace, Signature, Trust};
use crate::progress::Progress;
use crate::signed::Refusal;
use crate::units::{Digest, MIB, Timestamp};

/// The version of the record's format.
pub(super) const FORMAT: u32 = 2;
/// The largest record or signature in bytes; they have a few hundred.
pub(super) const LARGEST: u64 = MIB;

/// What a store says of one published bundle: `bundles/<site>/<release>.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Version of the format.
    pub format: u32,
    /// The site.
    pub site: Name,
    /// The version.
    pub version: Version,
    /// `<site>-<version>`.
    pub release: String,
    /// The key of the .tgz.
    pub blob: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub sha256: Digest,
}

impl Record {
    pub(super) fn json(&self) -> Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)
            .map_err(|e| Error::new(Kind::Input, "cannot write the record").because(e))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// `what` says whose it is, and where.
    pub(super) fn parse(bytes: &[u8], what: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let unreadable = |e| {
            Error::new(Kind::Damaged, format!("the record of {what} cannot be read")).because(e)
        };
        let head: Head = serde_json::from_slice(bytes).map_err(unreadable)?;
        if head.format != FORMAT {
            let message = format!(
                "the record of {what} has format {}, this slipway reads {FORMAT}",
                head.format
            );
            return Err(Error::new(Kind::Refused, message)
                .remedy("use a newer slipway, or publish the bundle again"));
        }
        serde_json::from_slice(bytes).map_err(unreadable)
    }

    /// The release that it names, if that is the one that was asked for.
    pub(super) fn pin(self, site: &Name, version: Version) -> Result<Pin, Refusal> {
        if self.site != *site {
            return Err(Refusal::OtherSite { found: self.site.to_string() });
        }
        if self.version != version || self.release != release_id(site, version) {
            return Err(Refusal::OtherRelease { found: self.release });
        }
        let Self { site, version, release, size, sha256: digest, .. } = self;
        Ok(Pin { site, version, release, digest, size })
    }
}

/// Gets a signature of a release that a trusted key made. The first publisher's has the plain name; one by
/// another key lies beside it under that key's.
pub(super) fn signature(
    store: &dyn Store,
    pin: &Pin,
    trust: &Trust,
    now: Timestamp,
    progress: &dyn Progress,
) -> Result<String> {
    let site = pin.site.as_str();
    let keys = trust.keys_for(site, Namespace::Bundle, now).map(|key| Some(key.id()));
    let mut nearest = Refusal::NotSigned;
    for by in std::iter::once(None).chain(keys) {
        let name = signature_key(&pin.site, pin.version, &pin.digest, by.as_ref())?;
        let bytes = match blob::read(store, &name, LARGEST, progress) {
            Err(e) if e.kind() == Kind::NotFound => continue,
            read => read?,
        };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        match prove(pin, &text, trust, now) {
            Ok(()) => return Ok(text),
            Err(why) if nearest == Refusal::NotSigned => nearest = why,
            Err(_) => {}
        }
    }
    Err(nearest.about(&format!("{} of {}", pin.release, store.shown())))
}

/// Proves that a trusted key signed the release's bytes.
pub(super) fn prove(pin: &Pin, text: &str, trust: &Trust, now: Timestamp) -> Result<(), Refusal> {
    let signature = Signature::parse(text)?;
    let site = pin.site.as_str();
    Ok(trust.verify(site, Namespace::Bundle, &pin.digest, &signature, now)?)
}

/// Proves that a key trusted at `now` signed a bundle on this machine; `signature` is the text of its .sig.
///
/// # Errors
/// [`Kind::Refused`] because of a [`Refusal`].
pub fn check_signature(
    bundle: &Bundle,
    signature: &str,
    trust: &Trust,
    now: Timestamp,
) -> Result<()> {
    let pin = Pin::of(bundle);
    prove(&pin, signature, trust, now).map_err(|why| why.about(&pin.release).at(&bundle.path))
}
