//! Packs: immutable files that hold many contents back to back, each on a block boundary.
//!
//! A base's file data is written once, in the very form that it will have on every disk made from
//! it: each content starts at a multiple of [`ALIGN`] and is padded with zeros to the next. The
//! disk then takes whole runs of the pack, and the encoded form of such a run can be shared between
//! images.

use std::fs::File;
use std::io::{IoSliceMut, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Context, Error, Kind, Result};
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
    sums: Option<Sums>,
}

/// The CRC-32C of each block of [`ALIGN`] bytes. It finds blocks that have rotted, at a tenth of
/// the cost of a cryptographic digest, and in any order. A deliberate change to the pack is found
/// by the pack's digest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums(Vec<u32>);

impl Sums {
    /// As a file: numbers of four bytes, little-endian.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|sum| sum.to_le_bytes()).collect()
    }

    /// Parses the result of [`Sums::bytes`].
    pub fn parse(bytes: &[u8]) -> Self {
        Self(bytes.as_chunks::<4>().0.iter().map(|sum| u32::from_le_bytes(*sum)).collect())
    }
}

/// Compares bytes with sums, block by block.
struct Check<'a> {
    sums: std::slice::Iter<'a, u32>,
    sum: u32,
    filled: usize,
}

impl Check<'_> {
    /// Takes the next bytes, and says whether the blocks that they complete are as they were
    /// written.
    fn holds(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(ALIGN as usize - self.filled));
            self.sum = crc32c::crc32c_append(self.sum, now);
            self.filled += now.len();
            if self.filled == ALIGN as usize {
                if self.sums.next() != Some(&self.sum) {
                    return false;
                }
                (self.sum, self.filled) = (0, 0);
            }
            bytes = later;
        }
        true
    }
}

impl Pack {
    /// Opens a pack whose digest is already known (recorded beside it when it was written).
    ///
    /// The bytes are not hashed again here: the owner of the cache entry decides when to verify.
    pub fn open(path: impl AsRef<Path>, digest: Digest) -> Result<Arc<Self>> {
        let path = path.as_ref();
        let file = File::open(path).at("cannot open the pack", path)?;
        let length = file.metadata().at("cannot read the length", path)?.len();
        Ok(Arc::new(Self { path: path.to_owned(), file, length, digest, sums: None }))
    }

    /// The same with sums, which check every block when it is read.
    pub fn open_checked(path: impl AsRef<Path>, digest: Digest, sums: Sums) -> Result<Arc<Self>> {
        let path = path.as_ref();
        let file = File::open(path).at("cannot open the pack", path)?;
        let length = file.metadata().at("cannot read the length", path)?.len();
        let sums = Some(sums);
        Ok(Arc::new(Self { path: path.to_owned(), file, length, digest, sums }))
    }

    /// Its path.
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

    /// The sums of its blocks, if it was opened or written with them.
    pub fn sums(&self) -> Option<&Sums> {
        self.sums.as_ref()
    }

    /// Fills `buffer` from `offset` (bytes from the pack's start).
    ///
    /// # Errors
    /// [`Kind::Damaged`] when a block is not as it was written.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        let Some(sums) = self.sums.as_ref().filter(|_| !buffer.is_empty()) else {
            return self.fill(buffer, offset);
        };
        // whole blocks are read: the wanted range may start and end within one
        let (mut head, mut tail) = ([0; ALIGN as usize], [0; ALIGN as usize]);
        let end = offset + buffer.len() as u64;
        let head = &mut head[..(offset % ALIGN) as usize];
        let tail = &mut tail[..(end.next_multiple_of(ALIGN) - end) as usize];
        let start = offset - head.len() as u64;
        self.fill_all([head, buffer, tail], start)?;
        let sums = sums.0.get((start / ALIGN) as usize..).unwrap_or_default().iter();
        let mut check = Check { sums, sum: 0, filled: 0 };
        if check.holds(head) && check.holds(buffer) && check.holds(tail) {
            return Ok(());
        }
        Err(self.damaged())
    }

    fn fill(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        self.file.read_exact_at(buffer, offset).at("cannot read the pack", &self.path)
    }

    /// Fills buffers one after the other, if possible in one call: thousands of files end within a
    /// block.
    fn fill_all(&self, buffers: [&mut [u8]; 3], offset: u64) -> Result<()> {
        let [head, buffer, tail] = buffers;
        if head.is_empty() && tail.is_empty() {
            return self.fill(buffer, offset);
        }
        let wanted = head.len() + buffer.len() + tail.len();
        let mut slices = [&mut *head, &mut *buffer, &mut *tail].map(IoSliceMut::new);
        if rustix::io::preadv(&self.file, &mut slices, offset).is_ok_and(|n| n == wanted) {
            return Ok(());
        }
        let mut at = offset;
        for part in [head, buffer, tail] {
            self.fill(part, at)?;
            at += part.len() as u64;
        }
        Ok(())
    }

    /// Reads all of it.
    ///
    /// # Errors
    /// [`Kind::Damaged`] when its digest is not the one that it was opened with.
    pub fn verify(&self) -> Result<()> {
        let mut reader = std::io::BufReader::with_capacity(1 << 20, Whole { pack: self, at: 0 });
        let found = Digest::of_reader(&mut reader).at("cannot read the pack", &self.path)?;
        if found == (self.digest, self.length) { Ok(()) } else { Err(self.damaged()) }
    }

    /// The error for bytes that are not those that were written. It also resets the pack's time, so
    /// that whoever opens the pack next verifies all of it.
    fn damaged(&self) -> Error {
        // if the pack belongs to another user, that user's next build does it
        let _ = self.file.set_modified(std::time::UNIX_EPOCH);
        Error::new(Kind::Damaged, "the pack's bytes are not those that were written")
            .at(&self.path)
            .remedy(
                "run it again, which makes the base again; if this repeats, the disk is failing",
            )
    }
}

/// A pack read from its start, without checking its sums.
struct Whole<'a> {
    pack: &'a Pack,
    at: u64,
}

impl Read for Whole<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.pack.file.read_at(buffer, self.at)?;
        self.at += n as u64;
        Ok(n)
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
    /// The sums of the whole blocks, and of the one in progress.
    sums: Vec<u32>,
    sum: u32,
}

impl PackWriter {
    /// Creates (or truncates) the file. Callers pass a path in a temporary folder of the cache.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_owned();
        let file = File::create(&path).at("cannot create the pack", &path)?;
        let file = std::io::BufWriter::with_capacity(1 << 20, file);
        let (hasher, sums) = (Hasher::default(), Vec::new());
        Ok(Self { path, file, hasher, length: 0, sums, sum: 0 })
    }

    /// Appends everything that `content` yields; returns its offset and its length in bytes.
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
        let mut rest = bytes;
        while !rest.is_empty() {
            let left = (ALIGN - self.length % ALIGN) as usize;
            let (now, later) = rest.split_at(rest.len().min(left));
            self.sum = crc32c::crc32c_append(self.sum, now);
            self.length += now.len() as u64;
            if self.length.is_multiple_of(ALIGN) {
                self.sums.push(std::mem::take(&mut self.sum));
            }
            rest = later;
        }
        Ok(())
    }

    /// Flushes it to the disk, and returns its digest and its length in bytes.
    pub fn finish(self) -> Result<(Digest, u64)> {
        let (digest, length, _) = self.end()?;
        Ok((digest, length))
    }

    /// The same, and opens it with its sums.
    pub fn open(self) -> Result<Arc<Pack>> {
        let path = self.path.clone();
        let (digest, _, sums) = self.end()?;
        Pack::open_checked(path, digest, sums)
    }

    fn end(self) -> Result<(Digest, u64, Sums)> {
        let Self { path, file, hasher, length, sums, .. } = self;
        let file = file.into_inner().map_err(|e| e.into_error()).at("cannot write", &path)?;
        file.sync_all().at("cannot flush", &path)?;
        Ok((hasher.finish(), length, Sums(sums)))
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

    #[test]
    fn whatever_part_is_read_a_changed_bit_in_its_blocks_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pack");
        let mut writer = PackWriter::create(&path).unwrap();
        for length in [10_000, 1, 4096, 30] {
            writer.add(&vec![length as u8; length][..]).unwrap();
        }
        let pack = writer.open().unwrap();
        let whole = std::fs::read(&path).unwrap();
        let sums = pack.sums().unwrap().clone();
        assert_eq!(Sums::parse(&sums.bytes()), sums);
        let ranges = [(0, 10_000), (4096, 4096), (5000, 100), (8191, 2), (20_480, 30), (100, 0)];
        for (offset, length) in ranges {
            let mut bytes = vec![0; length];
            pack.read_at(&mut bytes, offset as u64).unwrap();
            assert_eq!(bytes, whole[offset..offset + length]);
        }
        for at in (0..whole.len()).step_by(501) {
            let mut changed = whole.clone();
            changed[at] ^= 4;
            std::fs::write(&path, &changed).unwrap();
            let pack = Pack::open_checked(&path, pack.digest(), sums.clone()).unwrap();
            for (offset, length) in ranges {
                let blocks = offset / 4096 * 4096..(offset + length).next_multiple_of(4096);
                let touched = blocks.contains(&at) && length > 0;
                let read = pack.read_at(&mut vec![0; length], offset as u64);
                assert_eq!(read.is_err(), touched, "byte {at}, read {offset}+{length}");
            }
            assert_eq!(pack.verify().unwrap_err().kind(), Kind::Damaged);
        }
        std::fs::write(&path, &whole).unwrap();
        Pack::open_checked(&path, pack.digest(), sums).unwrap().verify().unwrap();
    }
}
