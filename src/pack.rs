//! Packs: immutable files that hold many contents back to back, each on a block boundary.
//!
//! A base's file data is written once, in the very form in which it will lie on every disk made from it:
//! each content starts at a multiple of [`ALIGN`] and is padded with zeros to the next. The disk then
//! takes whole runs of the pack, and the encoded form of such a run can be shared between images.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Context, Result};
use crate::units::{Digest, Hasher};

/// Block size of the root filesystem, in bytes; contents in a pack start at multiples of it.
pub const ALIGN: u64 = 4096;

/// An open, finished pack. Its length is a multiple of [`ALIGN`].
#[derive(Debug)]
pub struct Pack {
    path: PathBuf,
    file: File,
    length: u64,
    digest: Digest,
}

impl Pack {
    /// Opens a pack whose digest is already known (recorded beside it when it was written).
    ///
    /// The bytes are not hashed again here: the owner of the cache entry decides when to verify.
    pub fn open(path: impl AsRef<Path>, digest: Digest) -> Result<Arc<Self>> {
        let path = path.as_ref();
        let file = File::open(path).at("cannot open the pack", path)?;
        let length = file.metadata().at("cannot read the length", path)?.len();
        Ok(Arc::new(Self { path: path.to_owned(), file, length, digest }))
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open file, for `copy_file_range` and the like.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The SHA-256 of all its bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Fills `buffer` from `offset` (bytes from the pack's start).
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        self.file.read_exact_at(buffer, offset).at("cannot read the pack", &self.path)
    }
}

/// Two packs are the same when their bytes are.
impl PartialEq for Pack {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Pack {}

/// Writes a pack; nothing is a pack until [`PackWriter::finish`].
#[derive(Debug)]
pub struct PackWriter {
    path: PathBuf,
    file: std::io::BufWriter<File>,
    hasher: Hasher,
    length: u64,
}

impl PackWriter {
    /// Creates (or truncates) the file. Callers give a path in a temporary folder of the cache.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_owned();
        let file = File::create(&path).at("cannot create the pack", &path)?;
        let file = std::io::BufWriter::with_capacity(1 << 20, file);
        Ok(Self { path, file, hasher: Hasher::default(), length: 0 })
    }

    /// Appends all that `content` gives; returns its offset and its length in bytes.
    pub fn add(&mut self, mut content: impl Read) -> Result<(u64, u64)> {
        let start = self.length;
        let mut buffer = vec![0; 1 << 18];
        loop {
            let n = match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e).doing("cannot read a file's content"),
            };
            self.put(&buffer[..n])?;
        }
        let length = self.length - start;
        let padding = self.length.next_multiple_of(ALIGN) - self.length;
        self.put(&[0; ALIGN as usize][..padding as usize])?;
        Ok((start, length))
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).at("cannot write the pack", &self.path)?;
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Flushes it to the disk and gives its digest and length in bytes.
    pub fn finish(self) -> Result<(Digest, u64)> {
        let Self { path, file, hasher, length } = self;
        let file = file.into_inner().map_err(|e| e.into_error()).at("cannot write", &path)?;
        file.sync_all().at("cannot flush", &path)?;
        Ok((hasher.finish(), length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_start_on_block_boundaries_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pack");
        let mut writer = PackWriter::create(&path).unwrap();
        assert_eq!(writer.add(&b"one"[..]).unwrap(), (0, 3));
        assert_eq!(writer.add(&b""[..]).unwrap(), (ALIGN, 0));
        assert_eq!(writer.add(&[7; 5000][..]).unwrap(), (ALIGN, 5000));
        let (digest, length) = writer.finish().unwrap();
        assert_eq!(length, 3 * ALIGN);
        let pack = Pack::open(&path, digest).unwrap();
        let mut bytes = [0; 4];
        pack.read_at(&mut bytes, 0).unwrap();
        assert_eq!(&bytes, b"one\0");
        assert_eq!(Digest::of(std::fs::read(&path).unwrap()), digest);
    }
}
