//! How bundles are pulled: from a store or from what was pulled before, and what is let pass.

use std::path::{Path, PathBuf};

use crate::blob::{self, Store};
use crate::bundle::{Allow, BundleReader, Place};
use crate::error::Result;
use crate::key::Trust;
use crate::project::Surroundings;
use crate::units::Timestamp;

/// How bundles are pulled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pulling {
    /// Asks no store: takes what was pulled last, if it is still good.
    pub offline: bool,
    /// What is let pass.
    pub allow: Allow,
}

/// A reader of bundles with all that it refers to.
pub struct Puller {
    source: PullFrom,
    trust: Trust,
    cache: PathBuf,
    now: Timestamp,
    allow: Allow,
    largest: u64,
}

enum PullFrom {
    Store(Box<dyn Store>),
    Offline(String),
}

impl Pulling {
    /// What is at hand: a store that is a folder, else what was pulled before. No network is asked.
    pub fn at_hand(store: &str) -> Self {
        Self { offline: !store.starts_with("file:"), allow: Allow::default() }
    }

    /// Opens a store, or what was pulled from it before; `trust` is the file of trusted keys.
    pub fn open(
        self,
        store: &str,
        trust: &Path,
        surroundings: &Surroundings,
        now: Timestamp,
    ) -> Result<Puller> {
        let source = match self.offline {
            // an address that cannot be one is refused without a network too
            true => PullFrom::Offline(blob::shown(store).map(|_| store.to_owned())?),
            false => PullFrom::Store(blob::open(store, &surroundings.stores)?),
        };
        Ok(Puller {
            source,
            trust: Trust::read(trust)?,
            cache: surroundings.cache()?,
            now,
            allow: self.allow,
            largest: surroundings.largest_bundle()?,
        })
    }
}

impl Puller {
    /// What bundles are pulled with.
    pub fn reader(&self) -> BundleReader<'_> {
        let place = match &self.source {
            PullFrom::Store(store) => Place::Store(store.as_ref()),
            PullFrom::Offline(shown) => Place::Offline(shown),
        };
        let (cache, trust) = (&self.cache, &self.trust);
        BundleReader {
            place,
            cache,
            trust,
            now: self.now,
            allow: self.allow,
            largest: self.largest,
        }
    }
}
