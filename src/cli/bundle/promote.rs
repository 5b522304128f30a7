//! `slipway bundle promote`.

use crate::bundle::{Name, Version, Wanted};
use crate::error::{Error, Kind, Result};
use crate::project::Surroundings;

use super::super::terminal::{self, Terminal};
use super::super::{project, pulling, signing};
use super::publish::{self, Publishing};

/// Arguments of `slipway bundle promote`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The version, as in 1.4.0+b17.
    #[arg(value_name = "VERSION")]
    release: Version,
    /// The site.
    #[arg(long, value_name = "SITE")]
    site: Name,
    /// The channel that must have it now [default: none; it must only be published].
    #[arg(long, value_name = "NAME")]
    from: Option<Name>,
    /// The channel that should get it; the same as --from renews the channel.
    #[arg(long, value_name = "NAME")]
    to: Name,
    /// The store, as in file:///srv/store.
    #[arg(long, value_name = "STORE")]
    store: String,
    #[command(flatten)]
    publishing: Publishing,
    #[command(flatten)]
    pulling: pulling::Options,
    /// Print the pointer as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    project: project::Options,
}

pub(super) fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let surroundings = args.project.within(surroundings);
    let (pulling, trust) = (args.pulling.read(), surroundings.trust_file()?);
    let puller = pulling.open(&args.store, &trust, &surroundings, signing::now())?;
    let wanted = match &args.from {
        Some(channel) => Wanted::Channel(channel.clone()),
        None => Wanted::Version(args.release),
    };
    let bundle = puller.reader().pull(&args.site, &wanted, &Terminal::new())?;
    if bundle.manifest.version != args.release {
        let message = format!("the channel has {}, not {}", bundle.manifest.version, args.release);
        return Err(Error::new(Kind::Refused, message).remedy(
            "look at `slipway bundle list`; without --from any published release is taken",
        ));
    }
    let opened = args.publishing.open(&args.store, &args.site, &surroundings)?;
    let pointer = opened.publisher().promote(&bundle, &args.to, &Terminal::new())?;
    if args.json {
        terminal::print_json(&pointer)?;
        return Ok(0);
    }
    publish::show_pointer(&pointer).map(|()| 0)
}
