//! `slipway release`: one file a sub-verb.

mod fetch;
mod found;
mod make;
mod publish;
mod store;
mod target;
mod verify;

use std::path::Path;

use crate::error::Result;
use crate::project::Surroundings;
use crate::release::{Fault, Published, Release};

use super::project::{counted, shown};
use super::terminal;

pub(super) use found::Named;
pub(super) use store::{Changing, Options};

/// Arguments of `slipway release`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Fetch a customer's release from a store, and prove it; what an older image has does not travel.
    Fetch(fetch::Args),
    /// Verify a customer's newest image, and write it with all that proves it into one signed folder.
    Make(make::Args),
    /// Put a customer's release into a store, and point the customer's channel at it.
    Publish(publish::Args),
    /// Find everything that is wrong with a release.
    Verify(verify::Args),
}

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    match &args.verb {
        Verb::Fetch(args) => fetch::run(args, surroundings),
        Verb::Make(args) => make::run(args, surroundings),
        Verb::Publish(args) => publish::run(args, surroundings),
        Verb::Verify(args) => verify::run(args, surroundings),
    }
}

/// Says what is wrong, each on a line.
fn complain(what: &str, faults: &[Fault]) {
    let mut text = format!("{what}: {}", counted(faults.len(), "fault"));
    for fault in faults {
        text.push_str(&format!("\n  {fault}"));
    }
    terminal::complain(&text);
}

/// Says what is right.
fn tell(release: &Release, folder: &Path) -> Result<()> {
    let images = counted(release.artifacts.len(), "image");
    let files = counted(release.files.len(), "other file");
    terminal::print(format!("{}  {}", shown(folder).display(), release.bundle.release))?;
    terminal::print(format!("  {images}, {files}, signed for {}", release.site))
}

/// Says what a channel has now.
pub(super) fn tell_pointer(published: &Published) -> Result<()> {
    let pointer = &published.pointer;
    let was = if published.was_there { " (as before)" } else { "" };
    let lane = &pointer.lane;
    terminal::print(format!(
        "{lane} has {} (change {}), until {}{was}",
        pointer.release, pointer.seq, pointer.expires
    ))
}
