//! Identifies the filesystem, or whatever else is on a partition or a whole disk, by its magic.

use super::image::Image;
use super::source::Source;
use crate::disk::layout::Region;
use crate::error::Result;
use crate::units::KIB;

/// Offset, magic, name, in the order in which they are looked for (libblkid's superblocks/, for
/// every number).
const KNOWN: [(u64, &[u8], &str); 17] = [
    (KIB + 0x38, &[0x53, 0xEF], "ext4"),
    (0, b"XFSB", "XFS"),
    (64 * KIB + 0x40, b"_BHRfS_M", "Btrfs"),
    (KIB, &[0x10, 0x20, 0xF5, 0xF2], "F2FS"),
    (KIB, &[0xE2, 0xE1, 0xF5, 0xE0], "EROFS"),
    (0, b"hsqs", "SquashFS"),
    (0, b"LUKS\xBA\xBE", "encrypted (LUKS)"),
    (0, b"LABELONE", "a volume of LVM"),
    (512, b"LABELONE", "a volume of LVM"),
    (4 * KIB, &[0xFC, 0x4E, 0x2B, 0xA9], "a member of a RAID"),
    (64 * KIB + 0x34, b"ReIsEr", "ReiserFS"),
    (32 * KIB, b"JFS1", "JFS"),
    (3, b"NTFS    ", "NTFS"),
    (3, b"EXFAT   ", "exFAT"),
    (0x36, b"FAT1", "FAT"),
    (0x52, b"FAT32", "FAT"),
    (32 * KIB + 1, b"CD001", "ISO 9660"),
];
/// Partition tables of a whole disk: a boot sector's last bytes, GPT's header with sectors of 512
/// and of 4096 bytes, Apple's map, BSD's label.
const TABLES: [(u64, &[u8]); 5] = [
    (510, &[0x55, 0xAA]),
    (512, b"EFI PART"),
    (4 * KIB, b"EFI PART"),
    (512, b"PM\0\0"),
    (512, &[0x57, 0x45, 0x56, 0x82]),
];

/// What a region contains; none if it has no magic that is known here.
pub fn name(image: &Image, region: Region) -> Result<Option<&'static str>> {
    named(region.length, |buffer, at| image.read_at(buffer, region.offset + at))
}

/// Whether a disk begins with a partition table or a filesystem. One that does not is hardly a
/// disk.
pub fn begins_a_disk(image: &Image) -> Result<bool> {
    begins(image.size(), |buffer, at| image.read_at(buffer, at))
}

/// The same for a raw disk in a file.
pub fn begins_a_plain_disk(disk: &Source) -> Result<bool> {
    begins(disk.length(), |buffer, at| disk.read_at(buffer, at))
}

fn begins(length: u64, read: impl Fn(&mut [u8], u64) -> Result<()>) -> Result<bool> {
    for (offset, magic) in TABLES {
        if has(length, &read, offset, magic)? {
            return Ok(true);
        }
    }
    Ok(named(length, read)?.is_some())
}

fn named(length: u64, read: impl Fn(&mut [u8], u64) -> Result<()>) -> Result<Option<&'static str>> {
    for (offset, magic, name) in KNOWN {
        if has(length, &read, offset, magic)? {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

fn has(
    length: u64,
    read: impl Fn(&mut [u8], u64) -> Result<()>,
    offset: u64,
    magic: &[u8],
) -> Result<bool> {
    if offset + magic.len() as u64 > length {
        return Ok(false);
    }
    let mut bytes = vec![0; magic.len()];
    read(&mut bytes, offset)?;
    Ok(bytes == magic)
}
