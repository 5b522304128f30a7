//! The configuration bundle of one site: build, sign, publish, pull, verify, unpack.
//!
//! A bundle is everything that a machine converges from: Puppet code, modules, Hiera data, packed apps,
//! in one archive with one form (see `archive`), under a version that never changes. A store holds bundles
//! with their signatures and, for each site and channel, one small signed pointer to the newest (see
//! `pointer`, and `publish` and `pull` for the two ways through a store). 'Latest' is what the pointer says,
//! never what a listing shows: names sort b10 before b9.

mod absent;
pub(crate) mod archive;
mod build;
pub(crate) mod check;
mod diff;
mod fetch;
pub(crate) mod files;
mod forge;
mod generated;
mod ignored;
mod kept;
mod list;
mod lock;
mod manifest;
mod module;
mod needs;
mod package;
mod parameter;
mod path;
mod pointer;
mod publish;
mod pull;
pub(crate) mod puppetfile;
mod record;
mod release;
mod repository;
pub(crate) mod site;
mod submodule;
mod unpack;
pub(crate) mod untar;

use std::fs::File;
use std::path::{Path, PathBuf};

pub use build::{Inputs, Request, build, update};
pub use check::Base;
pub use diff::{Change, Diff, diff};
pub use list::{Listed, list};
pub use lock::Locking;
pub use manifest::{
    App, FORMAT, FileRecord, Health, MANIFEST, Manifest, Module, NeededFile, Needs, RELEASE_ID,
};
pub(crate) use parameter::check_settings;
pub use parameter::{Fault, Misfit, Parameter, Parameters, Takes, misfits};
pub use pointer::{Pointer, pointers};
pub use publish::{DAYS, Published, Publisher};
pub use pull::{LARGEST_BUNDLE, Place, Reader, Wanted};
pub use record::{Record, check_signature};
pub use release::{Name, Version, release_id};
pub use unpack::{Unpacked, unpack};

pub use crate::signed::{Allow, Refusal};

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

/// One release, pinned: made of a bundle, of a proven pointer or of a record with a signature alone.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pin {
    site: Name,
    version: Version,
    /// As in "demo-1.0.0+b1".
    release: String,
    /// SHA-256 of the .tgz.
    digest: Digest,
    /// Its length in bytes.
    size: u64,
}

impl Pin {
    fn of(bundle: &Bundle) -> Self {
        let Manifest { site, version, release, .. } = &bundle.manifest;
        let (site, version, release) = (site.clone(), *version, release.clone());
        Self { site, version, release, digest: bundle.digest, size: bundle.size }
    }
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
