//! Public keys as people have them: a line that they paste, or a file of such lines.

use std::path::{Path, PathBuf};

use super::super::project::shown;
use crate::error::{Error, Kind, Result};
use crate::file;
use crate::profile::Question;
use crate::project::Surroundings;

/// The largest file that is read, in bytes: hundreds of keys.
const LARGEST: u64 = 1 << 18;

/// The keys in what was typed: one key, or the name of a file with some, as `authorized_keys` and `id_ed25519.pub` are.
///
/// # Errors
/// A file that cannot be read or has none, and what is not a key that a profile may have.
pub(super) fn read(typed: &str, surroundings: &Surroundings) -> Result<Vec<String>> {
    let typed = typed.trim();
    // a key has its kind, a blank and its data
    if typed.contains(' ') && !typed.contains('/') || typed.starts_with("ssh-") {
        return one(typed, None).map(|key| vec![key]);
    }
    let path = surroundings.absolute(&below_home(typed))?;
    let bytes = file::read(&path, LARGEST, "cannot read the keys")?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::new(Kind::Input, "this is not a file of public keys").at(&path))?;
    let lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    let keys = lines.map(|line| one(line, Some(&path))).collect::<Result<Vec<_>>>()?;
    match keys.is_empty() {
        true => Err(Error::new(Kind::Input, "there is no key in this file").at(shown(&path))),
        false => Ok(keys),
    }
}

fn one(line: &str, path: Option<&Path>) -> Result<String> {
    Question::Key.check(line).map(|()| line.to_owned()).map_err(|why| {
        let error = Error::new(Kind::Input, why);
        path.iter().fold(error, |error, path| error.at(shown(path)))
    })
}

/// A shell reads `~/`, a prompt does not.
fn below_home(typed: &str) -> PathBuf {
    match (typed.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => PathBuf::from(typed),
    }
}
