//! `slipway inspect`.

use crate::error::{Error, Kind, Result};

/// Arguments of `slipway inspect`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the verb; the number is the process's exit code.
pub fn run(_args: &Args) -> Result<u8> {
    Err(Error::new(Kind::Refused, "slipway inspect is not built yet"))
}
