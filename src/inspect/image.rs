//! An image file as the disk that it holds, and windows into it for other readers.

use std::fs::File;
use std::io::{Error as IoError, ErrorKind, Read, Result as IoResult, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::qcow2::Qcow2;
use crate::error::{Context, Error, Kind, Result};
use crate::profile::Format;

/// An open image. Everything in it is foreign: no number in it is trusted before it was checked.
#[derive(Debug)]
pub struct Image {
    path: PathBuf,
    length: u64,
    reader: Reader,
}

#[derive(Debug)]
enum Reader {
    Raw(File),
    Qcow2(Qcow2),
}

impl Image {
    /// Opens an image; the format is told by its first bytes, a file without any known is raw.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).at("cannot open", path)?;
        let facts = file.metadata().at("cannot read the length", path)?;
        if !facts.is_file() {
            let message = "an image is a regular file, and this is not one";
            return Err(Error::new(Kind::Input, message).at(path));
        }
        let reader = match Qcow2::recognise(&file) {
            true => Reader::Qcow2(Qcow2::open(file, path)?),
            false => Reader::Raw(file),
        };
        Ok(Self { path: path.to_owned(), length: facts.len(), reader })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its format.
    pub fn format(&self) -> Format {
        match self.reader {
            Reader::Raw(_) => Format::Raw,
            Reader::Qcow2(_) => Format::Qcow2,
        }
    }

    /// The length of the file, in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The size of the disk in it, in bytes.
    pub fn size(&self) -> u64 {
        match &self.reader {
            Reader::Raw(_) => self.length,
            Reader::Qcow2(image) => image.size(),
        }
    }

    /// Fills `buffer` from `offset` bytes of the disk.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        let end = offset.checked_add(buffer.len() as u64);
        if end.is_none_or(|end| end > self.size()) {
            let message = "the disk ends before what is needed";
            return Err(Error::new(Kind::Damaged, message).at(&self.path).offset(offset));
        }
        match &self.reader {
            Reader::Raw(file) => file.read_exact_at(buffer, offset).at("cannot read", &self.path),
            Reader::Qcow2(image) => image.read_at(buffer, offset),
        }
    }
}

/// A run of an image's disk as a read-only device for the crates that read tables and filesystems.
///
/// It gives at most `budget` bytes in its life: a folder or a chain that bites its own tail must end.
#[derive(Clone, Debug)]
pub struct Window {
    image: Arc<Image>,
    start: u64,
    length: u64,
    position: u64,
    budget: u64,
}

impl Window {
    /// The `length` bytes from `start`; the caller has checked that they lie on the disk.
    pub fn new(image: &Arc<Image>, start: u64, length: u64, budget: u64) -> Self {
        Self { image: image.clone(), start, length, position: 0, budget }
    }
}

impl Read for Window {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        let left = self.length.saturating_sub(self.position);
        let n = left.min(buffer.len() as u64);
        let refused = || IoError::new(ErrorKind::InvalidData, "its structures run in a circle");
        self.budget = self.budget.checked_sub(n).ok_or_else(refused)?;
        let part = &mut buffer[..n as usize];
        self.image.read_at(part, self.start + self.position).map_err(IoError::other)?;
        self.position += n;
        Ok(n as usize)
    }
}

impl Write for Window {
    fn write(&mut self, _: &[u8]) -> IoResult<usize> {
        Err(IoError::from(ErrorKind::ReadOnlyFilesystem))
    }

    fn flush(&mut self) -> IoResult<()> {
        Ok(())
    }
}

impl Seek for Window {
    fn seek(&mut self, to: SeekFrom) -> IoResult<u64> {
        let place = match to {
            SeekFrom::Start(n) => Some(n),
            SeekFrom::End(n) => self.length.checked_add_signed(n),
            SeekFrom::Current(n) => self.position.checked_add_signed(n),
        };
        self.position = place.ok_or(ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

impl ext4_view::Ext4Read for Window {
    fn read(
        &mut self,
        offset: u64,
        buffer: &mut [u8],
    ) -> std::result::Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.position = offset;
        Ok(self.read_exact(buffer)?)
    }
}
