//! `slipway key new`.

use std::path::Path;

use crate::error::Result;
use crate::key::{Keyring, PublicKey};
use crate::project::Surroundings;

use super::super::project::shown;
use super::super::signing;
use super::super::terminal;

/// Arguments of `slipway key new`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The key's name, as in ci@vendor; it names the file
    name: String,
    /// Do not encrypt the file: whoever can read it can publish
    #[arg(long)]
    no_passphrase: bool,
}

pub(super) fn run(args: &Args, keyring: &Keyring, surroundings: &Surroundings) -> Result<()> {
    // a name that may not be is refused before any question
    let path = keyring.path(&args.name)?;
    if let Some((path, public)) = keyring.complete(&args.name)? {
        terminal::complain(
            "a key of this name was there without its public half, which is written now; its passphrase is the one of then",
        );
        return show(&path, &public);
    }
    let passphrase = match args.no_passphrase {
        true => None,
        false => Some(signing::new_passphrase(&path, surroundings)?),
    };
    let (path, public) = keyring.make(&args.name, passphrase.as_ref())?;
    show(&path, &public)
}

fn show(path: &Path, public: &PublicKey) -> Result<()> {
    let path = shown(path);
    terminal::print(format!("{}: written\n  {}", path.display(), public.fingerprint()))?;
    terminal::complain(&format!(
        "now tell those who build: slipway key trust {}.pub --site SITE",
        path.display()
    ));
    Ok(())
}
