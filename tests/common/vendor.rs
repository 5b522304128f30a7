//! A vendor with a key, and builders who trust it, for tests that publish and pull.

use std::path::Path;

use slipway::blob::{Publish, Store};
use slipway::bundle::{Allow, BundleReader, DAYS, LARGEST_BUNDLE, Name, Place, Publisher};
use slipway::key::{SecretKey, Sites, Trust};
use slipway::units::Timestamp;

/// When everything happens, unless a test says otherwise.
pub const TIME: Timestamp = Timestamp { seconds: 1_700_000_000, nanos: 0 };

/// A key, and the keys that builders trust.
pub struct Vendor {
    pub key: SecretKey,
    pub trust: Trust,
}

impl Vendor {
    /// A new key that is trusted for these sites.
    pub fn of(sites: &[&str]) -> Self {
        let key = SecretKey::generate("vendor").unwrap();
        let mut trust = Trust::default();
        trust.add(key.public(), Sites::named(sites.iter().copied()).unwrap());
        Self { key, trust }
    }

    /// Publishes at [`TIME`].
    pub fn publisher<'a>(&'a self, store: &'a dyn Publish, cache: &'a Path) -> Publisher<'a> {
        let (key, trust) = (&self.key, &self.trust);
        let (replace, readers_trust_key) = (false, false);
        Publisher { store, key, trust, cache, now: TIME, days: DAYS, replace, readers_trust_key }
    }

    /// Reads at [`TIME`].
    pub fn reader<'a>(&'a self, store: &'a dyn Store, cache: &'a Path) -> BundleReader<'a> {
        let (place, trust) = (Place::Store(store), &self.trust);
        BundleReader {
            place,
            cache,
            trust,
            now: TIME,
            allow: Allow::default(),
            largest: LARGEST_BUNDLE,
        }
    }
}

/// A name.
pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}
