//! Which store, channel and keys a verb means.

use std::path::PathBuf;

use crate::blob::Publish;
use crate::bundle::Name;
use crate::error::{Error, Kind, Result};
use crate::key::SecretKey;
use crate::profile::{Profile, Release as Wanted};
use crate::project::{Project, Surroundings};
use crate::release::store::Known;
use crate::release::{self, Outlet, Publisher};

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

/// What publishes to a channel.
pub(in super::super) struct Opened {
    store: Box<dyn Publish>,
    key: SecretKey,
    days: u32,
    replace: bool,
    /// Whether each file is put there as one, too.
    pub whole: bool,
    known: Known,
}

impl Options {
    /// What is meant for a customer.
    pub fn of(&self, project: &Project, profile: &Profile) -> Result<Outlet> {
        let channel = match (&self.channel, profile.release()?) {
            (Some(channel), _) => channel.clone(),
            (None, Wanted::Newest(channel)) => channel.parse()?,
            (None, Wanted::Pinned(_)) => "stable".parse()?,
        };
        let url = self.store.clone().unwrap_or_else(|| profile.store_url(&project.root));
        Outlet::new(project, profile, url, channel, signing::now())
    }

    /// Whether a store or a channel was named.
    pub fn is_named(&self) -> bool {
        self.channel.is_some() || self.store.is_some()
    }
}

impl Changing {
    /// Opens the store for publishing, and the key.
    pub fn open(&self, outlet: &Outlet, surroundings: &Surroundings) -> Result<Opened> {
        let key = self.signing.open(surroundings)?;
        let store = outlet.open_for_publishing()?;
        outlet.prove_conditions(store.as_ref(), &Terminal::new())?;
        let (days, replace, known) = (self.valid_for, self.replace_pointer, Known::default());
        Ok(Opened { store, key, days, replace, whole: false, known })
    }
}

impl Opened {
    pub fn publisher<'a>(&'a self, outlet: &'a Outlet) -> Publisher<'a> {
        let Self { days, replace, whole, .. } = *self;
        let publisher = outlet.publisher(self.store.as_ref(), &self.key, &self.known);
        Publisher { days, replace, whole, ..publisher }
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
