//! A dynamic VHD: the blocks that the disk uses, for old Hyper-V, Xen and VirtualBox.
//!
//! A copy of the footer, the dynamic header, the table of blocks, the blocks in the order of the
//! disk, the footer.

use std::sync::Arc;

use uuid::Uuid;

use super::footer::{Kind, footer};
use super::{SECTOR, check, checksum};
use crate::disk::Disk;
use crate::error::Result;
use crate::format::host::{HostFile, Part};
use crate::format::used::used;
use crate::units::MIB;

/// Bytes of a block: the specification's default, and the one size that Virtual PC reads.
const BLOCK: u64 = 2 * MIB;
/// Bytes of the map in front of each block: a bit for each sector, padded to a sector.
const BITMAP: u64 = (BLOCK / SECTOR / 8).next_multiple_of(SECTOR);
/// All sectors of the block are there: blocks are stored whole.
const PRESENT: u8 = 0xFF;
/// The table's entry for an absent block, which reads as zeros.
const UNUSED: u32 = u32::MAX;
/// The place of the dynamic header: after the footer's copy.
const HEADER: u64 = SECTOR;
/// Its length in bytes.
const HEADER_LENGTH: u64 = 1024;
/// The place of the table of blocks.
const TABLE: u64 = HEADER + HEADER_LENGTH;

/// The file of a disk.
///
/// # Errors
/// [`crate::error::Kind::Input`] for a disk that is too large or does not consist of whole sectors.
pub fn layout(disk: &Disk, id: Uuid) -> Result<HostFile> {
    check(disk)?;
    let size = disk.size();
    let mut table = vec![UNUSED; size.div_ceil(BLOCK) as usize];
    let bitmap: Arc<[u8]> = vec![PRESENT; BITMAP as usize].into();
    let mut at = TABLE + (table.len() as u64 * 4).next_multiple_of(SECTOR);
    let mut parts = Vec::new();
    for index in used(disk, BLOCK).flatten() {
        table[index as usize] = (at / SECTOR) as u32;
        parts.push(Part::bytes(at, bitmap.clone()));
        let guest = index * BLOCK..((index + 1) * BLOCK).min(size);
        parts.push(Part::disk(at + BITMAP, guest));
        at += BITMAP + BLOCK;
    }
    let footer = footer(Kind::Dynamic { header: HEADER }, size, id);
    parts.push(Part::bytes(0, footer));
    parts.push(Part::bytes(HEADER, header(table.len() as u32)));
    parts.push(Part::bytes(TABLE, table_bytes(&table)));
    parts.push(Part::bytes(at, footer));
    HostFile::new(at + SECTOR, parts)
}

/// The table, padded to a sector with unused entries.
fn table_bytes(table: &[u32]) -> Vec<u8> {
    let mut bytes: Vec<u8> = table.iter().flat_map(|entry| entry.to_be_bytes()).collect();
    bytes.resize(bytes.len().next_multiple_of(SECTOR as usize), PRESENT);
    bytes
}

/// The dynamic header ("Dynamic Disk Header Format").
fn header(entries: u32) -> [u8; HEADER_LENGTH as usize] {
    const COOKIE: [u8; 8] = *b"cxsparse";
    const VERSION: u32 = 0x0001_0000;
    const CHECKSUM: std::ops::Range<usize> = 36..40;
    let mut b = Vec::with_capacity(HEADER_LENGTH as usize);
    b.extend(COOKIE);
    b.extend(u64::MAX.to_be_bytes()); // "currently unused"
    b.extend(TABLE.to_be_bytes());
    b.extend(VERSION.to_be_bytes());
    b.extend(entries.to_be_bytes());
    b.extend((BLOCK as u32).to_be_bytes());
    // the rest is about a parent, of which there is none
    let mut header = [0; HEADER_LENGTH as usize];
    header[..b.len()].copy_from_slice(&b);
    let sum = checksum(&header);
    header[CHECKSUM].copy_from_slice(&sum.to_be_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Extent;
    use crate::format::host::PartFrom;

    #[test]
    fn only_blocks_that_the_disk_uses_are_there() {
        let extents = vec![Extent::bytes(5, *b"x"), Extent::bytes(3 * BLOCK, *b"y")];
        let disk = Disk::new(5 * BLOCK + SECTOR, extents).unwrap();
        let file = layout(&disk, Uuid::nil()).unwrap();
        assert_eq!(file.length(), TABLE + SECTOR + 2 * (BITMAP + BLOCK) + SECTOR);
        let ranges = file.parts().iter().filter_map(|part| match &part.from {
            PartFrom::Disk(range) => Some((part.at, range.start)),
            PartFrom::Bytes(_) => None,
        });
        let first = TABLE + SECTOR + BITMAP;
        let expected = [(first, 0), (first + BLOCK + BITMAP, 3 * BLOCK)];
        assert_eq!(ranges.collect::<Vec<_>>(), expected);
    }
}
