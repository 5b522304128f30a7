//! `slipway release make`.

use serde_json::json;

use crate::error::Result;
use crate::key::Trust;
use crate::project::Surroundings;
use crate::release::{Believing, Making, Staged};

use super::super::project;
use super::super::signing;
use super::super::terminal::{self, Terminal};

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
    let staged = Staged::gather(&project.out, &profile.customer.id)?;
    let trust = Trust::read(&project.trust_file()?)?;
    let key = args.signing.open(&project.surroundings)?;
    let now = signing::now();
    let progress = Terminal::stoppable(STAYS)?;
    let making = Making {
        profile: &profile,
        without_smoke: args.without_smoke.as_deref(),
        previous: None,
        key: &key,
        believing: Believing { trust: &trust, now },
        now,
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
