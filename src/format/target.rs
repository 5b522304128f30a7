//! The file that a format writes.

use std::fs::File;
use std::io::ErrorKind;
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{Advice, fadvise};

use super::direct;
use crate::error::{Context, Result};
use crate::units::{KIB, MIB};

/// Bytes of an artifact that the disk is told to start writing at a time.
const WINDOW: u64 = 16 * MIB;
/// Bytes that go into the page cache at a time. For more, the kernel allocates memory in larger
/// blocks that were not used before: on a virtual machine that takes twice the time. For single
/// clusters, its bookkeeping grows.
const PIECE: usize = (256 * KIB) as usize;

/// The file that a format writes, and its name for errors.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The file.
    pub file: &'a File,
    /// The same file, bypassing the page cache.
    pub direct: Option<&'a File>,
    /// Its name.
    pub path: &'a Path,
}

impl Target<'_> {
    /// Writes bytes at a place.
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        self.file.write_all_at(bytes, offset).at("cannot write", self.path)
    }

    /// The same for bytes that were just encoded: the disk starts writing them while the rest is
    /// encoded, so that the flush at the end has little left to do.
    pub fn write_early_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        for (piece, at) in bytes.chunks(PIECE).zip((offset..).step_by(PIECE)) {
            self.write_at(piece, at)?;
        }
        let end = offset + bytes.len() as u64;
        let (first, last) = (offset / WINDOW * WINDOW, end / WINDOW * WINDOW);
        if let Some(length) = NonZeroU64::new(last.saturating_sub(first)) {
            // for bytes that are not on the disk yet, Linux treats this advice as a request to
            // write them, and does not wait; an advice has no errors that anybody could do anything
            // about
            let _ = fadvise(self.file, first, Some(length), Advice::DontNeed);
        }
        Ok(())
    }

    /// The same for many bytes, most of which bypass the page cache.
    pub fn write_large_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        let Some((direct, (lead, length))) = self.direct.zip(direct::split(bytes, offset)) else {
            return self.write_at(bytes, offset);
        };
        let (before, rest) = bytes.split_at(lead);
        let (middle, after) = rest.split_at(length);
        let start = offset + lead as u64;
        match direct.write_all_at(middle, start) {
            // this filesystem has stricter requirements than others: everything goes through its
            // page cache
            Err(e) if e.kind() == ErrorKind::InvalidInput => self.write_at(middle, start)?,
            written => written.at("cannot write", self.path)?,
        }
        self.write_at(before, offset)?;
        self.write_at(after, start + length as u64)
    }

    /// Flushes it to the disk.
    pub fn flush(&self) -> Result<()> {
        self.file.sync_all().at("cannot flush", self.path)
    }
}
