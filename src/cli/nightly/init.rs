//! `slipway nightly init`: the policy, with every key explained.

use crate::error::Result;
use crate::fleet;
use crate::project::Surroundings;

use super::super::{project, terminal};

/// Arguments of `slipway nightly init`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    project: project::Options,
}

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let project = args.project.open(surroundings)?;
    for path in fleet::init(&project.root)? {
        terminal::print(surroundings.shown(&path).display())?;
    }
    terminal::advise(
        "edit it, check it with `slipway check --all`, and see with `slipway nightly --dry-run` what it means",
    );
    Ok(0)
}
