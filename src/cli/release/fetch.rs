//! `slipway release fetch`.

use std::path::PathBuf;

use serde::Serialize;

use crate::error::Result;
use crate::profile::Format;
use crate::project::Surroundings;
use crate::release::fetch::{Fetched, Near, Published};
use crate::release::never_published;
use crate::units::ByteSize;

use super::super::convert::parse_format;
use super::super::project::{self, shown};
use super::super::terminal::{self, Terminal};
use super::store::Options;

/// Arguments of `slipway release fetch`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "What a fetch has when it is interrupted stays in a hidden file, and the next one goes on from there."
)]
pub(super) struct Args {
    /// A customer
    #[arg(value_name = "CUSTOMER")]
    customer: String,
    #[command(flatten)]
    place: Options,
    /// The folder for the release [default: one with its name, here]
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// An older image of the same format: what it has in common with the new one does not travel. What builds on this
    /// machine keep of encoded bases in the cache does not travel anyway
    #[arg(long, value_name = "IMAGE")]
    have: Option<PathBuf>,
    /// Fetch only the images in this format; may be given several times
    #[arg(long, value_name = "FORMAT", value_parser = parse_format)]
    format: Vec<Format>,
    /// Print what was fetched as JSON on stdout
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    project: project::Options,
}

/// What an interrupted run leaves.
const STAYS: &str = "what was fetched stays in a hidden file; the same command goes on from there";

/// The result as JSON.
#[derive(Serialize)]
struct Told<'a> {
    release: &'a str,
    images: Vec<Image<'a>>,
}

/// An image.
#[derive(Serialize)]
struct Image<'a> {
    file: &'a std::path::Path,
    travelled: u64,
    copied: u64,
    cached: u64,
    kept: u64,
}

impl<'a> From<&'a Fetched> for Image<'a> {
    fn from(fetched: &'a Fetched) -> Self {
        let Fetched { path, travelled, copied, cached, kept } = fetched;
        let (travelled, copied) = (*travelled, *copied);
        Self { file: path, travelled, copied, cached: *cached, kept: *kept }
    }
}

pub(super) fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let project = args.project.open(surroundings)?;
    let profile = project.load(&args.customer)?.profile;
    let outlet = args.place.of(&project, &profile)?;
    let (store, lane, progress) = (outlet.open()?, outlet.lane(), Terminal::stoppable(STAYS)?);
    let shelf = outlet.shelf(store.as_ref());
    let Some(current) = shelf.current(&lane, &progress)? else {
        return Err(never_published(&lane, store.shown()));
    };
    let id = &current.release.id;
    let to = args.to.clone().unwrap_or_else(|| PathBuf::from(id));
    let published = Published { shelf: &shelf, lane: &lane, current: &current };
    let encoded = project.surroundings.encoded()?;
    let near = Near { image: args.have.as_deref(), cache: Some(&encoded) };
    let fetched = published.fetch(&args.format, &to, near, &progress)?;
    progress.done();
    if args.json {
        let images = fetched.iter().map(Image::from).collect();
        terminal::print_json(&Told { release: id, images })?;
        return Ok(0);
    }
    fetched.iter().try_for_each(tell)?;
    Ok(0)
}

fn tell(fetched: &Fetched) -> Result<()> {
    let Fetched { path, travelled, copied, cached, kept } = fetched;
    let mut text = format!("{}: {} travelled", shown(path).display(), ByteSize(*travelled));
    for (bytes, whence) in
        [(copied, "the older image"), (cached, "the cache"), (kept, "an earlier fetch")]
    {
        if *bytes > 0 {
            text.push_str(&format!(", {} came from {whence}", ByteSize(*bytes)));
        }
    }
    terminal::print(text)
}
