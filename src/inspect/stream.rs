//! Formats that can only be read from their start: raw disks compressed with zstd, and (in
//! [`super::gce`]) GCE's tar.gz.
//!
//! They are unpacked once, into a sparse file without a name in the temporary folder. Unpacking
//! anew for every read would take minutes for a single inspection; a file with a name would remain
//! after a `kill -9`.

use std::fs::File;
use std::io::{BufReader, Read};
use std::os::unix::fs::FileExt;

use super::source::Source;
use super::{filesystem, others, plausible};
use crate::error::{Context, Error, Kind, Result};
use crate::units::{KIB, MIB};

/// The first bytes of a zstd frame (RFC 8878, 3.1.1).
pub const ZSTD: &[u8] = &[0x28, 0xB5, 0x2F, 0xFD];
/// The first bytes of a gzip member (RFC 1952, 2.3.1).
pub const GZIP: &[u8] = &[0x1F, 0x8B];
/// log2 of the largest zstd window that is accepted: the limit of `zstd -d` without further
/// options.
const ZSTD_WINDOW: u32 = 27;
/// The largest disk that is unpacked, in bytes: the limit of a file on ext4.
pub(super) const DISK_LIMIT: u64 = 1 << 44;
/// Bytes that are written before checking whether it is a disk: the start of one, with everything
/// that identifies it.
const BLIND: u64 = 16 * MIB;
/// Bytes that are unpacked at a time; a part of this size that is all zeros stays a hole.
pub(super) const PART: usize = 64 * KIB as usize;
/// Bytes that are read at a time.
const BUFFER: usize = MIB as usize;

/// Unpacks a raw disk from zstd.
pub fn zstd(source: &Source) -> Result<Source> {
    let reader = buffered(source);
    let read = || -> Result<Source> {
        let mut decoder = zstd::Decoder::with_buffer(reader).doing("cannot start zstd")?;
        decoder.window_log_max(ZSTD_WINDOW).doing("cannot start zstd")?;
        let mut target = Unpacked::new(source)?;
        target.fill(&mut decoder, None)?;
        target.finish()
    };
    read().map_err(|e| broken(source, e))
}

pub(super) fn too_large() -> Error {
    Error::new(Kind::Refused, "it unpacks to more than 16 TiB")
}

/// An error during unpacking, with the file's name.
pub(super) fn broken(source: &Source, error: Error) -> Error {
    let message = "cannot unpack the image";
    Error::new(error.kind(), message).at(source.path()).because(error)
}

/// A source from its start.
pub(super) fn buffered(source: &Source) -> BufReader<impl Read> {
    BufReader::with_capacity(BUFFER, SourceReader { source, at: 0 })
}

/// A source from its start.
struct SourceReader<'a> {
    source: &'a Source,
    at: u64,
}

impl Read for SourceReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = (self.source.length() - self.at).min(buffer.len() as u64) as usize;
        let read = self.source.read_at(&mut buffer[..n], self.at);
        read.map_err(std::io::Error::other)?;
        self.at += n as u64;
        Ok(n)
    }
}

/// The sparse file that a disk is unpacked into.
pub(super) struct Unpacked<'a> {
    /// The file that is unpacked.
    source: &'a Source,
    file: File,
    /// Where the next bytes go, and where the disk ends so far.
    pub at: u64,
    pub end: u64,
    written: u64,
    budget: Budget,
}

/// How many bytes may be written; zeros are never written.
enum Budget {
    /// It is not known yet whether this is a disk at all.
    Blind,
    /// As many as a file of this length can hold.
    Plausible(u64),
    /// As many as there is space for.
    Room(u64),
}

impl<'a> Unpacked<'a> {
    pub fn new(source: &'a Source) -> Result<Self> {
        let folder = std::env::temp_dir();
        let file = tempfile::tempfile_in(&folder).at("cannot make a file in", &folder)?;
        Ok(Self { source, file, at: 0, end: 0, written: 0, budget: Budget::Blind })
    }

    /// Unpacks `length` bytes, or all that there are; zeros are skipped.
    pub fn fill(&mut self, reader: &mut impl Read, length: Option<u64>) -> Result<()> {
        let mut left = length.unwrap_or(u64::MAX);
        let mut buffer = vec![0; PART];
        while left > 0 {
            let wanted = left.min(PART as u64) as usize;
            let n = read_full(reader, &mut buffer[..wanted]).doing("cannot unpack")?;
            let part = &buffer[..n];
            if part.iter().any(|b| *b != 0) {
                self.spend(n as u64)?;
                let written = self.file.write_all_at(part, self.at);
                let folder = std::env::temp_dir();
                written.at("cannot write the unpacked disk in", folder).map_err(more_room)?;
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

    /// Counts bytes that are about to be written. The bytes written so far are checked before there
    /// are many: a few bytes can unpack to any number.
    fn spend(&mut self, bytes: u64) -> Result<()> {
        self.written += bytes;
        if matches!(self.budget, Budget::Blind) && self.written > BLIND {
            self.budget = self.look()?;
        }
        match self.budget {
            Budget::Plausible(limit) if self.written > limit => {
                let message = "it unpacks to far more than a disk in a file of its length can hold";
                Err(Error::new(Kind::Refused, message).remedy("unpack it yourself if you trust it"))
            }
            Budget::Room(limit) if self.written > limit => {
                let message = "the unpacked disk does not fit";
                Err(more_room(Error::new(Kind::NoSpace, message).at(std::env::temp_dir())))
            }
            Budget::Blind | Budget::Plausible(_) | Budget::Room(_) => Ok(()),
        }
    }

    /// Checks the bytes written so far, and finds out how much space there is for the rest.
    fn look(&self) -> Result<Budget> {
        let start =
            self.source.unpacked(self.file.try_clone().doing("cannot share a file")?, self.end);
        check_content(&start)?;
        if !filesystem::begins_a_plain_disk(&start)? {
            let message = "what is compressed is no disk: it begins with neither a partition \
                           table nor a filesystem";
            return Err(Error::new(Kind::Refused, message));
        }
        let system = rustix::fs::fstatvfs(&self.file).map_err(std::io::Error::from);
        let system = system.doing("cannot ask for free space")?;
        let free = system.f_bavail.saturating_mul(system.f_frsize);
        let (room, plausible) =
            (self.written.saturating_add(free / 2), plausible(self.source.length()));
        Ok(if room < plausible { Budget::Room(room) } else { Budget::Plausible(plausible) })
    }

    pub fn finish(self) -> Result<Source> {
        self.file.set_len(self.end).doing("cannot set the unpacked disk's length")?;
        let disk = self.source.unpacked(self.file, self.end);
        check_content(&disk)?;
        Ok(disk)
    }
}

/// Refuses a container inside a compressed file: it is not a disk.
fn check_content(disk: &Source) -> Result<()> {
    match others::name_within(disk)? {
        Some(what) => Err(Error::new(Kind::Refused, format!("what is compressed is {what}"))
            .remedy("unpack it first, and give what comes out")),
        None => Ok(()),
    }
}

fn more_room(error: Error) -> Error {
    error.remedy("point TMPDIR to a folder with more room")
}

/// Fills the buffer, or as much of it as there is data.
pub(super) fn read_full(reader: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
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
