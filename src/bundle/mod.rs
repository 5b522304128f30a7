//! The configuration bundle of one site: build, publish, resolve, fetch, unpack.
//!
//! A bundle is everything that a machine converges from: Puppet code, modules, Hiera data, packed apps,
//! in one archive with one form (see `archive`), under a version that never changes. A store holds bundles
//! and, for each site and channel, one small pointer to the newest (see `channel`).

pub(crate) mod app;
pub(crate) mod archive;
mod build;
mod channel;
mod generated;
mod manifest;
pub(crate) mod module;
mod needs;
mod package;
mod path;
mod release;
pub(crate) mod site;
mod unpack;

use std::fs::File;
use std::path::{Path, PathBuf};

pub use build::{Request, build};
pub use channel::{Pin, Pointer, Published, Record, Wanted, fetch, list, publish, resolve};
pub use manifest::{
    App, FORMAT, FileRecord, Health, MANIFEST, Manifest, Module, NeededFile, Needs, RELEASE_ID,
};
pub use release::{Name, Version, release_id};
pub use unpack::{Unpacked, unpack};

use crate::error::{Context, Result};
use crate::units::Digest;

/// A bundle on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// What it says about itself.
    pub manifest: Manifest,
    /// The .tgz.
    pub path: PathBuf,
    /// SHA-256 of the .tgz.
    pub digest: Digest,
    /// Length of the .tgz in bytes.
    pub size: u64,
}

impl Bundle {
    /// Opens an archive from anywhere, and proves all of it: form, list, every digest.
    pub fn verify(path: &Path) -> Result<Self> {
        let (digest, size) = digest_of(path)?;
        let file = File::open(path).at("cannot open the bundle", path)?;
        let manifest = archive::read(file, size, archive::LIMITS, &mut |_, _| Ok(()))?;
        Ok(Self { manifest, path: path.to_owned(), digest, size })
    }

    /// Opens an archive whose digest was expected and has just been proven.
    fn proven(path: &Path, digest: Digest, size: u64) -> Result<Self> {
        let file = File::open(path).at("cannot open the bundle", path)?;
        let manifest = archive::manifest(file, archive::LIMITS)?;
        Ok(Self { manifest, path: path.to_owned(), digest, size })
    }
}

fn digest_of(path: &Path) -> Result<(Digest, u64)> {
    let file = File::open(path).at("cannot open the bundle", path)?;
    Digest::of_reader(file).at("cannot read the bundle", path)
}
