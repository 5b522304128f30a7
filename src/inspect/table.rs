//! The partition table of an image.

use std::sync::Arc;

use gpt::partition_types::{LINUX_FS, LINUX_ROOT_X64, Type};
use serde::Serialize;

use super::image::Image;
use super::window::Window;
use crate::disk::layout::{Region, SECTOR};
use crate::error::{Error, Kind, Result};
use crate::units::{ByteSize, MIB};

/// Bytes that reading a table may take: both headers and both arrays, entry by entry.
const BUDGET: u64 = 4 * MIB;
/// Bytes of a partition entry; the specification allows larger ones, but nobody writes them, and
/// the gpt crate panics on them.
const ENTRY: u32 = 128;
/// The most entries that are believed: partition tools write 128.
const ENTRIES_LIMIT: u32 = 1024;
/// Where a header stores the number of its entries and their size (UEFI 2.10, table 5-5).
const ENTRIES_AT: usize = 80;
const ENTRY_SIZE_AT: usize = 84;
/// A boot sector's last bytes, the places of its partitions' types, and the type that only protects
/// a GUID partition table (UEFI 2.10, 5.2).
const MBR_SIGNATURE: [u8; 2] = [0x55, 0xAA];
const MBR_KINDS: [usize; 4] = [0x1C2, 0x1D2, 0x1E2, 0x1F2];
const MBR_PROTECTIVE: u8 = 0xEE;
const SIGNATURE: &[u8] = b"EFI PART";

/// One partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Partition {
    /// Its number, from 1.
    pub slot: u32,
    /// Its name.
    pub name: String,
    /// Its type's GUID.
    pub type_guid: String,
    /// Its own GUID.
    pub guid: String,
    /// Bytes from the start of the disk.
    pub offset: u64,
    /// Bytes.
    pub size: ByteSize,
}

impl Partition {
    /// Whether it has this type.
    pub fn is(&self, wanted: &Type) -> bool {
        self.type_guid == wanted.guid.to_string()
    }

    /// Its place on the disk.
    pub fn region(&self) -> Region {
        Region { offset: self.offset, length: self.size.bytes() }
    }
}

/// A partition table that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Table {
    /// The disk's GUID.
    pub disk_guid: String,
    /// Whether both copies are intact; one is enough to read it.
    pub both_copies: bool,
    /// Where the first copy says that the second is, in bytes from the start of the disk; none when
    /// the first is broken.
    pub backup_at: Option<u64>,
    /// The partitions, by number.
    pub partitions: Vec<Partition>,
}

impl Table {
    /// The root filesystem's partition: the one with the type of an x86-64 root, or else the
    /// largest with Linux's general type, which many installers use.
    pub fn root(&self) -> Option<&Partition> {
        let of_type = |wanted| self.partitions.iter().filter(move |p| p.is(wanted));
        let general = || of_type(&LINUX_FS).max_by_key(|partition| partition.size);
        of_type(&LINUX_ROOT_X64).next().or_else(general)
    }
}

/// Reads the GUID partition table.
pub fn read(image: &Arc<Image>) -> Result<Table> {
    let wrong = |what: &str, at| Error::new(Kind::Damaged, what).at(image.path()).offset(at);
    let last = image.size().saturating_sub(SECTOR) / SECTOR * SECTOR;
    if last < SECTOR {
        return Err(wrong("the image is too small for a disk", image.size()));
    }
    let headers = [check_header(image, SECTOR)?, check_header(image, last)?];
    if headers == [false, false] && has_mbr(image)? {
        return Err(Error::new(Kind::Refused, "the disk has an MBR, which slipway does not read")
            .at(image.path())
            .remedy("give an image with a GUID partition table"));
    }
    if headers == [false, false] {
        return Err(wrong("the disk has no GUID partition table", SECTOR)
            .remedy("give an image that slipway built"));
    }
    let window = Window::new(image, 0, image.size(), BUDGET);
    let table = gpt::GptConfig::new().open_from_device(window).map_err(|e| {
        let message = "cannot read the partition table";
        Error::new(Kind::Damaged, message).at(image.path()).because(e)
    })?;
    let read = |(slot, p): (&u32, &gpt::partition::Partition)| {
        let region = region(p, image.size())
            .ok_or_else(|| wrong(&format!("partition {slot} is not on the disk"), 0))?;
        Ok(Partition {
            slot: *slot,
            name: p.name.clone(),
            type_guid: p.part_type_guid.guid.to_string(),
            guid: p.part_guid.to_string(),
            offset: region.offset,
            size: ByteSize(region.length),
        })
    };
    Ok(Table {
        disk_guid: table.guid().to_string(),
        backup_at: table.primary_header().ok().and_then(|h| h.backup_lba.checked_mul(SECTOR)),
        both_copies: table.primary_header().is_ok() && table.backup_header().is_ok(),
        partitions: table.partitions().iter().map(read).collect::<Result<_>>()?,
    })
}

/// Whether the first sector is a boot sector with a partition of any type but the protective one.
fn has_mbr(image: &Image) -> Result<bool> {
    let mut sector = [0; SECTOR as usize];
    image.read_at(&mut sector, 0)?;
    let kinds = MBR_KINDS.map(|at| sector[at]);
    let known = kinds.iter().any(|kind| !matches!(*kind, 0 | MBR_PROTECTIVE));
    Ok(sector.ends_with(&MBR_SIGNATURE) && known)
}

/// Whether there is a header here. One with numbers that the gpt crate would trust too much is an
/// error.
fn check_header(image: &Image, offset: u64) -> Result<bool> {
    let mut sector = [0; SECTOR as usize];
    image.read_at(&mut sector, offset)?;
    if !sector.starts_with(SIGNATURE) {
        return Ok(false);
    }
    let u32_at = |at: usize| sector[at..].first_chunk().map_or(0, |b| u32::from_le_bytes(*b));
    if u32_at(ENTRY_SIZE_AT) != ENTRY || u32_at(ENTRIES_AT) > ENTRIES_LIMIT {
        let message = "the partition table's header has impossible sizes";
        return Err(Error::new(Kind::Damaged, message).at(image.path()).offset(offset));
    }
    Ok(true)
}

fn region(partition: &gpt::partition::Partition, size: u64) -> Option<Region> {
    let offset = partition.first_lba.checked_mul(SECTOR)?;
    let end = partition.last_lba.checked_add(1)?.checked_mul(SECTOR)?;
    let length = end.checked_sub(offset)?;
    (end <= size).then_some(Region { offset, length })
}
