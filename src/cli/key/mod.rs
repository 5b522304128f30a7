//! `slipway key`: the keys that releases are signed with, and whose are trusted.

mod list;
mod new;
mod rotate;
mod show;
mod trust;

use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};
use crate::file;
use crate::key::{Keyring, PublicKey};
use crate::project::Surroundings;

/// Arguments of `slipway key`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
    /// The folder of your private keys [default: $SLIPWAY_KEYS, else slipway/keys in the user's
    /// configuration]
    #[arg(long, value_name = "DIR", global = true)]
    keys: Option<PathBuf>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Create a key to sign with.
    New(new::Args),
    /// Show your keys, and the trusted ones.
    List(list::Args),
    /// Print a public key.
    Show(show::Args),
    /// Trust a key to publish for sites.
    Trust(trust::Args),
    /// Replace an old key with a new one: both are trusted until the old one ends.
    Rotate(rotate::Args),
}

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let mut surroundings = surroundings.clone();
    surroundings.keys = args.keys.clone().or(surroundings.keys);
    match &args.verb {
        Verb::New(args) => new::run(args, &surroundings),
        Verb::List(args) => list::run(args, &surroundings),
        Verb::Show(args) => show::run(args, &surroundings),
        Verb::Trust(args) => trust::run(args, &surroundings),
        Verb::Rotate(args) => rotate::run(args, &surroundings),
    }
}

/// The public key that a user means: the key itself, a file, or the name of one of their own.
fn meant(wanted: &str, keyring: &Keyring) -> Result<PublicKey> {
    if wanted.starts_with("ssh-") {
        return PublicKey::parse(wanted);
    }
    let path = Path::new(wanted);
    if file::is_file(path)? {
        return PublicKey::read(path);
    }
    let own = keyring.list()?.into_iter().find(|key| key.name == wanted);
    own.map(|key| key.public).ok_or_else(|| {
        Error::new(
            Kind::NotFound,
            format!("{wanted:?} is neither a key's file nor one of your keys"),
        )
        .remedy("give the .pub file, the one line in it, or a name that `slipway key list` shows")
    })
}
