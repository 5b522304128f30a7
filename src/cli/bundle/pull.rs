//! `slipway bundle pull`.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::bundle::{Name, Version, Wanted};
use crate::error::{Context, Error, Kind, Result};
use crate::project::Surroundings;
use crate::units::ByteSize;
use crate::whole::Draft;

use super::super::terminal::{self, Terminal};
use super::super::{project, pulling, signing};
use super::verify;

/// Arguments of `slipway bundle pull`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("wanted").required(true))]
pub(super) struct Args {
    /// The site.
    site: Name,
    /// The channel whose release to pull.
    #[arg(long, value_name = "NAME", group = "wanted")]
    channel: Option<Name>,
    /// The version to pull, as in 1.4.0+b17.
    #[arg(long, value_name = "VERSION", group = "wanted")]
    release: Option<Version>,
    /// The store, as in file:///srv/store.
    #[arg(long, value_name = "STORE")]
    store: String,
    /// Where the bundle goes, with its signature beside it [default: <release>.tgz].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    pulling: pulling::Options,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    project: project::Options,
}

impl Args {
    fn wanted(&self) -> Result<Wanted> {
        let channel = self.channel.clone().map(Wanted::Channel);
        channel
            .or(self.release.map(Wanted::Version))
            .ok_or_else(|| Error::new(Kind::Input, "neither a channel nor a version is named"))
    }
}

/// What an interrupted pull leaves.
const STAYS: &str =
    "no bundle was written; what came so far stays in the cache, and the next pull goes on from it";

pub(super) fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let surroundings = args.project.within(surroundings);
    let (pulling, trust) = (args.pulling.read(), surroundings.trust_file()?);
    let puller = pulling.open(&args.store, &trust, &surroundings, signing::now())?;
    let (reader, progress) = (puller.reader(), Terminal::stoppable(STAYS)?);
    let bundle = reader.pull(&args.site, &args.wanted()?, &progress)?;
    let release = &bundle.manifest.release;
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("{release}.tgz")));
    let signature = reader.signature(&bundle, &progress)?;
    // the signature first: a bundle without one would look unsigned
    write(&verify::signature_path(&out), signature.as_bytes())?;
    let mut from = File::open(&bundle.path).at("cannot open the bundle", &bundle.path)?;
    place(&out, |to| std::io::copy(&mut from, to).map(drop))?;
    drop(progress);
    if args.json {
        terminal::print_json(&json!({
            "release": release, "file": out, "size": bundle.size, "sha256": bundle.digest,
        }))?;
        return Ok(0);
    }
    terminal::print(format!(
        "{}\n  {release}, {}, SHA-256 {}",
        out.display(),
        ByteSize(bundle.size),
        bundle.digest
    ))
    .map(|()| 0)
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    place(path, |to| to.write_all(bytes))
}

/// Whole or not at all, whenever the process ends.
fn place(path: &Path, fill: impl FnOnce(&mut File) -> std::io::Result<()>) -> Result<()> {
    let mut draft = Draft::beside(path, 0o644)?;
    fill(draft.file()).at("cannot write", path)?;
    draft.replace(path)
}
