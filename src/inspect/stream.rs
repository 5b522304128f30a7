//! Formats that can only be read from their start: raw disks compressed with zstd, and GCE's tar.gz.
//!
//! They are unpacked once, into a sparse file without a name in the temporary folder. To unpack again for
//! every read would take minutes for a single inspection; a file with a name would stay after a `kill -9`.

use std::fs::File;
use std::io::{BufReader, Read};
use std::os::unix::fs::FileExt;

use super::gnu_sparse;
use super::source::Source;
use crate::error::{Context, Error, Kind, Result};
use crate::tree::tar::header::{BLOCK, Header};
use crate::units::{KIB, MIB};

/// What a zstd frame begins with (RFC 8878, 3.1.1).
pub const ZSTD: &[u8] = &[0x28, 0xB5, 0x2F, 0xFD];
/// What a gzip member begins with (RFC 1952, 2.3.1).
pub const GZIP: &[u8] = &[0x1F, 0x8B];
/// log2 of the largest zstd window that is accepted: what `zstd -d` accepts without being told more.
const ZSTD_WINDOW: u32 = 27;
/// The largest disk that is unpacked, in bytes: what one file of ext4 can hold.
const DISK_LIMIT: u64 = 1 << 44;
/// Bytes that are unpacked at a time; a part of zeros of this size stays a hole.
const PART: usize = 64 * KIB as usize;
/// Bytes that are read at a time.
const BUFFER: usize = MIB as usize;

/// What was in the archive around a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// The first member's name.
    pub member: String,
    /// Whether the header is of the old GNU format.
    pub old_gnu: bool,
    /// Whether more members follow.
    pub more: bool,
}

/// Unpacks a raw disk from zstd.
pub fn zstd(source: &Source) -> Result<Source> {
    let reader = buffered(source);
    let read = || -> Result<Source> {
        let mut decoder = zstd::Decoder::with_buffer(reader).doing("cannot start zstd")?;
        decoder.window_log_max(ZSTD_WINDOW).doing("cannot start zstd")?;
        let mut target = Unpacked::new()?;
        target.fill(&mut decoder, None)?;
        target.finish(source)
    };
    read().map_err(|e| broken(source, e))
}

/// Unpacks the raw disk in GCE's archive.
pub fn gce(source: &Source) -> Result<(Source, Archive)> {
    let mut reader = flate2::bufread::MultiGzDecoder::new(buffered(source));
    let mut read = || -> Result<(Source, Archive)> {
        let mut block = [0; BLOCK as usize];
        reader.read_exact(&mut block).doing("the archive is cut off")?;
        let empty = || Error::new(Kind::Damaged, "the archive is empty");
        let header = Header::parse(block)?.ok_or_else(empty)?;
        let member = String::from_utf8_lossy(&header.name()).into_owned();
        let size = header.size()?;
        let mut target = Unpacked::new()?;
        match header.kind() {
            b'0' | 0 | b'7' => {
                target.fill(&mut reader, Some(size))?;
            }
            gnu_sparse::KIND => {
                let map = gnu_sparse::read(&block, &mut reader, DISK_LIMIT)?;
                map.pieces.iter().try_for_each(|(offset, length)| {
                    target.at = *offset;
                    target.fill(&mut reader, Some(*length)).map(drop)
                })?;
                target.end = target.end.max(map.size);
            }
            kind => {
                let message = format!("the archive begins with a member of kind {kind}, no file");
                return Err(Error::new(Kind::Damaged, message));
            }
        }
        let more = follows(&mut reader, size)?;
        let old_gnu = &block[257..265] == b"ustar  \0";
        Ok((target.finish(source)?, Archive { member, old_gnu, more }))
    };
    read().map_err(|e| broken(source, e))
}

/// Reads to the archive's end, for its checksum too; whether there is another member behind the first.
fn follows(reader: &mut impl Read, size: u64) -> Result<bool> {
    let padding = size.next_multiple_of(BLOCK) - size;
    let mut limited = reader.take(padding);
    std::io::copy(&mut limited, &mut std::io::sink()).doing("cannot unpack")?;
    let mut buffer = vec![0; PART];
    let (mut more, mut total) = (false, 0u64);
    loop {
        let n = limited.get_mut().read(&mut buffer).doing("cannot unpack")?;
        if n == 0 {
            return Ok(more);
        }
        more |= buffer[..n].iter().any(|b| *b != 0);
        total += n as u64;
        if total > DISK_LIMIT {
            return Err(too_large());
        }
    }
}

fn too_large() -> Error {
    Error::new(Kind::Refused, "it unpacks to more than 16 TiB")
}

fn broken(source: &Source, error: Error) -> Error {
    let message = "cannot unpack the image";
    Error::new(error.kind(), message).at(source.path()).because(error)
}

fn buffered(source: &Source) -> BufReader<Reader<'_>> {
    BufReader::with_capacity(BUFFER, Reader { source, at: 0 })
}

/// A source from its start.
struct Reader<'a> {
    source: &'a Source,
    at: u64,
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = (self.source.length() - self.at).min(buffer.len() as u64) as usize;
        let read = self.source.read_at(&mut buffer[..n], self.at);
        read.map_err(std::io::Error::other)?;
        self.at += n as u64;
        Ok(n)
    }
}

/// The sparse file that a disk is unpacked into.
struct Unpacked {
    file: File,
    at: u64,
    end: u64,
}

impl Unpacked {
    fn new() -> Result<Self> {
        let folder = std::env::temp_dir();
        let file = tempfile::tempfile_in(&folder).at("cannot make a file in", &folder)?;
        Ok(Self { file, at: 0, end: 0 })
    }

    /// Takes `length` bytes, or all that there are; zeros are skipped.
    fn fill(&mut self, reader: &mut impl Read, length: Option<u64>) -> Result<()> {
        let mut left = length.unwrap_or(u64::MAX);
        let mut buffer = vec![0; PART];
        while left > 0 {
            let wanted = left.min(PART as u64) as usize;
            let n = read_full(reader, &mut buffer[..wanted]).doing("cannot unpack")?;
            let part = &buffer[..n];
            if part.iter().any(|b| *b != 0) {
                self.file.write_all_at(part, self.at).map_err(|e| {
                    let folder = std::env::temp_dir();
                    let error = Err::<(), _>(e).at("cannot write the unpacked disk in", folder);
                    let remedy = "point TMPDIR to a folder with more room";
                    error.map_or_else(|e| e.remedy(remedy), |()| too_large())
                })?;
            }
            self.at += n as u64;
            self.end = self.end.max(self.at);
            if self.end > DISK_LIMIT {
                return Err(too_large());
            }
            left -= n as u64;
            if n < wanted {
                match length {
                    Some(_) => return Err(Error::new(Kind::Damaged, "the archive is cut off")),
                    None => return Ok(()),
                }
            }
        }
        Ok(())
    }

    fn finish(self, source: &Source) -> Result<Source> {
        self.file.set_len(self.end).doing("cannot set the unpacked disk's length")?;
        Ok(source.unpacked(self.file, self.end))
    }
}

/// Fills the buffer, or as much of it as there is.
fn read_full(reader: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match reader.read(&mut buffer[done..]) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(done)
}
