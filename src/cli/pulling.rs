//! How bundles are pulled: from a store or from what was pulled before, and what is let pass.

use std::path::{Path, PathBuf};

use crate::blob::{self, Settings, Store};
use crate::bundle::{Allow, LARGEST_BUNDLE, Place, Reader};
use crate::error::Result;
use crate::key::Trust;
use crate::units::Timestamp;

use super::{project, signing};

/// The largest bundle that is fetched by its version, as in "8 GiB".
const LIMIT_VARIABLE: &str = "SLIPWAY_BUNDLE_LIMIT";

/// Every verb that pulls flattens this into its arguments.
#[derive(Debug, clap::Args)]
// the group would have the struct's name, which those of other rooms have too
#[group(skip)]
pub(super) struct Options {
    /// Ask no store: take what was pulled last, if it is still good
    #[arg(long)]
    offline: bool,
    /// Take a channel's state that is older than one seen before, and begin anew from it
    #[arg(long)]
    allow_rollback: bool,
    /// Take a channel's state that has expired
    #[arg(long)]
    allow_expired: bool,
}

/// A reader with all that it refers to.
pub(super) struct Pulling {
    source: Source,
    trust: Trust,
    cache: PathBuf,
    now: Timestamp,
    allow: Allow,
    largest: u64,
}

enum Source {
    Store(Box<dyn Store>),
    Offline(String),
}

impl Options {
    /// What is at hand: a store that is a folder, else what was pulled before. No network is asked.
    pub fn at_hand(store: &str) -> Self {
        let offline = !store.starts_with("file:");
        Self { offline, allow_rollback: false, allow_expired: false }
    }

    /// Opens a store, or what was pulled from it before; `trust` is the file of trusted keys.
    pub fn open(&self, store: &str, trust: &Path) -> Result<Pulling> {
        let source = match self.offline {
            // an address that cannot be one is refused without a network too
            true => Source::Offline(blob::shown(store).map(|_| store.to_owned())?),
            false => Source::Store(blob::open(store, &Settings::of_process())?),
        };
        Ok(Pulling {
            source,
            trust: Trust::read(trust)?,
            cache: project::cache()?,
            now: signing::now(),
            allow: Allow { rollback: self.allow_rollback, expired: self.allow_expired },
            largest: project::size_variable(LIMIT_VARIABLE)?.unwrap_or(LARGEST_BUNDLE),
        })
    }
}

impl Pulling {
    /// What the library pulls with.
    pub fn reader(&self) -> Reader<'_> {
        let place = match &self.source {
            Source::Store(store) => Place::Store(store.as_ref()),
            Source::Offline(shown) => Place::Offline(shown),
        };
        let (cache, trust) = (&self.cache, &self.trust);
        Reader { place, cache, trust, now: self.now, allow: self.allow, largest: self.largest }
    }
}
