//! Where a private key and its passphrase come from: a folder of the user's or a file that CI made, a
//! prompt or a file. Never from an argument or a variable's value: other processes see both.

use std::path::{Path, PathBuf};

use dialoguer::Password;
use dialoguer::theme::ColorfulTheme;

use crate::error::{Error, Kind, Result};
use crate::key::{Keyring, Passphrase, SecretKey};
use crate::units::Timestamp;

use super::project::{absolute, shown, variable};
use super::terminal;

/// Names the folder of private keys.
const KEYS_VARIABLE: &str = "SLIPWAY_KEYS";
/// Names the private key's file, as CI gives secrets.
const KEY_FILE_VARIABLE: &str = "SLIPWAY_KEY_FILE";
/// Names the file that holds the passphrase.
const PASSPHRASE_FILE_VARIABLE: &str = "SLIPWAY_KEY_PASSPHRASE_FILE";

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
    /// Opens the key; asks for its passphrase where it has one.
    pub fn open(&self) -> Result<SecretKey> {
        let path = self.path()?;
        SecretKey::read(&path, &mut || match variable(PASSPHRASE_FILE_VARIABLE) {
            Some(file) => Passphrase::read(Path::new(&file)),
            None => ask(&path, false),
        })
    }

    fn path(&self) -> Result<PathBuf> {
        match (&self.key, variable(KEY_FILE_VARIABLE)) {
            (Some(file), _) if file.contains('/') => Ok(PathBuf::from(file)),
            (Some(name), _) => keyring(None)?.path(name),
            (None, Some(file)) => Ok(PathBuf::from(file)),
            (None, None) => keyring(None)?.only(),
        }
    }
}

/// The user's private keys: $SLIPWAY_KEYS, else slipway/keys/ in the configuration folder (XDG).
pub(super) fn keyring(folder: Option<&Path>) -> Result<Keyring> {
    if let Some(folder) = folder {
        return Ok(Keyring::new(absolute(folder)?));
    }
    if let Some(folder) = variable(KEYS_VARIABLE) {
        return Ok(Keyring::new(absolute(Path::new(&folder))?));
    }
    // XDG: a relative path here is invalid and must be ignored
    let xdg = variable("XDG_CONFIG_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let folder = xdg.or_else(|| variable("HOME").map(|home| Path::new(&home).join(".config")));
    folder.map(|folder| Keyring::new(folder.join("slipway/keys"))).ok_or_else(|| {
        Error::new(Kind::Input, "there is no home folder for keys")
            .remedy(format!("name one with {KEYS_VARIABLE}"))
    })
}

/// The passphrase for a key that is being made.
pub(super) fn new_passphrase(path: &Path) -> Result<Passphrase> {
    match variable(PASSPHRASE_FILE_VARIABLE) {
        Some(file) => Passphrase::read(Path::new(&file)),
        None => ask(path, true),
    }
}

fn ask(path: &Path, twice: bool) -> Result<Passphrase> {
    if !terminal::is_interactive() {
        let error = Error::new(Kind::Input, "there is nobody to ask for the key's passphrase");
        return Err(error.at(shown(path)).remedy(format!(
            "name a file that holds it in {PASSPHRASE_FILE_VARIABLE}, or make the key with --no-passphrase"
        )));
    }
    let theme = ColorfulTheme::default();
    let prompt = format!("Passphrase of {}", shown(path).display());
    let mut question = Password::with_theme(&theme).with_prompt(prompt);
    if twice {
        question = question.with_confirmation("Once more", "they differ");
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
