//! The format that Google Compute Engine imports: `disk.raw` in an old GNU tar, in gzip ("Manually
//! import boot disks" requires the name, the tar format and whole GiB).
//!
//! The gzip file has one member, since not every reader supports several: a deflate stream that is
//! joined from separately made pieces (see the codec), with a CRC-32 that is combined from theirs.

use flate2::{Compress, Compression, FlushCompress};

use super::encode::{Codec, Group, Place, Sink};
use super::stream::Stream;
use super::{Target, stream};
use crate::disk::Disk;
use crate::error::{Error, Kind, Result};

/// The name that the import looks for.
const NAME: &[u8] = b"disk.raw";
/// Bytes of a tar record: a header is one record, and contents are padded to whole records.
const RECORD: usize = 512;
/// Records of zeros at a tar's end.
const END_RECORDS: usize = 2;
/// Records that GNU tar writes at a time; an archive is padded to a multiple of this (tar(5),
/// "blocking factor").
const BLOCKING: u64 = 20;
/// Offsets and lengths of a header's fields (GNU tar's manual, "Basic Tar Format").
const MODE: (usize, usize) = (100, 8);
const UID: (usize, usize) = (108, 8);
const GID: (usize, usize) = (116, 8);
const SIZE: (usize, usize) = (124, 12);
const MTIME: (usize, usize) = (136, 12);
const CHECKSUM: (usize, usize) = (148, 8);
const TYPE: usize = 156;
const MAGIC: usize = 257;
/// The magic of old GNU tar, with its version.
const OLD_GNU: &[u8] = b"ustar  \0";
/// A regular file.
const REGULAR: u8 = b'0';
/// Sizes that do not fit into eleven octal digits are binary, marked by this bit of the first byte.
const BASE_256: u8 = 0x80;
/// The smallest such size, in bytes.
const OCTAL_END: u64 = 1 << 33;

/// A gzip member's header (RFC 1952): magic, deflate, no flags, no time, no hints, a Unix system.
const GZIP_HEADER: [u8; 10] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3];

/// The disk's pieces, and a little more.
pub fn needed_bytes(disk: &Disk) -> u64 {
    stream::needed_bytes(disk, Codec::Gzip)
}

/// The file while it is written.
#[derive(Debug)]
pub struct Gce<'a> {
    stream: Stream<'a>,
    size: u64,
    crc: crc32fast::Hasher,
}

impl<'a> Gce<'a> {
    /// Starts a file for a disk of `size` bytes.
    pub fn new(size: u64, target: Target<'a>) -> Result<Self> {
        let mut gce = Self { stream: Stream::new(target), size, crc: crc32fast::Hasher::new() };
        gce.stream.write(&GZIP_HEADER)?;
        gce.small(&header(size), FlushCompress::Sync)?;
        Ok(gce)
    }

    /// The end of what was put so far.
    pub fn end(&self) -> u64 {
        self.stream.end()
    }

    /// Compresses a few bytes that we add.
    fn small(&mut self, bytes: &[u8], flush: FlushCompress) -> Result<()> {
        let mut output = vec![0; bytes.len() + RECORD];
        let mut deflate = Compress::new(Compression::default(), false);
        let failed = |e| Error::new(Kind::Damaged, "cannot compress").because(e);
        deflate.compress(bytes, &mut output, flush).map_err(failed)?;
        self.crc.update(bytes);
        self.stream.write(&output[..deflate.total_out() as usize])
    }

    fn count(&mut self, place: &Place) {
        let chunk = Codec::Gzip.chunk();
        let length = chunk.min(self.size - place.index * chunk);
        self.crc.combine(&crc32fast::Hasher::new_with_initial_len(place.crc, length));
    }

    /// Writes the tar's end and the gzip member's.
    pub fn finish(mut self) -> Result<()> {
        let rest = trailer(self.size);
        let whole = RECORD as u64 + self.size + rest;
        self.small(&vec![0; rest as usize], FlushCompress::Finish)?;
        let crc = self.crc.clone().finalize();
        self.stream.write(&crc.to_le_bytes())?;
        // modulo 2^32 (RFC 1952, ISIZE)
        self.stream.write(&(whole as u32).to_le_bytes())?;
        self.stream.flush()
    }
}

impl Sink for Gce<'_> {
    fn codec(&self) -> Codec {
        Codec::Gzip
    }

    fn put(&mut self, group: &Group<'_>) -> Result<()> {
        group.places.iter().for_each(|place| self.count(place));
        self.stream.put(group)
    }
}

/// Zeros after the disk, in bytes: up to a whole record, then the end mark, then up to a whole
/// block of records.
fn trailer(size: u64) -> u64 {
    let record = RECORD as u64;
    let records = 1 + size.div_ceil(record) + END_RECORDS as u64;
    records.next_multiple_of(BLOCKING) * record - record - size
}

/// The tar header for the disk: owned by root, from 1970, readable by everybody.
fn header(size: u64) -> [u8; RECORD] {
    let mut header = [0; RECORD];
    header[..NAME.len()].copy_from_slice(NAME);
    octal(&mut header, MODE, 0o644);
    octal(&mut header, UID, 0);
    octal(&mut header, GID, 0);
    if size < OCTAL_END {
        octal(&mut header, SIZE, size);
    } else {
        let (at, length) = SIZE;
        header[at] = BASE_256;
        header[at + length - 8..at + length].copy_from_slice(&size.to_be_bytes());
    }
    octal(&mut header, MTIME, 0);
    header[TYPE] = REGULAR;
    header[MAGIC..MAGIC + OLD_GNU.len()].copy_from_slice(OLD_GNU);
    // the sum counts its own field as spaces; the field ends with a zero and a space
    let (at, length) = CHECKSUM;
    header[at..at + length].fill(b' ');
    let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
    octal(&mut header, (at, length - 1), sum);
    header
}

/// Octal digits and a zero byte.
fn octal(header: &mut [u8; RECORD], (at, length): (usize, usize), value: u64) {
    let digits = format!("{value:0width$o}", width = length - 1);
    header[at..at + length - 1].copy_from_slice(digits.as_bytes());
    header[at + length - 1] = 0;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::GIB;

    #[test]
    fn the_tar_is_whole_blocks_of_records() {
        for size in [0, 1, 512, 10_240, GIB] {
            let whole = RECORD as u64 + size + trailer(size);
            assert!(whole.is_multiple_of(BLOCKING * RECORD as u64), "{size}");
            assert!(trailer(size) >= (END_RECORDS * RECORD) as u64);
        }
    }

    #[test]
    fn a_large_size_is_binary() {
        let small = header(8 * GIB - 1);
        assert_eq!(&small[124..136], b"77777777777\0");
        let large = header(8 * GIB);
        assert_eq!(large[124..136], [0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0]);
    }
}
