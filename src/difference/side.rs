//! One side of a comparison: what is known of an image or of a release.

use std::path::Path;
use std::sync::Arc;

use crate::build::{Artifact, Built};
use crate::error::{Context as _, Error, Kind, Result};
use crate::inspect::walk::{self, Contents, Digests, EntryKind};
use crate::inspect::{self, Image};
use crate::inventory::{self, INVENTORY, Inventory};
use crate::manifest::ImageRecord;
use crate::progress::Progress;
use crate::units::MIB;

/// Files of a release that a comparison needs, besides its inventory; the first one is [`Contents`].
pub const CONTENTS: &str = "contents.json";
/// The second one: a build's record.
pub const BUILD: &str = "build.json";

/// Bytes of such a file that are read.
const LARGEST: u64 = 512 * MIB;
/// The link that Puppet's environment is, behind the folder of its code.
const PRODUCTION: &str = "/environments/production";
/// Where releases of bundles are, as such a link leads to them.
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
    /// Its components.
    pub inventory: Inventory,
    /// The image files, where more is known than one of them.
    pub artifacts: Vec<Artifact>,
}

impl Side {
    /// Reads an image. Every file's digest is worked out, and none is kept.
    ///
    /// # Errors
    /// As for [`walk::contents`] and [`inventory::of`].
    pub fn of_image(image: &Arc<Image>, progress: &dyn Progress) -> Result<Self> {
        progress.step(&format!("read {}", image.path().display()), None);
        Ok(Self {
            name: image.path().display().to_string(),
            record: inspect::record(image)?,
            contents: walk::contents(image, Digests::All, progress)?,
            inventory: inventory::of(image, progress)?,
            artifacts: Vec::new(),
        })
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
    /// [`Kind::NotFound`] where one of its lists is not there.
    pub fn of_release(folder: &Path) -> Result<Self> {
        let read = |name: &str| {
            let path = folder.join(name);
            let length = path.metadata().at("cannot read", &path)?.len();
            if length > LARGEST {
                return Err(Error::new(Kind::Refused, "a list of a release is too large").at(path));
            }
            std::fs::read(&path).at("cannot read", &path)
        };
        let damaged = |e| {
            Error::new(Kind::Damaged, "cannot read the record").at(folder.join(BUILD)).because(e)
        };
        let built: Built = serde_json::from_slice(&read(BUILD)?).map_err(damaged)?;
        let at = |name: &'static str| move |e: Error| e.at(folder.join(name));
        let contents = Contents::parse(&read(CONTENTS)?).map_err(at(CONTENTS))?;
        let inventory = Inventory::parse(&read(INVENTORY)?).map_err(at(INVENTORY))?;
        Ok(Self::of_lists(built, contents, inventory))
    }

    /// What a release's lists say.
    pub fn of_lists(built: Built, contents: Contents, inventory: Inventory) -> Self {
        let Built { record, artifacts } = built;
        Self { name: record.stem(), record: Some(record), contents, inventory, artifacts }
    }

    /// The folder of the bundle's release in the image.
    pub(super) fn release(&self) -> Option<String> {
        let links = self.contents.entries.iter().filter(|entry| entry.kind == EntryKind::Symlink);
        let mut folders = links.filter_map(|link| {
            let code = link.path.strip_suffix(PRODUCTION)?;
            let id = link.target.as_deref()?.strip_prefix(RELEASES)?;
            Some(format!("{code}/releases/{id}"))
        });
        folders.next()
    }
}
