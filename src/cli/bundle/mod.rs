//! `slipway bundle`: one file a sub-verb.

mod build;
mod diff;
mod list;
mod promote;
mod publish;
mod pull;
mod show;
mod update;
mod verify;

use crate::error::Result;
use crate::project::Surroundings;

/// Arguments of `slipway bundle`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Build a site's bundle, and publish it.
    Build(build::Args),
    /// Update what a site takes from elsewhere, and write it to SITE.lock.
    Update(update::Args),
    /// Sign a bundle, put it into a store and point a channel at it.
    Publish(publish::Args),
    /// Point a channel at a release that another channel has, or renew a channel.
    Promote(promote::Args),
    /// Get a site's release from a store, verified, with its signature.
    Pull(pull::Args),
    /// Verify a bundle's form, its digests and its signature.
    Verify(verify::Args),
    /// List what a store has.
    List(list::Args),
    /// Show what is in a bundle, and prove that it is whole.
    Show(show::Args),
    /// Show what differs between two bundles: apps, modules, packages, files.
    Diff(diff::Args),
}

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    match &args.verb {
        Verb::Build(args) => build::run(args, surroundings),
        Verb::Update(args) => update::run(args, surroundings),
        Verb::Publish(args) => publish::run(args, surroundings),
        Verb::Promote(args) => promote::run(args, surroundings),
        Verb::Pull(args) => pull::run(args, surroundings),
        Verb::Verify(args) => verify::run(args, surroundings),
        Verb::List(args) => list::run(args, surroundings),
        Verb::Show(args) => show::run(args, surroundings),
        Verb::Diff(args) => diff::run(args, surroundings),
    }
}
