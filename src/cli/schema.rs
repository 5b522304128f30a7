//! `slipway schema`.

use crate::error::{Context as _, Result};
use crate::profile::{Audience, schema};

use super::terminal;

/// Arguments of `slipway schema`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// For shared parents, in which nothing is required
    #[arg(long)]
    parent: bool,
}

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args) -> Result<u8> {
    let audience = if args.parent { Audience::Parent } else { Audience::Customer };
    let text = serde_json::to_string_pretty(&schema(audience))
        .map_err(std::io::Error::other)
        .doing("cannot write the schema as JSON")?;
    terminal::print(text)?;
    Ok(0)
}
