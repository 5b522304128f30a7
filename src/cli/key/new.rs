//! `slipway key new`.

use std::path::Path;

use crate::error::Result;
use crate::key::{PublicKey, Sites};
use crate::project::Surroundings;

use super::super::project::{self, shown};
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
    /// Trust it in this project, for every site and every app
    #[arg(long)]
    trust: bool,
    #[command(flatten)]
    project: project::Options,
}

pub(super) fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let keyring = &surroundings.keyring()?;
    // a name that may not be is refused before any question
    let path = keyring.path(&args.name)?;
    // no project, no trust: that is said before a key is made
    let trusted_in = match args.trust {
        true => Some(args.project.within(surroundings).trust_file()?),
        false => None,
    };
    let done = |path: &Path, public: &PublicKey| {
        show(path, public)?;
        match &trusted_in {
            Some(file) => super::trust::add(file, public.clone(), Sites::All),
            None => advise(path),
        }
    };
    if let Some((path, public)) = keyring.complete(&args.name)? {
        terminal::complain(
            "a key of this name existed without its public half, which is written now; its passphrase has not changed",
        );
        return done(&path, &public).map(|()| 0);
    }
    let passphrase = match args.no_passphrase {
        true => None,
        false => Some(signing::new_passphrase(&path, surroundings)?),
    };
    let (path, public) = keyring.make(&args.name, passphrase.as_ref())?;
    done(&path, &public).map(|()| 0)
}

fn show(path: &Path, public: &PublicKey) -> Result<()> {
    let path = shown(path);
    terminal::print(format!("{}: written\n  {}", path.display(), public.fingerprint()))
}

fn advise(path: &Path) -> Result<()> {
    let path = shown(path);
    terminal::advise(&format!(
        "now tell those who build: slipway key trust {}.pub --site SITE",
        path.display()
    ));
    Ok(())
}
