//! Which store, channel and keys a verb means.

use std::path::PathBuf;

use crate::blob::{self, Publish, Store};
use crate::bundle::Name;
use crate::error::{Error, Kind, Result};
use crate::key::{KeyId, SecretKey, Trust};
use crate::profile::{Profile, Release as Wanted};
use crate::project::{Project, Surroundings};
use crate::release::{self, Allow, Believing, Lane, Publisher, Shelf};
use crate::signed::Payload as _;

use super::super::signing;
use super::super::terminal::Terminal;

/// Where releases are; every verb that reads or publishes them flattens this into its arguments.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(in super::super) struct Options {
    /// The channel of releases [default: the one that the profile takes its bundle from, else stable]
    #[arg(long, value_name = "NAME")]
    channel: Option<Name>,
    /// The store of releases, as in file:///srv/store [default: the profile's]
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
}

/// How a channel is changed.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(in super::super) struct Changing {
    #[command(flatten)]
    signing: signing::Options,
    /// How many days the channel is valid; publish again before they are over
    #[arg(long, value_name = "DAYS", default_value_t = release::DAYS,
        value_parser = clap::value_parser!(u32).range(1..=3650))]
    valid_for: u32,
    /// Replace a pointer that is not signed by a trusted key
    #[arg(long)]
    replace_pointer: bool,
}

/// A customer's channel in a store.
pub(in super::super) struct Place {
    pub customer: String,
    site: Name,
    channel: Name,
    url: String,
    trust: Trust,
    cache: PathBuf,
    surroundings: Surroundings,
}

/// What publishes there.
pub(in super::super) struct Opened {
    store: Box<dyn Publish>,
    key: SecretKey,
    days: u32,
    replace: bool,
    /// Whether images are put there as one file, too.
    pub whole: bool,
    known: release::store::Known,
}

impl Options {
    /// What is meant for a customer.
    pub fn of(&self, project: &Project, profile: &Profile) -> Result<Place> {
        let channel = match (&self.channel, profile.release()?) {
            (Some(channel), _) => channel.clone(),
            (None, Wanted::Newest(channel)) => channel.parse()?,
            (None, Wanted::Pinned(_)) => "stable".parse()?,
        };
        let url = self.store.clone().unwrap_or_else(|| profile.store_url(&project.root));
        Ok(Place {
            customer: profile.customer.id.clone(),
            site: profile.site.parse()?,
            channel,
            url,
            trust: Trust::read(&project.trust_file()?)?,
            cache: project.surroundings.cache()?,
            surroundings: project.surroundings.clone(),
        })
    }
}

impl Place {
    pub fn lane(&self) -> Lane<'_> {
        Lane { site: &self.site, customer: &self.customer, channel: &self.channel }
    }

    pub fn believing(&self) -> Believing<'_> {
        Believing { trust: &self.trust, now: signing::now() }
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
        blob::open(&self.url, &self.surroundings.stores)
    }

    pub fn shelf<'a>(&'a self, store: &'a dyn Store) -> Shelf<'a> {
        let (believing, allow) = (self.believing(), Allow::default());
        Shelf { store, cache: &self.cache, believing, allow }
    }

    /// Opens the store for publishing, and the key.
    pub fn publishing(&self, changing: &Changing) -> Result<Opened> {
        let key = changing.signing.open(&self.surroundings)?;
        let store = blob::open_for_publishing(&self.url, &self.surroundings.stores)?;
        let folder = format!("{}/{}/{}", release::ReleasePointer::FOLDER, self.site, self.customer);
        blob::prove_conditions(store.as_ref(), &folder, &self.cache, &Terminal::new())?;
        let (days, replace) = (changing.valid_for, changing.replace_pointer);
        let (whole, known) = (false, release::store::Known::default());
        Ok(Opened { store, key, days, replace, whole, known })
    }

    pub fn publisher<'a>(&'a self, opened: &'a Opened) -> Publisher<'a> {
        Publisher {
            store: opened.store.as_ref(),
            key: &opened.key,
            believing: self.believing(),
            cache: &self.cache,
            days: opened.days,
            replace: opened.replace,
            whole: opened.whole,
            known: &opened.known,
        }
    }
}

/// The folder of the newest image's release.
pub(super) fn newest(project: &Project, customer: &str) -> Result<PathBuf> {
    let id = release::Staged::gather(&project.out, customer)?.id();
    let folder = project.out.join(customer).join(release::FOLDER).join(id);
    if crate::file::is_folder(&folder)? {
        return Ok(folder);
    }
    Err(Error::new(Kind::NotFound, "the newest image has no release yet")
        .at(folder)
        .remedy(format!("make one with `slipway release make {customer}`")))
}
