//! `slipway key trust`.

use crate::bundle::Name;
use crate::error::Result;
use crate::key::{Keyring, Sites, Trust};

use super::super::project::{self, shown};
use super::super::terminal;

/// Arguments of `slipway key trust`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The key: a .pub file, the one line in it, or the name of one of your own
    #[arg(value_name = "KEY")]
    key: String,
    /// A site that it may publish for; can be given several times
    #[arg(long = "site", value_name = "SITE", required_unless_present = "all_sites")]
    sites: Vec<Name>,
    /// It may publish for every site
    #[arg(long, conflicts_with = "sites")]
    all_sites: bool,
    #[command(flatten)]
    project: project::Options,
}

pub(super) fn run(args: &Args, keyring: &Keyring) -> Result<()> {
    let key = super::meant(&args.key, keyring)?;
    let sites = match args.all_sites {
        true => Sites::All,
        false => Sites::named(args.sites.iter().map(Name::as_str))?,
    };
    let file = args.project.trust_file()?;
    let mut trust = Trust::read(&file)?;
    let name = key.fingerprint();
    let news = trust.add(key, sites.clone());
    if news {
        trust.save(&file)?;
    }
    let said = if news { "is trusted now for" } else { "was trusted already for" };
    terminal::print(format!("{name} {said} {sites}, by {}", shown(&file).display()))
}
