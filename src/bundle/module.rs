//! Where a module's files come from, and what is known of it.

use std::fs;
use std::path::{Path, PathBuf};

use super::package::Deb;
use crate::error::{Context, Error, Kind, Result};

/// Where Debian's module packages put their modules; `modules` holds the alternatives' links to it.
const PACKAGED: [&str; 2] = ["usr/share/puppet/modules.available", "usr/share/puppet/modules"];

/// What of a module no machine converges from.
pub(crate) fn is_left_out(top: &str) -> bool {
    matches!(top, "spec" | "test" | "tests" | "examples" | "Rakefile" | "Gemfile")
}

/// The folder of module `name` in an unpacked package.
pub(crate) fn in_package(deb: &Deb, name: &str) -> Result<PathBuf> {
    for parent in PACKAGED {
        let parent = deb.root.join(parent);
        let Ok(entries) = fs::read_dir(&parent) else { continue };
        for entry in entries {
            let path = entry.at("cannot list", &parent)?.path();
            let folder = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            // Debian prefixes the author: puppetlabs-stdlib
            let bare = folder.rsplit('-').next().unwrap_or(&folder);
            if path.is_dir() && bare == name {
                return Ok(path);
            }
        }
    }
    Err(Error::new(Kind::Input, format!("{} has no module {name}", deb.id))
        .remedy("name the module in SITE.toml as its package does"))
}

/// The version in metadata.json, where there is one.
pub(crate) fn version(folder: &Path) -> Result<Option<String>> {
    let path = folder.join("metadata.json");
    if !path.exists() {
        return Ok(None);
    }
    let text = fs::read(&path).at("cannot read", &path)?;
    let value: serde_json::Value = serde_json::from_slice(&text)
        .map_err(|e| Error::new(Kind::Input, "the metadata is not JSON").at(&path).because(e))?;
    Ok(value.get("version").and_then(|v| v.as_str()).map(str::to_owned))
}
