//! `slipway build`: build a customer's image.

use std::path::PathBuf;

use serde_json::json;

use crate::build::{self, Workshop};
use crate::error::{Error, Kind, Result};
use crate::units::ByteSize;

use super::order::Desk;
use super::project::{self, shown};
use super::pulling;
use super::terminal::{self, Terminal};

/// Arguments of `slipway build`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A customer, or the path of a profile
    #[arg(value_name = "PROFILE")]
    profile: String,
    /// Where artifacts go, in a folder of the customer's [default: out/ of the project]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Do not work out the SHA-256 of artifacts: that of a large raw disk takes longer than writing it
    #[arg(long)]
    no_digest: bool,
    /// Read the whole base and its layers first, and compare them with their SHA-256
    #[arg(long)]
    verify: bool,
    /// Print what was built as JSON on stdout
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pulling: pulling::Options,
    #[command(flatten)]
    project: project::Options,
}

/// What an interrupted build leaves.
const STAYS: &str = "earlier artifacts are as they were, and finished bases, bundles and encoded regions stay in \
     the cache: the next build goes on from them, and removes what was half written";

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args) -> Result<u8> {
    let project = args.project.open()?;
    let desk = Desk::open(&project, &args.profile, args.out.clone(), &args.pulling)?;
    let progress = Terminal::interruptible(STAYS)?;
    let (digests, verify) = (!args.no_digest, args.verify);
    let workshop = Workshop { digests, verify, ..desk.workshop() };
    let (path, built) = build::build(&desk.order, &workshop, &progress)?;
    drop(progress);
    let folder = path.parent().unwrap_or(&project.out);
    if args.json {
        let value = json!({ "record": path, "folder": folder, "built": built });
        let text = serde_json::to_string_pretty(&value)
            .map_err(|e| Error::new(Kind::Input, "cannot print the record").because(e))?;
        terminal::print(text)?;
        return Ok(0);
    }
    for artifact in &built.artifacts {
        let file = folder.join(&artifact.file);
        let digest = artifact.sha256.map(|d| format!("  sha256:{d}")).unwrap_or_default();
        let size = ByteSize(artifact.size.0);
        terminal::print(format!("{}  {size}{digest}", shown(&file).display()))?;
    }
    Ok(0)
}
