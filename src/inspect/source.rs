//! A run of an open file, from which every reader of foreign bytes gets them.

use std::fs::File;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Context, Error, Kind, Result};
use crate::progress::Progress;
use crate::units::{Digest, Hasher, MIB};

/// Bytes of a page of [`Tables`]; every format's tables consist of sectors, so no entry crosses a
/// page boundary.
const PAGE: u64 = 4096;
/// The number of cached pages: enough for the tables of at least 8 GiB, with eight bytes for each
/// 64 KiB.
const PAGES: usize = 256;

/// A run of an open file, with the file's name for errors.
#[derive(Clone, Debug)]
pub struct Source {
    file: Arc<File>,
    path: Arc<Path>,
    start: u64,
    length: u64,
}

impl Source {
    /// Opens a regular file.
    pub fn open(path: &Path) -> Result<Self> {
        // so that a FIFO of this name does not make us wait
        let flags = rustix::fs::OFlags::NONBLOCK.bits() as i32;
        let file = File::options().read(true).custom_flags(flags).open(path);
        let file = file.at("cannot open", path)?;
        let facts = file.metadata().at("cannot read the length", path)?;
        if !facts.is_file() {
            let message = "an image is a regular file, and this is not one";
            return Err(Error::new(Kind::Input, message).at(path));
        }
        Ok(Self { file: Arc::new(file), path: path.into(), start: 0, length: facts.len() })
    }

    /// An unpacked file's bytes under the name of the file that they came from.
    pub fn unpacked(&self, file: File, length: u64) -> Self {
        Self { file: Arc::new(file), path: self.path.clone(), start: 0, length }
    }

    /// The `length` bytes from `start`.
    pub fn slice(&self, start: u64, length: u64) -> Result<Self> {
        if start.checked_add(length).is_none_or(|end| end > self.length) {
            return Err(self.damaged("the file is cut off", self.length));
        }
        Ok(Self { start: self.start + start, length, ..self.clone() })
    }

    /// The file's name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The whole file; only the run from [`Self::start`] on is this source's.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Bytes of the file before this run.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Fills `buffer` from `offset`; an error if the run ends too early.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        if offset.checked_add(buffer.len() as u64).is_none_or(|end| end > self.length) {
            return Err(self.damaged("the file ends before what is needed", offset));
        }
        let read = self.file.read_exact_at(buffer, self.start + offset);
        read.at("cannot read", &self.path).map_err(|e| e.offset(self.start + offset))
    }

    /// `N` bytes from `offset`.
    pub fn array<const N: usize>(&self, offset: u64) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.read_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    /// Up to `most` bytes from `offset`, as many as there are.
    pub fn up_to(&self, most: u64, offset: u64) -> Result<Vec<u8>> {
        let length = most.min(self.length.saturating_sub(offset));
        let mut bytes = vec![0; length as usize];
        self.read_at(&mut bytes, offset.min(self.length))?;
        Ok(bytes)
    }

    /// SHA-256 of all bytes.
    pub fn digest(&self, progress: &dyn Progress) -> Result<Digest> {
        let mut hasher = Hasher::default();
        let mut buffer = vec![0; MIB as usize];
        let mut offset = 0;
        while offset < self.length {
            progress.go_on()?;
            let step = (self.length - offset).min(MIB);
            let piece = &mut buffer[..step as usize];
            self.read_at(piece, offset)?;
            hasher.update(piece);
            offset += step;
        }
        Ok(hasher.finish())
    }

    /// An error about the byte at `offset` of this run.
    pub fn damaged(&self, what: impl Into<String>, offset: u64) -> Error {
        Error::new(Kind::Damaged, what).at(&self.path).offset(self.start.saturating_add(offset))
    }

    /// An error about the file as a whole: we recognize it, but do not support it.
    pub fn refused(&self, what: impl Into<String>, remedy: &str) -> Error {
        Error::new(Kind::Refused, what).at(&self.path).remedy(remedy)
    }
}

/// A page of a file with its number.
type Page = Option<(u64, Arc<[u8]>)>;

/// Small numbers in a file's mapping tables, with a cache of their pages: the same page is needed
/// for every block that it maps.
#[derive(Debug)]
pub struct Tables {
    source: Source,
    pages: Mutex<Vec<Page>>,
}

impl Tables {
    /// Starts without reading anything.
    pub fn new(source: Source) -> Self {
        Self { source, pages: Mutex::new(vec![None; PAGES]) }
    }

    /// The file.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// `N` bytes at a multiple of `N`.
    pub fn entry<const N: usize>(&self, offset: u64) -> Result<[u8; N]> {
        let page = self.page(offset / PAGE)?;
        let within = (offset % PAGE) as usize;
        let entry = page.get(within..).and_then(|rest| rest.first_chunk());
        entry.copied().ok_or_else(|| {
            self.source.damaged("the file ends before an entry of its mapping tables", offset)
        })
    }

    fn page(&self, number: u64) -> Result<Arc<[u8]>> {
        let place = number as usize % PAGES;
        let kept = self.pages.lock().unwrap_or_else(PoisonError::into_inner)[place].clone();
        if let Some((kept, page)) = kept
            && kept == number
        {
            return Ok(page);
        }
        let page: Arc<[u8]> = self.source.up_to(PAGE, number * PAGE)?.into();
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages[place] = Some((number, page.clone()));
        Ok(page)
    }
}

/// Numbers at fixed places of a structure whose length was checked; beyond its end they are 0.
pub mod le {
    /// Two bytes.
    pub fn u16_at(bytes: &[u8], at: usize) -> u16 {
        bytes.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u16::from_le_bytes(*b))
    }

    /// Four bytes.
    pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
        bytes.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u32::from_le_bytes(*b))
    }

    /// Eight bytes.
    pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
        bytes.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u64::from_le_bytes(*b))
    }
}

/// The same, with the highest byte first.
pub mod be {
    /// Four bytes.
    pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
        bytes.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u32::from_be_bytes(*b))
    }

    /// Eight bytes.
    pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
        bytes.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u64::from_be_bytes(*b))
    }
}
