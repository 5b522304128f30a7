//! Fetching an image of a release, piece by piece: those that an older image or an interrupted fetch holds do not travel.
//!
//! Nothing is believed but the digest of the whole image, which is in the signed record. The list of pieces, the pieces
//! and the older image are hints that may come from anybody: each piece is proven before it is written, and the whole
//! file is before it gets its name. `partial` is the file in the making, `have` the older image, `kept` what builds kept in the cache; `folder` is all of a release.

mod folder;
mod have;
mod kept;
mod partial;

pub use folder::Published;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::pieces::{List, Piece};
use super::{reading, several};
use crate::blob::Store;
use crate::build::Artifact;
use crate::error::{Context, Error, Kind, Result};
use crate::file;
use crate::format::{Cache, space};
use crate::progress::Progress;
use crate::units::Digest;

use have::Have;
use kept::Kept;
use partial::Partial;

/// An image in a store, as the release's record names it.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The store.
    pub store: &'a dyn Store,
    /// The image.
    pub artifact: &'a Artifact,
}

/// What is at hand when an image is fetched: what it has of the new one need not travel.
#[derive(Clone, Copy, Debug, Default)]
pub struct Near<'a> {
    /// An older image; the nearer it is, the less travels.
    pub image: Option<&'a Path>,
    /// What builds on this machine kept of encoded bases.
    pub cache: Option<&'a Cache>,
}

/// What a fetch did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The image.
    pub path: PathBuf,
    /// Bytes that travelled for it.
    pub travelled: u64,
    /// Bytes that the older image had.
    pub copied: u64,
    /// Bytes that the cache had.
    pub cached: u64,
    /// Bytes that were there from a fetch before.
    pub kept: u64,
}

/// Fetches an image into a folder, whole or not at all. What a fetch had when it was killed stays in a hidden file beside,
/// and the next one goes on from there.
///
/// # Errors
/// [`Kind::NotFound`] when the store has no list of its pieces; [`Kind::Damaged`] when what the store has is not the image
/// that the record names; [`Kind::Refused`] while another fetch writes the same file.
pub fn fetch(
    source: &Source<'_>,
    to: &Path,
    near: Near<'_>,
    progress: &dyn Progress,
) -> Result<Fetched> {
    let Artifact { file: name, size, .. } = source.artifact;
    let digest = source.digest()?;
    let path = to.join(plain(name)?);
    if is_there(&path, size.bytes(), digest, progress)? {
        return Ok(Fetched { path, travelled: 0, copied: 0, cached: 0, kept: size.bytes() });
    }
    let (list, length) = reading::list(source.store, size.bytes(), digest, progress)?;
    let hand = Hand {
        image: near.image.map(|path| Have::open(path, source, &list, progress)).transpose()?,
        cache: near.cache.and_then(|cache| kept(cache, &list, progress)),
    };
    let partial = Partial::open(&path, size.bytes())?;
    let kept = partial.held(&list, progress)?;
    let mut missing: Vec<&Piece> = Vec::new();
    missing
        .extend(list.pieces.iter().zip(&kept).filter(|(_, kept)| !**kept).map(|(piece, _)| piece));
    let todo: u64 = missing.iter().map(|piece| piece.length()).sum();
    let all: u64 = list.pieces.iter().map(Piece::length).sum();
    space::check(std::iter::once((to, todo)))?;
    progress.step(&format!("fetching {name}"), Some(todo));
    let (travelled, copied, cached) =
        (AtomicU64::new(length), AtomicU64::new(0), AtomicU64::new(0));
    several::each(missing.len(), progress, &|index, progress| {
        let piece = missing[index];
        let (bytes, count, number) = match hand.piece(piece) {
            Some((bytes, Whence::Image)) => (bytes, &copied, piece.length()),
            Some((bytes, Whence::Cache)) => (bytes, &cached, piece.length()),
            None => {
                let (bytes, stored) = reading::piece(source.store, &list, piece, progress)?;
                (bytes, &travelled, stored)
            }
        };
        partial.write(piece, &bytes)?;
        count.fetch_add(number, Ordering::Relaxed);
        progress.advance(piece.length());
        Ok(())
    })?;
    partial.finish(digest, &list.zeros, progress)?;
    let [travelled, copied, cached] = [travelled, copied, cached].map(AtomicU64::into_inner);
    Ok(Fetched { path, travelled, copied, cached, kept: all - todo })
}

/// [`Near`], opened.
struct Hand {
    image: Option<Have>,
    cache: Option<Kept>,
}

/// Who had a piece.
enum Whence {
    Image,
    Cache,
}

impl Hand {
    fn piece(&self, wanted: &Piece) -> Option<(Vec<u8>, Whence)> {
        let image = self.image.as_ref().and_then(|image| image.piece(wanted));
        image.map(|bytes| (bytes, Whence::Image)).or_else(|| {
            let cache = self.cache.as_ref().and_then(|cache| cache.piece(wanted));
            cache.map(|bytes| (bytes, Whence::Cache))
        })
    }
}

/// What the cache may have; a cache that cannot be read only saves nothing.
fn kept(cache: &Cache, wanted: &List, progress: &dyn Progress) -> Option<Kept> {
    match Kept::look(cache, wanted) {
        Ok(kept) => Some(kept),
        Err(e) => {
            progress
                .note(&format!("the cache of encoded regions is of no help: {}", e.in_one_line()));
            None
        }
    }
}

/// A name from a record may not lead out of the folder.
fn plain(name: &str) -> Result<&str> {
    let path = Path::new(name);
    let is_plain = path.file_name().is_some_and(|file| file == path.as_os_str());
    if is_plain && !name.starts_with('.') {
        return Ok(name);
    }
    Err(Error::new(Kind::Damaged, format!("{name:?} is no name of an image")))
}

/// Whether the very file is there.
fn is_there(path: &Path, size: u64, digest: Digest, progress: &dyn Progress) -> Result<bool> {
    if !file::look(path)?.is_some_and(|found| found.is_file() && found.len() == size) {
        return Ok(false);
    }
    let open = file::open(path).at("cannot open", path)?;
    Ok(partial::digest(&open, path, progress)? == digest)
}

impl Source<'_> {
    fn digest(&self) -> Result<Digest> {
        let name = &self.artifact.file;
        let none = || Error::new(Kind::Refused, format!("the release has no digest of {name}"));
        self.artifact.sha256.ok_or_else(none)
    }
}
