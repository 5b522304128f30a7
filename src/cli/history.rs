//! `slipway history`: what a customer's channel had, and what each release was made of.

use serde::Serialize;

use crate::error::Result;
use crate::project::Surroundings;
use crate::release::{Change, Release, ReleasePointer, Tested};

use super::project;
use super::release::Options;
use super::terminal::{self, Terminal};

/// Arguments of `slipway history`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A customer
    #[arg(value_name = "CUSTOMER")]
    customer: String,
    /// The most changes to show
    #[arg(long, value_name = "N", default_value_t = 20)]
    most: usize,
    #[command(flatten)]
    place: Options,
    /// Print it as JSON on stdout
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    project: project::Options,
}

/// One change of a channel, and the release that it went to.
#[derive(Debug, Serialize)]
struct Told {
    pointer: ReleasePointer,
    /// The key that signed the pointer.
    by: String,
    release: Release,
}

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let project = args.project.open(surroundings)?;
    let profile = project.load(&args.customer)?.profile;
    let place = args.place.of(&project, &profile)?;
    let (store, lane, progress) = (place.open()?, place.lane(), Terminal::new());
    let shelf = place.shelf(store.as_ref());
    let mut changes = Vec::new();
    for Change { pointer, by } in shelf.changes(&lane, args.most, &progress)? {
        let release = shelf.record(&lane, &pointer, &progress)?;
        changes.push(Told { pointer, by: place.name_of(&by), release });
    }
    progress.done();
    if args.json {
        terminal::print_json(&changes)?;
        return Ok(0);
    }
    for change in &changes {
        tell(change)?;
    }
    if changes.is_empty() {
        terminal::advise(&format!("nothing was published to {} yet", lane.name()));
    }
    Ok(0)
}

fn tell(change: &Told) -> Result<()> {
    let Told { pointer, by, release } = change;
    terminal::print(format!("{}  change {}  {}", pointer.issued, pointer.seq, pointer.release))?;
    let Release { created, builder, base, bundle, .. } = release;
    terminal::print(format!(
        "  made {created} by slipway {builder} of {} and {}",
        base.name, bundle.release
    ))?;
    terminal::print(format!("  published by {by}"))?;
    terminal::print(match &release.smoke {
        Tested::Booted(boots) => {
            let names: Vec<&str> = boots.iter().map(|boot| boot.firmware.name()).collect();
            format!("  booted with {}", names.join(", "))
        }
        Tested::Without(reason) => format!("  not booted: {reason}"),
    })
}
