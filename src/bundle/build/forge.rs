//! Releases of modules: from a forge (its API's version 3), or from a folder of tarballs.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::check;
use super::untar::{self, Around};
use crate::blob::{self, Key, Settings, Store};
use crate::error::{Context, Error, Kind, Result};
use crate::progress::Progress;
use crate::units::{Digest, MIB};

/// The public forge's API; the site that people look at has another name.
const PUBLIC: &str = "https://forgeapi.puppet.com";
/// Names that Puppetfiles have for the public forge.
const OLD_NAMES: [&str; 4] = [
    "https://forge.puppet.com",
    "https://forge.puppetlabs.com",
    "http://forge.puppetlabs.com",
    "https://forgeapi.puppetlabs.com",
];
/// The largest release, packed; the largest of the public forge has a few MiB.
const LARGEST: u64 = 64 * MIB;

/// Where releases come from.
#[derive(Debug)]
pub(super) struct Forge {
    store: Box<dyn Store>,
    /// Folder of tarballs, and no API.
    flat: bool,
}

#[derive(Deserialize)]
struct Release {
    file_sha256: Option<Digest>,
}

impl Forge {
    /// `place` is a URL, or a folder relative to `home`.
    pub(super) fn open(place: Option<&str>, home: &Path, settings: &Settings) -> Result<Self> {
        let place = place.unwrap_or(PUBLIC).trim_end_matches('/');
        let place = if OLD_NAMES.contains(&place) { PUBLIC } else { place };
        if place.contains("://") {
            let flat = place.starts_with("file://");
            return Ok(Self { store: blob::open(place, settings)?, flat });
        }
        let folder = home.join(place);
        let folder = fs::canonicalize(&folder).at("cannot find the folder of releases", &folder)?;
        let url = format!("file://{}", folder.display());
        Ok(Self { store: blob::open(&url, settings)?, flat: true })
    }

    /// Unpacks a release, as in `puppetlabs-stdlib` `9.4.1`, into an empty folder.
    pub(super) fn fetch(
        &self,
        slug: &str,
        version: &str,
        to: &Path,
        progress: &dyn Progress,
    ) -> Result<()> {
        progress.step(&format!("module {slug} {version}"), None);
        let file = format!("{slug}-{version}.tar.gz");
        let key = Key::new(if self.flat { file } else { format!("v3/files/{file}") })?;
        let bytes = blob::read(self.store.as_ref(), &key, LARGEST, progress).map_err(|e| {
            let message = format!("cannot get {slug} {version} from {}", self.store.shown());
            Error::new(e.kind(), message)
                .remedy("name another place with --forge: a mirror's URL, or a folder of release tarballs")
                .because(e)
        })?;
        if let Some(expected) = self.digest(slug, version, progress)? {
            let found = Digest::of(&bytes);
            if found != expected {
                let message =
                    format!("{slug} {version} has SHA-256 {found}, the forge says {expected}");
                return Err(Error::new(Kind::Damaged, message));
            }
        }
        untar::unpack_gz(&bytes, Around::Folder, to)?;
        check::release(to, slug, version)
    }

    /// What the forge's API says that the release is; mirrors of the files alone say nothing.
    fn digest(&self, slug: &str, version: &str, progress: &dyn Progress) -> Result<Option<Digest>> {
        if self.flat {
            return Ok(None);
        }
        let key = Key::new(format!("v3/releases/{slug}-{version}"))?;
        let json = match blob::read(self.store.as_ref(), &key, MIB, progress) {
            Err(e) if e.kind() == Kind::NotFound => return Ok(None),
            read => read?,
        };
        let release: Release = serde_json::from_slice(&json).map_err(|e| {
            let message =
                format!("what {} says of {slug} {version} is not valid", self.store.shown());
            Error::new(Kind::Damaged, message).because(e)
        })?;
        Ok(release.file_sha256)
    }
}
