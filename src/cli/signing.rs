//! Where a private key and its passphrase come from: a folder of the user's or a file that CI made, a
//! prompt or a file. Never from an argument or a variable's value: other processes see both.

use std::path::{Path, PathBuf};

use dialoguer::Password;
use dialoguer::theme::ColorfulTheme;

use crate::error::{Error, Kind, Result};
use crate::key::{Passphrase, SecretKey};
use crate::project::Surroundings;
use crate::units::Timestamp;

use super::project::shown;
use super::terminal;

/// Which key signs; every verb that publishes flattens this into its arguments.
#[derive(Debug, clap::Args)]
// the group would have the struct's name, which those of other rooms have too
#[group(skip)]
pub(super) struct Options {
    /// The key to sign with: a name that `slipway key list` shows, or a private key's file
    /// [default: $SLIPWAY_KEY_FILE, else your only key]
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

impl Options {
    /// A key that a file names, and no argument.
    pub fn named(key: Option<String>) -> Self {
        Self { key }
    }

    /// Opens the key; asks for its passphrase where it has one.
    pub fn open(&self, surroundings: &Surroundings) -> Result<SecretKey> {
        let path = self.path(surroundings)?;
        SecretKey::read(&path, &mut || passphrase(&path, surroundings, Once::Enough))
    }

    fn path(&self, surroundings: &Surroundings) -> Result<PathBuf> {
        match (&self.key, &surroundings.key_file) {
            (Some(file), _) if file.contains('/') => Ok(PathBuf::from(file)),
            (Some(name), _) => surroundings.keyring()?.path(name),
            (None, Some(file)) => Ok(file.clone()),
            (None, None) => surroundings.keyring()?.only(),
        }
    }
}

/// How often a passphrase is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Once {
    Enough,
    /// A slip of the pen in a new one would lock the key for good.
    AndAgain,
}

/// The passphrase for a key that is being made.
pub(super) fn new_passphrase(path: &Path, surroundings: &Surroundings) -> Result<Passphrase> {
    passphrase(path, surroundings, Once::AndAgain)
}

fn passphrase(path: &Path, surroundings: &Surroundings, once: Once) -> Result<Passphrase> {
    match &surroundings.passphrase_file {
        Some(file) => Passphrase::read(file),
        None => ask(path, once),
    }
}

fn ask(path: &Path, once: Once) -> Result<Passphrase> {
    if !terminal::is_interactive() {
        let error = Error::new(Kind::Input, "there is nobody to ask for the key's passphrase");
        return Err(error.at(shown(path)).remedy(
            "name a file that contains it in SLIPWAY_KEY_PASSPHRASE_FILE, or make the key with --no-passphrase",
        ));
    }
    let theme = ColorfulTheme::default();
    let prompt = format!("Passphrase for {}", shown(path).display());
    let mut question = Password::with_theme(&theme).with_prompt(prompt);
    if once == Once::AndAgain {
        question = question.with_confirmation("Repeat it", "the two differ");
    }
    let asked = |e| {
        let dialoguer::Error::IO(e) = e;
        match e.kind() {
            std::io::ErrorKind::Interrupted => Error::new(Kind::Interrupted, "nothing was signed"),
            _ => Error::new(Kind::Io, "cannot ask on this terminal").because(e),
        }
    };
    terminal::with_interrupt_as_error(|| question.interact().map(Passphrase::new).map_err(asked))
}

/// The machine's clock: the library gets the time as an argument.
pub(super) fn now() -> Timestamp {
    Timestamp::from_seconds(jiff::Timestamp::now().as_second())
}
