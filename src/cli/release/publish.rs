//! `slipway release publish`.

use crate::error::Result;
use crate::project::Surroundings;
use crate::release::Verified;

use super::super::project::{self, shown};
use super::super::terminal::{self, Terminal};
use super::store::{self, Changing, Options};

/// Arguments of `slipway release publish`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 published, or it was there already; 1 something is wrong with the release."
)]
pub(super) struct Args {
    /// A customer: the release of the newest image in out/ is published
    #[arg(value_name = "CUSTOMER")]
    customer: String,
    #[command(flatten)]
    place: Options,
    #[command(flatten)]
    changing: Changing,
    /// Store each file of the release as it is, too, so that a browser can fetch it
    #[arg(long)]
    whole: bool,
    /// Print the channel's pointer as JSON on stdout
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    project: project::Options,
}

/// What an interrupted run leaves.
const STAYS: &str =
    "the channel has not changed; what the store has of the release already is not sent again";

pub(super) fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let project = args.project.open(surroundings)?;
    let profile = project.load(&args.customer)?.profile;
    let outlet = args.place.of(&project, &profile)?;
    let folder = store::newest(&project, &outlet.customer)?;
    let progress = Terminal::stoppable(STAYS)?;
    let verified = match Verified::open(&folder, &outlet.believing(), &progress)? {
        Ok(verified) => verified,
        Err(faults) => {
            progress.done();
            super::complain(&shown(&folder).display().to_string(), &faults);
            return Ok(1);
        }
    };
    let mut opened = args.changing.open(&outlet, &project.surroundings)?;
    opened.whole = args.whole;
    let channel = outlet.lane().channel;
    let published = opened.publisher(&outlet).publish(&verified, channel, &progress)?;
    progress.done();
    if args.json {
        terminal::print_json(&published.pointer)?;
        return Ok(0);
    }
    super::tell_pointer(&published).map(|()| 0)
}
