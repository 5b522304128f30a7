//! One side of a comparison: what is known of an image or of a release.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::build::{Artifact, Built};
use crate::error::{Context as _, Error, Kind, Result};
use crate::inspect::walk::{Contents, Digests, Entry, EntryKind, Walk};
use crate::inspect::{self, Image};
use crate::manifest::ImageRecord;
use crate::progress::Progress;
use crate::units::{Digest, Hasher, MIB};

/// Files of a release that a comparison needs; the first one is [`Contents`].
pub const CONTENTS: &str = "contents.json";
/// The second one: a build's record.
pub const BUILD: &str = "build.json";

/// Bytes of a file in an image that says which version a module has, and of a release's files.
const LIMIT: u64 = MIB;
const LARGEST: u64 = 512 * MIB;
/// The link that Puppet's environment is, behind the folder of its code.
const PRODUCTION: &str = "/environments/production";
/// Where releases are, as such a link leads to them.
const RELEASES: &str = "../releases/";

/// What one side of a comparison has.
#[derive(Clone, Debug)]
pub struct Side {
    /// Its name for people: a release's id, or an image's path.
    pub name: String,
    /// The record; none in an image that slipway did not build.
    pub record: Option<ImageRecord>,
    /// Every name in the image.
    pub contents: Contents,
    /// The image files, where more is known than one of them.
    pub artifacts: Vec<Artifact>,
    /// The bundle's applications and modules.
    pub(super) apps: BTreeMap<String, Part>,
    pub(super) modules: BTreeMap<String, Part>,
}

/// An application or a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Its version, where that is known.
    pub version: Option<String>,
    /// A digest of all that it has; the same version with other bytes is what one looks for.
    pub digest: Digest,
}

impl Side {
    /// Reads an image. Every file's digest is worked out, and none is kept.
    ///
    /// # Errors
    /// As for [`Walk::open`].
    pub fn of_image(image: &Arc<Image>, progress: &dyn Progress) -> Result<Self> {
        progress.step(&format!("read {}", image.path().display()), None);
        let walk = Walk::open(image, progress)?;
        let contents = walk.contents(Digests::All, progress)?;
        let versions = |path: &str| walk.bytes(path, LIMIT);
        let mut side = Self {
            name: image.path().display().to_string(),
            record: inspect::record(image)?,
            contents,
            artifacts: Vec::new(),
            apps: BTreeMap::new(),
            modules: BTreeMap::new(),
        };
        side.find_parts(&versions)?;
        Ok(side)
    }

    /// Reads what a build wrote: `image` is one of its artifacts.
    pub fn of_build(built: Built, image: &Arc<Image>, progress: &dyn Progress) -> Result<Self> {
        let side = Self::of_image(image, progress)?;
        let name = built.record.stem();
        Ok(Self { name, record: Some(built.record), artifacts: built.artifacts, ..side })
    }

    /// Reads a release's folder; the images in it are not opened.
    ///
    /// # Errors
    /// [`Kind::NotFound`] where a release of before has no list of its files.
    pub fn of_release(folder: &Path) -> Result<Self> {
        let read = |name: &str| {
            let path = folder.join(name);
            let length = path.metadata().at("cannot read", &path)?.len();
            if length > LARGEST {
                return Err(Error::new(Kind::Refused, "a list of a release is too large").at(path));
            }
            std::fs::read(&path).at("cannot read", &path)
        };
        let damaged = |e| Error::new(Kind::Damaged, "cannot read the record").at(folder.join(BUILD)).because(e);
        let built: Built = serde_json::from_slice(&read(BUILD)?).map_err(damaged)?;
        Self::of_lists(built, Contents::parse(&read(CONTENTS)?)?)
    }

    /// What a release's lists say.
    pub fn of_lists(built: Built, contents: Contents) -> Result<Self> {
        let mut side = Self {
            name: built.record.stem(),
            record: Some(built.record),
            contents,
            artifacts: built.artifacts,
            apps: BTreeMap::new(),
            modules: BTreeMap::new(),
        };
        side.find_parts(&|_| Ok(None))?;
        Ok(side)
    }

    /// The folder of the bundle's release in the image.
    pub(super) fn release(&self) -> Option<String> {
        let links = self.contents.entries.iter().filter(|entry| entry.kind == EntryKind::Symlink);
        links.filter_map(|link| {
            let code = link.path.strip_suffix(PRODUCTION)?;
            let id = link.target.as_deref()?.strip_prefix(RELEASES)?;
            Some(format!("{code}/releases/{id}"))
        }).next()
    }

    fn find_parts(&mut self, read: &dyn Fn(&str) -> Result<Option<Vec<u8>>>) -> Result<()> {
        let Some(release) = self.release() else { return Ok(()) };
        let (apps, modules) = (format!("{release}/apps/"), format!("{release}/modules/"));
        let mut hashers: BTreeMap<String, Hasher> = BTreeMap::new();
        for entry in &self.contents.entries {
            if let Some(app) = entry.path.strip_prefix(&apps).and_then(|file| file.strip_suffix(".tgz")) {
                let (name, version) = named(app);
                self.apps.insert(name, Part { version, digest: whole(entry) });
            }
            let module = entry.path.strip_prefix(&modules).and_then(|path| path.split_once('/'));
            if let Some((module, path)) = module {
                let hasher = hashers.entry(module.to_owned()).or_default();
                hasher.update(format!("{path}\0{:o}\0{}\0", entry.mode, whole(entry)));
            }
        }
        for (name, hasher) in hashers {
            let metadata = read(&format!("{modules}{name}/metadata.json"))?;
            let version = metadata.and_then(|bytes| version(&bytes));
            self.modules.insert(name, Part { version, digest: hasher.finish() });
        }
        Ok(())
    }
}

/// A digest of an entry; of its length where no digest of the bytes is kept.
fn whole(entry: &Entry) -> Digest {
    let otherwise = || Digest::of(format!("{:?} {:?}", entry.size, entry.target));
    entry.sha256.unwrap_or_else(otherwise)
}

/// Name and version of a packed application's file.
fn named(file: &str) -> (String, Option<String>) {
    let is_version = |text: &str| {
        let numbers = text.split(['-', '+']).next().unwrap_or_default().split('.');
        numbers.clone().count() == 3 && numbers.into_iter().all(|n| n.parse::<u64>().is_ok())
    };
    match file.match_indices('-').find(|(at, _)| is_version(&file[at + 1..])) {
        Some((at, _)) => (file[..at].to_owned(), Some(file[at + 1..].to_owned())),
        None => (file.to_owned(), None),
    }
}

/// The version in a module's metadata.json.
fn version(bytes: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    Some(value.get("version")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_applications_name_ends_before_its_version() {
        let named = |file: &str| { let (name, version) = named(file); (name, version.unwrap_or_default()) };
        assert_eq!(named("guestbook-1.0.0"), ("guestbook".into(), "1.0.0".into()));
        assert_eq!(named("acme+ui-2-2.2.0-beta.1"), ("acme+ui-2".into(), "2.2.0-beta.1".into()));
        assert_eq!(named("plain"), ("plain".into(), String::new()));
    }
}
