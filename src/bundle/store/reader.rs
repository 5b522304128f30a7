//! Who reads from a store.

use std::path::Path;

use crate::blob::Store;
use crate::key::Trust;
use crate::signed::Allow;
use crate::units::{GIB, Timestamp};

/// Where bundles come from.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// A store.
    Store(&'a dyn Store),
    /// What was pulled before from the store with this address.
    Offline(&'a str),
}

/// Who reads: where from, and whom to believe. That a release is signed by a trusted key has no exception,
/// whatever the store: a way around it is what an attacker would have people take.
#[derive(Clone, Copy, Debug)]
pub struct BundleReader<'a> {
    /// Where bundles come from.
    pub place: Place<'a>,
    /// The cache's folder.
    pub cache: &'a Path,
    /// The trusted keys.
    pub trust: &'a Trust,
    /// The time.
    pub now: Timestamp,
    /// What is let pass.
    pub allow: Allow,
    /// The largest bundle that is fetched where nothing signed says how large it is, in bytes.
    pub largest: u64,
}

/// What [`BundleReader::largest`] is unless somebody says otherwise: a bundle may not unpack to more.
pub const LARGEST_BUNDLE: u64 = 4 * GIB;

impl BundleReader<'_> {
    /// Where it reads, for messages.
    pub(super) fn shown(&self) -> &str {
        match self.place {
            Place::Store(store) => store.shown(),
            Place::Offline(shown) => shown,
        }
    }
}
