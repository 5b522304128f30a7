//! Which customers' current releases hold something: within a moment, and for a thousand customers.
//!
//! What a release holds never changes, so it is read once and kept in the cache, in one file for each list of components:
//! releases that hold the same share it. A file is written whole or not at all, and carries its digest in its name: one that
//! was damaged is read from the store again. A database was rejected: there is nothing in it that could not be made again,
//! and a half-written one would have to be repaired first.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::pointer::{Lane, ReleasePointer};
use super::record::Release;
use super::shelf::Shelf;
use super::wanted::Wanted;
use crate::error::{Error, Kind, Result};
use crate::file;
use crate::inventory::{Component, INVENTORY, Inventory};
use crate::progress::Progress;
use crate::units::{Digest, MIB};
use crate::whole;

/// The folder in the cache.
const FOLDER: &str = "stock";
/// The largest file in it, in bytes.
const LARGEST: u64 = 64 * MIB;

/// A customer whose current release holds what was looked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Holder {
    /// The customer's id.
    pub customer: String,
    /// The channel.
    pub channel: String,
    /// The release.
    pub release: String,
    /// What of it.
    pub components: Vec<Held>,
}

/// One component that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// Its package URL.
    pub purl: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What is known of releases' components, asked for one thing.
#[derive(Debug)]
pub struct Stock<'a> {
    folder: PathBuf,
    wanted: &'a Wanted,
    /// What of a list is looked for: customers of one base and bundle share the list, which is read once then.
    found: RefCell<BTreeMap<Digest, Vec<Held>>>,
}

impl<'a> Stock<'a> {
    /// The one of this cache.
    pub fn new(cache: &Path, wanted: &'a Wanted) -> Self {
        Self { folder: cache.join(FOLDER), wanted, found: RefCell::default() }
    }

    /// What of a release is looked for; none where it holds nothing of it. What the cache lacks is read from the store.
    pub fn find(
        &self,
        shelf: &Shelf<'_>,
        lane: &Lane<'_>,
        pointer: &ReleasePointer,
        progress: &dyn Progress,
    ) -> Result<Option<Holder>> {
        let release = self.record(shelf, lane, pointer, progress)?;
        let components = self.held(shelf, lane, pointer, &release, progress)?;
        Ok((!components.is_empty()).then(|| Holder {
            customer: lane.customer.to_owned(),
            channel: lane.channel.to_string(),
            release: pointer.release.clone(),
            components,
        }))
    }

    fn record(
        &self,
        shelf: &Shelf<'_>,
        lane: &Lane<'_>,
        pointer: &ReleasePointer,
        progress: &dyn Progress,
    ) -> Result<Release> {
        match self.kept(pointer.sha256)? {
            Some(bytes) => Release::parse(&bytes),
            None => {
                let release = shelf.record(lane, pointer, progress)?;
                let bytes = shelf.file(lane, pointer, super::RECORD, pointer.sha256, progress)?;
                self.keep(pointer.sha256, &bytes)?;
                Ok(release)
            }
        }
    }

    fn held(
        &self,
        shelf: &Shelf<'_>,
        lane: &Lane<'_>,
        pointer: &ReleasePointer,
        release: &Release,
        progress: &dyn Progress,
    ) -> Result<Vec<Held>> {
        let Some(part) = release.files.iter().find(|part| part.name == INVENTORY) else {
            let message = format!("the release {} does not say what it holds", release.id);
            return Err(Error::new(Kind::Refused, message)
                .remedy(format!("publish a newer release of {}", release.customer)));
        };
        if let Some(found) = self.found.borrow().get(&part.sha256) {
            return Ok(found.clone());
        }
        let bytes = match self.kept(part.sha256)? {
            Some(bytes) => bytes,
            None => {
                let bytes = shelf.part(lane, pointer, part, progress)?;
                self.keep(part.sha256, &bytes)?;
                bytes
            }
        };
        let found = match self.wanted.may_be_in(&bytes) {
            true => Inventory::parse(&bytes)?.components,
            false => Vec::new(),
        };
        let found = found.iter().filter(|component| self.wanted.is(component));
        let found: Vec<Held> = found.map(held).collect();
        self.found.borrow_mut().insert(part.sha256, found.clone());
        Ok(found)
    }

    /// What the cache has under a digest; nothing where that is other bytes.
    fn kept(&self, sha256: Digest) -> Result<Option<Vec<u8>>> {
        match file::read(&self.path(sha256), LARGEST, "cannot read what a release holds") {
            Ok(bytes) if Digest::of(&bytes) == sha256 => Ok(Some(bytes)),
            Ok(_) => Ok(None),
            Err(e) if matches!(e.kind(), Kind::NotFound | Kind::Refused) => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn keep(&self, sha256: Digest, bytes: &[u8]) -> Result<()> {
        use crate::error::Context as _;
        std::fs::create_dir_all(&self.folder).at("cannot create the cache", &self.folder)?;
        whole::replace(&self.path(sha256), 0o644, bytes)
    }

    fn path(&self, sha256: Digest) -> PathBuf {
        self.folder.join(format!("{sha256}.json"))
    }
}

fn held(component: &Component) -> Held {
    let Component { purl, name, version, .. } = component;
    Held { purl: purl.clone(), name: name.clone(), version: version.clone() }
}
