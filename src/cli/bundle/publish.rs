//! `slipway bundle publish`.

use std::path::PathBuf;

use crate::blob::{self, Created, Publish};
use crate::bundle::{self, Bundle, Name, Pointer, Published, Publisher};
use crate::error::Result;
use crate::key::{SecretKey, Trust};
use crate::project::Surroundings;

use super::super::terminal::{self, Terminal};
use super::super::{project, signing};

/// Arguments of `slipway bundle publish`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The bundle's .tgz.
    file: PathBuf,
    /// The store, as in file:///srv/store.
    #[arg(long, value_name = "STORE")]
    to: String,
    /// The channel that should point to it.
    #[arg(long, value_name = "NAME")]
    channel: Name,
    #[command(flatten)]
    publishing: Publishing,
    /// Print the pointer as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    project: project::Options,
}

/// How a pointer is written; every verb that writes one flattens this into its arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Publishing {
    #[command(flatten)]
    signing: signing::Options,
    /// How many days the channel is valid; publish or promote again before they are over.
    #[arg(long, value_name = "DAYS", default_value_t = bundle::DAYS,
        value_parser = clap::value_parser!(u32).range(1..=3650))]
    valid_for: u32,
    /// Replace a pointer that is not signed by a trusted key.
    #[arg(long)]
    replace_pointer: bool,
    /// Sign with a key that is not trusted here, because all who read the channel trust it.
    #[arg(long)]
    readers_trust_key: bool,
}

/// All that a [`Publisher`] refers to.
pub(super) struct Opened {
    store: Box<dyn Publish>,
    key: SecretKey,
    trust: Trust,
    cache: PathBuf,
    days: u32,
    replace: bool,
    readers_trust_key: bool,
}

impl Publishing {
    /// Opens key and store.
    pub fn open(&self, store: &str, site: &Name, surroundings: &Surroundings) -> Result<Opened> {
        let (key, cache) = (self.signing.open(surroundings)?, surroundings.cache()?);
        let store = blob::open_for_publishing(store, &surroundings.stores)?;
        let folder = bundle::pointers(site);
        blob::prove_conditions(store.as_ref(), &folder, &cache, &Terminal::new())?;
        Ok(Opened {
            store,
            key,
            trust: surroundings.trust_if_any()?,
            cache,
            days: self.valid_for,
            replace: self.replace_pointer,
            readers_trust_key: self.readers_trust_key,
        })
    }

    /// Publishes a bundle.
    pub fn publish(
        &self,
        bundle: &Bundle,
        store: &str,
        channel: &Name,
        surroundings: &Surroundings,
    ) -> Result<Published> {
        let opened = self.open(store, &bundle.manifest.site, surroundings)?;
        opened.publisher().publish(bundle, channel, &Terminal::new())
    }
}

impl Opened {
    /// What the library publishes with.
    pub fn publisher(&self) -> Publisher<'_> {
        Publisher {
            store: self.store.as_ref(),
            key: &self.key,
            trust: &self.trust,
            cache: &self.cache,
            now: signing::now(),
            days: self.days,
            replace: self.replace,
            readers_trust_key: self.readers_trust_key,
        }
    }
}

pub(super) fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    // what we would refuse to read must not be signed
    let bundle = Bundle::verify(&args.file)?;
    let surroundings = args.project.within(surroundings);
    let published = args.publishing.publish(&bundle, &args.to, &args.channel, &surroundings)?;
    if args.json {
        terminal::print_json(&published.pointer)?;
        return Ok(0);
    }
    terminal::print(&bundle.manifest.release)?;
    show(&published).map(|()| 0)
}

/// Says what was done.
pub(super) fn show(published: &Published) -> Result<()> {
    let was = if published.bundle == Created::AlreadyThere { " (was there already)" } else { "" };
    terminal::print(format!("  signed and published{was}"))?;
    show_pointer(&published.pointer)
}

/// Says what a channel has now.
pub(super) fn show_pointer(pointer: &Pointer) -> Result<()> {
    let Pointer { channel, release, seq, expires, .. } = pointer;
    terminal::print(format!("  channel {channel} has {release} (change {seq}), until {expires}"))
}
