//! A customer's channel in a store, and what is needed to read and to change it. Verbs and nights ask the same one.

use std::path::PathBuf;

use super::believing::Believing;
use super::pointer::{Lane, ReleasePointer};
use super::publish::{DAYS, Publisher};
use super::shelf::Shelf;
use super::store::Known;
use crate::blob::{self, Publish, Settings, Store};
use crate::bundle::Name;
use crate::error::Result;
use crate::key::{KeyId, SecretKey, Trust};
use crate::profile::Profile;
use crate::progress::Progress;
use crate::project::Project;
use crate::signed::{Allow, Payload as _};
use crate::units::Timestamp;

/// Where a customer's releases are, whose signatures count, and what was seen of them.
#[derive(Clone, Debug)]
pub struct Outlet {
    /// The customer's id.
    pub customer: String,
    /// The site.
    pub site: Name,
    /// The channel.
    pub channel: Name,
    /// The trusted keys.
    pub trust: Trust,
    /// The cache's folder.
    pub cache: PathBuf,
    /// The time.
    pub now: Timestamp,
    url: String,
    stores: Settings,
}

impl Outlet {
    /// That of a profile's customer in the store with this address.
    pub fn new(
        project: &Project,
        profile: &Profile,
        url: String,
        channel: Name,
        now: Timestamp,
    ) -> Result<Self> {
        Ok(Self {
            customer: profile.customer.id.clone(),
            site: profile.site.parse()?,
            channel,
            trust: Trust::read(&project.trust_file()?)?,
            cache: project.surroundings.cache()?,
            now,
            url,
            stores: project.surroundings.stores.clone(),
        })
    }

    /// The channel's name.
    pub fn lane(&self) -> Lane<'_> {
        Lane { site: &self.site, customer: &self.customer, channel: &self.channel }
    }

    /// Whose signatures count.
    pub fn believing(&self) -> Believing<'_> {
        Believing { trust: &self.trust, now: self.now }
    }

    /// A key as its owner knows it.
    pub fn name_of(&self, id: &KeyId) -> String {
        let key = self.trust.keys().map(|trusted| trusted.key).find(|key| key.id() == *id);
        key.map_or_else(
            || id.to_string(),
            |key| format!("{} ({})", key.fingerprint(), key.comment()),
        )
    }

    /// Opens the store for reading.
    pub fn open(&self) -> Result<Box<dyn Store>> {
        blob::open(&self.url, &self.stores)
    }

    /// Opens the store for publishing.
    pub fn open_for_publishing(&self) -> Result<Box<dyn Publish>> {
        blob::open_for_publishing(&self.url, &self.stores)
    }

    /// The folder of the store that has the customer's releases.
    pub fn folder(&self) -> String {
        format!("{}/{}/{}", ReleasePointer::FOLDER, self.site, self.customer)
    }

    /// Asks a store whether it heeds conditions, unless it was asked before: two who publish at once would lose a change.
    pub fn prove_conditions(&self, store: &dyn Publish, progress: &dyn Progress) -> Result<()> {
        blob::prove_conditions(store, &self.folder(), &self.cache, progress)
    }

    /// What reads its store.
    pub fn shelf<'a>(&'a self, store: &'a dyn Store) -> Shelf<'a> {
        let (believing, allow) = (self.believing(), Allow::default());
        Shelf { store, cache: &self.cache, believing, allow }
    }

    /// What publishes there: pointers that are good for the usual time, and images as pieces alone.
    pub fn publisher<'a>(
        &'a self,
        store: &'a dyn Publish,
        key: &'a SecretKey,
        known: &'a Known,
    ) -> Publisher<'a> {
        Publisher {
            store,
            key,
            believing: self.believing(),
            cache: &self.cache,
            days: DAYS,
            replace: false,
            whole: false,
            known,
        }
    }
}
