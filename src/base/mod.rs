//! The JeOS root: built once, cached by digest, with package layers on it.

mod cache;
mod check;
mod definition;
pub(crate) mod diagnose;
pub(crate) mod entry;
mod inventory;
mod load;
pub(crate) mod mirror;
pub(crate) mod mmdebstrap;
mod names;
pub(crate) mod packages;
mod recipe;
mod renew;
mod seal;
mod seed;
mod shipped;
mod supervise;
mod tarball;

use std::fs::File;
use std::sync::Arc;

use serde::Serialize;

pub use cache::Cache;
pub use check::is_package_name;
pub use definition::{
    Archive, Definition, DefinitionKind, Distribution, Keyring, Packages, Puppet, Tarball,
};
pub use inventory::{Listed, Pruned};
pub use names::{Absent, names_at_hand};
pub use renew::Update;

use crate::error::{Error, Kind, Result};
use crate::manifest::Package;
use crate::pack::Pack;
use crate::tree::{MODE_BITS, Tree, TreePath};
use crate::units::{Digest, Timestamp};

/// A base, with or without layers on it.
#[derive(Clone, Debug)]
pub struct Root {
    /// The digest of names, attributes and contents, layers included.
    pub digest: Digest,
    /// The root filesystem.
    pub tree: Tree,
    /// The contents: the base's pack first, then one for each layer.
    pub packs: Vec<Arc<Pack>>,
    /// All installed packages, sorted by name.
    pub packages: Vec<Package>,
    /// Not earlier than anything in it: the newest date of the archives that it came from.
    pub time: Timestamp,
    /// The definition that the base was made from.
    pub definition: Definition,
    /// Shared locks that keep `prune` away while somebody uses the root.
    pub(crate) holds: Vec<Arc<File>>,
}

/// What a layer adds to its parent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LayerSpec {
    /// Name for people and files: lowercase letters, digits, hyphens.
    pub name: String,
    /// Packages of the base's distribution, with or without a version.
    pub packages: Vec<String>,
    /// Path, mode and bytes of files that are put into the root before apt runs.
    pub files: Vec<(String, u16, Vec<u8>)>,
    /// A script for `sh -eu`, run after apt in the root, as the root user there, without a network.
    pub script: Option<String>,
}

impl LayerSpec {
    /// Whether it adds nothing.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty() && self.files.is_empty() && self.script.is_none()
    }

    fn check(&self) -> Result<()> {
        let wrong = |what: String| Err(Error::new(Kind::Input, what));
        let in_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if self.name.is_empty() || !self.name.bytes().all(in_name) {
            return wrong(format!("{:?} is not a layer's name", self.name));
        }
        if let Some(bad) = self.packages.iter().find(|p| !is_package_name(p)) {
            return wrong(format!("{bad:?} is not a package name"));
        }
        for (path, mode, _) in &self.files {
            if TreePath::new(path.as_bytes())?.is_root() || mode & !MODE_BITS != 0 {
                return wrong(format!("the layer's file {path:?} with mode {mode:o} is refused"));
            }
        }
        Ok(())
    }
}
