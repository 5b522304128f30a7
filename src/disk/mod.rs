//! A disk as a value: which bytes are where. Nothing here touches a file until a format writes it.
//!
//! Every part (partition table, ESP, filesystem) produces extents; formats (raw, qcow2 …) consume
//! them all. Bytes that no extent covers read as zeros and cost nothing.

pub mod bootloader;
mod compose;
mod data;
pub mod esp;
pub mod ext4;
pub mod gpt;
pub mod layout;
mod spec;

use std::sync::Arc;

pub use compose::{assemble, compose};
pub use data::{Data, ReadAt, SharedReader};
pub use spec::{DiskSpec, Ids};

use crate::error::{Error, Kind, Result};
use crate::tree::Content;

/// Bytes at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Bytes from the start of the disk (or of the partition, while one is being made).
    pub offset: u64,
    /// The bytes there.
    pub data: Data,
}

impl Extent {
    /// Bytes in memory at `offset`.
    pub fn bytes(offset: u64, bytes: impl Into<Arc<[u8]>>) -> Self {
        Self { offset, data: Data::Content(Content::Bytes(bytes.into())) }
    }

    /// The first byte after it.
    pub fn end(&self) -> u64 {
        self.offset + self.data.length()
    }
}

/// A whole disk: sorted extents that do not overlap, zeros between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    size: u64,
    extents: Vec<Extent>,
}

impl Disk {
    /// Sorts the extents and checks that they do not overlap and are within `size` bytes.
    pub fn new(size: u64, mut extents: Vec<Extent>) -> Result<Self> {
        extents.retain(|e| e.data.length() > 0);
        extents.sort_by_key(|e| e.offset);
        let mut end = 0;
        for extent in &extents {
            if extent.offset < end || extent.end() > size {
                let place = extent.offset;
                return Err(Error::new(Kind::Damaged, "two parts of the disk overlap")
                    .offset(place)
                    .remedy("this is a defect of slipway: please report it"));
            }
            end = extent.end();
        }
        Ok(Self { size, extents })
    }

    /// The virtual size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The extents in order.
    pub fn extents(&self) -> &[Extent] {
        &self.extents
    }

    /// The number of bytes that extents cover.
    pub fn allocated(&self) -> u64 {
        self.extents.iter().map(|e| e.data.length()).sum()
    }

    /// Fills `buffer` from `offset`, with zeros where there is no extent.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        buffer.fill(0);
        let end = offset + buffer.len() as u64;
        let first = self.extents.partition_point(|e| e.end() <= offset);
        for extent in self.extents[first..].iter().take_while(|e| e.offset < end) {
            let from = extent.offset.max(offset);
            let to = extent.end().min(end);
            let part = &mut buffer[(from - offset) as usize..(to - offset) as usize];
            extent.data.read_at(part, from - extent.offset)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_reads_zeros_between_its_extents() {
        let disk = Disk::new(16, vec![Extent::bytes(8, *b"bb"), Extent::bytes(2, *b"aa")]).unwrap();
        let mut all = [1; 16];
        disk.read_at(&mut all, 0).unwrap();
        assert_eq!(&all, b"\0\0aa\0\0\0\0bb\0\0\0\0\0\0");
        let mut part = [1; 3];
        disk.read_at(&mut part, 3).unwrap();
        assert_eq!(&part, b"a\0\0");
    }

    #[test]
    fn parts_that_overlap_or_stick_out_are_refused() {
        assert!(Disk::new(9, vec![Extent::bytes(0, *b"aaa"), Extent::bytes(2, *b"b")]).is_err());
        assert!(Disk::new(4, vec![Extent::bytes(2, *b"aaa")]).is_err());
    }
}
