//! The cache of encoded groups.
//!
//! A group whose bytes all come from packs is the same in every image that holds the packs at those places:
//! what it became is kept under a key of all that it depends on. Nothing here can fail a build: an entry that
//! is missing, damaged or another's counts as absent, and one that cannot be written is gone without.

mod entry;
mod key;
mod trim;

use std::ops::Range;
use std::path::{Path, PathBuf};

pub use entry::Entry;
pub(super) use entry::length as entry_length;
pub(super) use key::Keys;
pub use trim::{Stored, Trimmed, disk_usage};

use super::{Codec, Place};
use crate::error::Result;
use crate::units::{Digest, GIB};

/// The size that a cache is kept below unless something else is asked for, in bytes: the encoded bases of
/// some twenty suites in three formats.
pub const DEFAULT_LIMIT: u64 = 20 * GIB;

/// A folder of encoded groups, which images and builds share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    folder: PathBuf,
    limit: u64,
}

impl Cache {
    /// The cache in `folder`, which need not exist, to be kept below `limit` bytes.
    pub fn new(folder: impl Into<PathBuf>, limit: u64) -> Self {
        Self { folder: folder.into(), limit }
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The size that it is kept below, in bytes.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// The group under a key, all of its bytes checked; none when there is none that is whole.
    pub(super) fn find(&self, codec: Codec, key: Digest, chunks: &Range<u64>) -> Option<Entry> {
        Entry::open(&self.path(codec, key), key, chunks).ok()
    }

    /// Keeps a group under a key.
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

    /// One folder a codec, so that `slipway cache show` can tell what is what; below it one for each first
    /// byte of a key, since some filesystems are slow with thousands of names in a folder.
    fn path(&self, codec: Codec, key: Digest) -> PathBuf {
        let name = key.to_string();
        self.folder.join(codec.name()).join(&name[..2]).join(&name)
    }
}
