//! `slipway bundle build`.

use std::path::PathBuf;

use serde_json::json;

use crate::app;
use crate::bundle::{self, Locking, Name};
use crate::error::{Error, Kind, Result};
use crate::project::Surroundings;
use crate::units::{ByteSize, Timestamp};

use super::super::inputs::Inputs;
use super::super::project;
use super::super::signing;
use super::super::terminal::{self, Terminal};
use super::publish::{self, Publishing};

/// Arguments of `slipway bundle build`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The site's folder, with SITE.toml.
    site: PathBuf,
    /// Your build number.
    #[arg(long, default_value_t = 1)]
    build: u32,
    #[command(flatten)]
    inputs: Inputs,
    /// Refuse to build without SITE.lock, or anything other than what it says; for CI.
    #[arg(long, conflicts_with = "channels")]
    locked: bool,
    /// Where the bundle goes.
    #[arg(long, value_name = "FOLDER", default_value = "out/bundles")]
    out: PathBuf,
    /// Sign it and publish it to this store, as `slipway bundle publish` does.
    #[arg(long, value_name = "STORE", requires = "channel")]
    publish: Option<String>,
    /// The channel that should point to it.
    #[arg(long, value_name = "NAME", requires = "publish")]
    channel: Option<Name>,
    #[command(flatten)]
    publishing: Publishing,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    project: project::Options,
}

pub(super) fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let surroundings = args.project.within(surroundings);
    // what differs anywhere in the repository counts: apps and modules lie beside the site
    let source = app::source(&args.site, app::Scope::Repository)?;
    let locking = if args.locked { Locking::Demand } else { Locking::Follow };
    let request = bundle::Request {
        site: &args.site,
        build: args.build,
        created: created(source.as_ref(), signing::now())?,
        commit: source.map(|s| s.commit),
        out: &args.out,
        cache: &surroundings.cache()?,
        inputs: args.inputs.read(&surroundings, locking)?,
    };
    let bundle = bundle::build(&request, &Terminal::interruptible(STAYS)?)?;
    let published = match (&args.publish, &args.channel) {
        (Some(store), Some(channel)) => {
            Some(args.publishing.publish(&bundle, store, channel, &surroundings)?)
        }
        _ => None,
    };
    if args.json {
        let published = published.as_ref().map(|p| &p.pointer);
        terminal::print_json(&json!({
            "release": bundle.manifest.release, "file": bundle.path, "size": bundle.size,
            "sha256": bundle.digest, "published": published,
        }))?;
        return Ok(0);
    }
    terminal::print(format!(
        "{}\n  {}, SHA-256 {}",
        bundle.path.display(),
        ByteSize(bundle.size),
        bundle.digest
    ))?;
    published.as_ref().map_or(Ok(()), publish::show).map(|()| 0)
}

/// What an interrupted build leaves.
const STAYS: &str = "no bundle was written; what was fetched stays in the cache, and the next build removes the rest";

/// SOURCE_DATE_EPOCH, then the commit's time, then now.
fn created(source: Option<&app::Origin>, now: Timestamp) -> Result<Timestamp> {
    if let Ok(text) = std::env::var("SOURCE_DATE_EPOCH") {
        let wrong = || {
            Error::new(Kind::Input, format!("SOURCE_DATE_EPOCH is {text:?}"))
                .remedy("set it to a number of seconds, or not at all")
        };
        let moment = Timestamp::from_seconds(text.parse().map_err(|_| wrong())?);
        return moment.for_image().map_err(|e| wrong().because(e));
    }
    // the commit's time also where files differ from it: the same sources give the same bytes, whenever
    let Some(app::Origin { commit, committed }) = source else { return Ok(now) };
    committed.for_image().map_err(|e| {
        Error::new(Kind::Input, format!("the commit {commit} has a time that cannot be right"))
            .because(e)
            .remedy("set SOURCE_DATE_EPOCH to the time that the bundle should have")
    })
}
