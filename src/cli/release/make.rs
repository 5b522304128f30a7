//! `slipway release make`.

use serde_json::json;

use crate::error::Result;
use crate::leak::Against;
use crate::project::Surroundings;
use crate::release::{Maker, Making, Staged};

use super::super::project;
use super::super::signing;
use super::super::terminal::{self, Terminal};
use super::store::Options;

/// Arguments of `slipway release make`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 made; 1 something keeps the image from being released.")]
pub(super) struct Args {
    /// A customer
    #[arg(value_name = "CUSTOMER")]
    customer: String,
    /// Release it without a smoke test, for this reason; it stays in the release for ever
    #[arg(long, value_name = "REASON")]
    without_smoke: Option<String>,
    /// Ask no store: the release does not say which one it follows
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    place: Options,
    #[command(flatten)]
    signing: signing::Options,
    /// Print the release as JSON on stdout
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    project: project::Options,
}

/// What an interrupted run leaves.
const STAYS: &str = "the image and earlier releases have not changed";

pub(super) fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let project = args.project.open(surroundings)?;
    let profile = project.load(&args.customer)?.profile;
    let outlet = args.place.of(&project, &profile)?;
    let staged = Staged::gather(&project.out, &profile.customer.id)?;
    let key = args.signing.open(&project.surroundings)?;
    let progress = Terminal::stoppable(STAYS)?;
    let previous = match args.offline {
        true => None,
        false => {
            let store = outlet.open()?;
            outlet.shelf(store.as_ref()).earlier(&outlet.lane(), &staged.id(), &progress)?
        }
    };
    let against = Against::project(&project, Some(&profile.customer.id))?;
    let making = Making {
        profile: &profile,
        without_smoke: args.without_smoke.as_deref(),
        previous,
        against: &against,
        maker: Maker::of(&project.surroundings)?,
        key: &key,
        believing: outlet.believing(),
        now: outlet.now,
    };
    let id = staged.id();
    let verified = staged.verify(&making, &progress)?;
    progress.done();
    match verified {
        Ok(verified) if args.json => {
            let (release, folder) = (verified.release(), verified.folder());
            terminal::print_json(&json!({ "folder": folder, "release": release }))?;
            Ok(0)
        }
        Ok(verified) => super::tell(verified.release(), verified.folder()).map(|()| 0),
        Err(faults) => {
            if args.json {
                terminal::print_json(&json!({ "id": id, "faults": faults }))?;
            }
            super::complain(&format!("{id} cannot be released"), &faults);
            Ok(1)
        }
    }
}
