//! Checks a superblock before the ext4-view crate sees it: the crate allocates whatever the
//! superblock claims.

use super::features;
use crate::disk::layout::Region;
use crate::error::{Error, Kind, Result};
use crate::inspect::filesystem;
use crate::inspect::image::Image;
use crate::inspect::source::le;

/// The superblock's place in the filesystem, its length, and the fields that are checked
/// (Documentation/filesystems/ext4/super.rst).
const AT: u64 = 1024;
const LENGTH: usize = 1024;
pub(super) const BLOCKS: usize = 0x4;
pub(super) const FIRST_BLOCK: usize = 0x14;
const LOG_BLOCK: usize = 0x18;
const GROUP_BLOCKS: usize = 0x20;
const MAGIC: usize = 0x38;
pub(super) const INODE_SIZE: usize = 0x58;
pub(super) const FEATURES: usize = 0x60;
pub(super) const READ_ONLY_FEATURES: usize = 0x64;
pub(super) const GROUP_INODES: usize = 0x28;
const JOURNAL_INODE: usize = 0xE0;
pub(super) const DESCRIPTOR_SIZE: usize = 0xFE;
pub(super) const BLOCKS_HIGH: usize = 0x150;
/// Features (incompatible): the journal has to be replayed; descriptors of more than 32 bytes, with
/// high halves.
pub(super) const RECOVER: u32 = 0x4;
pub(super) const WIDE: u32 = 0x80;
/// Where a group descriptor has the place of its inodes (group_descr.rst), and the length of one
/// without high halves.
pub(super) const INODE_TABLE: usize = 0x8;
pub(super) const INODE_TABLE_HIGH: usize = 0x28;
pub(super) const DESCRIPTOR: u64 = 32;
/// Where an inode has its file's size (inodes.rst).
const SIZE: usize = 0x4;
const SIZE_HIGH: usize = 0x6C;
/// The feature (read-only compatible) that everything has checksums.
pub(super) const CHECKSUMS: u32 = 0x400;
/// Bytes of the smallest inode, which has no room for a whole checksum.
const SMALL_INODE: u16 = 128;
/// The value of the magic field.
const EXT: u16 = 0xEF53;
/// log2 of the largest block, in KiB: 64 KiB (`EXT4_MAX_BLOCK_LOG_SIZE`).
const LOG_BLOCK_LIMIT: u32 = 6;
/// The most groups that are believed: as many as 128 TiB has with blocks of 4 KiB.
const GROUPS_LIMIT: u64 = 1 << 20;

/// The facts of the superblock that reading a filesystem needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Bytes of a block.
    pub block: usize,
    /// Whether its checksums are hidden from the crate, which expects a 32-bit checksum in each
    /// inode: the smallest inodes have only its lower half.
    hidden: bool,
}

impl Shape {
    /// Clears the feature in a superblock that was read from `offset` of the filesystem.
    pub fn hide_checksums(&self, buffer: &mut [u8], offset: u64) {
        let at = (AT + READ_ONLY_FEATURES as u64).checked_sub(offset);
        let field =
            at.and_then(|at| buffer.get_mut(at as usize..)).and_then(|b| b.first_chunk_mut());
        if let Some(field) = field.filter(|_| self.hidden) {
            *field = (u32::from_le_bytes(*field) & !CHECKSUMS).to_le_bytes();
        }
    }
}

/// Refuses any other filesystem than ext, one with features that are not supported here, and one
/// whose sizes are impossible or do not fit the partition.
pub fn check(image: &Image, partition: Region) -> Result<Shape> {
    let fails = |kind, what: &str| {
        let message = format!("the root filesystem {what}");
        Error::new(kind, message).at(image.path()).offset(partition.offset)
    };
    let b = bytes(image, partition)?;
    if le::u16_at(&b, MAGIC) != EXT {
        return Err(match filesystem::name(image, partition)? {
            Some(name) => fails(Kind::Refused, &format!("is {name}, which slipway does not read"))
                .remedy("boot the machine and look from inside"),
            None => fails(Kind::Damaged, "has no superblock of ext4"),
        });
    }
    if let Some(feature) = features::refused(le::u32_at(&b, FEATURES)) {
        return Err(fails(Kind::Refused, &format!("has {feature}, which slipway does not read")));
    }
    check_sizes(&b, partition).map_err(|what| fails(Kind::Damaged, &format!("has {what}")))?;
    if le::u32_at(&b, FEATURES) & RECOVER != 0 && journal(image, &b, partition)? > partition.length
    {
        return Err(fails(Kind::Damaged, "has a journal that is larger than its partition"));
    }
    let small = le::u16_at(&b, INODE_SIZE) == SMALL_INODE;
    Ok(Shape {
        block: 1 << (le::u32_at(&b, LOG_BLOCK) + 10),
        hidden: small && le::u32_at(&b, READ_ONLY_FEATURES) & CHECKSUMS != 0,
    })
}

/// The superblock; zeros where the partition has no room for one.
pub(super) fn bytes(image: &Image, partition: Region) -> Result<[u8; LENGTH]> {
    let mut b = [0; LENGTH];
    if partition.length >= AT + LENGTH as u64 {
        image.read_at(&mut b, partition.offset + AT)?;
    }
    Ok(b)
}

/// The journal's length in bytes, according to its inode: the crate reads all its blocks, and a
/// claim of 2^32 of them would keep it busy for minutes. Zero if there is no such inode in the
/// partition, which the crate refuses by itself.
fn journal(image: &Image, b: &[u8], partition: Region) -> Result<u64> {
    let block = 1u64 << (le::u32_at(b, LOG_BLOCK) + 10);
    let wide = le::u32_at(b, FEATURES) & WIDE != 0;
    let descriptor = if wide { le::u16_at(b, DESCRIPTOR_SIZE).into() } else { DESCRIPTOR };
    let number = u64::from(le::u32_at(b, JOURNAL_INODE)).saturating_sub(1);
    let each = u64::from(le::u32_at(b, GROUP_INODES)).max(1);
    let first = (u64::from(le::u32_at(b, FIRST_BLOCK)) + 1) * block;
    let mut group = [0; 64];
    if !read(image, partition, &mut group, first + number / each * descriptor)? {
        return Ok(0);
    }
    let high = if wide { u64::from(le::u32_at(&group, INODE_TABLE_HIGH)) } else { 0 };
    let table = high << 32 | u64::from(le::u32_at(&group, INODE_TABLE));
    let within = number % each * u64::from(le::u16_at(b, INODE_SIZE));
    let mut inode = [0; SMALL_INODE as usize];
    match table.checked_mul(block).and_then(|table| table.checked_add(within)) {
        Some(at) if read(image, partition, &mut inode, at)? => {
            Ok(u64::from(le::u32_at(&inode, SIZE_HIGH)) << 32 | u64::from(le::u32_at(&inode, SIZE)))
        }
        _ => Ok(0),
    }
}

/// Reads at an offset of the filesystem; false beyond the end of the partition.
fn read(image: &Image, partition: Region, buffer: &mut [u8], at: u64) -> Result<bool> {
    let inside = at.checked_add(buffer.len() as u64).is_some_and(|end| end <= partition.length);
    if inside {
        image.read_at(buffer, partition.offset + at)?;
    }
    Ok(inside)
}

fn check_sizes(b: &[u8], partition: Region) -> Result<(), &'static str> {
    let log = le::u32_at(b, LOG_BLOCK);
    if log > LOG_BLOCK_LIMIT {
        return Err("blocks of an impossible size");
    }
    // the crate uses the high half whether or not the filesystem says that it has one
    let high = u64::from(le::u32_at(b, BLOCKS_HIGH));
    let blocks = high << 32 | u64::from(le::u32_at(b, BLOCKS));
    if blocks > partition.length >> (log + 10) {
        return Err("more blocks than its partition");
    }
    let data = blocks.saturating_sub(le::u32_at(b, FIRST_BLOCK).into());
    let group = u64::from(le::u32_at(b, GROUP_BLOCKS)).max(1);
    if data.div_ceil(group) > GROUPS_LIMIT {
        return Err("an impossible number of groups");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(field: usize, value: u32) -> Result<Shape> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk");
        let mut disk = vec![0; 1 << 20];
        let mut put = |at: usize, value: &[u8]| {
            disk[AT as usize + at..][..value.len()].copy_from_slice(value);
        };
        put(MAGIC, &EXT.to_le_bytes());
        for (field, value) in [(BLOCKS, 1024), (FIRST_BLOCK, 1), (GROUP_BLOCKS, 8192)] {
            put(field, &u32::to_le_bytes(value));
        }
        put(field, &value.to_le_bytes());
        std::fs::write(&path, disk).unwrap();
        check(&Image::open(&path)?, Region { offset: 0, length: 1 << 20 })
    }

    #[test]
    fn sizes_that_no_filesystem_has_are_refused_before_memory_is_taken_for_them() {
        assert_eq!(checked(FIRST_BLOCK, 1).unwrap(), Shape { block: 1024, hidden: false });
        for (field, value) in [
            (MAGIC, 0),
            (LOG_BLOCK, 7),
            (LOG_BLOCK, 17),
            (LOG_BLOCK, u32::MAX),
            (BLOCKS, 1025),
            (BLOCKS_HIGH, 1),
        ] {
            assert_eq!(checked(field, value).unwrap_err().kind(), Kind::Damaged, "{field:#x}");
        }
        // inline_data, casefold, and a bit that nobody uses yet
        for feature in [0x8000, 0x20000, 1 << 31] {
            let error = checked(FEATURES, feature).unwrap_err();
            assert_eq!(error.kind(), Kind::Refused, "{error}");
        }
    }

    /// Judged by mke2fs and debugfs: a real filesystem whose journal's inode is made to give a
    /// false length.
    #[test]
    fn a_journal_that_claims_more_than_the_partition_is_refused_before_it_is_gone_through() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk");
        let run = |program: &str, arguments: &[&str]| {
            let path = format!("/usr/sbin:/sbin:{}", std::env::var("PATH").unwrap());
            let mut command = std::process::Command::new(program);
            crate::command::output(command.env("PATH", path).args(arguments), program).unwrap();
        };
        let disk = path.to_str().unwrap();
        std::fs::File::create(&path).unwrap().set_len(64 << 20).unwrap();
        run("mke2fs", &["-q", "-t", "ext4", disk]);
        run("debugfs", &["-w", "-R", "feature needs_recovery", disk]);
        let region = Region { offset: 0, length: 64 << 20 };
        let checked = || check(&Image::open(&path).unwrap(), region);
        checked().unwrap();
        run("debugfs", &["-w", "-R", "set_inode_field <8> size 0x100000000000", disk]);
        assert_eq!(checked().unwrap_err().kind(), Kind::Damaged);
    }

    #[test]
    fn checksums_are_hidden_in_the_superblock_alone() {
        let shape = Shape { block: 4096, hidden: true };
        let read = |offset: u64| {
            let mut buffer = vec![0xFF; 4096];
            shape.hide_checksums(&mut buffer, offset);
            buffer.iter().position(|b| *b != 0xFF)
        };
        assert_eq!(read(0), Some(1024 + READ_ONLY_FEATURES + 1));
        assert_eq!(read(1024), Some(READ_ONLY_FEATURES + 1));
        assert_eq!(read(4096), None);
    }
}
