//! Formats that are one compressed stream of the disk's bytes: raw.zst.

use super::encode::{Bytes, Codec, Group, Sink};
use super::{Target, copy, used};
use crate::disk::Disk;
use crate::error::Result;
use crate::units::{KIB, MIB};

/// Bytes that are collected before they are written: groups of zeros are tiny.
const BUFFER: usize = MIB as usize;
/// The most that an encoded chunk takes beyond its own bytes, and that a chunk of zeros takes: a
/// thousandth of a MiB in gzip, less in zstd, and the headers of both.
const OVERHEAD: u64 = 4 * KIB;

/// Every used chunk uncompressed, and the size of the chunks of zeros.
pub fn needed_bytes(disk: &Disk, codec: Codec) -> u64 {
    let chunks = disk.size().div_ceil(codec.chunk());
    used::count(disk, codec.chunk()) * codec.chunk() + (chunks + 1) * OVERHEAD
}

/// A file that is written from front to back.
#[derive(Debug)]
pub struct Stream<'a> {
    target: Target<'a>,
    /// The length of the file and the buffer together.
    end: u64,
    buffer: Vec<u8>,
}

impl<'a> Stream<'a> {
    /// An empty file.
    pub fn new(target: Target<'a>) -> Self {
        Self { target, end: 0, buffer: Vec::with_capacity(BUFFER) }
    }

    /// Appends bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if self.buffer.len() + bytes.len() > BUFFER {
            self.flush()?;
        }
        self.end += bytes.len() as u64;
        if bytes.len() > BUFFER {
            return self.target.write_early_at(bytes, self.end - bytes.len() as u64);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Its length so far.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Appends a group.
    pub fn put(&mut self, group: &Group<'_>) -> Result<()> {
        match group.bytes {
            Bytes::Fresh(bytes) => self.write(bytes),
            Bytes::Kept(origin) => {
                self.flush()?;
                copy::copy(origin, self.target, self.end)?;
                self.end += origin.length;
                Ok(())
            }
        }
    }

    /// Writes what is in the buffer.
    pub fn flush(&mut self) -> Result<()> {
        self.target.write_early_at(&self.buffer, self.end - self.buffer.len() as u64)?;
        self.buffer.clear();
        Ok(())
    }
}

/// A raw disk as consecutive zstd frames, which every decoder treats as one (RFC 8878, 3.1).
#[derive(Debug)]
pub struct RawZst<'a>(Stream<'a>);

impl<'a> RawZst<'a> {
    /// Starts a file.
    pub fn new(target: Target<'a>) -> Self {
        Self(Stream::new(target))
    }

    /// Its length so far.
    pub fn end(&self) -> u64 {
        self.0.end()
    }

    /// Writes the rest.
    pub fn finish(mut self) -> Result<()> {
        self.0.flush()
    }
}

impl Sink for RawZst<'_> {
    fn codec(&self) -> Codec {
        Codec::Zstd
    }

    fn put(&mut self, group: &Group<'_>) -> Result<()> {
        self.0.put(group)
    }
}
