//! `slipway key trust`.

use std::path::Path;

use crate::app::AppName;
use crate::bundle::Name;
use crate::error::Result;
use crate::key::{PublicKey, Sites, Trust};
use crate::project::Surroundings;

use super::super::project::{self, shown};
use super::super::terminal;

/// Arguments of `slipway key trust`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The key: a .pub file, the one line in it, or the name of one of your own keys
    #[arg(value_name = "KEY")]
    key: String,
    /// A site that it may publish for; can be given several times
    #[arg(long = "site", value_name = "SITE", required_unless_present_any = ["all_sites", "apps"])]
    sites: Vec<Name>,
    /// An app that it may publish, as in ui or @acme/ui; can be given several times
    #[arg(long = "app", value_name = "APP")]
    apps: Vec<AppName>,
    /// It may publish for every site, and every app
    #[arg(long, conflicts_with_all = ["sites", "apps"])]
    all_sites: bool,
    #[command(flatten)]
    project: project::Options,
}

pub(super) fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let keyring = &surroundings.keyring()?;
    let key = super::meant(&args.key, keyring)?;
    let sites = sites(args)?;
    add(&args.project.within(surroundings).trust_file()?, key, sites).map(|()| 0)
}

/// Trusts a key, in the file of trusted keys, and says so.
pub(super) fn add(file: &Path, key: PublicKey, sites: Sites) -> Result<()> {
    let mut trust = Trust::read(file)?;
    let name = key.fingerprint();
    let news = trust.add(key, sites.clone());
    if news {
        trust.save(file)?;
    }
    let said = if news { "is trusted now for" } else { "was trusted already for" };
    terminal::print(format!("{name} {said} {sites}, by {}", shown(file).display()))
}

fn sites(args: &Args) -> Result<Sites> {
    if args.all_sites {
        return Ok(Sites::All);
    }
    let apps = || Sites::apps(args.apps.iter().map(AppName::as_str));
    if args.sites.is_empty() {
        return apps();
    }
    let sites = Sites::named(args.sites.iter().map(Name::as_str))?;
    if args.apps.is_empty() { Ok(sites) } else { Ok(sites.and(&apps()?)) }
}
