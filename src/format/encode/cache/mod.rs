//! The cache of encoded groups.
//!
//! A group whose bytes all come from packs is the same in every image that holds the packs at those
//! places: its encoded form is kept under a key of everything that it depends on. Nothing here can
//! fail a build: an entry that is missing, damaged or not the right one counts as absent, and the
//! build does without one that cannot be written.

mod entry;
mod key;
mod outline;
mod trim;

use std::ops::Range;
use std::path::{Path, PathBuf};

pub use entry::Entry;
pub(super) use entry::length as entry_length;
pub(super) use key::Keys;
pub use outline::Outline;
pub use trim::{Stored, Trimmed, disk_usage};

use super::{Codec, Place};
use crate::error::Result;
use crate::units::{Digest, GIB};

/// The default limit of a cache's size, in bytes: enough for the encoded bases of some twenty
/// suites in three formats.
pub const DEFAULT_LIMIT: u64 = 20 * GIB;

/// A folder of encoded groups, which images and builds share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    folder: PathBuf,
    limit: u64,
}

impl Cache {
    /// The cache in `folder`, which need not exist, with a limit of `limit` bytes.
    pub fn new(folder: impl Into<PathBuf>, limit: u64) -> Self {
        Self { folder: folder.into(), limit }
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The limit of its size, in bytes.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// The group under a key, with all of its bytes checked; none when there is no intact one.
    pub(super) fn find(&self, codec: Codec, key: Digest, chunks: &Range<u64>) -> Option<Entry> {
        Entry::open(&self.path(codec, key), key, chunks).ok()
    }

    /// Stores a group under a key.
    pub(super) fn record(
        &self,
        codec: Codec,
        key: Digest,
        chunks: &Range<u64>,
        places: &[Place],
        bytes: &[u8],
    ) -> Result<()> {
        entry::write(&self.path(codec, key), key, chunks, places, bytes)
    }

    /// One folder for each codec, so that `slipway cache show` can tell them apart; below it one
    /// for each first byte of a key, since some filesystems are slow with thousands of names in a
    /// folder.
    fn path(&self, codec: Codec, key: Digest) -> PathBuf {
        let name = key.to_string();
        self.folder.join(codec.name()).join(&name[..2]).join(&name)
    }
}
