//! An image in the making, which outlives the process: what it holds is found out by its digests, so nothing that a kill or
//! a power cut left half can be taken for whole.
//!
//! A journal of the pieces that are there was rejected: it would have to be flushed behind each piece's bytes, and what a
//! fetch saves by going on, reading the file again costs once.

use std::fs::{File, TryLockError};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::error::{Context, Error, Kind, Result};
use crate::file;
use crate::format::used::is_zero;
use crate::progress::Progress;
use crate::release::pieces::{List, Piece, Span};
use crate::release::store;
use crate::units::{Digest, Hasher, MIB};
use crate::whole::{flush_folder, folder_of, is_named};

/// The end of its hidden name. Not that of things that are swept when their maker is dead.
const SUFFIX: &str = ".slipway-part";
/// Owner's alone: an image holds its customer's passwords.
const MODE: u32 = 0o600;
/// Zeros are left out in blocks of this many bytes.
const BLOCK: usize = 4096;

/// The file, locked.
#[derive(Debug)]
pub struct Partial {
    file: File,
    hidden: PathBuf,
    path: PathBuf,
    /// Whether it holds nothing yet: then it is zeros all over.
    is_new: bool,
}

impl Partial {
    /// Takes over what is there of the file at `path`, or begins.
    pub fn open(path: &Path, size: u64) -> Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let hidden = folder_of(path).join(format!(".{name}{SUFFIX}"));
        loop {
            let file = file::open_or_make(&hidden).at("cannot create", &hidden)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::new(Kind::Refused, "another fetch is writing this image")
                        .at(path)
                        .remedy("wait until it ends, or fetch into another folder"));
                }
                Err(TryLockError::Error(e)) => return Err(e).at("cannot lock", &hidden),
            }
            // the other fetch may just have given it its final name
            if !is_named(&file, &hidden)? {
                continue;
            }
            let private = std::fs::Permissions::from_mode(MODE);
            file.set_permissions(private).at("cannot set the mode", &hidden)?;
            let is_new = file.metadata().at("cannot look at", &hidden)?.len() == 0;
            file.set_len(size).at("cannot set the length", &hidden)?;
            return Ok(Self { file, hidden, path: path.to_owned(), is_new });
        }
    }

    /// Which pieces it holds.
    pub fn held(&self, list: &List, progress: &dyn Progress) -> Result<Vec<bool>> {
        if self.is_new {
            return Ok(vec![false; list.pieces.len()]);
        }
        progress.step("reading what is there already", Some(list.size));
        let holds = |piece: &Piece| {
            progress.go_on()?;
            progress.advance(piece.length());
            let bytes = store::read(&self.file, piece).at("cannot read", &self.hidden)?;
            Ok(!is_zero(&bytes) && Digest::of(&bytes) == piece.sha256)
        };
        list.pieces.iter().map(holds).collect()
    }

    /// Writes a piece at its places.
    pub fn write(&self, piece: &Piece, bytes: &[u8]) -> Result<()> {
        let mut rest = bytes;
        for span in &piece.at {
            let (part, after) = rest.split_at(span.length as usize);
            self.write_at(part, span.at)?;
            rest = after;
        }
        Ok(())
    }

    /// Blocks of zeros stay holes where nothing was before.
    fn write_at(&self, bytes: &[u8], at: u64) -> Result<()> {
        let put =
            |bytes: &[u8], at| self.file.write_all_at(bytes, at).at("cannot write", &self.hidden);
        if !self.is_new {
            return put(bytes, at);
        }
        let mut start = 0;
        while start < bytes.len() {
            let zeros =
                bytes[start..].chunks(BLOCK).take_while(|block| is_zero(block)).map(<[u8]>::len);
            start += zeros.sum::<usize>();
            let used =
                bytes[start..].chunks(BLOCK).take_while(|block| !is_zero(block)).map(<[u8]>::len);
            let end = start + used.sum::<usize>();
            put(&bytes[start..end], at + start as u64)?;
            start = end;
        }
        Ok(())
    }

    /// Gives it its name, if it is the right file.
    ///
    /// # Errors
    /// [`Kind::Damaged`] when it is not, though each of its pieces is what the list says: nothing of it is kept then.
    pub fn finish(self, expected: Digest, zeros: &[Span], progress: &dyn Progress) -> Result<()> {
        if !self.is_new {
            self.clear(zeros, progress)?;
        }
        let size = self.file.metadata().at("cannot look at", &self.hidden)?.len();
        progress.step("proving the image", Some(size));
        if digest(&self.file, &self.hidden, progress)? != expected {
            std::fs::remove_file(&self.hidden).at("cannot remove", &self.hidden)?;
            return Err(Error::new(
                Kind::Damaged,
                "the pieces of the store are not the image that was signed",
            )
            .at(&self.path)
            .remedy("ask whoever publishes it: its list of pieces is wrong"));
        }
        self.file.sync_all().at("cannot flush", &self.hidden)?;
        std::fs::rename(&self.hidden, &self.path).at("cannot rename to", &self.path)?;
        flush_folder(folder_of(&self.path))
    }

    /// Writes zeros where there are to be some: what was taken over may hold anything.
    fn clear(&self, zeros: &[Span], progress: &dyn Progress) -> Result<()> {
        let mut buffer = vec![0; MIB as usize];
        for span in zeros {
            let end = span.at + span.length;
            let mut at = span.at;
            while at < end {
                progress.go_on()?;
                let part = &mut buffer[..(end - at).min(MIB) as usize];
                self.file.read_exact_at(part, at).at("cannot read", &self.hidden)?;
                if !is_zero(part) {
                    part.fill(0);
                    self.file.write_all_at(part, at).at("cannot write", &self.hidden)?;
                }
                at += part.len() as u64;
            }
        }
        Ok(())
    }
}

/// The digest of a file.
pub fn digest(file: &File, path: &Path, progress: &dyn Progress) -> Result<Digest> {
    let (mut hasher, mut at) = (Hasher::default(), 0);
    let mut buffer = vec![0; MIB as usize];
    loop {
        progress.go_on()?;
        match file.read_at(&mut buffer, at).at("cannot read", path)? {
            0 => return Ok(hasher.finish()),
            n => {
                hasher.update(&buffer[..n]);
                progress.advance(n as u64);
                at += n as u64;
            }
        }
    }
}
