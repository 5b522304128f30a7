//! `slipway key show`.

use crate::error::Result;
use crate::project::Surroundings;

use super::super::terminal;

/// Arguments of `slipway key show`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The key: a .pub file, the one line in it, or the name of one of your own keys
    #[arg(value_name = "KEY")]
    key: String,
    /// Print it as PEM, for cosign and other programs that do not read OpenSSH's keys
    #[arg(long)]
    pem: bool,
}

pub(super) fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let key = super::meant(&args.key, &surroundings.keyring()?)?;
    let text = if args.pem { key.pem()? } else { key.line()? };
    terminal::print(text.trim_end()).map(|()| 0)
}
