//! `slipway new`.

use crate::error::{Error, Kind, Result};

/// Arguments of `slipway new`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the verb; the number is the process's exit code.
pub fn run(_args: &Args) -> Result<u8> {
    Err(Error::new(Kind::Refused, "slipway new is not built yet"))
}
