//! The partition table: a protective MBR with boot code, the table and its copy at the end of the
//! disk.

use std::collections::BTreeMap;
use std::io::{Error as IoError, ErrorKind, Read, Result as IoResult, Seek, SeekFrom, Write};

use gpt::disk::LogicalBlockSize;
use gpt::mbr::ProtectiveMBR;
use gpt::partition::Partition;
use gpt::partition_types::{BIOS, EFI, LINUX_ROOT_X64, Type};
use uuid::Uuid;

use super::Extent;
use super::layout::{Layout, Region, SECTOR};
use crate::error::{Error, Kind, Result};

/// Sectors at the start of the disk: the MBR, the header and 128 entries of 128 bytes (UEFI 2.10,
/// 5.3).
const HEAD_SECTORS: u64 = 1 + 1 + ENTRY_SECTORS;
/// Sectors at the end of the disk: the entries again and the backup header.
const TAIL_SECTORS: u64 = ENTRY_SECTORS + 1;
const ENTRY_SECTORS: u64 = 128 * 128 / SECTOR;

/// Bytes of boot code in an MBR (UEFI 2.10, 5.2.1).
pub const BOOT_CODE: usize = 440;

/// The GUIDs of the disk and of its three partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guids {
    /// The disk.
    pub disk: Uuid,
    /// The BIOS boot partition.
    pub bios_boot: Uuid,
    /// The EFI system partition.
    pub esp: Uuid,
    /// The root partition.
    pub root: Uuid,
}

/// Writes the table for `layout` with `boot_code` in its first sector.
///
/// The type GUIDs are those of the Discoverable Partitions Specification (root: x86-64), so that
/// systemd and other tools recognize the partitions without an entry in fstab.
pub fn build(layout: &Layout, guids: &Guids, boot_code: [u8; BOOT_CODE]) -> Result<Vec<Extent>> {
    let partitions = BTreeMap::from([
        (1, partition(BIOS, guids.bios_boot, layout.bios_boot, "bios-boot")),
        (2, partition(EFI, guids.esp, layout.esp, "esp")),
        (3, partition(LINUX_ROOT_X64, guids.root, layout.root, "root")),
    ]);
    let edges = write(layout.size, guids.disk, partitions, boot_code).map_err(|e| {
        Error::new(Kind::Damaged, "cannot make the partition table")
            .because(e)
            .remedy("this is a defect of slipway: please report it")
    })?;
    let tail_at = layout.size - edges.tail.len() as u64;
    Ok(vec![Extent::bytes(0, edges.head), Extent::bytes(tail_at, edges.tail)])
}

fn partition(part_type_guid: Type, part_guid: Uuid, region: Region, name: &str) -> Partition {
    Partition {
        part_type_guid,
        part_guid,
        first_lba: region.first_sector(),
        last_lba: region.last_sector(),
        flags: 0,
        name: name.to_owned(),
    }
}

fn write(
    size: u64,
    disk: Uuid,
    partitions: BTreeMap<u32, Partition>,
    boot_code: [u8; BOOT_CODE],
) -> Result<Edges, gpt::GptError> {
    let config = gpt::GptConfig::new().writable(true).logical_block_size(LogicalBlockSize::Lb512);
    let mut table = config.create_from_device(Edges::new(size), Some(disk))?;
    table.update_partitions(partitions)?;
    let mut edges = table.write()?;
    // a disk larger than 2 TiB has the largest count here (UEFI 2.10, 5.2.3)
    let sectors = u32::try_from(size / SECTOR - 1).unwrap_or(u32::MAX);
    let mut mbr = ProtectiveMBR::with_lb_size(sectors);
    mbr.set_bootcode(boot_code);
    let sector = mbr.to_bytes();
    edges.head[..sector.len()].copy_from_slice(&sector);
    Ok(edges)
}

/// A device of which only the two ends exist: a table touches nothing between them, and a whole
/// disk in memory would take its full size.
#[derive(Debug)]
struct Edges {
    size: u64,
    position: u64,
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl Edges {
    fn new(size: u64) -> Self {
        let head = vec![0; (HEAD_SECTORS * SECTOR) as usize];
        let tail = vec![0; (TAIL_SECTORS * SECTOR) as usize];
        Self { size, position: 0, head, tail }
    }

    /// Returns the bytes from the position to the end of its edge, at most `length`, and advances
    /// past them.
    fn take(&mut self, length: usize) -> IoResult<&mut [u8]> {
        let tail_at = self.size - self.tail.len() as u64;
        let (edge, start) = match self.position {
            p if p < self.head.len() as u64 => (&mut self.head, p as usize),
            p if (tail_at..=self.size).contains(&p) => (&mut self.tail, (p - tail_at) as usize),
            _ => return Err(IoError::from(ErrorKind::Unsupported)),
        };
        let end = edge.len().min(start + length);
        self.position += (end - start) as u64;
        Ok(&mut edge[start..end])
    }
}

impl Read for Edges {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        let part = self.take(buffer.len())?;
        buffer[..part.len()].copy_from_slice(part);
        Ok(part.len())
    }
}

impl Write for Edges {
    fn write(&mut self, bytes: &[u8]) -> IoResult<usize> {
        let part = self.take(bytes.len())?;
        part.copy_from_slice(&bytes[..part.len()]);
        Ok(part.len())
    }

    fn flush(&mut self) -> IoResult<()> {
        Ok(())
    }
}

impl Seek for Edges {
    fn seek(&mut self, to: SeekFrom) -> IoResult<u64> {
        let place = match to {
            SeekFrom::Start(n) => Some(n),
            SeekFrom::End(n) => self.size.checked_add_signed(n),
            SeekFrom::Current(n) => self.position.checked_add_signed(n),
        };
        self.position = place.ok_or(ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{ByteSize, GIB};

    fn guids() -> Guids {
        let id = |n| Uuid::from_u128(n);
        Guids { disk: id(1), bios_boot: id(2), esp: id(3), root: id(4) }
    }

    #[test]
    fn a_table_lies_at_both_ends_and_is_equal_twice() {
        let layout = Layout::new(ByteSize(3 * GIB)).unwrap();
        let extents = build(&layout, &guids(), [0x90; BOOT_CODE]).unwrap();
        assert_eq!(extents.len(), 2);
        assert_eq!((extents[0].offset, extents[0].end()), (0, 34 * SECTOR));
        assert_eq!((extents[1].offset, extents[1].end()), (3 * GIB - 33 * SECTOR, 3 * GIB));
        assert_eq!(extents, build(&layout, &guids(), [0x90; BOOT_CODE]).unwrap());
    }

    #[test]
    fn the_protective_entry_of_a_huge_disk_has_the_largest_count() {
        let layout = Layout::new(ByteSize(4096 * GIB)).unwrap();
        let extents = build(&layout, &guids(), [0; BOOT_CODE]).unwrap();
        let mut entry = [0; 16];
        extents[0].data.read_at(&mut entry, 446).unwrap();
        assert_eq!(entry[4], 0xEE);
        assert_eq!(entry[12..], [0xFF; 4]);
    }
}
