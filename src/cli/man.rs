//! `slipway man`: the manual pages.

use std::path::PathBuf;

use clap::CommandFactory as _;

use crate::error::{Context as _, Result};
use crate::project::Surroundings;

use super::terminal;

/// Arguments of `slipway man`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder for the pages, one page per verb, as in /usr/local/share/man/man1
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args, _: &Surroundings) -> Result<u8> {
    std::fs::create_dir_all(&args.folder).at("cannot create the folder", &args.folder)?;
    clap_mangen::generate_to(super::Cli::command(), &args.folder)
        .at("cannot write the manual pages to", &args.folder)?;
    terminal::print(format!("read them with: man {}/slipway.1", args.folder.display()))?;
    Ok(0)
}
