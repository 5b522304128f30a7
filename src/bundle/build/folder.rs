//! How a folder of the vendor's is read: in order, and by names that are text.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Context, Error, Kind, Result};

/// The entries of a folder, in order.
pub(super) fn sorted(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).at("cannot list", folder)? {
        all.push(entry.at("cannot list", folder)?.path());
    }
    all.sort();
    Ok(all)
}

/// The last part of a path, as text.
pub(super) fn name_of(path: &Path) -> Result<String> {
    let name = path.file_name().and_then(|n| n.to_str());
    name.map(str::to_owned).ok_or_else(|| Error::new(Kind::Input, "the name is not UTF-8").at(path))
}
