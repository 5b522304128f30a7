//! The configuration bundle of one site: build, sign, publish, pull, verify, unpack.
//!
//! Everything that a machine converges from: Puppet code, modules, Hiera data, packed apps, in one archive with one
//! form, under a version that never changes. A store holds bundles with their signatures and, for each site and channel,
//! one small signed pointer to the newest. 'Latest' is what the pointer says, never what a listing shows: names sort
//! b10 before b9.
//!
//! The way through: `form` is what a bundle is, `build` makes one from a site's folder, `open` takes one that exists,
//! `store` publishes and pulls. Each needs only those before it.

pub(crate) mod build;
pub(crate) mod form;
mod open;
mod store;

use std::fs::File;
use std::path::{Path, PathBuf};

pub use build::{Base, Inputs, Locking, Request, build, update};
pub use form::manifest::{
    App, FORMAT, FileRecord, Health, MANIFEST, Manifest, Module, NeededFile, Needs, RELEASE_ID,
};
pub(crate) use form::parameter::check_settings;
pub use form::parameter::{Fault, Misfit, Parameter, Parameters, Takes, misfits};
pub use form::release::{Name, Version, release_id};
pub use open::{Change, Diff, Unpacked, diff, unpack};
pub use store::{
    BundleReader, DAYS, LARGEST_BUNDLE, Listed, Place, Pointer, Published, Publisher, Record,
    Wanted, check_signature, list, pointers,
};

pub use crate::signed::{Allow, Refusal};

use form::archive;

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
