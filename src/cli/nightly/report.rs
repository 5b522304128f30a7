//! `slipway nightly report`: the reports of a night, made again.

use crate::error::Result;
use crate::fleet;
use crate::project::Surroundings;

use super::super::{project, terminal};
use super::show;

/// Arguments of `slipway nightly report`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The night [default: the newest one]
    #[arg(value_name = "NIGHT")]
    night: Option<String>,
    /// Print the report as JSON on stdout
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    project: project::Options,
}

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let project = args.project.open(surroundings)?;
    let (report, folder) = fleet::report_again(&project, args.night.as_deref())?;
    match args.json {
        true => terminal::print_json(&report)?,
        false => show::show(&report, &folder)?,
    }
    Ok(0)
}
