//! Hyper-V's disk format, dynamic ([MS-VHDX], version 8.0).
//!
//! In the file: the region of headers (1 MiB), the empty log, the metadata, the table of blocks,
//! the blocks in the order of the disk. All of them begin at whole MiB, as the format requires, so
//! the disk's bytes keep their alignment to physical sectors.

mod header;
mod metadata;

use uuid::Uuid;

use crate::disk::Disk;
use crate::error::{Error, Kind, Result};
use crate::format::host::{HostFile, Part, sectors_of};
use crate::format::used::used;
use crate::units::{ByteSize, MIB};

/// The guest's logical sector, in bytes (2.6.2.4): 512, since the partition table counts in those.
const LOGICAL_SECTOR: u64 = 512;
/// Bytes of a block for disks of up to `BLOCKS_MAX` blocks, the smallest that the format has
/// (2.6.2.1).
///
/// Hyper-V's default of 32 MiB makes files of Linux much larger than what they hold: ext4 writes a
/// little everywhere, so Microsoft's advice for Linux is 1 MiB. QEMU's choice grows with the disk,
/// with the same result (microsoft/azurelinux#10880).
const BLOCK_MIN: u64 = MIB;
/// From this many blocks on, blocks become larger instead of more: 4 Mi entries are 32 MiB of
/// table.
const BLOCKS_MAX: u64 = 4 << 20;
/// The largest disk (2.6.2.2).
const SIZE_MAX: u64 = 64 << 40;
/// Sectors that one block of the sector map describes: 2^23 (2.5).
const SECTORS_OF_MAP: u64 = 1 << 23;
/// Everything after the headers begins at a multiple of this (2.2).
const ALIGNMENT: u64 = MIB;
/// The place of the log, after the headers; its length.
const LOG: u64 = MIB;
const LOG_LENGTH: u64 = MIB;
/// The place of the metadata; its length.
const METADATA: u64 = LOG + LOG_LENGTH;
const METADATA_LENGTH: u64 = MIB;
/// The place of the table of blocks.
const TABLE: u64 = METADATA + METADATA_LENGTH;

/// The table's states of a block (2.5.1.1). An absent block reads as zeros: "not present" would let
/// readers return anything. Its offset must be zero, or Hyper-V refuses the file (QEMU's commit
/// cdf9634bdf).
const ZERO: u64 = 2;
const FULLY_PRESENT: u64 = 6;
/// The state of the sector map in a file without a parent (2.5.1.2).
const NOT_PRESENT: u64 = 0;

/// The identifiers in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    /// Of the file's contents, metadata included.
    pub file: Uuid,
    /// Of the disk's contents.
    pub data: Uuid,
    /// Of the disk, which the guest sees as its serial number (SCSI's page 83).
    pub disk: Uuid,
}

/// The file of a disk.
///
/// # Errors
/// [`Kind::Input`] for a disk that is too large or does not consist of whole sectors.
pub fn layout(disk: &Disk, ids: Ids) -> Result<HostFile> {
    sectors_of(disk, LOGICAL_SECTOR)?;
    let size = disk.size();
    if size > SIZE_MAX {
        let message = format!("a disk of {} does not fit in a VHDX", ByteSize(size));
        return Err(Error::new(Kind::Input, message)
            .remedy(format!("ask for {} or less", ByteSize(SIZE_MAX))));
    }
    let block = block_size(size);
    let mut table = Table::new(size, block);
    let mut at = TABLE + table.length();
    let mut parts = Vec::new();
    for run in used(disk, block) {
        let guest = run.start * block..(run.end * block).min(size);
        parts.push(Part::disk(at, guest));
        for index in run {
            table.set(index, at);
            at += block;
        }
    }
    let regions = header::Regions { table_length: table.length() };
    parts.extend(header::parts(&ids, regions));
    parts.extend(metadata::parts(size, block, ids.disk));
    parts.push(Part::bytes(TABLE, table.bytes()));
    HostFile::new(at, parts)
}

fn block_size(size: u64) -> u64 {
    size.div_ceil(BLOCKS_MAX).next_power_of_two().max(BLOCK_MIN)
}

/// The table of blocks ("BAT", 2.5): an entry for each, and one of the sector map after each chunk
/// of them.
struct Table {
    chunk: u64,
    entries: Vec<u64>,
}

impl Table {
    fn new(size: u64, block: u64) -> Self {
        let chunk = SECTORS_OF_MAP * LOGICAL_SECTOR / block;
        let blocks = size.div_ceil(block);
        let mut table = Self { chunk, entries: Vec::new() };
        table.entries = vec![NOT_PRESENT; table.place(blocks - 1) + 1];
        (0..blocks).for_each(|index| table.put(index, ZERO));
        table
    }

    fn place(&self, index: u64) -> usize {
        (index + index / self.chunk) as usize
    }

    fn put(&mut self, index: u64, entry: u64) {
        let place = self.place(index);
        self.entries[place] = entry;
    }

    /// Records that a block is at `offset`: a multiple of 1 MiB, stored unshifted in the bits from
    /// 20 on.
    fn set(&mut self, index: u64, offset: u64) {
        self.put(index, offset | FULLY_PRESENT);
    }

    /// The region's length.
    fn length(&self) -> u64 {
        (self.entries.len() as u64 * 8).next_multiple_of(ALIGNMENT)
    }

    fn bytes(&self) -> Vec<u8> {
        self.entries.iter().flat_map(|entry| entry.to_le_bytes()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Extent;
    use crate::units::GIB;

    fn ids() -> Ids {
        Ids { file: Uuid::from_u128(1), data: Uuid::from_u128(2), disk: Uuid::from_u128(3) }
    }

    #[test]
    fn everything_begins_at_whole_mib_and_only_used_blocks_are_there() {
        let extents = vec![Extent::bytes(5, *b"x"), Extent::bytes(9 * GIB, *b"y")];
        let disk = Disk::new(10 * GIB, extents).unwrap();
        let file = layout(&disk, ids()).unwrap();
        assert_eq!(file.length(), TABLE + MIB + 2 * MIB);
        let behind = file.parts().iter().filter(|part| part.at >= MIB);
        // the metadata's items come after their own table
        let aligned = behind.filter(|part| part.at % MIB != 64 * 1024);
        assert!(aligned.clone().count() >= 4);
        assert!(aligned.clone().all(|part| part.at % MIB == 0));
    }

    #[test]
    fn an_entry_of_the_sector_map_follows_each_chunk_but_the_last() {
        let table = Table::new(4 * GIB, MIB);
        assert_eq!((table.chunk, table.entries.len()), (4096, 4096));
        let mut table = Table::new(4 * GIB + 1, MIB);
        assert_eq!(table.entries.len(), 4098);
        assert_eq!(table.entries[4095..], [ZERO, NOT_PRESENT, ZERO]);
        table.set(4096, 7 * MIB);
        assert_eq!(table.entries[4097], (7 * MIB) | 6);
    }

    #[test]
    fn blocks_grow_only_where_the_table_would() {
        assert_eq!(block_size(MIB), MIB);
        assert_eq!(block_size(4 << 40), MIB);
        assert_eq!(block_size((4 << 40) + 512), 2 * MIB);
        assert_eq!(block_size(SIZE_MAX), 16 * MIB);
    }
}
