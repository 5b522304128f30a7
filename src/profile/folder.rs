//! The folder of profiles: which customers it has, and in which files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Draft, suggest, whole};
use crate::error::{Context as _, Error, Kind, Result};

/// The profiles in a folder by their customers' ids, whatever else is wrong in them.
///
/// # Errors
/// The folder cannot be read.
pub fn customers(folder: &Path) -> Result<BTreeMap<String, Vec<PathBuf>>> {
    let mut customers: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for path in all(folder)? {
        let draft = Draft::read(&path, None);
        let id = whole::text(&draft.tree, &["customer", "id"]).map(|(id, _)| id.to_owned());
        let stem = || path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        customers.entry(id.unwrap_or_else(stem)).or_default().push(path);
    }
    Ok(customers)
}

/// The file of one customer.
///
/// # Errors
/// A name without a file; the error has a suggestion.
pub fn find(folder: &Path, name: &str) -> Result<PathBuf> {
    let names = names(folder)?;
    if names.iter().any(|known| known == name) {
        return Ok(folder.join(format!("{name}.toml")));
    }
    let error = Error::new(Kind::NotFound, format!("there is no profile {name:?}")).at(folder);
    Err(match suggest::nearest(name, names.iter().map(String::as_str)) {
        Some(near) => error.remedy(format!("did you mean \"{near}\"?")),
        None => error.remedy("see `slipway list`, or write one with `slipway new`"),
    })
}

/// The files of all customers, sorted by name; shared parents are not among them.
///
/// # Errors
/// The folder cannot be read.
pub fn all(folder: &Path) -> Result<Vec<PathBuf>> {
    Ok(names(folder)?.iter().map(|name| folder.join(format!("{name}.toml"))).collect())
}

/// Names of the TOML files in a folder, without `.toml`, sorted. Hidden files do not count: editors
/// put their locks there.
///
/// # Errors
/// The folder cannot be read.
pub fn names(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).at("cannot read the folder", folder)? {
        let path = entry.at("cannot read the folder", folder)?.path();
        let toml = path.extension().is_some_and(|extension| extension == "toml");
        if let Some(stem) = path.file_stem().and_then(|stem| stem.to_str())
            && toml
            && !stem.starts_with('.')
        {
            names.push(stem.to_owned());
        }
    }
    names.sort();
    Ok(names)
}
