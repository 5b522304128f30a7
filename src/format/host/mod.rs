//! The contents of a file that holds a disk unencoded: literal bytes and tables, and ranges of the
//! disk.
//!
//! Each such format is a pure function from the disk's layout to this value; only one writer
//! ([`write()`]) knows about files. So a test can look at every byte's place without writing a
//! file, and formats share the code that copies, skips and hashes bytes. A separate writer for each
//! format would not be faster: the copying is what takes time.

mod joined;
mod read;
mod tables;
mod write;

use std::ops::Range;
use std::sync::Arc;

pub use tables::tables;
pub use write::write;

use crate::disk::{Data, Disk, Extent};
use crate::error::{Error, Kind, Result};
use crate::tree::Content;

/// File systems allocate in blocks of this many bytes; a block of zeros stays a hole.
const BLOCK: u64 = 4096;

/// Where a part's bytes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartFrom {
    /// Literal bytes; tables that are in several places are shared.
    Bytes(Arc<[u8]>),
    /// A range of the guest's disk.
    Disk(Range<u64>),
}

/// A part of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Bytes from the start of the file.
    pub at: u64,
    /// The bytes there.
    pub from: PartFrom,
}

impl Part {
    /// Literal bytes.
    pub fn bytes(at: u64, bytes: impl Into<Arc<[u8]>>) -> Self {
        Self { at, from: PartFrom::Bytes(bytes.into()) }
    }

    /// A range of the guest's disk.
    pub fn disk(at: u64, range: Range<u64>) -> Self {
        Self { at, from: PartFrom::Disk(range) }
    }

    /// The first byte after it.
    pub fn end(&self) -> u64 {
        self.at
            + match &self.from {
                PartFrom::Bytes(bytes) => bytes.len() as u64,
                PartFrom::Disk(range) => range.end - range.start,
            }
    }
}

/// A whole file: parts in order, without overlap, and zeros between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFile {
    length: u64,
    parts: Vec<Part>,
}

impl HostFile {
    /// Sorts the parts and checks that they do not overlap and are within `length` bytes.
    pub fn new(length: u64, mut parts: Vec<Part>) -> Result<Self> {
        parts.sort_by_key(|part| part.at);
        let mut end = 0;
        for part in &parts {
            if part.at < end || part.end() > length {
                return Err(Error::new(Kind::Damaged, "two parts of an image file overlap")
                    .offset(part.at)
                    .remedy("this is a defect of slipway: please report it"));
            }
            end = part.end();
        }
        Ok(Self { length, parts })
    }

    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The parts in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The number of bytes that are written: all except gaps.
    pub fn used(&self, disk: &Disk) -> u64 {
        self.slices(disk).map(|(_, slice)| slice.length()).sum()
    }

    /// The most space that it takes on a file system, in bytes: every run of bytes in whole blocks.
    pub fn stored(&self, disk: &Disk) -> u64 {
        let mut end = 0;
        let mut stored = 0;
        for (at, slice) in self.slices(disk) {
            let first = (at / BLOCK * BLOCK).max(end);
            end = (at + slice.length()).next_multiple_of(BLOCK).max(end);
            stored += end - first.min(end);
        }
        stored
    }

    /// All slices between the gaps, in order, each with its place in the file.
    fn slices<'a>(&'a self, disk: &'a Disk) -> impl Iterator<Item = (u64, Slice<'a>)> {
        self.parts.iter().flat_map(move |part| {
            let (literal, range) = match &part.from {
                PartFrom::Bytes(bytes) => (Some((part.at, Slice::Bytes(bytes))), 0..0),
                PartFrom::Disk(range) => (None, range.clone()),
            };
            let extents = touched(disk, &range).iter();
            let cut = extents.map(move |extent| {
                let start = extent.offset.max(range.start);
                let end = extent.end().min(range.end);
                let within = start - extent.offset..end - extent.offset;
                (part.at + (start - range.start), Slice::of(&extent.data, within))
            });
            literal.into_iter().chain(cut)
        })
    }
}

/// The extents that have bytes in a range of the disk.
fn touched<'a>(disk: &'a Disk, range: &Range<u64>) -> &'a [Extent] {
    let extents = disk.extents();
    let first = extents.partition_point(|extent| extent.end() <= range.start);
    let last = extents.partition_point(|extent| extent.offset < range.end);
    &extents[first..last.max(first)]
}

/// Contiguous bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slice<'a> {
    Bytes(&'a [u8]),
    /// Never for data that is already in memory.
    Data {
        data: &'a Data,
        offset: u64,
        length: u64,
    },
}

impl<'a> Slice<'a> {
    fn of(data: &'a Data, range: Range<u64>) -> Self {
        match data {
            Data::Content(Content::Bytes(bytes)) => {
                Self::Bytes(&bytes[range.start as usize..range.end as usize])
            }
            Data::Content(Content::Packed { .. }) | Data::Read { .. } => {
                Self::Data { data, offset: range.start, length: range.end - range.start }
            }
        }
    }

    fn length(self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Data { length, .. } => length,
        }
    }

    /// Its bytes in `range`.
    fn part(self, range: Range<u64>) -> Self {
        match self {
            Self::Bytes(bytes) => Self::Bytes(&bytes[range.start as usize..range.end as usize]),
            Self::Data { data, offset, .. } => {
                let length = range.end - range.start;
                Self::Data { data, offset: offset + range.start, length }
            }
        }
    }
}

/// The sectors of a disk, for formats that count in them.
///
/// # Errors
/// [`Kind::Input`] for a disk that does not end at the end of a sector.
pub fn sectors_of(disk: &Disk, sector: u64) -> Result<u64> {
    let size = disk.size();
    if size.is_multiple_of(sector) && size > 0 {
        return Ok(size / sector);
    }
    let message = format!("a disk of {size} bytes is not a whole number of sectors");
    Err(Error::new(Kind::Input, message)
        .remedy(format!("make its size a multiple of {sector} bytes, or write it as raw")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_overlap_or_stick_out_are_refused() {
        let part = |at| Part::bytes(at, *b"abc");
        assert!(HostFile::new(6, vec![part(3), part(0)]).is_ok());
        assert!(HostFile::new(6, vec![part(0), part(2)]).is_err());
        assert!(HostFile::new(5, vec![part(3)]).is_err());
    }

    #[test]
    fn a_range_of_the_disk_is_cut_into_what_lies_in_it() {
        let extents = vec![Extent::bytes(2, *b"abcd"), Extent::bytes(8, *b"ef")];
        let disk = Disk::new(16, extents).unwrap();
        let parts = vec![Part::bytes(0, *b"!"), Part::disk(100, 4..9), Part::disk(110, 11..16)];
        let file = HostFile::new(200, parts).unwrap();
        let slices: Vec<_> = file.slices(&disk).collect();
        let expected = [(0, &b"!"[..]), (100, b"cd"), (104, b"e")];
        assert_eq!(slices, expected.map(|(at, bytes)| (at, Slice::Bytes(bytes))));
        assert_eq!(file.stored(&disk), BLOCK);
    }
}
