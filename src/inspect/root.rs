//! The root filesystem of an image.

use std::io::Read;
use std::sync::Arc;

use ext4_view::{Ext4, Ext4Error, File, ReadDir};
use serde::Serialize;

use super::ext::links::{LinkError, Links};
use super::ext::{ExtReader, superblock};
use super::image::Image;
use super::plausible;
use super::window::Window;
use crate::disk::layout::Region;
use crate::error::{Error, Kind, Result};
use crate::manifest::{IMAGE_RECORD, ImageRecord, PROBES, RECORD_FORMAT};
use crate::profile::Probe;
use crate::units::{GIB, MIB};

/// The largest record that is read, in bytes; a real one takes a few hundred KiB.
const RECORD_LIMIT: u64 = 32 * MIB;
/// The largest of the small files, in bytes.
const SMALL_LIMIT: u64 = MIB;
/// The most names that are believed of one folder: a thousand times as many as any that is asked for has.
const NAMES: usize = 1 << 20;
/// Bytes of the filesystem that may be read for everything except whole files, whatever its size.
const BUDGET: u64 = 2 * GIB;

/// Facts about the root filesystem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RootFacts {
    /// Its UUID.
    pub uuid: String,
    /// Its label.
    pub label: String,
    /// The system's own name: PRETTY_NAME of os-release.
    pub system: Option<String>,
    /// The kernels in /boot, by file name.
    pub kernels: Vec<String>,
    /// The target of the kernel link that boots.
    pub boots: Option<String>,
}

/// An open root filesystem.
#[derive(Debug)]
pub struct Root {
    image: Arc<Image>,
    region: Region,
    links: Links,
}

impl Root {
    /// Reads the superblock and the group descriptors.
    pub fn open(image: &Arc<Image>, region: Region) -> Result<Self> {
        let shape = superblock::check(image, region)?;
        // a copied file is read at most twice, including the metadata that locates it
        let budget = BUDGET.saturating_add(plausible(image.length()).saturating_mul(2));
        let window = Window::new(image, region.offset, region.length, budget);
        let filesystem = Ext4::load(Box::new(ExtReader::new(window, shape))).map_err(|e| {
            let cannot =
                |kind, message| Error::new(kind, message).at(image.path()).offset(region.offset);
            match e {
                // the superblock's features were checked before, so these are the journal's
                Ext4Error::Incompatible(_) => {
                    let message = "the root filesystem was not unmounted, and its journal is of a \
                                   kind that slipway does not read";
                    cannot(Kind::Refused, message)
                        .remedy("boot the machine and shut it down, or run e2fsck on the partition")
                }
                _ => cannot(Kind::Damaged, "cannot read the root filesystem"),
            }
            .because(e)
        })?;
        Ok(Self { image: image.clone(), region, links: Links::new(filesystem) })
    }

    /// The facts that need no record.
    pub fn facts(&self) -> Result<RootFacts> {
        let os_release = self.small("/etc/os-release")?.unwrap_or_default();
        let name = os_release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
        Ok(RootFacts {
            uuid: self.links.filesystem().uuid().to_string(),
            label: self.links.filesystem().label().display().to_string(),
            system: name.map(|n| n.trim_matches(['"', '\'']).to_owned()),
            kernels: self.kernels()?,
            boots: match self.link("/vmlinuz")? {
                None => self.link("/boot/vmlinuz")?,
                found => found,
            },
        })
    }

    /// The image record; none when the image has none.
    pub fn record(&self) -> Result<Option<ImageRecord>> {
        let Some(text) = self.text(IMAGE_RECORD, RECORD_LIMIT)? else {
            return Ok(None);
        };
        #[derive(serde::Deserialize)]
        struct Version {
            format: u32,
        }
        let broken = |e| self.wrong("the image record is broken", IMAGE_RECORD).because(e);
        let version: Version = serde_json::from_str(&text).map_err(broken)?;
        if !(1..=RECORD_FORMAT).contains(&version.format) {
            let message = format!("the image record has format {}", version.format);
            return Err(Error::new(Kind::Refused, message)
                .at(self.image.path())
                .remedy("inspect it with the version of slipway that built it"));
        }
        serde_json::from_str(&text).map(Some).map_err(broken)
    }

    /// The probes of the profile, which may hold secrets: they are only for the smoke test.
    ///
    /// A record of format 1 has them itself.
    pub fn probes(&self) -> Result<Vec<Probe>> {
        let Some(text) = self.small(PROBES)? else {
            return Ok(self.record()?.map(|record| record.profile.probes).unwrap_or_default());
        };
        let broken = |e| self.wrong("the probes are broken", PROBES).because(e);
        serde_json::from_str(&text).map_err(broken)
    }

    /// Writes a file's bytes to `out`; symbolic links are followed.
    pub fn copy(&self, path: &str, out: &mut dyn std::io::Write) -> Result<u64> {
        let file = self.open_file(path).map_err(|e| self.failed(path, e))?;
        let length = file.metadata().len();
        if length > plausible(self.image.length()) {
            let message = format!("a file claims {length} bytes, far more than the image has");
            return Err(self.wrong(&message, path));
        }
        let copied = std::io::copy(&mut { file }, out);
        copied.map_err(|e| self.wrong("cannot copy the file", path).because(e))
    }

    fn kernels(&self) -> Result<Vec<String>> {
        let names = self.names("/boot")?.into_iter();
        Ok(names.filter(|name| name.starts_with("vmlinuz-")).collect())
    }

    /// All names in a folder, sorted; none when there is no such folder.
    ///
    /// # Errors
    /// [`Kind::Damaged`] for a folder with more names than are believed.
    pub fn names(&self, path: &str) -> Result<Vec<String>> {
        let folder = match self.open_folder(path) {
            Ok(folder) => folder,
            Err(LinkError::Crate(Ext4Error::NotFound | Ext4Error::NotADirectory)) => {
                return Ok(Vec::new());
            }
            Err(e) => return Err(self.failed(path, e)),
        };
        let mut names = Vec::new();
        for entry in folder {
            if names.len() == NAMES {
                let message = format!("a folder has more than {NAMES} names");
                return Err(self.wrong(&message, path));
            }
            let entry = entry.map_err(|e| self.failed(path, e.into()))?;
            let name = entry.file_name().display().to_string();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Whether something has this name; a link that leads nowhere or in a circle does not count.
    pub fn exists(&self, path: &str) -> Result<bool> {
        self.there(path, self.links.follow(path)).map(|real| real.is_some())
    }

    /// Whether a regular file has this name.
    pub fn is_file(&self, path: &str) -> Result<bool> {
        let facts = self
            .links
            .follow(path)
            .and_then(|real| Ok(self.links.filesystem().symlink_metadata(&real[..])?));
        let facts = self.there(path, facts)?;
        Ok(facts.is_some_and(|facts| facts.file_type().is_regular_file()))
    }

    fn link(&self, path: &str) -> Result<Option<String>> {
        let target = self.there(path, self.links.target(path))?;
        Ok(target.flatten().map(|target| target.display().to_string()))
    }

    /// The result; none only if the filesystem says that nothing is there, not if it cannot be
    /// read.
    fn there<T>(&self, path: &str, found: Result<T, LinkError>) -> Result<Option<T>> {
        match found {
            Ok(found) => Ok(Some(found)),
            Err(LinkError::Crate(
                Ext4Error::NotFound | Ext4Error::NotADirectory | Ext4Error::TooManySymlinks,
            )) => Ok(None),
            Err(e) => Err(self.failed(path, e)),
        }
    }

    fn open_file(&self, path: &str) -> Result<File, LinkError> {
        let real = self.links.follow(path)?;
        Ok(self.links.filesystem().open(&real[..])?)
    }

    /// Opens a folder and counts its bytes.
    fn open_folder(&self, path: &str) -> Result<ReadDir, LinkError> {
        let real = self.links.follow(path)?;
        let facts = self.links.filesystem().symlink_metadata(&real[..])?;
        self.links.walk(facts.len())?;
        Ok(self.links.filesystem().read_dir(&real[..])?)
    }

    /// A small text file; none when it does not exist.
    pub fn small(&self, path: &str) -> Result<Option<String>> {
        self.text(path, SMALL_LIMIT)
    }

    /// A text file of up to `limit` bytes; none when it does not exist.
    fn text(&self, path: &str, limit: u64) -> Result<Option<String>> {
        let Some(bytes) = self.whole(path, limit, self.open_file(path))? else { return Ok(None) };
        let text = String::from_utf8(bytes);
        text.map(Some).map_err(|e| self.wrong("cannot read a file", path).because(e))
    }

    /// A file of up to `limit` bytes; none when the path leads to nothing, also through a link.
    pub fn bytes(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        match self.there(path, self.links.follow(path))? {
            Some(_) => self.whole(path, limit, self.open_file(path)),
            None => Ok(None),
        }
    }

    fn whole(
        &self,
        path: &str,
        limit: u64,
        opened: Result<File, LinkError>,
    ) -> Result<Option<Vec<u8>>> {
        let file = match opened {
            Ok(file) => file,
            Err(LinkError::Crate(Ext4Error::NotFound)) => return Ok(None),
            Err(e) => return Err(self.failed(path, e)),
        };
        if file.metadata().len() > limit {
            return Err(self.wrong(&format!("a file has more than {limit} bytes"), path));
        }
        let mut bytes = Vec::new();
        let read = file.take(limit).read_to_end(&mut bytes);
        read.map_err(|e| self.wrong("cannot read a file", path).because(e))?;
        Ok(Some(bytes))
    }

    /// The permission bits of a file or folder.
    pub fn mode(&self, path: &str) -> Result<u16> {
        let facts = self
            .links
            .follow(path)
            .and_then(|real| Ok(self.links.filesystem().symlink_metadata(&real[..])?));
        facts.map(|facts| facts.mode() & 0o7777).map_err(|e| self.failed(path, e))
    }

    fn failed(&self, path: &str, error: LinkError) -> Error {
        let error = match error {
            LinkError::Crate(error) => error,
            LinkError::Endless => {
                return self.wrong("the folders on the way have no end", path);
            }
        };
        let kind = match error {
            Ext4Error::NotFound => Kind::NotFound,
            Ext4Error::Corrupt(_) | Ext4Error::Incompatible(_) | Ext4Error::Io(_) => Kind::Damaged,
            Ext4Error::PathTooLong | Ext4Error::TooManySymlinks => Kind::Damaged,
            _ => Kind::Input,
        };
        Error::new(kind, format!("cannot read {path} in the image"))
            .at(self.image.path())
            .because(error)
    }

    fn wrong(&self, what: &str, path: &str) -> Error {
        Error::new(Kind::Damaged, format!("{what}: {path}"))
            .at(self.image.path())
            .offset(self.region.offset)
    }
}
