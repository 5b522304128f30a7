//! Putting files into a store as pieces: only what the store lacks, and nothing that changes.
//!
//! The pieces of a file first, then the list of them: who finds the list finds all that it names.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::pieces::{self, Form, List, Piece, list_key};
use super::record::{LARGEST, Part};
use super::{reading, several, texts};
use crate::blob::{self, Key, Publish};
use crate::build::Artifact;
use crate::error::{Context, Error, Kind, Result};
use crate::file;
use crate::progress::Progress;
use crate::units::Digest;

/// Pieces that were seen in a store since this program began. A file that remembers them for longer was rejected: who
/// cleans a store up does not ask us, and a release that lacks a piece is worth more than the question.
#[derive(Debug, Default)]
pub struct Known(Mutex<HashSet<String>>);

impl Known {
    fn holds(&self, store: &dyn Publish, key: &Key) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&name(store, key))
    }

    fn add(&self, store: &dyn Publish, key: &Key) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name(store, key));
    }
}

fn name(store: &dyn Publish, key: &Key) -> String {
    format!("{key} of {}", store.shown())
}

/// What an upload did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uploaded {
    /// Pieces of all images.
    pub pieces: u64,
    /// Those that the store lacked.
    pub new_pieces: u64,
    /// Bytes of all images, without their zeros.
    pub bytes: u64,
    /// Bytes that travelled for them.
    pub new_bytes: u64,
}

/// Puts images into a store, as their pieces.
///
/// It can be called again after whatever ended it, and goes on.
///
/// # Errors
/// [`Kind::Damaged`] when a file is not what its record says: nothing names it in the store then.
pub fn upload(
    store: &dyn Publish,
    folder: &Path,
    artifacts: &[Artifact],
    known: &Known,
    progress: &dyn Progress,
) -> Result<Uploaded> {
    let mut uploaded = Uploaded::default();
    for artifact in artifacts {
        let path = folder.join(&artifact.file);
        let upload = Upload {
            store,
            known,
            name: &artifact.file,
            size: artifact.size.bytes(),
            sha256: digest(artifact, &path)?,
            cuts: Cow::Borrowed(&artifact.cuts),
            form: Form::of(artifact.format),
            path: &path,
        };
        uploaded.add(upload.pieces(progress)?);
    }
    Ok(uploaded)
}

/// Puts a long text of a release into a store, as its pieces; as [`upload`] otherwise.
pub(super) fn upload_text(
    store: &dyn Publish,
    folder: &Path,
    part: &Part,
    known: &Known,
    progress: &dyn Progress,
) -> Result<Uploaded> {
    let path = folder.join(&part.name);
    let text = file::read(&path, LARGEST, "cannot read a part of the release")?;
    let upload = Upload {
        store,
        known,
        name: &part.name,
        size: part.size,
        sha256: part.sha256,
        cuts: Cow::Owned(texts::cuts(&text)),
        form: Form::Zstd,
        path: &path,
    };
    upload.pieces(progress)
}

fn digest(artifact: &Artifact, path: &Path) -> Result<Digest> {
    artifact.sha256.ok_or_else(|| {
        Error::new(Kind::Refused, "the image has no digest")
            .at(path)
            .remedy("build it without --no-digest")
    })
}

impl Uploaded {
    /// What both did.
    pub fn add(&mut self, more: Self) {
        self.pieces += more.pieces;
        self.new_pieces += more.new_pieces;
        self.bytes += more.bytes;
        self.new_bytes += more.new_bytes;
    }
}

/// A file on its way.
struct Upload<'a> {
    store: &'a dyn Publish,
    known: &'a Known,
    path: &'a Path,
    name: &'a str,
    size: u64,
    sha256: Digest,
    cuts: Cow<'a, [u64]>,
    form: Form,
}

impl Upload<'_> {
    fn pieces(&self, progress: &dyn Progress) -> Result<Uploaded> {
        let file = file::open(self.path).at("cannot open", self.path)?;
        let (list, is_there) = match self.stored_list(progress)? {
            Some(list) => (list, true),
            None => (self.list(&file, progress)?, false),
        };
        let bytes = list.pieces.iter().map(Piece::length).sum();
        progress.step(&format!("storing {}", self.name), Some(bytes));
        let (new_pieces, new_bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        several::each(list.pieces.len(), progress, &|index, progress| {
            let piece = &list.pieces[index];
            if let Some(sent) = self.supply(&file, &list, piece, progress)? {
                new_pieces.fetch_add(1, Ordering::Relaxed);
                new_bytes.fetch_add(sent, Ordering::Relaxed);
            }
            progress.advance(piece.length());
            Ok(())
        })?;
        if !is_there {
            let text = list.text()?;
            blob::create_bytes(self.store, &list_key(self.sha256)?, &text, progress)?;
        }
        let pieces = list.pieces.len() as u64;
        let (new_pieces, new_bytes) = (new_pieces.into_inner(), new_bytes.into_inner());
        Ok(Uploaded { pieces, new_pieces, bytes, new_bytes })
    }

    /// The list that the store has already. It counts, however we would cut today: objects never change.
    fn stored_list(&self, progress: &dyn Progress) -> Result<Option<List>> {
        match reading::list(self.store, self.size, self.sha256, progress) {
            Ok((list, _)) => Ok(Some(list)),
            Err(e) if e.kind() == Kind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn list(&self, file: &File, progress: &dyn Progress) -> Result<List> {
        let Self { path, size, ref cuts, form, .. } = *self;
        progress.step(&format!("cutting {}", self.name), Some(size));
        let list = pieces::list(file, path, size, cuts, form, progress)?;
        match list.sha256 == self.sha256 {
            true => Ok(list),
            false => Err(self.changed()),
        }
    }

    fn changed(&self) -> Error {
        Error::new(Kind::Damaged, "the file is not what its record says")
            .at(self.path)
            .remedy("build it again")
    }

    /// Puts a piece unless it is there; says how many bytes travelled.
    fn supply(
        &self,
        file: &File,
        list: &List,
        piece: &Piece,
        progress: &dyn Progress,
    ) -> Result<Option<u64>> {
        let key = list.key(piece)?;
        if self.known.holds(self.store, &key) {
            return Ok(None);
        }
        let length = piece.length();
        let make = || {
            let bytes = read(file, piece).at("cannot read", self.path)?;
            match Digest::of(&bytes) == piece.sha256 {
                true => list.form.pack(bytes),
                false => Err(self.changed()),
            }
        };
        let fits = |stored| list.form.fits(length, stored);
        let sent = blob::supply(self.store, &key, &fits, &make, progress)?;
        self.known.add(self.store, &key);
        Ok(sent)
    }
}

/// A piece's bytes in a file.
pub(super) fn read(file: &File, piece: &Piece) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; piece.length() as usize];
    let mut rest = &mut bytes[..];
    for span in &piece.at {
        let (part, after) = rest.split_at_mut(span.length as usize);
        file.read_exact_at(part, span.at)?;
        rest = after;
    }
    Ok(bytes)
}
