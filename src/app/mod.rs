//! A web application of the vendor's: from its repository to one .tgz that installs without a
//! network.
//!
//! npm does what npm is good at (installing from the lock file, deciding which files are packed).
//! This room gives it a copy to work on, proves that nothing is missing from what it packed, and
//! writes the package again so that equal contents give equal bytes. Packages are kept in a store
//! under names that hold their digest; a small index for each app and channel says which versions
//! there are (see `store`).

pub(crate) mod archive;
mod check;
mod copy;
mod entry;
mod git;
mod index;
pub(crate) mod lock;
mod name;
mod native;
mod npm;
mod pack;
pub(crate) mod package;
mod store;
mod version;

use std::path::{Path, PathBuf};

pub use entry::Entry;
pub use git::{Origin, Scope, source};
pub use index::Index;
pub use name::{AppName, Channel};
pub use native::{Abi, Native};
pub use pack::{Packed, Request, Tests, pack};
pub use store::{AppReader, Found, fetch, indexes, list, publish};
pub use version::{Bump, Numbering, Range, Version};

use crate::error::{Context, Result};
use crate::units::Digest;

/// A packed application on this machine, and what it says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// The name in its package.json.
    pub name: AppName,
    /// The version in its package.json.
    pub version: Version,
    /// The commit that it was packed from (npm's `gitHead`), with `-dirty` when files differed from
    /// it.
    pub commit: Option<String>,
    /// Compiled modules in it, which do not run everywhere.
    pub native: Vec<Native>,
    /// The .tgz.
    pub path: PathBuf,
    /// Its SHA-256.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
}

/// The name in the package.json of an app's folder.
pub fn name_in(folder: &Path) -> Result<AppName> {
    let path = folder.join("package.json");
    let json = std::fs::read(&path).at("cannot read the app", &path)?;
    package::Package::parse(&json).map(|package| package.name).map_err(|e| e.at(&path))
}

impl App {
    /// Opens a package from anywhere, and proves that it is one app with everything that it needs.
    pub fn open(path: &Path) -> Result<Self> {
        let held = archive::read(path)?;
        check::complete(&held).map_err(|e| e.at(path))?;
        let package = package::Package::parse(held.package_json()?).map_err(|e| e.at(path))?;
        let native = check::native(&held).map_err(|e| e.at(path))?.compiled;
        let (digest, size) = (held.digest, held.size);
        let package::Package { name, version, commit, .. } = package;
        Ok(Self { name, version, commit, native, path: path.to_owned(), digest, size })
    }

    /// The name of the app's file, wherever it is kept, as in `acme+ui-2.1.0.tgz`.
    pub fn file_name(&self) -> String {
        format!("{}-{}.tgz", self.name.key(), self.version)
    }
}
