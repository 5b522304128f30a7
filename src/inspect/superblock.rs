//! Checks an ext4 superblock before the ext4-view crate sees it: the crate takes memory for what it says.

use super::image::Image;
use super::source::le;
use crate::disk::layout::Region;
use crate::error::{Error, Kind, Result};

/// Where the superblock lies in the filesystem, its bytes, and the fields that are looked at
/// (Documentation/filesystems/ext4/super.rst).
const AT: u64 = 1024;
const LENGTH: usize = 1024;
const BLOCKS: usize = 0x4;
const FIRST_BLOCK: usize = 0x14;
const LOG_BLOCK: usize = 0x18;
const GROUP_BLOCKS: usize = 0x20;
const MAGIC: usize = 0x38;
const BLOCKS_HIGH: usize = 0x150;
/// What the magic field has.
const EXT: u16 = 0xEF53;
/// log2 of the largest block, in KiB: 64 KiB (`EXT4_MAX_BLOCK_LOG_SIZE`).
const LOG_BLOCK_LIMIT: u32 = 6;
/// The most groups that are believed: those of 128 TiB with blocks of 4 KiB.
const GROUPS_LIMIT: u64 = 1 << 20;

/// Refuses a superblock whose sizes are impossible, or do not fit the partition. One without ext4's magic is the
/// crate's to refuse.
pub fn check(image: &Image, partition: Region) -> Result<()> {
    let mut b = [0; LENGTH];
    if partition.length < AT + LENGTH as u64 {
        return Ok(());
    }
    image.read_at(&mut b, partition.offset + AT)?;
    if le::u16_at(&b, MAGIC) != EXT {
        return Ok(());
    }
    let wrong = |what: &str| {
        let message = format!("the root filesystem has {what}");
        Err(Error::new(Kind::Damaged, message).at(image.path()).offset(partition.offset + AT))
    };
    let log = le::u32_at(&b, LOG_BLOCK);
    if log > LOG_BLOCK_LIMIT {
        return wrong("blocks of an impossible size");
    }
    // the crate takes the high half whether or not the filesystem says that it has one
    let high = u64::from(le::u32_at(&b, BLOCKS_HIGH));
    let blocks = high << 32 | u64::from(le::u32_at(&b, BLOCKS));
    if blocks > partition.length >> (log + 10) {
        return wrong("more blocks than its partition");
    }
    let data = blocks.saturating_sub(le::u32_at(&b, FIRST_BLOCK).into());
    let group = u64::from(le::u32_at(&b, GROUP_BLOCKS)).max(1);
    if data.div_ceil(group) > GROUPS_LIMIT {
        return wrong("an impossible number of groups");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(field: usize, value: u32) -> Result<()> {
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
        checked(FIRST_BLOCK, 1).unwrap();
        // another filesystem is not this one's business
        checked(MAGIC, 0).unwrap();
        for (field, value) in [
            (LOG_BLOCK, 7),
            (LOG_BLOCK, 17),
            (LOG_BLOCK, u32::MAX),
            (BLOCKS, 1025),
            (BLOCKS_HIGH, 1),
        ] {
            assert_eq!(checked(field, value).unwrap_err().kind(), Kind::Damaged, "{field:#x}");
        }
    }
}
