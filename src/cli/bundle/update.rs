//! `slipway bundle update`.

use std::path::PathBuf;

use serde_json::json;

use crate::bundle::{self, Locking};
use crate::error::Result;
use crate::project::Surroundings;

use super::super::terminal::{self, Terminal};
use super::super::{project, signing};

/// Arguments of `slipway bundle update`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The site's folder, with SITE.toml.
    site: PathBuf,
    /// Apps and modules to update; the rest stays as it is [default: all]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// The store of apps, instead of the one in SITE.toml.
    #[arg(long, value_name = "STORE")]
    apps: Option<String>,
    /// The forge: a mirror's URL, or a folder of release tarballs.
    #[arg(long, value_name = "PLACE")]
    forge: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    project: project::Options,
}

pub(super) fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let surroundings = args.project.within(surroundings);
    let (cache, now) = (surroundings.cache()?, signing::now());
    let request = bundle::Request {
        site: &args.site,
        build: 0,
        created: now,
        commit: None,
        out: &cache.join("update"),
        cache: &cache,
        inputs: bundle::Inputs {
            apps: args.apps.clone(),
            forge: args.forge.clone(),
            settings: surroundings.stores.clone(),
            trust: surroundings.trust_if_any()?,
            now,
            locking: Locking::Renew(args.names.iter().cloned().collect()),
            ..bundle::Inputs::default()
        },
    };
    let changes = bundle::update(&request, &Terminal::new())?;
    if args.json {
        terminal::print_json(&json!({ "changes": changes }))?;
        return Ok(0);
    }
    if changes.is_empty() {
        terminal::print("nothing changed")?;
        return Ok(0);
    }
    changes.iter().try_for_each(terminal::print).map(|()| 0)
}
