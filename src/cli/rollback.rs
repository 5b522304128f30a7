//! `slipway rollback`: a customer's channel goes back to an earlier release.

use crate::error::Result;
use crate::project::Surroundings;

use super::project;
use super::release::{Changing, Options, tell_pointer};
use super::terminal::{self, Terminal};

/// Arguments of `slipway rollback`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A customer
    #[arg(value_name = "CUSTOMER")]
    customer: String,
    /// The release to go back to [default: the one before the present one]
    #[arg(long, value_name = "RELEASE")]
    to: Option<String>,
    #[command(flatten)]
    place: Options,
    #[command(flatten)]
    changing: Changing,
    /// Print the channel's pointer as JSON on stdout
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    project: project::Options,
}

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let project = args.project.open(surroundings)?;
    let profile = project.load(&args.customer)?.profile;
    let outlet = args.place.of(&project, &profile)?;
    let opened = args.changing.open(&outlet, &project.surroundings)?;
    let progress = Terminal::new();
    let publisher = opened.publisher(&outlet);
    let published = publisher.roll_back(&outlet.lane(), args.to.as_deref(), &progress)?;
    progress.done();
    if args.json {
        terminal::print_json(&published.pointer)?;
        return Ok(0);
    }
    tell_pointer(&published).map(|()| 0)
}
